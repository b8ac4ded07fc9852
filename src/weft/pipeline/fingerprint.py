"""What a stage depends on, as values, and the key under which two runs must give the same.

The key is made of the command and its directory, the oids of the data, the Git blob ids of the code, the values of the
params, the lock file and the image: nothing that differs between two machines on which the same was run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.model.lineage import DataRef, Record
from weft.model.stage import Stage

KEYED_ENV = ("lockfile", "lockfile_blob", "image")
"""What of a record's ``env`` a stage declares by itself; all else tells of the machine."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stage reads, as it is now.

    ``code`` maps paths that Git keeps to blob ids, ``params`` a params file to values by dotted key; ``env`` holds those
    of ``KEYED_ENV`` that the stage declares.
    """

    deps: tuple[DataRef, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


def key_of_stage(stage: Stage, inputs: Inputs) -> str:
    """The key of running ``stage`` with ``inputs``."""
    return _key(stage.cmd, stage.wdir, inputs)


def key_of_record(record: Record) -> str:
    """The key of the run that ``record`` tells of."""
    return _key(record.cmd, record.wdir, inputs_of_record(record))


def inputs_of_record(record: Record) -> Inputs:
    """What the run that ``record`` tells of read."""
    env = {name: str(record.env[name]) for name in KEYED_ENV if name in record.env}
    return Inputs(record.deps, record.code, record.params, env)


def _key(cmd: str | tuple[str, ...], wdir: str, inputs: Inputs) -> str:
    facts = {
        "cmd": cmd if isinstance(cmd, str) else list(cmd),
        "wdir": wdir,
        "deps": sorted([dep.path, dep.type, str(dep.oid), dep.executable] for dep in inputs.deps),
        "code": dict(inputs.code),
        "params": {name: dict(values) for name, values in inputs.params.items()},
        "env": dict(inputs.env),
    }
    text = json.dumps(facts, sort_keys=True, default=repr)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()


def same_value(one: object, other: object) -> bool:
    """Equality of values that knows 1 from 1.0 and from true, and takes NaN for NaN."""
    return type(one) is type(other) and json.dumps(one, default=repr) == json.dumps(other, default=repr)


def covers(stage: Stage, record: Record) -> bool:
    """True when ``record`` tells of exactly the outs that ``stage`` declares, kept by whom it says."""
    kept = {out.path for out in stage.outs if out.cache}
    if {ref.path for ref in record.outs} != kept:
        return False
    in_git = [out.path for out in stage.outs if not out.cache]
    return all(any(is_at_or_below(name, path) for path in in_git) for name in record.files) and all(
        any(is_at_or_below(name, path) for name in record.files) for path in in_git
    )


def is_at_or_below(path: str, top: str) -> bool:
    """True when ``path`` is ``top`` or lies in it."""
    return path == top or path.startswith(top + "/")
