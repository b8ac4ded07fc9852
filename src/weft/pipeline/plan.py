"""Why a stage is stale: its record compared with what is here now. Pure; the facts come from the caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from weft.model.lineage import DataRef, Record
from weft.model.stage import Stage
from weft.pipeline.fingerprint import (
    Inputs,
    declared_as_run,
    inputs_of_record,
    is_at_or_below,
    kept_of,
    same_kept,
    same_params_file,
    same_value,
)

NEVER_RUN = "never-run"
CMD = "cmd-changed"
DEP = "dep-changed"
CODE = "code-changed"
PARAM = "param-changed"
OUT = "out-changed"
OUT_MISSING = "out-missing"
OUT_DELETED = "out-deleted"
UPSTREAM = "upstream-stale"
ALWAYS = "always"
INVALID = "record-invalid"
ENV = "env-changed"
SPEC = "stage-changed"
FORCED = "forced"

KINDS = (NEVER_RUN, INVALID, CMD, DEP, CODE, PARAM, ENV, SPEC, OUT, OUT_MISSING, OUT_DELETED, UPSTREAM, ALWAYS, FORCED)
"""Every kind of reason, in the order in which they are told."""

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why a stage is stale: its kind, what it is about (a path, a key, a stage), and what of it differs."""

    kind: str
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Now:
    """What is here of a stage.

    ``outs`` maps each out that weft keeps to what its pointer says, None where there is no pointer; ``files`` each file
    of the outs that Git keeps to what it keeps there, ``metrics`` those with metrics to their values. ``modified`` are outs
    whose data differs from the pointer, ``deleted`` those that were here and are gone. Data that was never brought here is
    no reason for anything.
    """

    inputs: Inputs
    outs: Mapping[str, DataRef | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    modified: Set[str] = frozenset()
    deleted: Set[str] = frozenset()
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def reasons(
    stage: Stage, record: Record | None, now: Now | None, *, upstream: Sequence[str] = (), problem: str = ""
) -> tuple[Reason, ...]:
    """Why ``stage`` has to run, in the order of ``KINDS``; empty when it is up to date.

    ``now`` is None when its inputs cannot be told before ``upstream``, the stale stages it reads from, have run.
    ``problem`` says why there is a record that cannot be used.
    """
    found: list[Reason] = []
    if problem:
        found.append(Reason(INVALID, stage.name, problem))
    elif record is None:
        found.append(Reason(NEVER_RUN, stage.name))
    else:
        if record.changed:
            found.append(Reason(INVALID, stage.name, f"changed while it ran: {', '.join(record.changed)}"))
        found += _command(stage, record)
        if now is not None:
            found += [*_inputs(inputs_of_record(record), now.inputs), *_outs(stage, record, now)]
            found += _contradictions(record, now)
        if not found and not declared_as_run(record, stage):
            found.append(Reason(SPEC, stage.name))
    found += [Reason(UPSTREAM, name) for name in upstream]
    if stage.always:
        found.append(Reason(ALWAYS, stage.name))
    return tuple(sorted(found, key=lambda reason: KINDS.index(reason.kind)))


def _command(stage: Stage, record: Record) -> Iterator[Reason]:
    if stage.cmd != record.cmd:
        yield Reason(CMD, stage.name, f"{_short(_words(record.cmd))} -> {_short(_words(stage.cmd))}")
    elif stage.wdir != record.wdir:
        yield Reason(CMD, stage.name, f"in {record.wdir or '.'} -> in {stage.wdir or '.'}")


def _contradictions(record: Record, now: Now) -> Iterator[Reason]:
    """What a record says of the very data and files that are here, and is not so: no run wrote it."""
    here = {ref.path: ref for ref in (*now.inputs.deps, *filter(None, now.outs.values()))}
    for ref in (*record.deps, *record.outs):
        other = here.get(ref.path, ref)
        if _data(other) == _data(ref) and (other.size, other.files) != (ref.size, ref.files):
            yield Reason(INVALID, record.stage, f"it says another size of {ref.path} than the pointer of the same data")
    for path, values in now.metrics.items():
        told, blob = record.metrics.get(path, {}), record.files.get(path, "")
        as_written = same_kept(kept_of(record, path, blob), now.files.get(path, ""), record.schema)
        if blob and as_written and not same_value(dict(told), dict(values)):
            yield Reason(INVALID, record.stage, f"it says other values than {path} has")


def _inputs(old: Inputs, new: Inputs) -> Iterator[Reason]:
    yield from _differences(DEP, {dep.path: _data(dep) for dep in old.deps}, {dep.path: _data(dep) for dep in new.deps})
    alike = {
        path for path, kept in new.code.items() if path in old.code and same_kept(old.code[path], kept, old.schema)
    }
    kept = [{path: _id(text) for path, text in side.code.items() if path not in alike} for side in (old, new)]
    yield from _differences(CODE, *kept)
    for name in sorted(old.params.keys() | new.params.keys()):
        found = list(_values(name, old.params.get(name, {}), new.params.get(name, {})))
        yield from found
        now = new.params_files.get(name)
        if not found and now is not None and not same_params_file(old.params_files.get(name), now):
            yield Reason(PARAM, name, "other bytes, and a value in it that programs may read in another way")
    yield from _differences(ENV, old.env, new.env)


def _differences(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Reason]:
    for subject in sorted(old.keys() | new.keys()):
        if subject not in new:
            yield Reason(kind, subject, "no longer read")
        elif subject not in old:
            yield Reason(kind, subject, "not read before")
        elif old[subject] != new[subject]:
            yield Reason(kind, subject, f"{old[subject]} -> {new[subject]}")


def _values(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            yield Reason(PARAM, f"{name}:{key}", "no longer read")
        elif key not in old:
            yield Reason(PARAM, f"{name}:{key}", f"not read before, now {_short(repr(new[key]))}")
        elif not same_value(old[key], new[key]):
            yield Reason(PARAM, f"{name}:{key}", f"{_short(repr(old[key]))} -> {_short(repr(new[key]))}")


def _outs(stage: Stage, record: Record, now: Now) -> Iterator[Reason]:
    recorded = {ref.path: ref for ref in record.outs}
    for path, present in sorted(now.outs.items()):
        if path not in recorded:
            yield Reason(OUT_MISSING, path, "no run has written it yet")
        elif present is None:
            yield Reason(OUT_MISSING, path, "it has no pointer")
        elif _data(present) != _data(recorded[path]):
            yield Reason(OUT, path, f"the run wrote {_data(recorded[path])}, the pointer says {_data(present)}")
        elif path in now.deleted:
            yield Reason(OUT_DELETED, path, "it was here and is gone")
        elif path in now.modified:
            yield Reason(OUT, path, "it differs from its pointer")
    for path in sorted(recorded.keys() - now.outs.keys()):
        yield Reason(OUT, path, "no longer an out")
    yield from _git_outs(stage, record, now)


def _git_outs(stage: Stage, record: Record, now: Now) -> Iterator[Reason]:
    declared = [out.path for out in stage.outs if not out.cache]
    for path in declared:
        if not any(is_at_or_below(name, path) for name in record.files):
            yield Reason(OUT_MISSING, path, "no run has written it yet")
    wrote = {path: kept_of(record, path, blob) for path, blob in record.files.items()}
    for path in sorted(record.files.keys() | now.files.keys()):
        if path not in now.files:
            kept = any(is_at_or_below(path, top) for top in declared)
            yield Reason(OUT_DELETED if kept else OUT, path, "it is gone" if kept else "no longer an out")
        elif path in record.files and not same_kept(wrote[path], now.files[path], record.schema):
            yield Reason(OUT, path, f"the run wrote {_id(wrote[path])}, now {_id(now.files[path])}")
        elif path not in record.files and any(is_at_or_below(name, _top(path, declared)) for name in record.files):
            yield Reason(OUT, path, "the run did not write it")


def _top(path: str, declared: Sequence[str]) -> str:
    return next((top for top in declared if is_at_or_below(path, top)), path)


def _data(ref: DataRef) -> str:
    mode = ", executable" if ref.executable else ""
    return f"{ref.type} {str(ref.oid)[:19]}{mode}"


def _id(kept: str) -> str:
    """What Git keeps at a path, with its id cut short."""
    word, _, blob = kept.rpartition(" ")
    return f"{word} {blob[:12]}".strip()


def _words(cmd: str | tuple[str, ...]) -> str:
    return cmd if isinstance(cmd, str) else repr(list(cmd))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
