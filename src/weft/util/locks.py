"""Locks between processes, over ``flock``: the kernel drops them when the holder dies, so none is ever stale."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from types import TracebackType

from weft.errors import LockTimeout
from weft.util.atomic import os_errors
from weft.util.dirfd import open_regular
from weft.util.forking import after_fork
from weft.util.progress import Progress

POLL_SECONDS = 0.05
PATIENCE = 1.0
"""Seconds of waiting after which the user is told for whom."""

# The note about the holder has one fixed size, so that it is replaced by one write and no reader sees half of it.
_NOTE_SIZE = 256


class FileLock:
    """An exclusive or shared lock on the file ``path``, held inside a ``with`` block.

    ``purpose`` tells others what the holder does ("weft add"); ``timeout`` is in seconds, 0 tries once. Whoever listens to
    ``progress`` is told who holds the lock once the wait lasts ``PATIENCE`` seconds. The file is created when absent, with
    its directory, and never removed: two processes could then lock two files of one name. Two locks on one path exclude
    one another inside one process as well. Raises ``LockTimeout``, which names the holder, ``FileTypeRefused`` where
    something else than a file stands, and the errors of ``translate_os_error``.
    """

    def __init__(
        self, path: str, *, purpose: str, timeout: float = 60.0, shared: bool = False, progress: Progress | None = None
    ) -> None:
        self._path = path
        self._purpose = purpose
        self._timeout = timeout
        self._progress = progress
        self._operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._fd = -1

    def __enter__(self) -> FileLock:
        if self._fd >= 0:
            raise RuntimeError(f"the lock {self._path!a} is already held by this object")
        with os_errors("lock", self._path):
            os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
            after_fork(self, FileLock._let_go)
            self._fd, ours = self._open()
            try:
                self._acquire(self._fd)
                if ours:
                    self._write_note(self._fd)
            except BaseException:
                self._let_go()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def _let_go(self) -> None:
        """Close the descriptor, which drops the lock: nobody else has this open file description. A child that was forked
        has it, and must not keep a lock that its parent drops; the lock itself stays its parent's."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _open(self) -> tuple[int, bool]:
        """The descriptor, and whether a note can be written there: another user's file may be only readable, and so is all
        of a read-only file system."""
        try:
            return open_regular(self._path, os.O_RDWR | os.O_CREAT), True
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or not os.path.lexists(self._path):
                raise
            return open_regular(self._path), False

    def _acquire(self, fd: int) -> None:
        start = time.monotonic()
        told = self._progress is None
        while True:
            try:
                fcntl.flock(fd, self._operation | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = time.monotonic() - start
                if waited >= self._timeout:
                    raise self._timed_out(fd) from None
                if not told and waited >= PATIENCE:
                    told = self._tell(fd)
                time.sleep(POLL_SECONDS)
            else:
                return

    def _tell(self, fd: int) -> bool:
        if self._progress is not None:
            self._progress.warn(f"waiting for {_holder(fd)} to finish, for at most {self._timeout:g} seconds")
        return True

    def _write_note(self, fd: int) -> None:
        note = f"{os.getpid()} {self._purpose}".encode("utf-8", "replace")[: _NOTE_SIZE - 1]
        os.pwrite(fd, note.ljust(_NOTE_SIZE - 1) + b"\n", 0)

    def _timed_out(self, fd: int) -> LockTimeout:
        return LockTimeout(
            f"{_holder(fd)} holds the lock {self._path!a}, and did so for all of the {self._timeout:g} seconds waited",
            hint="wait until it has finished, then run the command again",
            path=self._path,
        )


def _holder(fd: int) -> str:
    """Who wrote the note, if that process still lives; of several sharers the last may be gone before the others."""
    pid, _, purpose = os.pread(fd, _NOTE_SIZE, 0).decode("utf-8", "replace").strip().partition(" ")
    if not (pid.isascii() and pid.isdigit() and 0 < int(pid) < 1 << 31):
        return "another process"
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return "another process"
    except PermissionError:
        pass  # alive, and somebody else's
    printable = "".join(char for char in purpose if char.isprintable())
    return f"process {pid} ({printable})"
