"""Which part of a tracked directory is meant."""

from __future__ import annotations

from collections.abc import Iterable

from weft.errors import NoSuchPath, quoted
from weft.workspace.names import join_path


class Selection:
    """Sub-paths of a tracked directory; None means all of it."""

    def __init__(self, subpaths: Iterable[str] | None = None) -> None:
        self._wanted = None if subpaths is None else set(subpaths)
        self._above = {path[:at] for path in self._wanted or () for at, char in enumerate(path) if char == "/"}
        self._met: set[str] = set()

    @property
    def whole(self) -> bool:
        """True when everything is meant."""
        return self._wanted is None

    def enters(self, path: str) -> bool:
        """True when something in the directory ``path`` is meant."""
        return self.takes(path) or path in self._above

    def takes(self, path: str) -> bool:
        """True when ``path`` and everything below it is meant."""
        if self._wanted is None:
            return True
        at = len(path)
        while at > 0:
            if path[:at] in self._wanted:
                self._met.add(path[:at])
                return True
            at = path.rfind("/", 0, at)
        return False

    def filter(self, directory: str, names: Iterable[str]) -> set[str]:
        """Those of ``names`` in ``directory`` that are meant, or have something below them that is."""
        if self._wanted is None or (directory and self.takes(directory)):
            return set(names)
        return {name for name in names if self.enters(join_path(directory, name))}

    def refuse_unmet(self, top: str) -> None:
        """Raise ``NoSuchPath`` for a sub-path that nothing was asked about."""
        for path in sorted((self._wanted or set()) - self._met):
            shown = join_path(top, path)
            raise NoSuchPath(f"the tracked data holds no {shown!a}", hint=f"weft ls {quoted(top)}", path=shown)
