"""Many questions about blobs to one ``git cat-file`` process: sizes first, bytes of those that are small enough.

Git 2.36 has ``--batch-command``, which answers both; an older one needs a process for each kind of question, and gets
few questions at a time, for it answers while it is still asked.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import IO, TypeVar, cast

from weft.errors import GitFailed
from weft.gitio.repo import GitRepo
from weft.util.atomic import os_errors

T = TypeVar("T")
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_USAGE = 129
_OLD_OPTIONS = {"info": "--batch-check", "contents": "--batch"}
# Answers to this many questions fit into a pipe that nobody reads yet; those to "contents" may be of any length.
_OLD_STEPS = {"info": 400, "contents": 1}


class BlobReader:
    """Reads blobs by their full ids inside a ``with`` block. The process starts with the first question.

    ``processes`` counts those that were started.
    """

    def __init__(self, repo: GitRepo) -> None:
        self._repo = repo
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands = True
        self.processes = 0

    def __enter__(self) -> BlobReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running.values():
            _end(process, kill=kind is not None)
        self._running.clear()

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """Blob id to number of bytes; ids that Git does not have as blobs are left out. Raises ``GitFailed``."""
        found = {}
        for blob, words in self._answers("info", _checked(blobs), lambda output: output.readline().split()):
            if len(words) < 2:
                raise _ended()
            if words[1] == b"blob":
                found[blob] = int(words[2])
        return found

    def at(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """Path to the blob id of the file that ``commit`` (a full id, or HEAD) has there; paths where it has none, and those
        with a line feed, which cannot be asked for, are left out. Raises ``GitFailed``."""
        wanted = [f"{commit}:{path}" for path in paths if "\n" not in path]
        found = {}
        for name, words in self._answers("info", wanted, lambda output: output.readline().split(), old_step=10):
            if not words:
                raise _ended()
            if words[1:2] == [b"blob"] and _ID.fullmatch(words[0].decode("ascii", "replace")):
                found[name[len(commit) + 1 :]] = words[0].decode("ascii")
        return found

    def read(self, blobs: Iterable[str], limit: int) -> dict[str, bytes]:
        """Blob id to bytes; blobs over ``limit`` bytes, and those that Git does not have, are left out.

        Raises ``GitFailed``.
        """
        wanted = [blob for blob, size in self.sizes(blobs).items() if size <= limit]
        return dict(self._answers("contents", wanted, _content))

    def trees(self, names: Iterable[str]) -> dict[str, bytes]:
        """The rows of directories as Git keeps them, by the name that each was asked for by: the id of a tree, or
        COMMIT^{tree}; those that Git does not have are left out. Raises ``GitFailed``."""
        wanted = list(dict.fromkeys(names))
        found = dict(self._answers("contents", wanted, _content_or_none))
        return {name: data for name, data in found.items() if data is not None}

    def _answers(
        self, command: str, wanted: list[str], read: Callable[[IO[bytes]], T], old_step: int = 0
    ) -> Iterator[tuple[str, T]]:
        while wanted:
            step = len(wanted) if self._commands else old_step or _OLD_STEPS[command]
            some, wanted = wanted[:step], wanted[step:]
            output = self._send(command, some)
            if output is None:
                wanted = some + wanted
                continue
            for blob in some:
                yield blob, read(output)

    def _send(self, command: str, wanted: list[str]) -> IO[bytes] | None:
        """Write the questions; where the answers are read from, None when this Git does not know the question."""
        process = self._process(command)
        lead = f"{command} " if self._commands else ""
        text = "".join(f"{lead}{blob}\n" for blob in wanted) + ("flush\n" if self._commands else "")
        pipe, output = cast(IO[bytes], process.stdin), cast(io.BufferedReader, process.stdout)
        with contextlib.suppress(BrokenPipeError):
            pipe.write(os.fsencode(text))
            pipe.flush()
        if output.peek(1):
            return output
        if process.wait() != _USAGE or not self._commands:
            raise _ended()
        self.__exit__(None, None, None)
        self._commands = False
        return None

    def _process(self, command: str) -> subprocess.Popen[bytes]:
        options = ("--batch-command", "--buffer") if self._commands else (_OLD_OPTIONS[command],)
        running = self._running.get(options[0])
        if running is None:
            argv = self._repo.argv("cat-file", *options)
            with os_errors("run", self._repo.program):
                running = subprocess.Popen(
                    argv, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            self._running[options[0]] = running
            self.processes += 1
        return running


def _content(output: IO[bytes]) -> bytes:
    data = _content_or_none(output)
    if data is None:
        raise _ended()
    return data


def _content_or_none(output: IO[bytes]) -> bytes | None:
    words = output.readline().split()
    if words[-1:] == [b"missing"]:
        return None
    if len(words) != 3:
        raise _ended()
    size = int(words[2])
    data = output.read(size + 1)
    if len(data) != size + 1:
        raise _ended()
    return data[:-1]


def _ended() -> GitFailed:
    return GitFailed("git cat-file ended in the middle of its answer", hint="run `git fsck`")


def _end(process: subprocess.Popen[bytes], *, kill: bool) -> None:
    if kill:
        process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(BrokenPipeError):
            cast(IO[bytes], pipe).close()
    process.wait()


def _checked(blobs: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(blobs))
    for blob in wanted:
        if not _ID.fullmatch(blob):
            raise ValueError(f"{blob!a} is no full object id of Git")
    return wanted
