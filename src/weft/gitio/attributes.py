"""The ``.gitattributes`` lines that keep Git from changing the line ends of weft's text files."""

from __future__ import annotations

from collections.abc import Sequence

from weft.gitio.lines import add_lines


def ensure_attributes(root: str, lines: Sequence[str]) -> bool:
    """Append those of ``lines`` that ``.gitattributes`` at ``root`` does not hold yet; True when it changed.

    Raises as ``add_lines`` does.
    """
    return add_lines(root, ".gitattributes", [line.encode("utf-8") for line in lines])
