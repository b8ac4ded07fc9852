"""The snapshot under validation: files by path, parsed when a rule first asks, each once.

What cannot be parsed is reported here, once, under the rule for it; rules that need the file then say nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from weft.errors import GraphFault, ObjectMissing, WeftError, quoted
from weft.formats import lineage, paramfiles, pointer, stagefile, values
from weft.formats.paramfiles import ParamsText
from weft.gitio.index import Change, Index
from weft.model.lineage import DataRef, Record, record_path
from weft.model.pointer import SUFFIX, Pointer
from weft.model.stage import STAGE_FILE, Ignore, Stage, is_stage_file
from weft.pipeline.graph import Graph
from weft.pipeline.reading import Reading, read_by
from weft.pipeline.validate import faults
from weft.pipeline.validate.parsed import ParsedCache
from weft.pipeline.validate.snapshot import TEXT_LIMIT, Blobs, Snapshot
from weft.pipeline.validate.violations import Violation

T = TypeVar("T")
FindPart = Callable[[Pointer, str, str], DataRef | None]
"""What is at a path inside a tracked directory, by the pointer and the path of that; None when nothing is. Raises
``ObjectMissing`` where the manifests that tell are not here."""
_EMPTY: dict[str, Stage] = {}


def _nothing_here(pointer: Pointer, owner: str, path: str) -> DataRef | None:
    raise ObjectMissing(f"nobody can look into {owner}", path=owner)


class Context(Snapshot):
    """What the rules look at: a snapshot, and what its files mean.

    ``whole`` asks for a look at everything instead of what the changes touch. ``found`` collects violations of parsing,
    ``notes`` what could not be proved from here. ``unstaged`` tells which files of the work tree the index has otherwise;
    it is asked only for the sake of advice. ``find_part`` looks into tracked directories.
    """

    def __init__(
        self,
        index: Index,
        changes: Iterable[Change],
        blobs: Blobs,
        *,
        cache: ParsedCache | None = None,
        whole: bool = False,
        unstaged: Callable[[], frozenset[str]] = frozenset,
        find_part: FindPart = _nothing_here,
    ) -> None:
        super().__init__(index, changes, blobs)
        self.whole = whole
        self.find_part = find_part
        self.found: list[Violation] = []
        self.notes: list[str] = []
        self._cache = cache or ParsedCache()
        self._parsed: dict[tuple[str, str], Any] = {}
        self._graph: Graph | None = None
        self._old_ignores: tuple[Ignore, ...] | None = None
        self._old_refuses = False
        self._readings: dict[str, Reading] = {}
        self.unstaged = functools.cache(unstaged)
        self.values_files: dict[str, None] = {}

    def stages(self) -> Mapping[str, Stage]:
        """The stages of the snapshot; none when there is no stage file or it cannot be read."""

        def read(path: str) -> bytes | None:
            self.values_files[path] = None
            return self.text(path)

        return self._parse("stages", STAGE_FILE, lambda data: stagefile.decode(data, read=read)) or _EMPTY

    def old_stages(self) -> Mapping[str, Stage] | None:
        """The stages before this commit; None when they cannot be read. They are read once."""
        if not redeclares(self):
            return self.stages()
        key = ("stages before", STAGE_FILE)
        if key not in self._parsed:
            self._parsed[key] = _stages_before(self)
        found: Mapping[str, Stage] | None = self._parsed[key]
        return found

    def ignores(self) -> tuple[Ignore, ...]:
        """The ignores of the snapshot."""
        if b"validate" not in (self.text(STAGE_FILE) or b""):
            return ()
        return self._parse("ignores", STAGE_FILE, stagefile.decode_ignores) or ()

    def old_ignores(self) -> tuple[Ignore, ...]:
        """The ignores before this commit; none when they cannot be read."""
        if STAGE_FILE not in self.changes:
            return self.ignores()
        if self._old_ignores is None:
            before = self.old_texts([STAGE_FILE], TEXT_LIMIT).get(STAGE_FILE, b"")
            self._old_ignores, self._old_refuses = read_ignores(before), text_refuses_stale(before)
        return self._old_ignores

    def refuses_stale(self) -> bool:
        """Whether weft.yaml wants stale stages refused, or did before this commit: it does not excuse itself."""
        if STAGE_FILE in self.changes:
            self.old_ignores()
        return self._old_refuses or text_refuses_stale(self.text(STAGE_FILE) or b"")

    def record(self, stage: str) -> Record | None:
        """The record of a stage; None when there is none or it cannot be read."""
        path = record_path(stage)
        return self._parse("record", path, lambda data: lineage.decode(data, what=path))

    def pointer(self, path: str) -> Pointer | None:
        """The pointer that stands for the data at ``path``; None when there is none or it cannot be read."""
        file = path + SUFFIX
        return self._parse("pointer", file, lambda data: pointer.decode(data, name=file.rpartition("/")[2]))

    def values(self, path: str) -> Mapping[str, Any] | None:
        """The values of a params or metrics file; None when it is not there or cannot be read."""
        return self._parse("values", path, lambda data: values.read_values(data, path))

    def params(self, path: str) -> ParamsText | None:
        """What a params file says; None when it is not there or cannot be read."""
        return self._parse("params", path, lambda data: paramfiles.read(data, path))

    def reading(self, stage: Stage) -> Reading:
        """What ``stage`` reads of that which Git keeps."""
        if stage.name not in self._readings:
            modules = [one.file for one in stage.params if one.file.lower().endswith(".py")]
            code = [path for path in modules if (known := self.params(path)) and known.code]
            self._readings[stage.name] = read_by(stage, self, self.owner, code)
        return self._readings[stage.name]

    def broken(self, path: str) -> bool:
        """True when ``path`` is there and could not be parsed."""
        kinds = ("stages", "record", "pointer", "values", "params")
        return path in self.index and any(self._parsed.get((kind, path), self) is None for kind in kinds)

    def rerun(self, stage: str, *files: str) -> str:
        """The commands that make the record of ``stage`` and ``files``, which it read or wrote, agree in the index: a file
        that is there in another version than is staged may be that of the run already."""
        unstaged = self.unstaged()
        late = " ".join(quoted(file) for file in files if file in unstaged)
        return f"git add {late}, then: weft repro {stage}" if late else f"weft repro {stage}"

    def graph(self) -> Graph | None:
        """The graph of the stages; None when they contradict one another (reported once, as rule 16)."""
        if self._graph is None and ("graph", STAGE_FILE) not in self._parsed:
            try:
                self._graph = Graph.build(self.stages())
            except GraphFault as error:
                self._parsed["graph", STAGE_FILE] = None
                self.found.append(faults.graph_fault(error))
        return self._graph

    def _parse(self, kind: str, path: str, decode: Callable[[bytes], T]) -> T | None:
        key = (kind, path)
        if key in self._parsed:
            known: T | None = self._parsed[key]
            return known
        made: T | None = None
        entry = self.index.get(path)
        if entry is not None and entry.regular:
            made = self._decoded(kind, path, entry.blob, decode)
        if entry is None or entry.regular:
            self._parsed[key] = made
        return made

    def _decoded(self, kind: str, path: str, blob: str, decode: Callable[[bytes], T]) -> T | None:
        # What the stages are depends on the files that were read for them, too.
        key = blob
        if kind == "stages":
            self.values_files = dict.fromkeys(self._cache.get("vars", path, blob) or ())
            key += values_key(self.index, self.values_files)
        known = self._cache.get(kind, path, key)
        if known is not None:
            return known  # type: ignore[no-any-return]
        text = self.text(path)
        if text is None:
            self.found.append(faults.too_large(path))
            return None
        try:
            made = decode(text)
        except WeftError as error:
            if kind != "ignores" or ("stages", path) not in self._parsed:
                if kind == "stages" and error.path in self.values_files:  # of a folder, or with values of templates
                    kind = "stages" if is_stage_file(error.path) else "values"
                    path, text = error.path, self.text(error.path) or b""
                before = f"{self.commit}~" if self.commit and path in self.changes else "HEAD"
                self.found.append(faults.parse_fault(kind, path, text, error, before))
            return None
        if kind == "stages" and self.values_files:
            self._cache.put("vars", path, blob, list(self.values_files))
            key = blob + values_key(self.index, self.values_files)
        self._cache.put(kind, path, key, made)
        return made


def redeclares(context: Context) -> bool:
    """Whether the commit changes weft.yaml, the stage file of a folder project, or a file whose values templates name."""
    context.stages()
    return STAGE_FILE in context.changes or any(path in context.changes for path in context.values_files)


def _stages_before(context: Context) -> Mapping[str, Stage] | None:
    change = context.changes.get(STAGE_FILE)
    if change is not None and not change.old_blob:
        return _EMPTY
    text = context.old_text(STAGE_FILE)
    try:
        return None if text is None else stagefile.decode(text, read=context.old_text)
    except WeftError:
        return None


def stage_files(context: Context) -> tuple[str, ...]:
    """The stage file, and those of the folder projects that it names."""
    context.stages()
    return (STAGE_FILE, *filter(is_stage_file, context.values_files))


def values_key(index: Index, paths: Iterable[str]) -> str:
    """What of the files ``paths`` a kept result hangs on."""
    return "".join(f" {path} {entry.blob if (entry := index.get(path)) else ''}" for path in paths)


def read_ignores(text: bytes) -> tuple[Ignore, ...]:
    """The ignores of a stage file of another commit than the one that is looked at; none when they cannot be read."""
    try:
        return stagefile.decode_ignores(text) if b"validate" in text else ()
    except WeftError:
        return ()


def text_refuses_stale(text: bytes) -> bool:
    """Whether a stage file wants stale stages refused; one that cannot be read does not."""
    try:
        return b"stale" in text and stagefile.refuses_stale(text)
    except WeftError:
        return False
