"""Results of parsing, by blob id: the same bytes are not parsed twice, in this run or the next.

What is kept is what a parser made of a blob, never a verdict: every rule is checked each time. The key holds kind, name and
blob id, and a cache that other code wrote is not read, so other bytes and other parsers never meet an old result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from weft.formats.paramfiles import ParamsText
from weft.model.lineage import Accepted, DataRef, Hidden, ParamsFile, Record, Reused, RunFacts
from weft.model.oid import Oid
from weft.model.stage import Out, ParamSet, Stage, StageEnv

VERSION = 5
"""Goes up whenever a parser takes or gives something else than before."""
LIMIT = 4 << 20
"""Most bytes of a kept cache."""


class ParsedCache:
    """Parsed texts: ``known`` are plain values kept from earlier runs, by key. ``used`` counts what was taken from it."""

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        self._known = known or {}
        self._kept: dict[str, Any] = {}
        self._made: dict[str, Any] = {}
        self.used = 0

    def get(self, kind: str, path: str, blob: str) -> Any:
        """What a text was parsed to; None when it is not known."""
        key = _key(kind, path, blob)
        if key not in self._made and key in self._known and kind in _CODECS:
            plain = self._known[key]
            try:
                self._made[key] = _CODECS[kind][1](plain)
            except (ValueError, TypeError, LookupError, AttributeError):
                return None  # damaged: parsed anew
            self._kept[key] = plain
            self.used += 1
        return self._made.get(key)

    def put(self, kind: str, path: str, blob: str, value: Any) -> None:
        """Keep what a text was parsed to."""
        key = _key(kind, path, blob)
        self._made[key] = value
        if kind in _CODECS:
            self._kept[key] = _CODECS[kind][0](value)

    @property
    def has_news(self) -> bool:
        """True when something was parsed that was not known."""
        return len(self._kept) > self.used

    def dump(self, parsers: str) -> bytes:
        """The bytes to keep: what this run used or made, then what else was known, up to the limit.

        ``parsers`` names the code that parsed.
        """
        rows: list[str] = []
        size = 0
        for key, plain in {**self._kept, **self._known}.items():
            try:
                row = f"{json.dumps(key)}: {json.dumps(plain, ensure_ascii=False)}"
            except (TypeError, ValueError):
                continue  # a value that JSON has no spelling for: parsed anew each time
            size += len(row) + 2
            if size > LIMIT:
                break
            rows.append(row)
        return f'{{"version": {json.dumps(_stamp(parsers))}, "parsed": {{{", ".join(rows)}}}}}\n'.encode(
            "utf-8", "surrogatepass"
        )

    @classmethod
    def load(cls, data: bytes, parsers: str) -> ParsedCache:
        """Read what ``dump`` wrote for the same ``parsers``; anything else is an empty cache."""
        try:
            found = json.loads(data.decode("utf-8", "surrogatepass"))
            if found["version"] == _stamp(parsers) and isinstance(found["parsed"], dict):
                return cls(found["parsed"])
        except (ValueError, TypeError, LookupError, RecursionError):
            pass
        return cls()


def _stamp(parsers: str) -> str:
    return f"{VERSION} {parsers}"


def _key(kind: str, path: str, blob: str) -> str:
    return f"{kind} {blob} {path}"


# --- stages ----------------------------------------------------------------------------------------------------------


def _from_stages(stages: Mapping[str, Stage]) -> list[Any]:
    return [
        [
            *(stage.name, stage.cmd, stage.wdir, stage.deps, [[one.file, one.keys] for one in stage.params]),
            [[out.path, out.kind, out.cache, out.persist] for out in stage.outs],
            [stage.env.lockfile, stage.env.image, stage.env.vars],
            *(stage.seed, stage.equal, stage.desc, stage.rationale, stage.frozen, stage.always),
            *(stage.line, stage.unresolved, stage.file),
        ]
        for stage in stages.values()
    ]


def _to_stages(rows: list[Any]) -> dict[str, Stage]:
    return {row[0]: _to_stage(row) for row in rows}


def _to_stage(row: list[Any]) -> Stage:
    name, cmd, wdir, deps, params, outs, (lockfile, image, names), seed, equal, desc, rationale, *rest = row
    frozen, always, line, unresolved, file = rest
    sets = tuple(ParamSet(file, tuple(keys)) for file, keys in params)
    written = tuple(Out(*out) for out in outs)
    env = StageEnv(lockfile, image, tuple(names))
    return Stage(
        *(name, _command(cmd), wdir, tuple(deps), sets, written, env, seed, equal, desc, rationale, frozen, always),
        line=line,
        unresolved=unresolved,
        file=file,
    )


def _command(cmd: Any) -> Any:
    return cmd if isinstance(cmd, str) else tuple(cmd)


# --- records ---------------------------------------------------------------------------------------------------------

_PLAIN = ("stage", "cmd", "spec", "wdir", "code", "base", "dirty", "snapshot", "params", "metrics", "files", "env",
          "determinism", "rationale", "author", "changed", "modes", "schema")  # fmt: skip
_REUSED = ("run", "commit", "author")
_RUN = ("id", "started", "finished", "duration", "exit", "resources")


def _from_record(record: Record) -> dict[str, Any]:
    plain = {name: getattr(record, name) for name in _PLAIN}
    plain["deps"], plain["outs"] = [_from_ref(ref) for ref in record.deps], [_from_ref(ref) for ref in record.outs]
    plain["run"] = None if record.run is None else [getattr(record.run, name) for name in _RUN]
    plain["accepted"] = None if record.accepted is None else [record.accepted.reason, record.accepted.author]
    plain["reused"] = None if record.reused is None else [getattr(record.reused, name) for name in _REUSED]
    plain["params_files"] = {path: [known.blob, known.unsure] for path, known in record.params_files.items()}
    plain["hidden"] = None if record.hidden is None else [record.hidden.count, record.hidden.paths]
    plain["digest"] = None if record.digest is None else record.digest.hex()
    return plain


def _to_record(plain: dict[str, Any]) -> Record:
    made = dict(plain)
    made["cmd"], made["changed"] = _command(made["cmd"]), tuple(made["changed"])
    made["deps"], made["outs"] = tuple(map(_to_ref, made["deps"])), tuple(map(_to_ref, made["outs"]))
    accepted = made.pop("accepted")
    accepted = None if accepted is None else Accepted(*accepted)
    made["run"] = None if made["run"] is None else replace(RunFacts(*made["run"]), accepted=accepted)
    made["reused"] = None if made["reused"] is None else Reused(*made["reused"])
    made["params_files"] = {path: ParamsFile(blob, tuple(keys)) for path, (blob, keys) in made["params_files"].items()}
    made["hidden"] = None if made["hidden"] is None else Hidden(made["hidden"][0], tuple(made["hidden"][1]))
    made["digest"] = None if made["digest"] is None else Oid(bytes.fromhex(made["digest"]))
    return Record(**made)


def _from_ref(ref: DataRef) -> list[Any]:
    whole = ref.whole.hex() if ref.whole else ""
    return [ref.path, ref.type, ref.oid.hex(), ref.size, ref.files, ref.executable, ref.inside, ref.stage, whole]


def _to_ref(row: list[Any]) -> DataRef:
    path, kind, oid, size, files, executable, inside, stage, whole = row
    top = Oid(bytes.fromhex(whole)) if whole else None
    return DataRef(path, kind, Oid(bytes.fromhex(oid)), size, files, executable, inside, stage, top)


_CODECS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "stages": (_from_stages, _to_stages),
    "record": (_from_record, _to_record),
    "values": (dict, dict),
    "vars": (list, list),
    "params": (
        lambda text: [dict(text.values), text.unsure, text.code],
        lambda plain: ParamsText(dict(plain[0]), tuple(plain[1]), bool(plain[2])),
    ),
}
"""How what a parser made becomes plain, and back. Pointers are parsed faster than they would be looked up."""
