"""The progress protocol: how long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol


class Task(Protocol):
    """One piece of long work. A context manager; leaving it ends the display. Safe to call from several threads."""

    def advance(self, size: int = 0, items: int = 0) -> None:
        """Report ``size`` more bytes and ``items`` more files or objects."""

    def grow(self, size: int = 0, items: int = 0) -> None:
        """Add to the expected totals."""

    def settle(self) -> None:
        """Say that the expected totals grow no more. Those that a task was started with are settled."""

    def __enter__(self) -> Task: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Progress(Protocol):
    """Where tasks and warnings are announced."""

    def task(self, label: str, size: int = 0, items: int = 0, noun: str = "file") -> Task:
        """Start a task; ``size`` (bytes) and ``items`` are the expected totals, 0 when unknown; ``noun`` names an item."""

    def warn(self, message: str, hint: str = "") -> None:
        """Say something the user should know that is no error."""


class _Silent:
    def advance(self, size: int = 0, items: int = 0) -> None:
        """Nothing to tell."""

    def grow(self, size: int = 0, items: int = 0) -> None:
        """Nothing to tell."""

    def settle(self) -> None:
        """Nothing to tell."""

    def __enter__(self) -> Task:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class SilentProgress:
    """Progress that nobody watches; it keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def task(self, label: str, size: int = 0, items: int = 0, noun: str = "file") -> Task:
        """Start a task that reports to nobody."""
        return _Silent()

    def warn(self, message: str, hint: str = "") -> None:
        """Keep the warning."""
        self.warnings.append(message)
