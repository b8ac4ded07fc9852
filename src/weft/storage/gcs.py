"""Google Cloud Storage through gcsfs: its JSON interface, one request a call.

Uploads are single requests with a streamed body and never resumable sessions: the address of a session comes from the
server, and the token would be sent wherever it points.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

from weft.errors import StorageFault
from weft.storage.base import ObjectStat, Proof
from weft.storage.bodies import next_page, well_formed
from weft.storage.connection import Connection, fetch_bytes, fetch_file, fetch_within, run_on_loop, seconds_of
from weft.storage.descriptors import prove_file
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.translate import Context, bucket_missing, translated
from weft.storage.urls import BucketUrl

PAGE = 1000


class GcsDriver:
    """A prefix of a bucket. ``connect`` makes a ``gcsfs.core.GCSFileSystem`` without caches and retries."""

    def __init__(self, connect: Callable[[], Any], url: BucketUrl, endpoint: str = "") -> None:
        root = f"{url.bucket}/{url.prefix}".rstrip("/")
        at = f" at {endpoint}" if endpoint else ""
        self.context = Context("gs", f"gs://{root}{at}")
        self._connection = Connection(connect, _disconnect)
        self._bucket = url.bucket
        self._prefix = url.prefix + "/" if url.prefix else ""
        self._bucket_seen = False

    def fetch(self, key: str, start: int, end: int | None) -> bytes:
        """See ``Driver.fetch``."""
        return fetch_bytes(self._connection.system, self._path(key), start, end)

    def fetch_small(self, key: str, limit: int) -> bytes:
        """See ``Driver.fetch_small``; the size is asked for first."""
        return fetch_within(self, key, limit)

    def fetch_file(self, key: str, path: str) -> int | None:
        """See ``Driver.fetch_file``."""
        # One request; the other path of gcsfs asks for the size first, and repeats both on failure.
        return fetch_file(self._connection.system, self._path(key), path, concurrency=1)

    def store(self, key: str, data: bytes, only: bool) -> None:
        """See ``Driver.store``."""
        if data:
            self._post(key, io.BytesIO(data), len(data), only)
        else:
            # The emulator breaks off at a media upload without a body; a multipart one always has a body.
            self._connection.system.pipe_file(self._path(key), data, mode="create" if only else "overwrite")

    def store_file(self, key: str, path: str, size: int, only: bool, proof: Proof | None) -> None:
        """See ``Driver.store_file``."""
        prove_file(path, proof)
        if not size:
            return self.store(key, b"", only)
        with open(path, "rb") as file:
            return self._post(key, file, size, only)

    def _post(self, key: str, body: BinaryIO, size: int, only: bool) -> None:
        more = {"ifGenerationMatch": "0"} if only else {}
        _, answer = self._connection.system.call(
            "POST",
            f"{self._connection.system._location}/upload/storage/v1/b/{quote(self._bucket)}/o",
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            data=body,
            uploadType="media",
            name=self._prefix + key,
            **more,
        )
        with well_formed(self.context.name, f"an upload of {key}"):
            stored = int(json.loads(answer)["size"])
        if stored != size:
            raise StorageFault(f"{self.context.name} stored {stored} bytes of {size} for {key}")

    def look(self, key: str) -> ObjectStat | None:
        """See ``Driver.look``."""
        found = self._connection.system.call("GET", "b/{}/o/{}", self._bucket, self._prefix + key, json_out=True)
        with well_formed(self.context.name, f"for {key}"):
            return ObjectStat(key, int(found["size"]), seconds_of(found))

    def pages(self, prefix: str) -> Iterator[Iterable[ObjectStat]]:
        """See ``Driver.pages``."""
        cut = len(self._prefix)
        token: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            try:
                page = self._page(self._prefix + prefix, PAGE, **token)
            except FileNotFoundError:
                raise bucket_missing(self.context) from None
            if not isinstance(page, dict):
                raise StorageFault(f"{self.context.name} answered a listing with something else")
            with well_formed(self.context.name, "a listing"):
                stats = [
                    ObjectStat(found["name"][cut:], int(found.get("size") or 0), seconds_of(found))
                    for found in page.get("items") or []
                ]
            yield stats
            if not page.get("nextPageToken"):
                return
            token = {"pageToken": next_page(page["nextPageToken"], seen, self.context.name)}

    def _page(self, prefix: str, size: int, **more: str) -> Any:
        return self._connection.system.call(
            "GET",
            "b/{}/o",
            self._bucket,
            prefix=prefix,
            maxResults=size,
            fields="items(name,size,updated),nextPageToken",
            json_out=True,
            **more,
        )

    def remove(self, key: str) -> None:
        """See ``Driver.remove``."""
        self._connection.system.call("DELETE", "b/{}/o/{}", self._bucket, self._prefix + key)

    def confirm_bucket(self) -> None:
        """A 404 does not say whether the object or the bucket is missing; a listing, which weft needs anyway, does."""
        if not self._bucket_seen:
            with translated("", self.context):
                next(self.pages(""))
            self._bucket_seen = True

    def close(self) -> None:
        """See ``Driver.close``."""
        self._connection.close()

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{self._prefix}{key}"


def _disconnect(system: Any) -> None:
    session = getattr(system, "_session", None)
    if session is not None:
        run_on_loop(system, session.close())


def gcs_storage(connect: Callable[[], Any], url: BucketUrl, endpoint: str = "") -> FsspecStorage:
    """The storage of a prefix of a bucket, reached with what ``connect`` makes."""
    # Its loggers print tracebacks on stderr where no handler is set; the errors reach the user through ours.
    logging.getLogger("gcsfs").addHandler(logging.NullHandler())
    return FsspecStorage(GcsDriver(connect, url, endpoint))
