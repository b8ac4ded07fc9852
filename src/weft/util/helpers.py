"""Processes of weft's own that do a part of a command's work, where threads would wait for one interpreter lock.

A helper is a module with a function ``serve``: it reads a first message that sets it up, says ``READY``, and then answers
each task that its standard input brings. It ends where its input ends, also because its parent died.
"""

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
from weft.util.messages import LENGTH, READY, pack_message
from weft.util.subproc import Duplex, duplex

T = TypeVar("T")

AHEAD = 2
"""Most tasks that are with one helper: the one it works at, and the next."""
_PIECE = 1 << 18
_HANDSHAKE_SECONDS = 20.0
# -I and -S: nothing is imported from where the parent would not import it, and no time goes into looking.
# Nearly all that a helper makes is gone with the task: looking for garbage as often as Python does finds none.
_CODE = (
    "import gc, sys; gc.set_threshold(50_000); sys.path[:] = sys.argv[2:];"
    " __import__(sys.argv[1], fromlist=['serve']).serve()"
)


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
    return EnvironmentFault("a process of weft was ended from outside", hint="run the command again")


class Helpers(Generic[T]):
    """Processes that run ``serve`` of ``module``. A context manager: leaving it ends them, whatever they do.

    ``setup`` is the first message to each, ``fds`` are descriptors that they inherit. With ``wait`` they have answered when
    this returns, and ``started`` is False where they could not be started; without it, ``started`` tells who has answered
    by now, and those that never do are never given anything.
    """

    def __init__(
        self, module: str, count: int, setup: Sequence[object], fds: Sequence[int], *, wait: bool = True
    ) -> None:
        self._helpers: list[_Helper[T]] = []
        self._starting: list[_Helper[T]] = []
        if not sys.executable or not os.path.isabs(sys.executable) or getattr(sys, "frozen", False):
            return
        own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        argv = [sys.executable, "-X", "utf8", "-I", "-S", "-c", _CODE, module, own, *sys.path]
        try:
            for _ in range(count):
                self._starting.append(_Helper(duplex(argv, pass_fds=fds)))
                self._starting[-1].send(tuple(setup))
            while wait and self._starting:
                self._greet(_HANDSHAKE_SECONDS)
        except EnvironmentFault:
            self.close()
        except BaseException:
            self.close()
            raise

    @property
    def started(self) -> bool:
        """True when at least one takes tasks."""
        return bool(self._helpers)

    def _greet(self, timeout: float) -> None:
        """Take those that have said that they are ready. Raises ``EnvironmentFault``."""
        for helper in self._poll(self._starting, timeout):
            if any(message == READY for message in helper.receive()):
                self._starting.remove(helper)
                self._helpers.append(helper)

    def run(self, tasks: Iterable[tuple[T, object]]) -> Iterator[tuple[T, Any]]:
        """Hand out ``tasks`` (each with the message that says it) and yield each with its reply, as replies come.

        Raises ``EnvironmentFault`` when a helper dies.
        """
        for task, message in tasks:
            while not self.has_room():
                yield from self.replies(None)
            self.give(task, message)
            yield from self.replies(0.0)
        yield from self.rest()

    def has_room(self) -> bool:
        """True when a helper would take another task by now."""
        if self._starting:
            self._look()
        return any(len(helper.tasks) < AHEAD for helper in self._helpers)

    def _look(self) -> None:
        try:
            self._greet(0.0)
        except EnvironmentFault:
            # One that cannot start is no loss: it was given nothing.
            for helper in self._starting:
                helper.process.close()
            self._starting.clear()

    def give(self, task: T, message: object) -> None:
        """Hand ``task`` to the least busy helper; ``has_room`` must have said so."""
        idle = min(self._helpers, key=lambda helper: len(helper.tasks))
        idle.tasks.append(task)
        idle.send(message)

    def replies(self, timeout: float | None) -> Iterator[tuple[T, Any]]:
        """Tasks that are answered, with their replies; waits ``timeout`` seconds for one (None: as long as needed)."""
        for helper in self._poll(self._helpers, timeout):
            for message in helper.receive():
                yield helper.tasks.popleft(), message

    def rest(self) -> Iterator[tuple[T, Any]]:
        """Wait for all that was handed out."""
        while any(helper.tasks for helper in self._helpers):
            yield from self.replies(None)

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
        """End the processes, whatever they do."""
        for helper in self._helpers + self._starting:
            helper.process.close()
        self._helpers, self._starting = [], []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
