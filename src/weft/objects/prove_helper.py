"""Proving packs that came from a remote in processes of their own.

While packs come in, one thread of Python is busy with the network. Proving hashes each object alone, and after each hash a
thread has to wait until that one gives the interpreter lock away.
"""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue

from weft.errors import EnvironmentFault, WeftError
from weft.model.oid import Oid
from weft.objects.catalog import HELPER_CACHE_KIB, Catalog
from weft.objects.pack_check import verify_pack
from weft.util.helpers import Helpers
from weft.util.messages import READY, receive, send


class PackProvers:
    """At most ``count`` helpers, started when they are first needed. Safe from any thread."""

    def __init__(self, catalog: str, count: int) -> None:
        self._catalog = catalog
        self._idle: SimpleQueue[Helpers[Oid] | None] = SimpleQueue()
        for _ in range(count):
            self._idle.put(None)

    def prove(self, path: str, name: Oid) -> bool:
        """Whether the file ``path`` is the pack ``name`` of the catalog, frame by frame.

        False when that was not proved, for whatever reason: the caller does it then, and meets the error.
        """
        helper = self._idle.get()
        try:
            if helper is None:
                helper = Helpers("weft.objects.prove_helper", 1, (self._catalog,), [])
            return helper.started and [reply for _, reply in helper.run([(name, (path, bytes(name)))])] == [True]
        except EnvironmentFault:
            return False
        finally:
            self._idle.put(helper)

    def close(self) -> None:
        """End the processes. One that still works, after a Ctrl-C, ends with this process; nobody may ask from now on."""
        with suppress(Empty):
            while True:
                helper = self._idle.get_nowait()
                if helper is not None:
                    helper.close()


def serve(given: int = 0, answers: int = 1) -> None:
    """Answer the tasks that come in at the descriptor ``given`` until it ends.

    The first message is the path of the catalog. A task is the path of a file and the name of the pack that it should be;
    the reply is True when it is that pack.
    """
    setup = receive(given)
    if setup is None:
        return
    with Catalog(setup[0], HELPER_CACHE_KIB) as catalog:
        send(answers, READY)
        while (task := receive(given)) is not None:
            path, name = task
            send(answers, _proved(catalog, path, Oid(name)))


def _proved(catalog: Catalog, path: str, name: Oid) -> bool:
    try:
        pack = catalog.pack_frames(name)
        if pack is None:
            return False
        verify_pack(path, pack, path)
    except (WeftError, OSError):
        return False
    return True
