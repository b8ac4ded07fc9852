"""What the machine adds to a run: Python and its packages, the platform, an accelerator, the variables a stage names.

Nothing here names the host, a user or a place on its disk.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Mapping

from weft.errors import DependencyMissing, EnvironmentFault, SecretRefused
from weft.model.stage import Stage
from weft.util.subproc import find_program, run

NVIDIA = "/proc/driver/nvidia/version"
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(?:^|[\s:;,='\"])(?:/[^/\s]|~/|[A-Za-z]:[\\/]|\\\\)")
_DRIVER = re.compile(r"Kernel Module\s+(?:for \S+\s+)?([0-9][0-9.]*)")
_PROBE_SECONDS = 20.0

# Run by the interpreter that the command will most likely find, isolated from the directory that it stands in.
_PROBE = """
import importlib.metadata, json, platform
names = {(d.metadata["Name"] or "").lower().replace("_", "-") + "==" + d.version for d in importlib.metadata.distributions()}
print(json.dumps([platform.python_version(), sorted(names)]))
"""


def surroundings(stage: Stage, environment: Mapping[str, str]) -> dict[str, object]:
    """What a record says of the machine, as far as it can be told cheaply. ``environment`` holds the variables.

    The Python is the one that PATH leads to, as a command would find it. Raises ``SecretRefused`` when the stage names a
    variable that looks like a secret.
    """
    facts: dict[str, object] = {"platform": f"{platform.system().lower()}-{platform.machine()}"}
    python = python_facts()
    if python:
        facts["python"] = python[0]
        if not stage.env.lockfile:
            facts["packages"] = python[1]
    accelerator = nvidia_driver(NVIDIA)
    if accelerator:
        facts["accelerator"] = accelerator
    chosen = variables(stage, environment)
    if chosen:
        facts["vars"] = chosen
    return facts


def variables(stage: Stage, environment: Mapping[str, str]) -> dict[str, str | None]:
    """The values of the variables that the stage names, None for one that is not set; one that tells a place of this
    machine is told by its digest."""
    found: dict[str, str | None] = {}
    for name in stage.env.vars:
        if _SECRET.search(name):
            raise SecretRefused(
                f"stage {stage.name} would record the variable {name}, which looks like a secret",
                hint="take it out of the env of the stage: commands get all variables in any case",
                path="weft.yaml",
            )
        value = environment.get(name)
        hidden = value is not None and _ABSOLUTE.search(value)
        found[name] = f"sha256:{_sha256(value or '')}" if hidden else value
    return found


@functools.cache
def python_facts() -> tuple[str, str] | None:
    """Version and packages digest of the Python on PATH; None when there is none, or it does not answer."""
    for name in ("python", "python3"):
        try:
            program = find_program(name)
        except DependencyMissing:
            continue
        if os.path.realpath(os.path.dirname(program)) == os.path.realpath(os.path.join(sys.prefix, "bin")):
            return platform.python_version(), packages_digest(_own_packages())
        return _ask(program)
    return None


def packages_digest(packages: set[str]) -> str:
    """The digest of ``name==version`` lines, sorted."""
    return f"sha256:{_sha256(chr(10).join(sorted(packages)))}"


def nvidia_driver(path: str) -> str:
    """``nvidia`` and the version of its driver, as the kernel module tells it; empty without one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            found = _DRIVER.search(stream.read(4096))
    except OSError:
        return ""
    return f"nvidia {found[1]}" if found else "nvidia"


def _own_packages() -> set[str]:
    return {
        f"{(found.metadata['Name'] or '').lower().replace('_', '-')}=={found.version}"
        for found in importlib.metadata.distributions()
    }


def _ask(program: str) -> tuple[str, str] | None:
    try:
        done = run([program, "-I", "-c", _PROBE], cwd="/", check=False, timeout=_PROBE_SECONDS)
        version, packages = json.loads(done.stdout)
        return str(version), packages_digest({str(name) for name in packages})
    except (EnvironmentFault, ValueError, TypeError):
        return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
