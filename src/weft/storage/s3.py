"""S3 and everything that speaks it, through s3fs: one request a call, and every answer checked.

s3fs is used below its path layer where that layer costs requests (a HEAD before every read, a listing after every HEAD
that found nothing) or hides facts (which of key and bucket is missing).
"""

from __future__ import annotations

import base64
import os
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, cast

from weft.errors import CredentialFault, KeyMissing, StorageFault
from weft.storage.base import ObjectStat, Proof
from weft.storage.bodies import next_page, read_within, well_formed
from weft.storage.connection import (
    Connection,
    await_on_loop,
    fetch_file,
    run_on_loop,
    seconds_of,
)
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.keys import MAX_UPLOAD, short_read, too_large
from weft.storage.translate import Context, bucket_missing, translated
from weft.storage.urls import BucketUrl
from weft.util.coldread import ColdReader, aligned

_SENT_AT_ONCE = 256 << 10
AT_ONCE = 3
"""Most files that are in memory to be sent."""


class Body:
    """Bytes in memory as the body of a request, as much of a file as botocore asks for.

    aiohttp would copy a whole ``bytes`` at once into its own buffer, and would read a real file through its pool of threads,
    with two switches between threads for each 256 KiB.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, all to the end when ``size`` is negative."""
        end = len(self._data) if size < 0 else self._place + size
        found = bytes(self._data[self._place : end])
        self._place += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to where the next bytes are read, as a repeated request does."""
        self._place = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: len(self._data)}[whence] + offset
        return self._place

    def tell(self) -> int:
        """Where the next bytes are read."""
        return self._place

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while block := self.read(_SENT_AT_ONCE):
            yield block


class _Rooms:
    """Memory for ``AT_ONCE`` files that are being sent: used again, for fresh memory costs as much as reading does."""

    def __init__(self) -> None:
        self._free: SimpleQueue[memoryview | None] = SimpleQueue()
        for _ in range(AT_ONCE):
            self._free.put(None)

    @contextmanager
    def read(self, path: str, size: int) -> Iterator[memoryview]:
        """The bytes of the file ``path``; waits while as many others are in memory."""
        room = self._free.get()
        try:
            room = room or aligned(MAX_UPLOAD)
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                count = ColdReader(fd).read_into(room[:size], 0)
            finally:
                os.close(fd)
            if count != size:
                raise StorageFault(f"{path} changed from {size} to {count} bytes while it was read")
            yield room[:size]
        finally:
            self._free.put(room)


class S3Driver:
    """A prefix of a bucket. ``connect`` makes an ``s3fs.S3FileSystem`` without caches and retries."""

    def __init__(self, connect: Callable[[], Any], url: BucketUrl, endpoint: str = "") -> None:
        root = f"{url.bucket}/{url.prefix}".rstrip("/")
        at = f" at {endpoint}" if endpoint else ""
        self.context = Context("s3", f"s3://{root}{at}")
        self._connection = Connection(connect, _disconnect)
        self._bucket = url.bucket
        self._prefix = url.prefix + "/" if url.prefix else ""
        self._bucket_seen = False
        self._rooms = _Rooms()

    def _call(self, verb: str, key: str, **more: Any) -> Any:
        return self._connection.system.call_s3(verb, Bucket=self._bucket, Key=self._prefix + key, **more)

    def fetch(self, key: str, start: int, end: int | None) -> bytes:
        """See ``Driver.fetch``."""
        if not start and end is None:
            return self.fetch_small(key, MAX_UPLOAD)
        head = {"Range": f"bytes={start}-" if end is None else f"bytes={start}-{end - 1}"}
        limit = MAX_UPLOAD if end is None else end - start
        data, size = await_on_loop(self._connection.system, self._get(key, limit, head))
        if end is None and max(len(data), size or 0) > limit:
            raise too_large(key, size or len(data), limit)
        return cast("bytes", data)

    def fetch_small(self, key: str, limit: int) -> bytes:
        """See ``Driver.fetch_small``: one request, whether its answer tells the length before its body is read or not."""
        data, size = await_on_loop(self._connection.system, self._get(key, limit, {}))
        if max(len(data), size or 0) > limit:
            raise too_large(key, size or len(data), limit)
        if size is not None and len(data) != size:
            raise short_read(key, size, len(data))
        return cast("bytes", data)

    async def _get(self, key: str, limit: int, head: dict[str, str]) -> tuple[bytes, int | None]:
        """The bytes of an object, at most one more than ``limit``, and how many the server announced."""
        answer = await self._connection.system._call_s3(
            "get_object", Bucket=self._bucket, Key=self._prefix + key, **head
        )
        body, size = answer["Body"], answer.get("ContentLength")
        try:
            return b"" if size is not None and size > limit else await read_within(body.read, limit), size
        finally:
            body.close()

    def fetch_file(self, key: str, path: str) -> int | None:
        """See ``Driver.fetch_file``."""
        return fetch_file(self._connection.system, self._path(key), path)

    def store(self, key: str, data: bytes, only: bool) -> None:
        """See ``Driver.store``."""
        self._put(key, data, zlib.crc32(data), only)

    def store_file(self, key: str, path: str, size: int, only: bool, proof: Proof | None) -> None:
        """Read once, past the page cache where it is not in memory: the packs that are pushed were written so."""
        with self._rooms.read(path, size) as data:
            if proof is not None:
                proof([data])
            self._put(key, Body(data), zlib.crc32(data), only)

    def _put(self, key: str, body: bytes | Body, check: int, only: bool) -> None:
        # The server compares the sum with what arrived, so a body damaged on the way is refused, not stored.
        told = base64.b64encode(check.to_bytes(4, "big")).decode("ascii")
        more = {"IfNoneMatch": "*"} if only else {}
        self._call("put_object", key, Body=body, ChecksumCRC32=told, **more)

    def look(self, key: str) -> ObjectStat | None:
        """See ``Driver.look``."""
        found = self._call("head_object", key)
        with well_formed(self.context.name, f"for {key}"):
            return ObjectStat(key, int(found["ContentLength"]), seconds_of(found))

    def pages(self, prefix: str) -> Iterator[Iterable[ObjectStat]]:
        """See ``Driver.pages``."""
        more: dict[str, str] = {}
        seen: set[str] = set()
        cut = len(self._prefix)
        while True:
            page = self._connection.system.call_s3(
                "list_objects_v2", Bucket=self._bucket, Prefix=self._prefix + prefix, **more
            )
            if "IsTruncated" not in page and "Name" not in page:
                # Any XML parses, a login page too, and would pass for a bucket without objects.
                raise StorageFault(f"{self.context.name} answered a listing with something else")
            with well_formed(self.context.name, "a listing"):
                stats = [
                    ObjectStat(found["Key"][cut:], int(found["Size"]), seconds_of(found))
                    for found in page.get("Contents") or []
                ]
            yield stats
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": next_page(page.get("NextContinuationToken"), seen, self.context.name)}

    def remove(self, key: str) -> None:
        """See ``Driver.remove``."""
        self._call("delete_object", key)

    def confirm_bucket(self) -> None:
        """A HEAD that finds nothing does not say whether the key or the bucket is missing: ask once."""
        if self._bucket_seen:
            return
        try:
            with translated("", self.context):
                self._connection.system.call_s3("head_bucket", Bucket=self._bucket)
        except KeyMissing:
            raise bucket_missing(self.context) from None
        except CredentialFault:
            pass  # an account may be allowed to use the objects of a bucket and not to look at the bucket
        self._bucket_seen = True

    def close(self) -> None:
        """See ``Driver.close``."""
        self._connection.close()

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{self._prefix}{key}"


def _disconnect(system: Any) -> None:
    made = getattr(system, "_s3creator", None)
    if made is not None:
        run_on_loop(system, made.__aexit__(None, None, None))


def s3_storage(connect: Callable[[], Any], url: BucketUrl, endpoint: str = "") -> FsspecStorage:
    """The storage of a prefix of a bucket, reached with what ``connect`` makes."""
    return FsspecStorage(S3Driver(connect, url, endpoint))
