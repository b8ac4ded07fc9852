"""Which stages of a commit, or of the work tree, are stale: as ``repro`` tells it, but from Git alone. Data that is not here
is as good as data that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weft.errors import StageFault, WeftError
from weft.formats import values
from weft.gitio import trees
from weft.model.lineage import DataRef, Record
from weft.model.pointer import SUFFIX
from weft.model.stage import Stage
from weft.pipeline.fingerprint import Inputs, is_at_or_below
from weft.pipeline.plan import CODE, DEP, PARAM, Now, Reason, reasons
from weft.workflows.lineage_scene import Scene
from weft.workflows.stage_inputs import VALUES_LIMIT, is_code, pointer_ref


class Staleness:
    """Compares the records of a scene with what it declares and holds."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def of(self, order: Iterable[str]) -> dict[str, tuple[Reason, ...]]:
        """Why each stage of ``order``, a topological one, would run again; nothing for those that would not."""
        stages = [self._scene.graph.stages[name] for name in order]
        self._scene.files.blobs(path for stage in stages for path in self._read_by(stage))  # all in one go
        found: dict[str, tuple[Reason, ...]] = {}
        for stage in stages:
            upstream = [above for above in self._scene.graph.upstream(stage.name) if found.get(above)]
            found[stage.name] = () if stage.frozen else self._reasons(stage, upstream)
        return found

    def _read_by(self, stage: Stage) -> Iterator[str]:
        kept = [out.path for out in stage.outs if not out.cache]
        lock = [stage.env.lockfile] if stage.env.lockfile else []
        for path in (*self._code_deps(stage), *kept, *lock):
            yield from self._scene.files.at_or_below(path)

    def _reasons(self, stage: Stage, upstream: list[str]) -> tuple[Reason, ...]:
        record, problem = self._scene.record(stage.name)
        if record is None:
            return reasons(stage, None, None, upstream=upstream, problem=problem)
        inputs, missing = self._inputs(stage, record)
        gone = [reason.subject for reason in missing]
        outs = {out.path: self._ref(out.path) for out in stage.outs if out.cache}
        kept = [name for out in stage.outs if not out.cache for name in self._scene.files.at_or_below(out.path)]
        found = reasons(stage, record, Now(inputs, outs, self._scene.files.blobs(kept)), upstream=upstream)
        told = [
            r for r in found if r.kind not in (DEP, CODE) or not any(is_at_or_below(r.subject, top) for top in gone)
        ]
        return (*missing, *told)

    def _inputs(self, stage: Stage, record: Record) -> tuple[Inputs, list[Reason]]:
        """What ``stage`` would read here, and what of it is not there."""
        data: dict[str, DataRef] = {}
        for path in stage.deps:
            data.update(self._data(path, record))
        code = {name: blob for path in self._code_deps(stage) for name, blob in self._code(path).items()}
        there = [*data, *code]
        missing = [
            Reason(DEP, path, "it is not there")
            for path in stage.deps
            if not any(is_at_or_below(name, path) for name in there)
        ]
        params, faults = self._params(stage, record)
        lockfile = stage.env.lockfile
        env = {"lockfile": lockfile} if lockfile else {}
        env.update(("lockfile_blob", blob) for blob in self._scene.files.blobs([lockfile] if lockfile else []).values())
        if stage.env.image:
            env["image"] = stage.env.image
        return Inputs(tuple(data[path] for path in sorted(data)), code, params, env), missing + faults

    def _data(self, path: str, record: Record) -> Iterator[tuple[str, DataRef]]:
        whole = self._ref(path)
        if whole is not None:
            yield path, whole
            return
        owner = self._scene.owner(path)
        if owner:
            known = next((ref for ref in record.deps if ref.path == path and ref.inside == owner), None)
            if known is not None:
                self._scene.notes[f"{path} is a part of {owner}: Git alone does not tell whether it changed"] = None
                yield path, known
            return
        for name in self._scene.files.at_or_below(path):
            ref = self._ref(name.removesuffix(SUFFIX)) if trees.is_pointer(name) else None
            if ref is not None:
                yield ref.path, ref

    def _ref(self, path: str) -> DataRef | None:
        pointer = self._scene.pointer(path)
        return None if pointer is None else pointer_ref(path, pointer)

    def _code_deps(self, stage: Stage) -> list[str]:
        return [path for path in stage.deps if self._scene.pointer(path) is None and not self._scene.owner(path)]

    def _code(self, path: str) -> dict[str, str]:
        return self._scene.files.blobs(name for name in self._scene.files.at_or_below(path) if is_code(name, [path]))

    def _params(self, stage: Stage, record: Record) -> tuple[dict[str, Mapping[str, object]], list[Reason]]:
        found: dict[str, dict[str, object]] = {}
        faults: list[Reason] = []
        for wanted in stage.params:
            try:
                chosen = self._chosen(wanted.file, wanted.keys)
            except WeftError as error:
                faults.append(Reason(PARAM, wanted.file, error.message))
                chosen = record.params.get(wanted.file, {})
            found.setdefault(wanted.file, {}).update(chosen)
        return dict(found), faults

    def _chosen(self, file: str, keys: tuple[str, ...]) -> Mapping[str, object]:
        data = self._scene.files.text(file, VALUES_LIMIT)
        if data is None:
            raise StageFault("it is not there", path=file)
        have = values.read_values(data, file)
        return values.select(have, keys, file) if keys else have
