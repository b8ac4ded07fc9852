"""What the machine adds to a run: the Python of its command and its packages, the platform, an accelerator, the variables
that a stage names.

Nothing here names the host, a user or a place on its disk.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from weft.errors import DependencyMissing, EnvironmentFault, SecretRefused
from weft.model.lineage import PACKAGES
from weft.model.stage import Stage
from weft.pipeline.interpreter import interpreters, shown
from weft.util.subproc import find_program, run

NVIDIA = "/proc/driver/nvidia/version"
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(?:^|[\s:;,='\"])(?:/[^/\s]|~/|[A-Za-z]:[\\/]|\\\\)")
_DRIVER = re.compile(r"Kernel Module\s+(?:for \S+\s+)?([0-9][0-9.]*)")
_PROBE_SECONDS = 120.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,199}", re.ASCII)
UNKNOWN = "unknown"
"""What a record says of an interpreter that the words of the command do not tell."""

# Run by the interpreter of the command, in its place; the first entry of its path is that place.
_PROBE = """
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
import importlib.metadata, json, platform
names = [[d.metadata["Name"] or "", d.version or ""] for d in importlib.metadata.distributions()]
print(json.dumps([platform.python_version(), names]))
"""


class Surroundings(NamedTuple):
    """What a record says of the machine, as ``env``, and the text of the list of packages, which is empty when there is
    none."""

    env: dict[str, object]
    packages: bytes = b""


def surroundings(stage: Stage, environment: Mapping[str, str], root: str) -> Surroundings:
    """What a record says of the machine, as far as it can be told cheaply. ``environment`` holds the variables, ``root`` is
    the top of the work tree.

    The Python is the one that the command starts; when its words do not tell which that is, neither does the record. Raises
    ``SecretRefused`` when the stage names a variable that looks like a secret.
    """
    facts: dict[str, object] = {"platform": f"{platform.system().lower()}-{platform.machine()}"}
    chosen = variables(stage, environment)
    directory = os.path.join(root, stage.wdir)
    known = interpreters(stage.cmd, directory)
    told = {python_facts(words, directory) for words in known}
    packages = b""
    if len(told) == 1 and (only := told.pop()) is not None:
        facts["interpreter"] = shown(known[0], root)
        facts["python"] = only[0]
        if not stage.env.lockfile:
            packages = only[1]
            facts["packages"] = packages_digest(packages)
    else:
        facts["interpreter"] = UNKNOWN
    accelerator = nvidia_driver(NVIDIA)
    if accelerator:
        facts["accelerator"] = accelerator
    if chosen:
        facts["vars"] = chosen
    return Surroundings(facts, packages)


def variables(stage: Stage, environment: Mapping[str, str]) -> dict[str, str | None]:
    """The values of the variables that the stage names, None for one that is not set; one that tells a place of this
    machine is told by its digest."""
    found: dict[str, str | None] = {}
    for name in stage.env.vars:
        if _SECRET.search(name):
            raise SecretRefused(
                f"stage {stage.name} would record the variable {name}, which looks like a secret",
                hint="take it out of the env of the stage: commands get all variables in any case",
                path=stage.file,
            )
        value = environment.get(name)
        hidden = value is not None and _ABSOLUTE.search(value)
        found[name] = f"sha256:{_sha256(value or '')}" if hidden else value
    return found


def python_facts(words: Sequence[str], directory: str) -> tuple[str, bytes] | None:
    """Version and list of packages of the Python that ``words`` start in ``directory``; None when there is none, or it does
    not answer."""
    try:
        program = find_program(words[0]) if "/" not in words[0] else os.path.join(directory, words[0])
    except DependencyMissing:
        return None
    here = os.path.realpath(os.path.dirname(program)) == os.path.realpath(os.path.join(sys.prefix, "bin"))
    if here and len(words) == 1:
        return platform.python_version(), packages_text(_own_packages())
    return _ask([program, *words[1:]], directory)


def packages_text(packages: Iterable[tuple[str, str]]) -> bytes:
    """Sorted lines ``name==version``, and nothing of where they came from."""
    lines = set()
    for name, version in packages:
        if _NAME.fullmatch(name) and _VERSION.fullmatch(version):
            lines.add(f"{re.sub('[-_.]+', '-', name).lower()}=={version}\n")
    return "".join(sorted(lines)).encode("ascii")


def packages_digest(text: bytes) -> str:
    """The digest of a list of packages."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def packages_path(text: bytes) -> str:
    """Where a list of packages is kept, from the root of the repository: its name is that of its content."""
    return f"{PACKAGES}/{hashlib.sha256(text).hexdigest()[:16]}.txt"


def nvidia_driver(path: str) -> str:
    """``nvidia`` and the version of its driver, as the kernel module tells it; empty without one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            found = _DRIVER.search(stream.read(4096))
    except OSError:
        return ""
    return f"nvidia {found[1]}" if found else "nvidia"


def _own_packages() -> Iterator[tuple[str, str]]:
    for found in importlib.metadata.distributions():
        yield found.metadata["Name"] or "", found.version or ""


def _ask(argv: Sequence[str], directory: str) -> tuple[str, bytes] | None:
    try:
        done = run([*argv, "-c", _PROBE], cwd=directory, check=False, timeout=_PROBE_SECONDS)
        version, packages = json.loads(done.stdout.strip().rpartition(b"\n")[2])
        return str(version), packages_text((str(name), str(found)) for name, found in packages)
    except (EnvironmentFault, ValueError, TypeError):
        return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
