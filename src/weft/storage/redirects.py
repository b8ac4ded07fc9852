"""Keeping requests at the host they were meant for.

aiohttp, which s3fs and gcsfs send with, follows redirects by itself and takes bodies and, to the same host, credentials
along. For S3 a redirect is an error that botocore knows how to read; for GCS one within the same origin is harmless.
"""

from __future__ import annotations

from typing import Any

from weft.errors import DependencyMissing, RemoteRedirect
from weft.storage.bodies import WORDS, read_within, too_long

HINT = "check the url and the endpoint of the remote with weft remote list"
REDIRECTS = frozenset([301, 302, 303, 307, 308])


class _Straight:
    """An ``aiohttp.ClientSession`` whose requests stay where they were sent."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> Any:
        """``ClientSession.request`` that follows nothing. Raises ``RemoteRedirect``.

        An answer that names the region of the bucket passes: botocore turns it into a request to that region's own
        endpoint, made from the region's name and not from what the server says. Others would send it round in circles.
        """
        response = await self._session.request(method, **{**options, "allow_redirects": False})
        if response.status in REDIRECTS and "x-amz-bucket-region" not in response.headers:
            response.close()
            raise RemoteRedirect(
                f"{response.url.origin()} redirects to another place ({response.status}), which is not followed",
                hint=HINT,
            )
        return _Words(response)


class _Words:
    """An ``aiohttp.ClientResponse`` whose ``read`` is bounded. Listings and errors are read so, objects by ``content``."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    async def read(self) -> bytes:
        """The body of a listing or an error. Raises ``StorageFault`` for one that is too long."""
        body = await read_within(self._response.content.read, WORDS)
        if len(body) > WORDS:
            self._response.close()
            raise too_long(self._response.url.origin(), WORDS)
        return body


def straight_session(base: Any) -> type:
    """A subclass of ``aiobotocore.httpsession.AIOHTTPSession`` that follows no redirects.

    Raises ``DependencyMissing`` for a version that is built differently: rather no remote than one that can be led away.
    """
    if not hasattr(base, "_get_session"):
        raise DependencyMissing(
            "this version of aiobotocore is not known to weft: its redirects could not be switched off",
            hint="pip install --upgrade s3fs aiobotocore, in the environment that weft runs in",
        )

    async def get_session(self: Any, *arguments: Any) -> Any:
        return _Straight(await base._get_session(self, *arguments))

    return type("StraightSession", (base,), {"_get_session": get_session})


async def refuse_other_origin(session: Any, context: Any, params: Any) -> None:
    """A callback of ``aiohttp.TraceConfig.on_request_redirect``: raise ``RemoteRedirect`` unless the origin stays."""
    target = params.response.headers.get("Location")
    if target is None:
        return  # 308 is also the answer to a part of a resumable upload, and leads nowhere
    old = params.response.url
    new = old.join(type(old)(target))
    if new.origin() != old.origin():
        raise RemoteRedirect(
            f"the remote redirects from {old.origin()} to {new.origin()}, which is not followed",
            hint=HINT,
        )
