"""Which stages of a commit, or of the work tree, are stale: as ``repro`` tells it, but from Git alone. Data that is not here
is as good as data that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from weft.errors import ObjectMissing, WeftError
from weft.model.lineage import DataRef, ParamsFile, Record
from weft.model.stage import Stage
from weft.pipeline.fingerprint import Inputs, is_at_or_below
from weft.pipeline.plan import CODE, DEP, PARAM, Now, Reason, reasons
from weft.pipeline.reading import read_by
from weft.workflows.lineage_files import kept
from weft.workflows.lineage_scene import Scene
from weft.workflows.stage_inputs import ParamsRead, pointer_ref, read_params
from weft.workflows.stages import VALUES_LIMIT


class Staleness:
    """Compares the records of a scene with what it declares and holds."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def of(self, order: Iterable[str]) -> dict[str, tuple[Reason, ...]]:
        """Why each stage of ``order``, a topological one, would run again, were it not frozen; nothing for those that would
        not. A frozen stage makes none stale that follows from it."""
        stages = [self._scene.graph.stages[name] for name in order]
        self._scene.files.blobs(path for stage in stages for path in self._read_by(stage))  # all in one go
        found: dict[str, tuple[Reason, ...]] = {}
        for stage in stages:
            upstream = [above for above in self._scene.graph.upstream(stage.name) if found.get(above)]
            upstream = [above for above in upstream if not self._scene.graph.stages[above].frozen]
            never = stage.frozen and self._scene.record(stage.name)[0] is None
            found[stage.name] = () if never else self._reasons(stage, upstream)
        return found

    def _read_by(self, stage: Stage) -> Iterator[str]:
        kept_by_git = [out.path for out in stage.outs if not out.cache]
        lock = [stage.env.lockfile] if stage.env.lockfile else []
        yield from read_by(stage, self._scene.files, self._owner).code
        for path in (*kept_by_git, *lock, *(wanted.file for wanted in stage.params)):
            yield from self._scene.files.at_or_below(path)

    def _reasons(self, stage: Stage, upstream: list[str]) -> tuple[Reason, ...]:
        record, problem = self._scene.record(stage.name)
        if record is None:
            return reasons(stage, None, None, upstream=upstream, problem=problem)
        inputs, missing = self._inputs(stage, record)
        gone = [reason.subject for reason in missing]
        outs = {out.path: self._ref(out.path) for out in stage.outs if out.cache}
        names = [name for out in stage.outs if not out.cache for name in self._scene.files.at_or_below(out.path)]
        found = reasons(stage, record, Now(inputs, outs, kept(self._scene.files, names)), upstream=upstream)
        told = [
            r for r in found if r.kind not in (DEP, CODE) or not any(is_at_or_below(r.subject, top) for top in gone)
        ]
        return (*missing, *told)

    def _inputs(self, stage: Stage, record: Record) -> tuple[Inputs, list[Reason]]:
        """What ``stage`` would read here, and what of it is not there."""
        params, files, open_ends = self._params(stage, record)
        found = read_by(stage, self._scene.files, self._owner, params.code)
        data = {path: ref for path in stage.deps for ref in self._data(path, record, open_ends)}
        data.update((path, ref) for path in found.data if (ref := self._ref(path)) is not None)
        code = kept(self._scene.files, sorted(found.code))
        there = [*data, *code]
        missing = [
            Reason(DEP, path, "it is not there")
            for path in stage.deps
            if not any(is_at_or_below(name, path) for name in there)
        ]
        missing += [Reason(CODE, link, f"it leads {fault}") for link, _, fault in found.leads if fault]
        lockfile = stage.env.lockfile
        env = {"lockfile": lockfile} if lockfile else {}
        env.update(("lockfile_blob", blob) for blob in self._scene.files.blobs([lockfile] if lockfile else []).values())
        if stage.env.image:
            env["image"] = stage.env.image
        refs = tuple(data[path] for path in sorted(data))
        return Inputs(refs, code, params.values, env, files), missing + open_ends

    def _data(self, path: str, record: Record, open_ends: list[Reason]) -> Iterator[DataRef]:
        """What stands for the dependency ``path``, if it is tracked or a part of what is. Where nobody here knows whether
        a part changed, this is put into ``open_ends``."""
        whole = self._ref(path)
        if whole is not None:
            yield whole
            return
        owner = self._scene.owner(path)
        pointer = self._scene.pointer(owner) if owner else None
        if pointer is None:
            return
        known = next((ref for ref in record.deps if ref.path == path and ref.inside == owner), None)
        if known is not None and known.whole == pointer.oid:
            yield known
            return
        try:
            now = self._scene.parts.find(pointer, owner, path)
            if now is not None:
                yield replace(now, stage=self._scene.graph.producer_of(path))
        except ObjectMissing:
            if known is None:
                return
            if known.whole is None:
                self._scene.notes[f"{path} is a part of {owner}: Git alone does not tell whether it changed"] = None
            else:
                open_ends.append(Reason(DEP, owner, f"perhaps not {path} in it: its manifests are not here to tell"))
            yield known

    def _owner(self, path: str) -> str:
        return path if self._scene.pointer(path) is not None else self._scene.owner(path)

    def _ref(self, path: str) -> DataRef | None:
        pointer = self._scene.pointer(path)
        return None if pointer is None else pointer_ref(path, pointer)

    def _params(self, stage: Stage, record: Record) -> tuple[ParamsRead, Mapping[str, ParamsFile], list[Reason]]:
        """The params, the bytes of their files, and what is wrong with them; the record stands for what cannot be read."""
        faults: list[Reason] = []
        merged = ParamsRead()
        for wanted in stage.params:
            try:
                found = read_params(
                    replace(stage, params=(wanted,)), lambda path: self._scene.files.text(path, VALUES_LIMIT)
                )
            except WeftError as error:
                faults.append(Reason(PARAM, wanted.file, error.message))
                found = ParamsRead({wanted.file: dict(record.params.get(wanted.file, {}))})
            for file, chosen in found.values.items():
                merged.values.setdefault(file, {}).update(chosen)
                merged.unsure.setdefault(file, set()).update(found.unsure.get(file, ()))
            merged.code += found.code
        blobs = self._scene.files.blobs(merged.values)
        return merged, merged.files({path: blobs.get(path, "") for path in merged.values}), faults
