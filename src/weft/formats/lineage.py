"""Lineage records as bytes (``docs/spec/lineage.md``): ``lineage/STAGE.yaml``, one valid spelling each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from weft.errors import FormatVersion, LimitExceeded, SchemaError
from weft.formats import sortedyaml, yaml12
from weft.formats.located import Node, Source
from weft.model.lineage import RECORD_SCHEMA, DataRef, Record, RunFacts
from weft.model.oid import Oid, lineage_digest
from weft.model.stage import EQUALITIES, check_stage_name

LIMIT = 4 << 20
REQUIRED = ("schema", "stage", "cmd", "spec")
KEYS = (
    *REQUIRED,
    *("wdir", "code", "base", "dirty", "snapshot", "deps", "outs", "params", "metrics", "files", "env", "determinism"),
    *("rationale", "author", "changed", "reused", "run", "digest"),
)
_REF_KEYS = ("type", "oid", "size", "files", "mode", "inside", "stage")
_ENV_TEXTS = ("python", "platform", "packages", "lockfile", "lockfile_blob", "image", "accelerator")
_RUN_KEYS = ("id", "started", "finished", "duration", "exit", "resources")
_BLOB = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SNAPSHOT = re.compile(r"refs/weft/runs/[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z", re.ASCII)
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
    record = _record(Node(value, (), source))
    spelled = _to_value(record)
    if sortedyaml.encode(spelled) != data if quick is None else spelled != quick:
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


def _record(top: Node) -> Record:
    fields = top.fields(KEYS)
    for key in REQUIRED:
        if key not in fields:
            raise top.error(f"the key {key!r} is missing")
    _check_schema(fields["schema"])

    def text(key: str) -> str:
        return fields[key].text() if key in fields else ""

    def below(key: str) -> dict[str, Node]:
        return dict(fields[key].entries()) if key in fields else {}

    return Record(
        stage=_name(fields["stage"]),
        cmd=_command(fields["cmd"]),
        spec=_matching(fields["spec"], _BLOB, "a blob id of Git"),
        wdir=fields["wdir"].path() if "wdir" in fields else "",
        code=_blobs(below("code")),
        base=_matching(fields["base"], _BLOB, "a commit id of Git") if "base" in fields else "",
        dirty="dirty" in fields and fields["dirty"].flag(),
        snapshot=_matching(fields["snapshot"], _SNAPSHOT, "refs/weft/runs/ID") if "snapshot" in fields else "",
        deps=tuple(_ref(path, node) for path, node in below("deps").items()),
        outs=tuple(_ref(path, node) for path, node in below("outs").items()),
        params={path: _values(path, node) for path, node in below("params").items()},
        metrics={path: _values(path, node) for path, node in below("metrics").items()},
        files=_blobs(below("files")),
        env=_env(fields["env"]) if "env" in fields else {},
        determinism=_determinism(fields["determinism"]) if "determinism" in fields else {},
        rationale=text("rationale"),
        author=text("author"),
        changed=tuple(node.path() for node in fields["changed"].items()) if "changed" in fields else (),
        reused=_matching(fields["reused"], _RUN_ID, "the id of a run") if "reused" in fields else "",
        run=_run(fields["run"]) if "run" in fields else None,
        digest=fields["digest"].oid() if "digest" in fields else None,
    )


def _check_schema(node: Node) -> None:
    found = node.number(1)
    if found > RECORD_SCHEMA:
        raise node.placed(
            FormatVersion(
                f"the record is written in format {found}; this weft reads up to {RECORD_SCHEMA}",
                hint=f"install a weft that reads format {found}",
            )
        )


def _name(node: Node) -> str:
    try:
        return check_stage_name(node.text())
    except SchemaError as error:
        raise node.placed(error) from None


def _command(node: Node) -> str | tuple[str, ...]:
    if isinstance(node.value, list) and node.value:
        return tuple(_word(item) for item in node.items())
    return node.text()


def _word(node: Node) -> str:
    if not isinstance(node.value, str):
        raise node.error("a word of a command must be a string")
    return node.value


def _matching(node: Node, pattern: re.Pattern[str], wanted: str) -> str:
    if not isinstance(node.value, str) or not pattern.fullmatch(node.value):
        raise node.error(f"must be {wanted}, not {str(node.value)[:80]!a}")
    return node.value


def _blobs(nodes: Mapping[str, Node]) -> dict[str, str]:
    return {node.checked_path(path): _matching(node, _BLOB, "a blob id of Git") for path, node in nodes.items()}


def _ref(path: str, node: Node) -> DataRef:
    fields = node.fields(_REF_KEYS)
    for key in ("type", "oid", "size"):
        if key not in fields:
            raise node.error(f"the key {key!r} is missing")
    kind = fields["type"].value
    if kind not in ("file", "dir"):
        raise fields["type"].error("must be file or dir")
    if (kind == "dir") != ("files" in fields):
        raise node.error("a directory has 'files', and a file has none")
    if "mode" in fields and (kind == "dir" or fields["mode"].value != "x"):
        raise fields["mode"].error("must be x, of a file, or absent")
    inside = fields["inside"].path() if "inside" in fields else ""
    if inside and not path.startswith(inside + "/"):
        raise fields["inside"].error(f"{path!a} does not lie below it")
    return DataRef(
        path=node.checked_path(path),
        type=kind,
        oid=fields["oid"].oid(),
        size=fields["size"].number(),
        files=fields["files"].number() if "files" in fields else 1,
        executable="mode" in fields,
        inside=inside,
        stage=_name(fields["stage"]) if "stage" in fields else "",
    )


def _values(path: str, node: Node) -> dict[str, Any]:
    node.checked_path(path)
    found = {}
    for key, item in node.entries():
        _check_flat(item)
        found[key] = item.value
    return found


def _check_flat(node: Node) -> None:
    if isinstance(node.value, dict) and node.value:
        raise node.error("values are written by their dotted keys, not as nested mappings")
    if isinstance(node.value, list):
        for item in node.items():
            _check_flat(item)


def _env(node: Node) -> dict[str, Any]:
    fields = node.fields((*_ENV_TEXTS, "vars"))
    found: dict[str, Any] = {key: fields[key].text() for key in _ENV_TEXTS if key in fields}
    if "lockfile" in fields:
        fields["lockfile"].path()
    if "lockfile_blob" in fields:
        _matching(fields["lockfile_blob"], _BLOB, "a blob id of Git")
    if "vars" in fields:
        found["vars"] = {name: _variable(item) for name, item in fields["vars"].entries()}
    return found


def _variable(node: Node) -> str | None:
    if node.value is not None and not isinstance(node.value, str):
        raise node.error("must be a string, or null for a variable that was not set")
    return node.value


def _determinism(node: Node) -> dict[str, Any]:
    fields = node.fields(("seed", "equal"))
    found: dict[str, Any] = {}
    if "equal" in fields:
        found["equal"] = fields["equal"].text()
        if found["equal"] not in EQUALITIES:
            raise fields["equal"].error(f"must be one of {', '.join(EQUALITIES)}")
    if "seed" in fields:
        found["seed"] = fields["seed"].number()
    return found


def _run(node: Node) -> RunFacts:
    fields = node.fields(_RUN_KEYS)
    for key in _RUN_KEYS[:-1]:
        if key not in fields:
            raise node.error(f"the key {key!r} is missing")
    duration = fields["duration"]
    if type(duration.value) is not float or not 0 <= duration.value < math.inf:
        raise duration.error("must be a number of seconds")
    return RunFacts(
        id=_matching(fields["id"], _RUN_ID, "the id of a run"),
        started=_matching(fields["started"], _TIME, "a time like 2026-01-31T12:00:00Z"),
        finished=_matching(fields["finished"], _TIME, "a time like 2026-01-31T12:00:00Z"),
        duration=duration.value,
        exit=fields["exit"].number(-1024),
        resources={key: _measure(item) for key, item in fields["resources"].entries()} if "resources" in fields else {},
    )


def _measure(node: Node) -> float:
    if type(node.value) not in (int, float) or not 0 <= node.value < math.inf:
        raise node.error("must be a number")
    return float(node.value) if isinstance(node.value, float) else node.number()
