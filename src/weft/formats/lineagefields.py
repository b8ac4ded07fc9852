"""The fields of a lineage record, taken one by one out of what was read (``docs/spec/lineage.md``)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from weft.errors import FormatVersion, SchemaError
from weft.formats.located import Node
from weft.model.lineage import (
    MODES,
    MOST_HIDDEN,
    PACKAGES,
    RECORD_SCHEMA,
    Accepted,
    DataRef,
    Hidden,
    ParamsFile,
    Record,
    Reused,
    RunFacts,
)
from weft.model.stage import EQUALITIES, check_full_name

REQUIRED = ("schema", "stage", "cmd", "spec")
_KEYS_1 = (
    *REQUIRED,
    *("wdir", "code", "base", "dirty", "snapshot", "deps", "outs", "params", "metrics", "files", "env", "determinism"),
    *("rationale", "author", "changed", "reused", "run", "digest"),
)
_KEYS = (*_KEYS_1, "modes", "params_files", "hidden")
_REF_KEYS_1 = ("type", "oid", "size", "files", "mode", "inside", "stage")
_REF_KEYS = (*_REF_KEYS_1, "whole")
_ENV_TEXTS_1 = ("python", "platform", "packages", "lockfile", "lockfile_blob", "image", "accelerator")
_ENV_TEXTS = (*_ENV_TEXTS_1, "interpreter", "packages_file", "packages_blob")
_PACKAGES = re.compile(PACKAGES + r"/[0-9a-f]{16}\.txt", re.ASCII)
_RUN_REQUIRED = ("id", "started", "finished", "duration", "exit")
_RUN_KEYS_1 = (*_RUN_REQUIRED, "resources")
_RUN_KEYS = (*_RUN_KEYS_1, "accepted")
_BLOB = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SNAPSHOT = re.compile(r"refs/weft/runs/[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z", re.ASCII)


def read_record(top: Node) -> Record:
    """Read all fields of a record. Raises ``SchemaError``, ``FormatVersion``, ``OidSyntax``, ``WeakHash``, path errors."""
    found = dict(top.entries())
    for key in REQUIRED:
        if key not in found:
            top.fields(_KEYS)  # which may know what was meant
            raise top.error(f"the key {key!r} is missing")
    schema = _check_schema(found["schema"])
    fields = top.fields(_KEYS_1 if schema == 1 else _KEYS)

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
        deps=tuple(_ref(path, node, schema) for path, node in below("deps").items()),
        outs=tuple(_ref(path, node, schema) for path, node in below("outs").items()),
        params={path: _values(path, node) for path, node in below("params").items()},
        metrics={path: _values(path, node) for path, node in below("metrics").items()},
        files=_blobs(below("files")),
        env=_env(fields["env"], schema) if "env" in fields else {},
        determinism=_determinism(fields["determinism"]) if "determinism" in fields else {},
        rationale=text("rationale"),
        author=text("author"),
        changed=tuple(node.path() for node in fields["changed"].items()) if "changed" in fields else (),
        reused=_reused(fields["reused"], schema) if "reused" in fields else None,
        run=_run(fields["run"], schema) if "run" in fields else None,
        digest=fields["digest"].oid() if "digest" in fields else None,
        modes={path: _mode(path, node) for path, node in below("modes").items()},
        params_files={path: _params_file(path, node) for path, node in below("params_files").items()},
        hidden=_hidden(fields["hidden"]) if "hidden" in fields else None,
        schema=schema,
    )


def _check_schema(node: Node) -> int:
    found = node.number(1)
    if found > RECORD_SCHEMA:
        raise node.placed(
            FormatVersion(
                f"the record is written in format {found}; this weft reads up to {RECORD_SCHEMA}",
                hint=f"install a weft that reads format {found}",
            )
        )
    return found


def _name(node: Node) -> str:
    try:
        return check_full_name(node.text())
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


def _mode(path: str, node: Node) -> str:
    node.checked_path(path)
    if node.value not in MODES:
        raise node.error(f"must be one of {', '.join(MODES)}")
    return node.text()


def _params_file(path: str, node: Node) -> ParamsFile:
    node.checked_path(path)
    fields = node.fields(("blob", "unsure"))
    if "blob" not in fields:
        raise node.error("the key 'blob' is missing")
    unsure = tuple(item.text() for item in fields["unsure"].items()) if "unsure" in fields else ()
    return ParamsFile(_matching(fields["blob"], _BLOB, "a blob id of Git"), unsure)


def _hidden(node: Node) -> Hidden:
    fields = node.fields(("count", "paths"))
    if len(fields) != 2:
        raise node.error("it has a 'count' and 'paths'")
    paths = tuple(item.path() for item in fields["paths"].items())
    count = fields["count"].number(1)
    if len(paths) > min(count, MOST_HIDDEN):
        raise fields["paths"].error(f"must be {MOST_HIDDEN} at most, and no more than are counted")
    return Hidden(count, paths)


def _reused(node: Node, schema: int) -> Reused:
    if schema == 1:
        return Reused(_matching(node, _RUN_ID, "the id of a run"))
    fields = node.fields(("run", "commit", "author"))
    if "run" not in fields:
        raise node.error("the key 'run' is missing")
    return Reused(
        _matching(fields["run"], _RUN_ID, "the id of a run"),
        _matching(fields["commit"], _BLOB, "a commit id of Git") if "commit" in fields else "",
        fields["author"].text() if "author" in fields else "",
    )


def _ref(path: str, node: Node, schema: int) -> DataRef:
    fields = node.fields(_REF_KEYS_1 if schema == 1 else _REF_KEYS)
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
    if schema > 1 and bool(inside) != ("whole" in fields):
        raise node.error("what lies inside a tracked directory has 'whole', the oid of that, and nothing else has")
    return DataRef(
        path=node.checked_path(path),
        type=kind,
        oid=fields["oid"].oid(),
        size=fields["size"].number(),
        files=fields["files"].number() if "files" in fields else 1,
        executable="mode" in fields,
        inside=inside,
        stage=_name(fields["stage"]) if "stage" in fields else "",
        whole=fields["whole"].oid() if "whole" in fields else None,
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


def _env(node: Node, schema: int) -> dict[str, Any]:
    texts = _ENV_TEXTS_1 if schema == 1 else _ENV_TEXTS
    fields = node.fields((*texts, "vars"))
    found: dict[str, Any] = {key: fields[key].text() for key in texts if key in fields}
    for key in ("lockfile", "packages_file"):
        if key in fields:
            fields[key].path()
        if f"{key.partition('_')[0]}_blob" in fields:
            _matching(fields[f"{key.partition('_')[0]}_blob"], _BLOB, "a blob id of Git")
    if ("packages_file" in fields) != ("packages_blob" in fields):
        raise node.error("'packages_file' and 'packages_blob' go together")
    if "packages_file" in fields and not _PACKAGES.fullmatch(found["packages_file"]):
        raise fields["packages_file"].error(f"must be {PACKAGES}/ and 16 hex digits, with .txt")
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


def _run(node: Node, schema: int) -> RunFacts:
    fields = node.fields(_RUN_KEYS_1 if schema == 1 else _RUN_KEYS)
    for key in _RUN_REQUIRED:
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
        accepted=_accepted(fields["accepted"]) if "accepted" in fields else None,
    )


def _accepted(node: Node) -> Accepted:
    fields = node.fields(("reason", "author"))
    if "reason" not in fields:
        raise node.error("the key 'reason' is missing")
    return Accepted(fields["reason"].text(), fields["author"].text() if "author" in fields else "")


def _measure(node: Node) -> float:
    if type(node.value) not in (int, float) or not 0 <= node.value < math.inf:
        raise node.error("must be a number")
    return float(node.value) if isinstance(node.value, float) else node.number()
