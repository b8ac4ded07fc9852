"""A helper of a large checkout: a process of its own that writes batches of files which its parent hands to it.

Threads of one Python write small files no faster than one thread does, for most of the time is spent in Python itself.
Standard input brings tasks, standard output takes replies (see ``util.messages``). The end of the input is the end of the
work, and when the parent dies no file gets its name any more: the lock of the work tree went with it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from weft.errors import WeftError
from weft.model.entry import Entry
from weft.model.oid import Oid
from weft.objects.catalog import HELPER_CACHE_KIB, Catalog, Location
from weft.objects.store import LocalStore
from weft.util.messages import READY, receive, send
from weft.workspace.batch import BatchWriter, Part
from weft.workspace.linking import Linker
from weft.workspace.places import Places


def serve(given: int = 0, answers: int = 1) -> None:
    """Answer the tasks that come in at the descriptor ``given`` until it ends.

    The first message is the descriptor of the top of the work tree, the tracked path, the store, its catalog, the layout,
    and how files are made from which size on.
    A task is a list of parts. The reply says whether all went well, and for each part the positions of the entries that
    were written and their packed status; after an error the parent does the rest itself, and meets the error.
    """
    setup = receive(given)
    if setup is None:
        return
    top_fd, base, root, catalog, layout, kind, least = setup
    parent = os.getppid()

    def may() -> None:
        if os.getppid() != parent:
            sys.exit()

    with _PlainStore(root, Catalog(catalog, HELPER_CACHE_KIB)) as store:
        linker = Linker(kind, least, store, store.layout(Oid(layout) if layout else None), may)
        writer = BatchWriter(store, linker.layout, Places(top_fd, base), linker, may)
        send(answers, READY)
        while (task := receive(given)) is not None:
            send(answers, _write(writer, task))


class _PlainStore(LocalStore):
    """A store that only reads. What is damaged, or not in the catalog, is dealt with once, by the parent."""

    def _damaged(self, location: Location, error: Exception) -> bool:
        return False

    def _catch_up(self, *, always: bool = False) -> bool:
        return False


def _write(writer: BatchWriter, task: list[Any]) -> tuple[bool, dict[int, list[tuple[int, bytes]]]]:
    parts = [
        Part(path, [Entry(kind, Oid(oid), size, 1, name) for kind, oid, size, name in entries], replaced)
        for path, entries, replaced in task
    ]
    done: dict[int, list[tuple[int, bytes]]] = {}
    try:
        writer.write(parts, lambda number, made: done.update({number: list(made)}))
    except (WeftError, OSError):
        return False, done
    return True, done
