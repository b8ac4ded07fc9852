"""How much of what a server says is read: as much as was asked for, whatever it announces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from weft.errors import StorageFault
from weft.storage.keys import MAX_UPLOAD

WORDS = 8 << 20
"""Most bytes of a page of a listing, of the facts of an object, and of an error."""
PAGES = 2000
"""Most pages of a listing: two million objects, 64 TiB in full packs."""
TOKEN = 8192
"""Most characters of what a server wants to be asked for the next page."""


async def read_within(read: Callable[[int], Awaitable[bytes]], limit: int) -> bytes:
    """What a stream holds; of one that is longer than ``limit`` one byte more, for the caller to notice."""
    blocks = []
    left = limit + 1
    while left > 0 and (block := await read(left)):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def too_long(place: object, limit: int) -> StorageFault:
    """The error for an answer that goes on beyond what was asked for."""
    return _final(f"{place} sends more than the {limit} bytes that such an answer may have")


def next_page(token: object, seen: set[str], name: str) -> str:
    """The ``token`` of the next page of a listing, added to ``seen``.

    Raises ``StorageFault`` for one that was there before, as a listing without end would follow, and after ``PAGES`` pages.
    """
    if not isinstance(token, str) or not token or len(token) > TOKEN:
        raise _final(f"{name} answered a listing with something else")
    if token in seen:
        raise _final(f"{name} names a page of a listing that it has sent before")
    if len(seen) + 1 >= PAGES:
        raise _final(f"{name} has a listing of more than {PAGES} pages")
    seen.add(token)
    return token


@contextmanager
def well_formed(name: str, what: str) -> Iterator[None]:
    """Raise ``StorageFault`` where the body cannot take what it looks for out of an answer about ``what``."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StorageFault(f"{name} answered {what} with something else") from None


def bounded_response(base: Any) -> type:
    """A subclass of ``aiohttp.ClientResponse`` that reads as much as its request asked for, and nothing that is compressed.

    What somebody stored with a Content-Encoding is small on the way and may be of any size when it is expanded.
    """

    async def start(self: Any, connection: Any) -> Any:
        await base.start(self, connection)
        coding = self.headers.get("Content-Encoding", "identity")
        if coding.lower() != "identity":
            raise _final(
                f"{self.url.origin()} sends a body in another encoding ({coding[:20]!a}), which is not expanded"
            )
        return self

    async def read(self: Any) -> bytes:
        limit = _asked(self)
        body = await read_within(self.content.read, limit)
        if len(body) > limit:
            self.close()
            raise too_long(self.url.origin(), limit)
        self._body = body  # for the other ways to it
        return body

    return type("BoundedResponse", (base,), {"start": start, "read": read})


def _asked(answer: Any) -> int:
    """Most bytes that the answer to a request may have: the length of the range, or of an object."""
    if answer.status >= 300 or answer.url.query.get("alt") != "media":
        return WORDS
    first, _, last = answer.request_info.headers.get("Range", "").removeprefix("bytes=").partition("-")
    return int(last) - int(first) + 1 if first.isdigit() and last.isdigit() else MAX_UPLOAD


def _final(message: str) -> StorageFault:
    fault = StorageFault(message, hint="check the url and the endpoint of the remote with weft remote list -v")
    fault.transient = False
    return fault
