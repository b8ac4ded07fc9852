"""Standard output and standard error: written to by nobody else."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from weft.cli.text import Paint
from weft.errors import EnvironmentFault

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class OutputClosed(Exception):
    """The reader of standard output has left, as ``head`` does: a reason to stop, and no error."""


class Output:
    """One standard stream. Text that the stream's encoding cannot hold is written as escapes.

    A reader that has left makes further text vanish; other failures, a full disk for one, are raised as ``OSError``.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._given = stream is not None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    @property
    def terminal(self) -> bool:
        """True when a person looks at it."""
        return self._stream is not None and self._stream.isatty()

    @property
    def closed(self) -> bool:
        """True when nobody reads any more, so that work for its sake may stop."""
        return self._stream is None

    def line(self, text: str) -> None:
        """Write ``text`` and a line end."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write ``text``."""
        if self._stream is None:
            return
        try:
            self._stream.write(text)
        except BrokenPipeError:
            self._abandon()
        except OSError:
            self._abandon()
            raise

    def flush(self) -> None:
        """Hand over all text. After a failure nothing is left in a buffer that Python would try again at its end."""
        if self._stream is None:
            return
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._abandon()
        except OSError:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Point the descriptor at the null device, so that what is still buffered can go nowhere and fail nowhere."""
        stream, self._stream = self._stream, None
        try:
            descriptor = stream.fileno() if stream else -1
        except (OSError, ValueError):
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)

    def binary(self) -> BinaryIO:
        """The stream for bytes, a ``Sink``; text written before comes first.

        Raises ``OutputClosed`` when the reader has left, ``EnvironmentFault`` when there never was one.
        """
        if not self._given:
            raise EnvironmentFault(
                "standard output is closed, and what was asked for would go there", hint="add: > FILE"
            )
        self.flush()
        if self._stream is None:
            raise OutputClosed
        return cast(BinaryIO, Sink(self._stream))


class Sink(io.RawIOBase):
    """Standard output as a stream of bytes. Raises ``OutputClosed`` once the reader has left."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._bytes = stream.buffer

    def writable(self) -> bool:
        """It can only be written to."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write all of ``data``."""
        try:
            return self._bytes.write(data)
        except BrokenPipeError as error:
            raise OutputClosed from error

    def flush(self) -> None:
        """Hand over all bytes."""
        try:
            self._bytes.flush()
        except BrokenPipeError as error:
            raise OutputClosed from error


def standard_output() -> Output:
    """The process's standard output."""
    return Output(sys.stdout)


def standard_error() -> Output:
    """The process's standard error."""
    return Output(sys.stderr)


def paint_for(output: Output, environment: dict[str, str]) -> Paint:
    """Colour for ``output``: on a terminal that can show it, unless ``NO_COLOR`` is set (https://no-color.org)."""
    wanted = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return Paint(wanted and output.terminal)
