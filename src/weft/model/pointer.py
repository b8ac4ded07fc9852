"""A pointer: the small committed file that stands for data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from weft.model.oid import Oid

SUFFIX = ".weft"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What ``NAME.weft`` says of the data at ``NAME``.

    ``size`` is bytes of content of all files, ``files`` their number (1 for a file). ``layout`` is there only when some
    object below spans several chunks. ``source`` and ``meta`` are the user's and are kept as they are.
    """

    type: Literal["file", "dir"]
    path: str
    oid: Oid
    size: int
    files: int = 1
    layout: Oid | None = None
    executable: bool = False
    source: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_dir(self) -> bool:
        """True for a directory."""
        return self.type == "dir"

    def same_data(self, other: Pointer) -> bool:
        """True when both stand for the same bytes, type and mode."""
        return (self.type, self.oid, self.executable) == (other.type, other.oid, other.executable)
