"""The parent's side of the helpers of a large checkout (see ``helper``)."""

from __future__ import annotations

import marshal
import os
import select
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from weft.errors import EnvironmentFault
from weft.util.subproc import Duplex, duplex
from weft.workspace.helper import LENGTH, READY, pack_message

T = TypeVar("T")

Reply = tuple[bool, dict[int, list[tuple[int, bytes]]]]
"""Whether a task was done whole, and what of each part was written: positions and packed status."""

_AHEAD = 2
_PIECE = 1 << 18
_HANDSHAKE_SECONDS = 20.0
# -I and -S: nothing is imported from where the parent would not import it, and no time goes into looking.
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from weft.workspace.helper import serve; serve()"


class _Helper(Generic[T]):
    """One process, what is still to be sent to it, and the tasks that it has not answered."""

    def __init__(self, process: Duplex) -> None:
        self.process = process
        self.tasks: deque[T] = deque()
        self._unsent = bytearray()
        self._received = bytearray()

    @property
    def events(self) -> list[tuple[int, int]]:
        """Descriptors to poll, each with the events wanted."""
        wanted = [(self.process.output, select.POLLIN)]
        return [*wanted, (self.process.input, select.POLLOUT)] if self._unsent else wanted

    def send(self, message: object) -> None:
        self._unsent += pack_message(message)
        self.flush()

    def flush(self) -> None:
        """Write what the pipe takes."""
        try:
            del self._unsent[: os.write(self.process.input, memoryview(self._unsent)[:_PIECE].tobytes())]
        except BlockingIOError:
            pass
        except BrokenPipeError as error:
            raise _died() from error

    def receive(self) -> Iterator[Any]:
        """The messages that are complete by now."""
        piece = os.read(self.process.output, _PIECE)
        if not piece:
            raise _died()
        self._received += piece
        while len(self._received) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._received)[0]
            if len(self._received) < end:
                return
            message = marshal.loads(memoryview(self._received)[LENGTH.size : end].tobytes())  # noqa: S302 (our child)
            del self._received[:end]
            yield message


def _died() -> EnvironmentFault:
    return EnvironmentFault("a process of weft that wrote files was ended from outside", hint="run the command again")


class Helpers(Generic[T]):
    """Processes that write batches of a checkout. A context manager: leaving it ends them, whatever they do.

    ``setup`` is the first message to each (see ``helper.serve``), ``fd`` a descriptor that they inherit. ``started`` is
    False where they could not be started; nothing was done then.
    """

    def __init__(self, count: int, setup: Sequence[object], fd: int) -> None:
        self._helpers: list[_Helper[T]] = []
        self.started = False
        if not sys.executable or not os.path.isabs(sys.executable) or getattr(sys, "frozen", False):
            return
        own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        argv = [sys.executable, "-I", "-S", "-c", _CODE, own, *sys.path]
        try:
            for _ in range(count):
                self._helpers.append(_Helper(duplex(argv, pass_fds=(fd,))))
                self._helpers[-1].send(tuple(setup))
            self._await_ready()
        except EnvironmentFault:
            self.close()
            return
        except BaseException:
            self.close()
            raise
        self.started = True

    def _await_ready(self) -> None:
        waiting = list(self._helpers)
        while waiting:
            for helper in self._poll(waiting, _HANDSHAKE_SECONDS):
                if any(message == READY for message in helper.receive()):
                    waiting.remove(helper)

    def run(self, tasks: Iterable[tuple[T, object]]) -> Iterator[tuple[T, Reply]]:
        """Hand out ``tasks`` (each with the message that says it) and yield each with its reply, as replies come.

        At most two are with a helper at a time. Raises ``EnvironmentFault`` when a helper dies.
        """
        for task, message in tasks:
            while all(len(helper.tasks) >= _AHEAD for helper in self._helpers):
                yield from self._replies(None)
            idle = min(self._helpers, key=lambda helper: len(helper.tasks))
            idle.tasks.append(task)
            idle.send(message)
            yield from self._replies(0.0)
        while any(helper.tasks for helper in self._helpers):
            yield from self._replies(None)

    def _replies(self, timeout: float | None) -> Iterator[tuple[T, Reply]]:
        for helper in self._poll(self._helpers, timeout):
            for message in helper.receive():
                yield helper.tasks.popleft(), message

    def _poll(self, helpers: Sequence[_Helper[T]], timeout: float | None) -> list[_Helper[T]]:
        """Send what can be sent and return the helpers that have said something. Raises ``EnvironmentFault``."""
        poll = select.poll()
        for helper in helpers:
            for fd, events in helper.events:
                poll.register(fd, events)
        ready = {fd for fd, _ in poll.poll(None if timeout is None else timeout * 1000)}
        if timeout and not ready:
            raise _died()
        for helper in helpers:
            if helper.process.input in ready:
                helper.flush()
        return [helper for helper in helpers if helper.process.output in ready]

    def close(self) -> None:
        """End the processes; what they had not finished lies in temporary files."""
        for helper in self._helpers:
            helper.process.close()
        self._helpers = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
