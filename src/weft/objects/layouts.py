"""Looking up recipes in a layout (``docs/spec/format.md``, Layout)."""

from __future__ import annotations

from collections.abc import Callable

from weft.model.oid import Oid


class LayoutView:
    """The layout of one pointer. ``root`` is None when no object spans several chunks; nodes are read when needed.

    ``read`` returns the bytes of a node of kind layout, verified.
    """

    def __init__(self, root: Oid | None, read: Callable[[Oid], bytes]) -> None:
        self.root = root
        self._read = read

    def recipe_for(self, target: Oid) -> Oid | None:
        """The recipe of ``target``, or None when it is one chunk."""
        raise NotImplementedError
