"""Azure Blob Storage through adlfs and the library of Microsoft below it.

adlfs finds the account and the credentials, by its own environment variables and those of Azure; the requests are the
library's own, each made once, since ``RetryingStorage`` alone decides on retries. What is stored is a single "Put Blob",
which is atomic and knows create-only.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

from weft.errors import ConfigError, CredentialFault
from weft.storage.base import ObjectStat, Proof
from weft.storage.bodies import next_page, well_formed
from weft.storage.connection import Connection, await_on_loop, fetch_within, run_on_loop
from weft.storage.descriptors import prove_file
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.keys import MAX_UPLOAD, check_key, too_large
from weft.storage.translate import Context
from weft.storage.urls import redact
from weft.util.forking import own

T = TypeVar("T")

UPLOADS = 4
"""Files that are sent at once: the library reads each of them into memory."""
_ONCE = {"retry_total": 0, "permit_redirects": False}
_ACCOUNT = re.compile(r"([a-z0-9]{3,24})\.(?:dfs|blob)\.core\.windows\.net", re.ASCII)
_NAME = re.compile(r"\$?[a-z0-9](?:[a-z0-9-]{1,62})", re.ASCII)


class Container(NamedTuple):
    """A container and the prefix in it (no ``/`` at either end); ``account`` is empty where the environment names it."""

    name: str
    prefix: str
    account: str


def container_of(url: str) -> Container:
    """Take ``az://CONTAINER/PREFIX`` or ``abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX`` apart.

    Raises ``ConfigError``, and ``check_key``'s errors.
    """
    host, _, path = url.split("://", 1)[1].partition("/")
    name, at, server = host.partition("@")
    account = _ACCOUNT.fullmatch(server)
    if not _NAME.fullmatch(name) or (at and not account) or "?" in url or "#" in url:
        raise ConfigError(
            f"not a container of Azure: {host[:80]!a}",
            hint="weft remote add NAME az://CONTAINER/PATH, or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH",
        )
    prefix = path.strip("/")
    if prefix:
        check_key(prefix)
    return Container(name, prefix, account.group(1) if account else "")


class AzureDriver:
    """A prefix of a container. ``connect`` makes an ``adlfs.AzureBlobFileSystem``."""

    def __init__(
        self, connect: Callable[[], Any], container: Container, context: Context, patience: tuple[int, int]
    ) -> None:
        self.context = context
        self._connection = Connection(partial(_opened, connect, context), _disconnect)
        self._uploads = own(self, "_uploads", partial(threading.BoundedSemaphore, UPLOADS))
        self._container = container.name
        self._prefix = container.prefix + "/" if container.prefix else ""
        self._more: dict[str, Any] = {**_ONCE, "connection_timeout": patience[0], "read_timeout": patience[1]}

    def fetch(self, key: str, start: int, end: int | None) -> bytes:
        """See ``Driver.fetch``."""
        data = bytearray()
        limit = MAX_UPLOAD if end is None else end - start
        self._read(key, start, None if end is None else limit, limit, data.extend)
        if len(data) > limit:
            raise too_large(key, len(data), limit)
        return bytes(data)

    def fetch_small(self, key: str, limit: int) -> bytes:
        """See ``Driver.fetch_small``; the size is asked for first."""
        return fetch_within(self, key, limit)

    def fetch_file(self, key: str, path: str) -> int | None:
        """See ``Driver.fetch_file``."""
        with open(path, "wb") as file:
            size = self._read(key, 0, None, MAX_UPLOAD, file.write)
            if file.tell() > MAX_UPLOAD:
                raise too_large(key, file.tell(), MAX_UPLOAD)
        return size

    def _read(self, key: str, start: int, length: int | None, limit: int, take: Callable[[bytes], object]) -> int:
        """Give ``take`` the bytes of a blob, at most a block more than ``limit``; returns the size that was announced."""

        async def work(client: Any) -> int:
            blob = client.get_blob_client(self._prefix + key)
            # Without a length the offset may not be missing, and without both the whole is asked for.
            place = {} if not start and length is None else {"offset": start, "length": length}
            answer = await blob.download_blob(**place, max_concurrency=1, decompress=False, **self._more)
            got = 0
            if length is None and answer.size > limit:
                raise too_large(key, answer.size, limit)
            async for block in answer.chunks():
                take(block)
                got += len(block)
                if got > limit:
                    break
            return int(answer.size)

        return self._do(work)

    def store(self, key: str, data: bytes, only: bool) -> None:
        """See ``Driver.store``."""
        self._put(key, data, len(data), only)

    def store_file(self, key: str, path: str, size: int, only: bool, proof: Proof | None) -> None:
        """See ``Driver.store_file``."""
        prove_file(path, proof)
        with self._uploads, open(path, "rb") as file:
            self._put(key, file, size, only)

    def _put(self, key: str, body: Any, size: int, only: bool) -> None:
        self._do(
            lambda client: client.upload_blob(
                self._prefix + key, body, length=size, overwrite=not only, max_concurrency=1, **self._more
            )
        )

    def look(self, key: str) -> ObjectStat | None:
        """See ``Driver.look``; with a "hierarchical namespace" a folder is there too."""
        found = self._do(lambda client: client.get_blob_client(self._prefix + key).get_blob_properties(**self._more))
        return None if _is_folder(found) else ObjectStat(key, int(found.size), found.last_modified.timestamp())

    def pages(self, prefix: str) -> Iterator[Iterable[ObjectStat]]:
        """See ``Driver.pages``."""
        cut, seen, token = len(self._prefix), set[str](), None
        while True:

            async def page(client: Any, token: Any = token) -> tuple[list[Any], Any]:
                listing = client.list_blobs(name_starts_with=self._prefix + prefix, include=["metadata"], **self._more)
                pages = listing.by_page(continuation_token=token)
                try:
                    return [blob async for blob in await anext(pages)], pages.continuation_token
                except StopAsyncIteration:
                    return [], None

            found, token = self._do(page)
            with well_formed(self.context.name, "a listing"):
                yield [
                    ObjectStat(blob.name[cut:], int(blob.size or 0), blob.last_modified.timestamp())
                    for blob in found
                    if not _is_folder(blob)
                ]
            if not token:
                return
            token = next_page(token, seen, self.context.name)

    def remove(self, key: str) -> None:
        """See ``Driver.remove``."""
        self._do(lambda client: client.delete_blob(self._prefix + key, **self._more))

    def confirm_bucket(self) -> None:
        """The answer to a missing container has a code of its own."""

    def close(self) -> None:
        """See ``Driver.close``."""
        self._connection.close()

    def _do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        system = self._connection.system

        async def run() -> T:
            return await work(system.service_client.get_container_client(self._container))

        return cast("T", await_on_loop(system, run()))


def _opened(connect: Callable[[], Any], context: Context) -> Any:
    try:
        return connect()
    except ValueError as error:
        said = " ".join(str(error).split())
        raise CredentialFault(f"no account for {context.name}: {redact(said)[:200]}", hint=context.hint) from None


def _disconnect(system: Any) -> None:
    async def end() -> None:
        await system.service_client.close()
        if system.credential is not None and hasattr(system.credential, "close"):
            await system.credential.close()

    run_on_loop(system, end())


def _is_folder(blob: Any) -> bool:
    return (blob.metadata or {}).get("hdi_isfolder") == "true"


def azure_storage(
    connect: Callable[[], Any], container: Container, name: str, patience: tuple[int, int]
) -> FsspecStorage:
    """The storage of a prefix of a container, reached with what ``connect`` makes."""
    # Their loggers print on stderr where no handler is set; the errors reach the user through ours.
    for logger in ("azure", "adlfs"):
        logging.getLogger(logger).addHandler(logging.NullHandler())
    return FsspecStorage(AzureDriver(connect, container, Context("az", name), patience))
