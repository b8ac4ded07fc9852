"""Lineage records as bytes (``docs/spec/lineage.md``): ``lineage/STAGE.yaml``, one valid spelling each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NoReturn

from weft.errors import LimitExceeded, SchemaError
from weft.formats import sortedyaml, yaml12
from weft.formats.lineagefields import read_record
from weft.formats.located import Node, Source
from weft.model.lineage import DataRef, ParamsFile, Record, RunFacts
from weft.model.oid import Oid, lineage_digest

LIMIT = 4 << 20
_DIGEST = re.compile(rb"^digest:.*\n", re.MULTILINE)
# What the digest of schema 1 leaves out: its line, and the block of the run, with the deeper lines that follow.
_RUN_OR_DIGEST = re.compile(rb"^(?:run|digest):.*\n(?: .*\n)*", re.MULTILINE)
_SCHEMA_1 = re.compile(rb"^schema: 1\n", re.MULTILINE)


# --- writing ---------------------------------------------------------------------------------------------------------


def encode(record: Record) -> bytes:
    """Return the only spelling of ``record``: its paths in order, and nothing that is empty.

    Raises what ``decode`` raises of a record that may not be written, for the bytes are read again.
    """
    data = sortedyaml.encode(_to_value(record))
    decode(data, what=f"the record of {record.stage[:80]!a}")
    return data


def digest(record: Record) -> Oid:
    """The digest of ``record``, whatever digest it holds; the facts of the run do not count in schema 1."""
    run = None if record.schema == 1 else record.run
    return lineage_digest(sortedyaml.encode(_to_value(replace(record, run=run, digest=None))))


def digest_of_text(data: bytes) -> Oid:
    """The digest of the record of which ``data`` is the canonical text (``decode`` took it), without building it again."""
    left_out = _RUN_OR_DIGEST if _SCHEMA_1.search(data) else _DIGEST
    return lineage_digest(left_out.sub(b"", data))


def with_digest(record: Record) -> Record:
    """Return ``record`` with the digest that belongs to it."""
    return replace(record, digest=digest(record))


def _to_value(record: Record) -> dict[str, Any]:
    run = record.run
    value: dict[str, Any] = {
        "schema": record.schema,
        "stage": record.stage,
        "cmd": record.cmd if isinstance(record.cmd, str) else list(record.cmd),
        "spec": record.spec,
    }
    optional: dict[str, Any] = {
        "wdir": record.wdir,
        "code": record.code,
        "base": record.base,
        "dirty": record.dirty,
        "snapshot": record.snapshot,
        "deps": _refs(record.deps, "deps"),
        "outs": _refs(record.outs, "outs"),
        "params": record.params,
        "metrics": record.metrics,
        "files": record.files,
        "env": record.env,
        "determinism": record.determinism,
        "rationale": record.rationale,
        "author": record.author,
        "changed": sorted(set(record.changed)),
        "reused": _reused_value(record),
        "run": {} if run is None else _run_value(run),
        "digest": "" if record.digest is None else str(record.digest),
    }
    if record.schema > 1:
        optional["modes"] = record.modes
        optional["params_files"] = {path: _params_file_value(known) for path, known in record.params_files.items()}
        optional["hidden"] = (
            {"count": record.hidden.count, "paths": sorted(set(record.hidden.paths))} if record.hidden else {}
        )
    return value | {key: item for key, item in optional.items() if item}


def _reused_value(record: Record) -> str | dict[str, str]:
    if record.schema == 1:
        return record.reused_run
    known = record.reused
    found = {} if known is None else {"run": known.run, "commit": known.commit, "author": known.author}
    return {key: item for key, item in found.items() if item}


def _params_file_value(known: ParamsFile) -> dict[str, Any]:
    return {"blob": known.blob} | ({"unsure": sorted(set(known.unsure))} if known.unsure else {})


def _refs(refs: tuple[DataRef, ...], key: str) -> dict[str, Any]:
    found = {ref.path: _ref_value(ref) for ref in refs}
    if len(found) != len(refs):
        raise SchemaError(f"a path is there twice among the {key} of a record")
    return found


def _ref_value(ref: DataRef) -> dict[str, Any]:
    value: dict[str, Any] = {"type": ref.type, "oid": str(ref.oid), "size": ref.size}
    if ref.type == "dir":
        value["files"] = ref.files
    if ref.executable:
        value["mode"] = "x"
    if ref.inside:
        value["inside"] = ref.inside
    if ref.whole:
        value["whole"] = str(ref.whole)
    if ref.stage:
        value["stage"] = ref.stage
    return value


def _run_value(run: RunFacts) -> dict[str, Any]:
    value: dict[str, Any] = {
        "id": run.id,
        "started": run.started,
        "finished": run.finished,
        "duration": float(run.duration),
        "exit": run.exit,
    }
    known = run.accepted
    accepted = {} if known is None else {"reason": known.reason, "author": known.author}
    value |= {"accepted": {key: item for key, item in accepted.items() if item}} if accepted else {}
    return value | ({"resources": run.resources} if run.resources else {})


# --- reading ---------------------------------------------------------------------------------------------------------


def decode(data: bytes, *, what: str) -> Record:
    """Read a record; ``what`` names the file in errors.

    Raises ``LimitExceeded``, ``MergeConflict``, ``YamlAlias``, ``YamlTag``, ``SchemaError`` (also for another spelling of a
    valid record), ``FormatVersion``, ``OidSyntax``, ``WeakHash`` and the path errors, all with the line.
    """
    if len(data) > LIMIT:
        raise LimitExceeded(f"{what} has {len(data)} bytes, over the limit of {LIMIT}", path=what)
    source = Source(what, lambda: yaml12.load_with_lines(data, what=what, limit=LIMIT)[1])
    quick = sortedyaml.parse(data)
    value = yaml12.load(data, what=what, limit=LIMIT) if quick is None else quick
    record = read_record(Node(value, (), source))
    if _to_value(record) != quick:
        _refuse_spelling(data, record, what)
    return record


def _refuse_spelling(data: bytes, record: Record, what: str) -> NoReturn:
    rows, known = data.split(b"\n"), sortedyaml.encode(_to_value(record)).split(b"\n")
    pairs = enumerate(zip(rows, known, strict=False), 1)
    line = next((number for number, (row, right) in pairs if row != right), min(len(rows), len(known)))
    raise SchemaError(
        f"{what}, line {line}: a record has one spelling, and this is another",
        hint=f"records are not edited by hand; write it anew with: weft repro {record.stage}",
        path=what,
        line=line,
    )
