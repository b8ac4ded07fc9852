"""Rules 11, 17 and 23: that records, pointers and the stages that make them agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from weft.errors import ObjectMissing, quoted
from weft.model.lineage import DataRef, Record, record_path
from weft.model.oid import Oid
from weft.model.pointer import SUFFIX, Pointer
from weft.model.stage import Stage
from weft.pipeline.graph import Graph
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import IDENTITY, found
from weft.pipeline.validate.violations import Stale, Violation, unsure_cause

DATA, UPSTREAM, RATIONALE = 11, 17, 23
_NO_BYTES = Oid.of(b"")


class Inside(NamedTuple):
    """A part of a tracked directory, which the record at ``path`` calls ``ref`` of the very data of ``pointer``: only
    manifests can prove that."""

    path: str
    ref: DataRef
    pointer: Pointer


def data(context: Context, record: Record, stage: Stage, inside: list[Inside]) -> Iterator[Violation]:
    """Rule 11: each dependency and out is the data of its staged pointer, and all data that the stage reads is recorded.
    What is left to prove from manifests is put into ``inside``."""
    path = record_path(record.stage)
    for new in sorted(context.reading(stage).data - {ref.path for ref in record.deps}):
        text = f"{new} belongs to what the stage reads, and the run did not see it"
        line, unseen = context.line(path, "deps"), Stale(record.stage, new)
        yield found(DATA, path, text, line=line, mend=f"weft repro {record.stage}", stale=unseen)
    for key, refs in (("deps", record.deps), ("outs", record.outs)):
        for ref in refs:
            text, stale = _difference(context, ref), _other_input(context, record.stage, ref)
            known = context.pointer(ref.inside) if ref.inside and not text else None
            if known is not None and ref.whole == known.oid:
                inside.append(Inside(path, ref, known))
            elif known is not None:
                text, stale = _part(context, record.stage, ref, known)
            if text:
                line = context.line(path, key, ref.path)
                owner = (ref.inside or ref.path) + SUFFIX
                mend = context.rerun(record.stage, owner)
                if key == "deps" and _made_anew(context, ref):
                    text += f": {ref.stage} made it anew, and {record.stage} has not run since"
                elif owner not in context.index:
                    mend = f"git add {quoted(owner)}, then: {mend}"
                result = ref.path if key == "outs" else ""
                yield found(DATA, path, text, line=line, mend=mend, stale=None if result else stale, result=result)


def _difference(context: Context, ref: DataRef) -> str:
    owner = ref.inside or ref.path
    known = context.pointer(owner)
    if known is None:
        silent = context.broken(owner + SUFFIX) or context.deleted(owner + SUFFIX)
        silent = silent or owner + SUFFIX in context.index  # a link or a submodule: rule 4 tells
        return "" if silent else f"no {'' if context.commit else 'staged '}pointer stands for {owner}"
    if ref.inside:
        if not known.is_dir:
            return f"{ref.path} is said to lie inside {owner}, which is a file"
        if not ref.path.startswith(owner + "/"):
            return f"{ref.path} does not lie inside {owner}"
        return ""
    if known.oid != ref.oid:
        return f"{ref.path} is {_short(known)} {context.as_here}, and was {_short(ref)} in the run"
    same = (known.type, known.size, known.files, known.executable) == (ref.type, ref.size, ref.files, ref.executable)
    pointer = "pointer" if context.commit else "staged pointer"
    return "" if same else f"type, size, number of files or mode of {ref.path} differ from the {pointer}"


def _part(context: Context, stage: str, ref: DataRef, pointer: Pointer) -> tuple[str, Stale | None]:
    """What is different of a part of a directory whose ``pointer`` is not the one of the run, or may not be, and what makes
    ``stage`` stale there."""
    try:
        now = context.find_part(pointer, ref.inside, ref.path)
    except ObjectMissing:
        if ref.whole is None:
            context.notes.append(f"{ref.path} was not compared: the manifests of {ref.inside} are not here")
            return "", None
        text = f"{ref.inside} changed since the run, perhaps not {ref.path} in it: its manifests are not here to tell"
        return text, Stale(stage, unsure_cause(ref.inside, ref.path))
    if now is None:
        return f"{ref.inside} holds no {ref.path} {context.as_here}", Stale(stage, ref.path, gone=True)
    if same_part(now, ref):
        return "", None
    text = f"{ref.path} differs from what {ref.inside} holds {context.as_here}"
    return text, Stale(stage, ref.path) if now.oid != ref.oid or now.size == ref.size else None


def same_part(now: DataRef, ref: DataRef) -> bool:
    """Whether a part of a directory is the data that a record tells of."""
    return (now.oid, now.type, now.executable, now.size) == (ref.oid, ref.type, ref.executable, ref.size)


def _other_input(context: Context, stage: str, ref: DataRef) -> Stale | None:
    """What makes ``stage`` stale where other data is staged for a dependency than was read, or none; a record that
    contradicts itself, or the one pointer of the very same data, is false."""
    known = context.pointer(ref.inside or ref.path)
    if known is None:
        return Stale(stage, ref.path, gone=True)
    if ref.inside:
        other = ref.path.startswith(ref.inside + "/") and ref.whole != known.oid
    else:
        same = (known.type, known.size, known.files) == (ref.type, ref.size, ref.files)
        other = known.oid != ref.oid or (same and known.executable != ref.executable)
    return Stale(stage, ref.path) if other else None


def _made_anew(context: Context, ref: DataRef) -> bool:
    """True when the stage that makes a dependency recorded what is staged, so that only its reader is behind.

    So it is after a merge of a branch that changed what comes before with one that ran what comes after.
    """
    made, known = context.record(ref.stage) if ref.stage else None, context.pointer(ref.path)
    return (
        made is not None
        and known is not None
        and any((out.path, out.oid) == (ref.path, known.oid) for out in made.outs)
    )


def _short(of: DataRef | Pointer) -> str:
    return f"blake3:{of.oid.hex()[:10]}"


def identity(context: Context, pointers: Iterable[str]) -> Iterator[Violation]:
    """Rule 7, the part that a pointer alone can tell: what its numbers say of its id."""
    for path in pointers:
        known = context.pointer(path)
        problem = _contradiction(known) if known is not None else ""
        if problem:
            yield found(IDENTITY, path + SUFFIX, problem, mend=f"weft add {quoted(path)}")


def _contradiction(pointer: Pointer) -> str:
    if pointer.layout == pointer.oid:
        return "its data is said to be its own layout"
    if pointer.is_dir:
        return "a directory without files is said to hold bytes" if pointer.size and not pointer.files else ""
    if (pointer.size == 0) != (pointer.oid == _NO_BYTES):
        return "its size and its object id contradict one another: only no bytes have the id of no bytes"
    return ""


def upstream(context: Context, graph: Graph, record: Record, told: Iterable[Violation]) -> Iterator[Violation]:
    """Rule 17: a dependency comes from the stage that makes it, and is what that stage wrote.

    Where rule 11 has already ``told`` that a record contradicts its pointer, nothing is added.
    """
    path = record_path(record.stage)
    mend = f"weft repro {record.stage}"
    silent = {violation.path for violation in told}
    for ref in record.deps:
        maker = graph.producer_of(ref.path)
        if ref.stage != maker:
            text = f"{ref.path} is said to come from {_stage(ref.stage)}, and comes from {_stage(maker)}"
            line, stale = context.line(path, "deps", ref.path), Stale(record.stage, ref.path)
            yield found(UPSTREAM, path, text, line=line, mend=mend, stale=stale)
            continue
        made = context.record(maker) if maker else None
        if made is None or {path, record_path(maker)} & silent:
            continue
        for out in made.outs:
            if out.path == ref.path and out.oid != ref.oid:
                text = f"{ref.path} was {_short(ref)} when it was read, and {_short(out)} when {maker} wrote it"
                line, stale = context.line(path, "deps", ref.path), Stale(record.stage, ref.path)
                yield found(UPSTREAM, path, text, line=line, mend=mend, stale=stale)


def _stage(name: str) -> str:
    return f"the stage {name!a}" if name else "no stage"


def rationale(context: Context, graph: Graph, paths: Iterable[str]) -> Iterator[Violation]:
    """Rule 23: a registered artifact has a reason."""
    for path in paths:
        known = context.pointer(path)
        name = graph.producer_of(path)
        if known is None or not name or not known.meta.get("registered"):
            continue
        record = context.record(name)
        if record is not None and not record.rationale:
            text = f"{path} is registered, and the stage {name!a} does not say why it is as it is"
            mend = f"write `rationale:` into the stage, then: weft repro {name}"
            yield found(
                RATIONALE, path + SUFFIX, text, line=context.line(path + SUFFIX, "meta", "registered"), mend=mend
            )
