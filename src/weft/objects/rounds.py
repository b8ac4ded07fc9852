"""A round of proving packs that may take several runs: where it stopped, and what it found (``.git/weft/verify.json``).

The file is a note of this clone, not data: one that is gone or damaged only makes the next round begin anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from weft.errors import WeftError
from weft.formats.canonical import json_bytes, load_json
from weft.model.oid import Oid
from weft.util.atomic import write_atomic
from weft.util.dirfd import open_regular

_LIMIT = 64 << 20


class Round:
    """One round over packs in the order of their names, called ``key`` in the file ``path`` ("" keeps nothing).

    ``seconds`` (None: no limit) is how long this run may take; at least one pack is proved whatever it is. A context
    manager: leaving it, however that happens, keeps what was done. ``begun`` is when the round began, in seconds since the
    epoch, ``left`` how many packs this run did not come to, ``before`` how many earlier runs had proved.
    """

    def __init__(self, path: str = "", key: str = "", *, seconds: float | None = None, restart: bool = False) -> None:
        self.left = 0
        self.before = 0
        self._path = path
        self._key = key
        self._end = None if seconds is None else time.monotonic() + seconds
        saved = {} if restart or not path else _read(path).get(key, {})
        self._after = _oid(saved.get("after"))
        self._bad = {oid for text in saved.get("bad", ()) if (oid := _oid(text)) is not None}
        begun = saved.get("begun")
        self.begun = float(begun) if isinstance(begun, int | float) else time.time()

    def choose(self, names: Iterable[Oid]) -> Iterator[Oid]:
        """Those of ``names`` to prove now, until the time is up: what was bad before first, then what the round has not come
        to."""
        every = sorted(names)
        todo = [name for name in every if self._after is None or name > self._after]
        self.before = len(every) - len(todo)
        again = sorted(self._bad.intersection(every).difference(todo))
        self._bad.intersection_update(again)
        yield from again
        for number, name in enumerate(todo):
            if number and self._end is not None and time.monotonic() >= self._end:
                self.left = len(todo) - number
                return
            yield name

    def done(self, name: Oid, good: bool) -> None:
        """Note that a pack was proved; to be called in the order in which ``choose`` named them."""
        if good:
            self._bad.discard(name)
        else:
            self._bad.add(name)
        if self._after is None or name > self._after:
            self._after = name

    def forgive(self, name: Oid) -> None:
        """Note that a pack was mended."""
        self._bad.discard(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._path:
            return
        state = _read(self._path)
        state.pop(self._key, None)
        if self._after is not None and (self.left or kind is not None):
            bad = sorted(name.hex() for name in self._bad)
            state[self._key] = {"after": self._after.hex(), "bad": bad, "begun": self.begun}
        if state or os.path.lexists(self._path):
            write_atomic(self._path, json_bytes(state))


def _read(path: str) -> dict[str, Any]:
    try:
        with open(open_regular(path), "rb") as file:
            value = load_json(file.read(_LIMIT), _LIMIT, what="verify.json")
    except (FileNotFoundError, WeftError):
        return {}
    return {key: found for key, found in value.items() if isinstance(found, dict)} if isinstance(value, dict) else {}


def _oid(text: object) -> Oid | None:
    with suppress(WeftError):
        return Oid.parse_hex(text) if isinstance(text, str) else None
    return None
