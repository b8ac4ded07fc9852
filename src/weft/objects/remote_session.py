"""Sessions: how a push tells a garbage collector that it is going on (``docs/spec/protocols.md``, collection on a remote).

A collector deletes nothing that was condemned while a session was there, until that session has ended. One that is older
than ``LIFE`` counts as left behind by a push that was killed, and is removed, before the collector looks for roots. So a
push that took long looks, after it has written its roots, whether its session is still there: if so, any collector that
removes it later sees the roots.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import uuid4

from weft.errors import WeftError
from weft.formats import session as session_format
from weft.objects import remote_keys as keys
from weft.storage.base import Storage
from weft.util.clock import Clock

LIFE = 7 * 86400.0
"""Seconds after which a session counts as left behind."""
SURE = 3600.0
"""Seconds for which nobody can have taken a session for that, whatever is wrong with the clocks."""


class Session:
    """One session of the repository ``repo``. ``key`` is where it lies."""

    def __init__(self, storage: Storage, repo: str, clock: Clock, kind: str = session_format.PUSH) -> None:
        self._storage = storage
        self._note = session_format.encode(kind, repo)
        self._clock = clock
        self._began = 0.0
        self.key = ""

    def begin(self) -> None:
        """Announce it, under a name of its own."""
        self.key = keys.SESSIONS + uuid4().hex
        self._began = self._clock.now()
        self._storage.write(self.key, self._note, create=True)

    def lapsed(self) -> bool:
        """Whether somebody took this session away; then another one has begun, and what was relied on is to be looked at
        again."""
        if abs(self._clock.now() - self._began) <= SURE or self._storage.stat(self.key) is not None:
            return False
        self.begin()
        return True

    def end(self) -> None:
        """Take it away. One that stays, as where nobody may delete, costs nothing but the delay of a later collection."""
        with suppress(WeftError):
            self._storage.delete(self.key)
