"""Lineage records as bytes (``docs/spec/lineage.md``): ``lineage/STAGE.yaml``, one valid spelling each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NoReturn

from weft.errors import LimitExceeded, SchemaError
from weft.formats import sortedyaml, yaml12
from weft.formats.lineagefields import read_record
from weft.formats.located import Node, Source
from weft.model.lineage import RECORD_SCHEMA, DataRef, Record, RunFacts
from weft.model.oid import Oid, lineage_digest

LIMIT = 4 << 20
# A block of the text that the digest leaves out: its line, and the deeper ones that follow.
_NOT_DIGESTED = re.compile(rb"^(?:run|digest):.*\n(?: .*\n)*", re.MULTILINE)


# --- writing ---------------------------------------------------------------------------------------------------------


def encode(record: Record) -> bytes:
    """Return the only spelling of ``record``: its paths in order, and nothing that is empty.

    Raises what ``decode`` raises of a record that may not be written, for the bytes are read again.
    """
    data = sortedyaml.encode(_to_value(record))
    decode(data, what=f"the record of {record.stage[:80]!a}")
    return data


def digest(record: Record) -> Oid:
    """The digest of ``record``, whatever digest and facts of its run it holds."""
    return lineage_digest(sortedyaml.encode(_to_value(replace(record, run=None, digest=None))))


def digest_of_text(data: bytes) -> Oid:
    """The digest of the record of which ``data`` is the canonical text (``decode`` took it), without building it again."""
    return lineage_digest(_NOT_DIGESTED.sub(b"", data))


def with_digest(record: Record) -> Record:
    """Return ``record`` with the digest that belongs to it."""
    return replace(record, digest=digest(record))


def _to_value(record: Record) -> dict[str, Any]:
    run = record.run
    value: dict[str, Any] = {
        "schema": RECORD_SCHEMA,
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
        "reused": record.reused,
        "run": {} if run is None else _run_value(run),
        "digest": "" if record.digest is None else str(record.digest),
    }
    return value | {key: item for key, item in optional.items() if item}


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
    if ref.stage:
        value["stage"] = ref.stage
    return value


def _run_value(run: RunFacts) -> dict[str, Any]:
    value = {
        "id": run.id,
        "started": run.started,
        "finished": run.finished,
        "duration": float(run.duration),
        "exit": run.exit,
    }
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
