"""What must not be carried over a fork: locks that another thread held at that moment, descriptors of locked files,
connections. Whoever owns such a thing says here how a child gets it anew.

A fork copies the memory and one thread. A lock that another thread held is held in the child for ever.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

HOLD_SECONDS = 10.0
"""How long a fork waits for a thread that holds a lock over which nobody may fork. Then it goes on."""

_renewals: dict[tuple[int, str], tuple[weakref.ref[Any], Callable[[Any], None]]] = {}
_held: dict[tuple[int, str], tuple[weakref.ref[Any], Callable[[Any], Any]]] = {}
_taken: list[Any] = []


def after_fork(owner: T, renew: Callable[[T], None]) -> None:
    """Call ``renew(owner)`` in every forked child, as long as ``owner`` lives. It may hold on to nothing of ``owner``."""
    _remember(_renewals, owner, renew)


def own(owner: object, name: str, make: Callable[[], T]) -> T:
    """What ``make`` makes, for the attribute ``name`` of ``owner``, which gets another one in every forked child."""
    _remember(_renewals, owner, lambda one: setattr(one, name, make()), name)
    return make()


def own_lock(owner: object, name: str = "_lock") -> threading.Lock:
    """A lock for the attribute ``name`` of ``owner``, which gets another one in every forked child."""
    return own(owner, name, threading.Lock)


def hold_at_fork(owner: T, lock: Callable[[T], Any]) -> None:
    """Fork only while no other thread holds the lock that ``lock(owner)`` tells: what it guards is C code with locks of its
    own, which nobody can renew."""
    _remember(_held, owner, lock)


def _remember(known: dict[tuple[int, str], Any], owner: object, call: Callable[[Any], Any], name: str = "") -> None:
    key = (id(owner), name)
    known[key] = (weakref.ref(owner, lambda _: known.pop(key, None)), call)


def _before() -> None:
    for owner, lock_of in _alive(_held):
        lock = lock_of(owner)
        if lock.acquire(timeout=HOLD_SECONDS):
            _taken.append(lock)


def _in_parent() -> None:
    while _taken:
        _taken.pop().release()


def _in_child() -> None:
    _taken.clear()
    for owner, renew in _alive(_renewals):
        renew(owner)


def _alive(known: dict[tuple[int, str], Any]) -> list[tuple[Any, Callable[[Any], Any]]]:
    return [(owner, call) for ref, call in list(known.values()) if (owner := ref()) is not None]


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
