"""What the versions of pointers, records and values files in Git say, each blob read and taken apart once."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.errors import WeftError
from weft.formats import lineage, paramfiles, stagefile
from weft.gitio import partial, trees
from weft.gitio.batch import BlobReader
from weft.gitio.repo import GitRepo
from weft.gitio.trees import is_pointer
from weft.model.lineage import Record, is_record
from weft.model.pointer import Pointer
from weft.model.stage import STAGE_FILE, Stage
from weft.workflows.targets import decode_pointer

LIMIT = lineage.LIMIT
"""Bytes of the largest file that is read here."""

POINTER, RECORD, STAGES, PARAMS, METRICS = "pointer", "record", "stages", "params", "metrics"
"""What a file of a commit is to these questions."""

_KEPT = 16 << 20
NOT_HERE = "it is not in this partial clone"
"""Why a version of a file cannot be told of."""
BRING = "`git fetch --refetch --filter=blob:limit=64k` brings them at once"
"""What is said where versions of files are not here."""


@dataclass
class Declared:
    """The stage files that declared a stage so far, and the params and metrics files in Git that these named."""

    files: set[str] = field(default_factory=lambda: {STAGE_FILE})
    params: set[str] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)

    def learn(self, stages: Mapping[str, Stage]) -> None:
        """Take note of what ``stages`` name."""
        for stage in stages.values():
            self.files.add(stage.file)
            self.params.update(one.file for one in stage.params)
            self.metrics.update(out.path for out in stage.outs if out.kind == "metrics" and not out.cache)

    def kind(self, path: str) -> str:
        """What the file ``path`` is, empty for one that tells nothing here."""
        if path in self.files:
            return STAGES
        if path.endswith(trees.POINTER_SUFFIX):
            return POINTER if is_pointer(path) else ""
        if path in self.params:
            return PARAMS
        if path in self.metrics:
            return METRICS
        return RECORD if is_record(path) else ""


class Versions:
    """Versions of files by blob id. ``read`` brings them, the other methods give them or raise why they cannot.

    ``reader`` reads them, ``here`` is what ``partial.here`` tells.
    """

    def __init__(self, repo: GitRepo, reader: BlobReader) -> None:
        self.reader = reader
        self.here = partial.here(repo)
        self._texts: OrderedDict[str, bytes | str] = OrderedDict()
        self._kept = 0

    def read(self, blobs: Iterable[str]) -> None:
        """Bring ``blobs`` by one question to Git. Raises ``GitFailed``."""
        asked = dict.fromkeys(filter(None, blobs))
        again = [blob for blob in asked if blob in self._texts]
        for blob in again:
            self._texts.move_to_end(blob)
        self._forget(keep=len(again))
        wanted = [blob for blob in asked if blob not in self._texts]
        absent = partial.missing(wanted, self.here)
        present = [blob for blob in wanted if blob not in absent]
        texts = self.reader.read(present, LIMIT) if present else {}
        for blob in wanted:
            reason = NOT_HERE if blob in absent else f"it is larger than {LIMIT} bytes, or Git has lost it"
            self._texts[blob] = texts.get(blob, reason)
            self._kept += len(self._texts[blob])

    def _forget(self, keep: int) -> None:
        # Only what an earlier question brought: what is asked for now must be here until it was looked at.
        while self._kept > _KEPT and len(self._texts) > keep:
            _, text = self._texts.popitem(last=False)
            self._kept -= len(text)

    def held(self, blob: str) -> bytes | None:
        """The bytes of ``blob`` where they were brought already."""
        found = self._texts.get(blob)
        return found if isinstance(found, bytes) else None

    def text(self, blob: str, path: str) -> bytes:
        """The bytes of ``blob``, a version of ``path``. Raises ``Unreadable``."""
        found = self._texts.get(blob, "it was not read")
        if isinstance(found, str):
            raise Unreadable(path, found)
        return found

    def pointer(self, blob: str, path: str) -> Pointer:
        """A version of the pointer file ``path``. Raises ``Unreadable``."""
        text = self.text(blob, path)
        try:
            return decode_pointer(text, path)
        except WeftError as error:
            raise Unreadable(path, error.message) from error

    def record(self, blob: str, path: str) -> Record:
        """A version of the record at ``path``, its digest not looked at. Raises ``Unreadable``."""
        text = self.text(blob, path)
        try:
            return lineage.decode(text, what=path)
        except WeftError as error:
            raise Unreadable(path, error.message) from error

    def digest_fits(self, blob: str, path: str, record: Record) -> bool:
        """True when the digest that a record of ``record`` holds recomputes from its text. Raises ``Unreadable``."""
        return record.digest == lineage.digest_of_text(self.text(blob, path))

    def values(self, blob: str, path: str) -> dict[str, Any]:
        """The values of a version of the params or metrics file ``path``, by dotted key. Raises ``Unreadable``."""
        text = self.text(blob, path)
        try:
            return {key: plain_value(value) for key, value in paramfiles.sure_values(text, path).items()}
        except WeftError as error:
            raise Unreadable(path, error.message) from error

    def stages(self, blob: str, find: Callable[[str], str]) -> dict[str, Stage]:
        """The stages of a version of ``weft.yaml``; ``find`` gives the blob id of another file that is read for them, empty
        for one that is not there. Raises ``Unreadable``."""
        text = self.text(blob, STAGE_FILE)
        try:
            return stagefile.decode(text, read=self._reading(find))
        except WeftError as error:
            raise Unreadable(STAGE_FILE, error.message) from error

    def stages_alone(
        self, blob: str, find: Callable[[str], str], path: str
    ) -> tuple[dict[str, Stage], tuple[str, ...]]:
        """The stages that a version of the stage file ``path`` declares itself, and the projects that it names."""
        text, folder = self.text(blob, path), path.rpartition("/")[0]
        try:
            found = stagefile.decode_file(text, read=self._reading(find), folder=folder)
            return found, () if folder else stagefile.projects(text)
        except WeftError as error:
            raise Unreadable(path, error.message) from error

    def _reading(self, find: Callable[[str], str]) -> stagefile.ReadFile:
        def read(path: str) -> bytes | None:
            known = find(path)
            if not known:
                return None
            if partial.missing([known], self.here):
                raise Unreadable(path, NOT_HERE)
            return self.reader.read([known], LIMIT).get(known)  # not kept: what was asked for before must stay

        return read


class Unreadable(Exception):
    """A version of the file ``path`` tells nothing, for ``reason``."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


def plain_value(value: Any) -> Any:
    """NaN and infinities by name, in lists too: JSON has none, and NaN would differ from itself."""
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def plain_files(files: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """``plain_value`` for the values of several files."""
    return {name: {key: plain_value(value) for key, value in found.items()} for name, found in files.items()}


def differ(one: Any, other: Any) -> bool:
    """True for two different values: 1 and 1.0 are one number, True and 1 are two values."""
    return one != other or isinstance(one, bool) != isinstance(other, bool)


def below(path: str, wanted: str) -> bool:
    """True when ``path`` is ``wanted`` or lies inside it; everything lies inside the empty path."""
    return not wanted or path == wanted or path.startswith(wanted + "/")
