"""Making the lineage record of a run from its parts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from weft.formats import lineage
from weft.model.lineage import Accepted, DataRef, Hidden, Record, Reused, RunFacts
from weft.model.stage import Stage
from weft.pipeline.execute import Outcome
from weft.pipeline.fingerprint import Inputs


@dataclass(frozen=True, slots=True)
class Origin:
    """Which state of the repository a run started from; ``left_out`` are files that the snapshot does not hold, and
    ``hidden`` inputs that nobody keeps. ``own`` says that nothing was uncommitted but what weft itself had staged."""

    base: str = ""
    dirty: bool = False
    snapshot: str = ""
    author: str = ""
    left_out: tuple[str, ...] = ()
    hidden: Hidden | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """What a run wrote: outs by pointer, files of the outs that Git keeps as ``reading.kept_text`` spells it, values of the
    metrics."""

    outs: tuple[DataRef, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def run_id() -> str:
    """A new name for a run: the time, in UTC, and eight random digits."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}"


def make_record(
    stage: Stage,
    spec: str,
    inputs: Inputs,
    origin: Origin,
    product: Product,
    facts: RunFacts,
    env: Mapping[str, object],
) -> Record:
    """The record of a run, with its digest. ``env`` tells of the machine; ``inputs`` of what the stage declares."""
    record = Record(
        stage=stage.name,
        cmd=stage.cmd,
        spec=spec,
        wdir=stage.wdir,
        code=_ids(inputs.code),
        base=origin.base,
        dirty=origin.dirty,
        snapshot=origin.snapshot,
        deps=inputs.deps,
        outs=product.outs,
        params=inputs.params,
        metrics=product.metrics,
        files=_ids(product.files),
        env={**env, **inputs.env},
        determinism=determinism(stage),
        rationale=stage.rationale,
        author=origin.author,
        run=facts,
        modes=_modes({**product.files, **inputs.code}),
        params_files=inputs.params_files,
        hidden=origin.hidden,
    )
    return lineage.with_digest(record)


def _ids(kept: Mapping[str, str]) -> dict[str, str]:
    return {path: text.rpartition(" ")[2] for path, text in kept.items()}


def _modes(kept: Mapping[str, str]) -> dict[str, str]:
    return {path: text.partition(" ")[0] for path, text in kept.items() if " " in text}


def determinism(stage: Stage) -> dict[str, Any]:
    """What the stage promises of a second run."""
    found: dict[str, Any] = {} if stage.seed is None else {"seed": stage.seed}
    return {**found, "equal": stage.equal} if stage.equal else found


def run_facts(name: str, outcome: Outcome) -> RunFacts:
    """What happened once."""
    return RunFacts(
        name, iso(outcome.started), iso(outcome.finished), outcome.duration, outcome.exit, outcome.resources
    )  # fmt: skip


def accepted_facts(name: str, reason: str, author: str) -> RunFacts:
    """What there is instead of a run: somebody vouches for the outs."""
    now = iso(time.time())
    return RunFacts(name, now, now, 0.0, 0, accepted=Accepted(reason, author))


def source_of(earlier: Record, commit: str) -> Reused | None:
    """Whose run an ``earlier`` record in ``commit`` tells of: also when that took the outs of another run itself."""
    return earlier.reused or (Reused(earlier.run.id, commit, earlier.author) if earlier.run else None)


def reused_record(
    stage: Stage, spec: str, earlier: Record, source: Reused | None, inputs: Inputs, origin: Origin, name: str
) -> Record:
    """The record of taking the outs of an ``earlier`` run: they came to be there and then, and were taken now. ``source`` is
    the run that made them."""
    now = iso(time.time())
    record = replace(
        earlier,
        spec=spec,
        deps=inputs.deps,
        base=origin.base,
        dirty=origin.dirty,
        snapshot=origin.snapshot,
        author=origin.author,
        determinism=determinism(stage),
        rationale=stage.rationale,
        reused=source,
        run=RunFacts(name, now, now, 0.0, 0, accepted=earlier.accepted),
    )
    return lineage.with_digest(record)


def refreshed_record(stage: Stage, spec: str, record: Record, inputs: Inputs) -> Record:
    """The record of a stage whose declaration changed in what no run depends on, or of which nothing changed but what lies
    beside the part of a directory that it read."""
    return lineage.with_digest(
        replace(record, spec=spec, deps=inputs.deps, determinism=determinism(stage), rationale=stage.rationale)
    )  # fmt: skip


def with_changes(record: Record, changed: Sequence[str]) -> Record:
    """The record of a run whose inputs changed while it ran."""
    return lineage.with_digest(replace(record, changed=tuple(changed)))


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    whole = int(seconds)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((seconds - whole) * 1000):03d}Z"
