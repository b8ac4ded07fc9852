"""What a commit, or the work tree, says of stages: declarations, records and pointers, from Git alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from weft.errors import WeftError
from weft.formats import stagefile
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.repo import GitRepo, discover
from weft.gitio.versions import cut_commits
from weft.model.lineage import Record, record_path
from weft.model.pointer import Pointer
from weft.model.stage import STAGE_FILE
from weft.pipeline.ask import DATA, FILE, Known, Use, wrote
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.graph import Graph
from weft.pipeline.reading import is_no_code
from weft.pipeline.reuse import Earlier, records_of
from weft.workflows.lineage_files import CommitFiles, Files, TreeFiles
from weft.workflows.parts import Parts
from weft.workflows.stages import RECORD_LIMIT, STAGE_FILE_LIMIT, VALUES_LIMIT, project_here, usable_record
from weft.workflows.targets import decode_pointer, pointer_path


class Scene:
    """One state of a repository. ``commit`` is the full id of the commit that is asked about, empty for the work tree;
    ``parts`` looks into tracked directories, ``notes`` collects what the answers leave open."""

    def __init__(self, git: GitRepo, files: Files, parts: Parts, commit: str = "", start: str = "") -> None:
        self.git = git
        self.files = files
        self.parts = parts
        self.commit = commit
        self.notes: dict[str, None] = {}
        text = files.text(STAGE_FILE, STAGE_FILE_LIMIT)
        self.declared = text is not None
        self._here = project_here(git, start, stagefile.projects(text or b""))
        self.graph = Graph.build(stagefile.decode(text or b"", read=lambda path: files.text(path, VALUES_LIMIT)))
        self._records: dict[str, tuple[Record | None, str]] = {}
        self._pointers: dict[str, Pointer | None] = {}
        self._earlier: dict[str, list[Earlier]] = {}

    def find(self, name: str) -> tuple[str, ...]:
        """The stages that the user means by ``name``. Raises ``NoSuchStage``."""
        return self.graph.find(name, self._here)

    def record(self, name: str) -> tuple[Record | None, str]:
        """The record of a stage, and what is wrong with it; None where there is none that can be used."""
        if name not in self._records:
            try:
                data = self.files.text(record_path(name), RECORD_LIMIT)
                self._records[name] = (None, "") if data is None else usable_record(data, name)
            except WeftError as error:
                self._records[name] = (None, error.message)
        return self._records[name]

    def pointer(self, path: str) -> Pointer | None:
        """The pointer of the tracked ``path``. Raises the refusals of pointers."""
        if path not in self._pointers:
            name = pointer_path(path)
            data = self.files.text(name, trees.POINTER_LIMIT)
            self._pointers[path] = None if data is None else decode_pointer(data, name)
        return self._pointers[path]

    def owner(self, path: str) -> str:
        """The tracked directory that ``path`` lies inside; empty when there is none."""
        while "/" in path:
            path = path.rpartition("/")[0]
            pointer = self.pointer(path)
            if pointer is not None:
                return path if pointer.is_dir else ""
        return ""

    def look(self, path: str) -> Use:
        """What is at ``path``: data, or files that Git keeps; with the kind alone where there is nothing."""
        pointer = self.pointer(path)
        if pointer is not None:
            return Use(path, DATA, str(pointer.oid), pointer.size, pointer.files)
        owner = self.owner(path)
        if owner:
            return Use(path, DATA, inside=owner)
        found = self.files.at_or_below(path)
        code = [name for name in found if name == path or not is_no_code(name)]
        outs = [out for name in self.graph.producers_of(path) for out in self.graph.stages[name].outs]
        cached = any(out.cache and (is_at_or_below(out.path, path) or is_at_or_below(path, out.path)) for out in outs)
        if cached or (found and not code):
            return Use(path, DATA)
        blobs = self.files.blobs(code) if code == [path] else {}
        return Use(path, FILE, blobs.get(path, ""), files=len(code))

    def exists(self, path: str) -> bool:
        """True when ``path`` is there, is tracked, or is named by a stage."""
        if self.pointer(path) is not None or self.files.at_or_below(path) or self.owner(path):
            return True
        stages = self.graph.stages.values()
        named = (name for one in stages for name in (*one.deps, *(out.path for out in one.outs)))
        return any(is_at_or_below(name, path) for name in named)

    def find_run(self, name: str, path: str, oid: str) -> Known | None:
        """The run of the stage ``name`` that wrote ``path`` as ``oid`` (empty: as whatever): the one that is recorded here,
        else one that any other commit tells of."""
        record = self.record(name)[0]
        if record is not None and wrote(record, path, oid):
            return Known(record)
        if oid:
            if name not in self._earlier:
                self._earlier[name] = list(records_of(self.git, name))
            for earlier in self._earlier[name]:
                if wrote(earlier.record, path, oid):
                    return Known(earlier.record, earlier.commit)
            cut = "; history is cut here (a shallow clone)" if cut_commits(self.git) else ""
            self.notes[f"no record says which run of {name} made {path} as {oid[:19]}{cut}: weft repro {name}"] = None
        return None


@contextmanager
def open_scene(start: str, rev: str) -> Iterator[Scene]:
    """The commit ``rev``, or the work tree that ``start`` lies in when it is empty.

    Raises ``NotARepository``, ``NoSuchRevision``, ``GitFailed``, and the refusals of the stage file and of the graph.
    """
    git = discover(start)
    if not rev:
        with Parts(git) as parts:
            yield Scene(git, TreeFiles(git), parts, start=start)
        return
    commit = trees.resolve(git, rev)
    with BlobReader(git) as reader, Parts(git) as parts:
        yield Scene(git, CommitFiles(git, commit, reader), parts, commit, start)
