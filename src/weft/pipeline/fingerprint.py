"""What a stage depends on, as values, and the key under which two runs must give the same.

The key is made of the command and its directory, the oids of the data, the modes and Git blob ids of the code, the values
of the params, the lock file and the image: nothing that differs between two machines on which the same was run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from weft.formats.stagefile import stage_text
from weft.gitio.blobs import blob_id
from weft.model.lineage import RECORD_SCHEMA, DataRef, ParamsFile, Record
from weft.model.stage import Stage
from weft.util.later import later

if TYPE_CHECKING:
    import hashlib
    import json
else:
    hashlib, json = later("hashlib"), later("json")

KEYED_ENV = ("lockfile", "lockfile_blob", "image")
"""What of a record's ``env`` a stage declares by itself; all else tells of the machine."""


class Inputs(NamedTuple):
    """What a stage reads, as it is now.

    ``code`` maps paths that Git keeps to what it keeps there, as ``reading.kept_text`` spells it; ``params`` maps a params
    file to values by dotted key, ``params_files`` to its bytes; ``env`` holds those of ``KEYED_ENV`` that the stage
    declares. What a record of schema 1 does not tell is not there.
    """

    deps: tuple[DataRef, ...] = ()
    code: Mapping[str, str] = {}
    params: Mapping[str, Mapping[str, Any]] = {}
    env: Mapping[str, str] = {}
    params_files: Mapping[str, ParamsFile] = {}
    schema: int = RECORD_SCHEMA

    def plain_files(self) -> dict[str, str]:
        """The plain files that Git keeps, to the ids of their blobs; sorted."""
        code = {path: text.removeprefix("x ") for path, text in self.code.items()}
        files = {path: blob for path, blob in code.items() if " " not in blob}
        files.update((path, known.blob) for path, known in self.params_files.items())
        if "lockfile" in self.env:
            files[self.env["lockfile"]] = self.env["lockfile_blob"]
        return dict(sorted(files.items()))


def key_of_stage(stage: Stage, inputs: Inputs) -> str:
    """The key of running ``stage`` with ``inputs``."""
    return _key(stage.cmd, stage.wdir, inputs)


def key_of_record(record: Record) -> str:
    """The key of the run that ``record`` tells of."""
    return _key(record.cmd, record.wdir, inputs_of_record(record))


def inputs_of_record(record: Record) -> Inputs:
    """What the run that ``record`` tells of read."""
    env = {name: str(record.env[name]) for name in KEYED_ENV if name in record.env}
    code = {path: kept_of(record, path, blob) for path, blob in record.code.items()}
    return Inputs(record.deps, code, record.params, env, record.params_files, record.schema)


def kept_of(record: Record, path: str, blob: str) -> str:
    """What Git kept at ``path``, as ``reading.kept_text`` spells it."""
    word = record.modes.get(path, "")
    return f"{word} {blob}" if word else blob


def same_kept(recorded: str, now: str, schema: int) -> bool:
    """Whether Git keeps at a path what is ``recorded``; records of schema 1 tell nothing of modes."""
    return recorded == now or (schema == 1 and recorded == now.rpartition(" ")[2])


def same_params_file(recorded: ParamsFile | None, now: ParamsFile) -> bool:
    """Whether a params file with equal values says the same to every reader of YAML. Other bytes do, unless one of the
    values is read in two ways, then or now. None: the record does not tell of its bytes."""
    unsure = now.unsure or (recorded is not None and recorded.unsure)
    return not unsure or (recorded is not None and recorded.blob == now.blob)


def _key(cmd: str | tuple[str, ...], wdir: str, inputs: Inputs) -> str:
    facts = {
        "cmd": cmd if isinstance(cmd, str) else list(cmd),
        "wdir": wdir,
        "deps": sorted([dep.path, dep.type, str(dep.oid), dep.executable] for dep in inputs.deps),
        "code": dict(inputs.code),
        "params": {name: dict(values) for name, values in inputs.params.items()},
        "env": dict(inputs.env),
        "bytes": {name: known.blob for name, known in inputs.params_files.items() if known.unsure},
        "schema": inputs.schema,
    }
    text = json.dumps(facts, sort_keys=True, default=repr)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()


def same_value(one: object, other: object) -> bool:
    """Equality of values, on every level, that knows 1 from 1.0 and from true, 0.0 from -0.0, and takes NaN for NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(item, other[key]) for key, item in one.items())
    return repr(one) == repr(other) if isinstance(one, float) else one == other


def declared_as_run(record: Record, stage: Stage) -> bool:
    """True when the stage is declared as it was for the run: what differs all the same was no honest change."""
    return record.spec == blob_id(stage_text(stage), "sha1" if len(record.spec) == 40 else "sha256")


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
