"""Folders of a web server: to read where it is a plain one, and by WebDAV (RFC 4918) also to write.

Each thread has connections of its own. Names and passwords are those that ``~/.netrc`` holds for the host, as for curl and
Git; no redirect is followed, and of an answer no more is read than was asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any, BinaryIO
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import requests

from weft.errors import ConfigError, RemoteRedirect, StorageFault
from weft.storage.bodies import WORDS, too_long, well_formed
from weft.storage.folders import Entry, FolderDriver
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.keys import BLOCK
from weft.storage.redirects import HINT, REDIRECTS
from weft.storage.translate import Context
from weft.util.forking import own

READ_ONLY = "a web server is read only for weft, unless it speaks WebDAV"
_ASKED = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:">'
    b"<prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>"
)
_MISSING = frozenset([404, 409, 410])
"""A conflict is how WebDAV says that the folder around a name is missing."""


class HttpError(Exception):
    """What a server answered instead of what was asked for; ``translate`` knows it by its name."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _Beyond(Exception):
    """A file has no byte of a range."""


class HttpFiles:
    """Reads what a plain web server has at ``origin``; its listings are pages with links."""

    def __init__(self, origin: str, context: Context, connect: float, patience: float) -> None:
        self._context = context
        self._origin = origin
        self._wait = (connect, patience)
        self._threads = own(self, "_threads", threading.local)

    def read(self, path: str, start: int, end: int, take: Callable[[bytes], object]) -> None:
        """See ``FileServer.read``; of a server that does not know ranges the bytes before are read and thrown away."""
        with suppress(_Beyond), self.ask("GET", path, {"Range": f"bytes={start}-{end - 1}"}) as answer:
            # Some servers answer a request for a folder with a page.
            if answer.headers.get("Content-Type", "").startswith("text/html") and self.facts(path).folder:
                raise FileNotFoundError(path)
            skip = start if answer.status_code == 200 else 0
            for block in _blocks(answer, skip + end - start):
                take(block[skip:])
                skip = max(0, skip - len(block))

    def facts(self, path: str) -> Entry:
        """See ``FileServer.facts``."""
        with self.ask("HEAD", path, {}, redirects=True) as answer:
            if answer.status_code in REDIRECTS or path == "/":
                return Entry("", True)
            with well_formed(self._context.name, f"a question about {path}"):
                size = int(answer.headers["Content-Length"])
            return Entry("", False, size, _seconds(answer.headers.get("Last-Modified")))

    def entries(self, path: str) -> list[Entry]:
        """See ``FileServer.entries``."""
        with self.ask("GET", path.rstrip("/") + "/", {}) as answer:
            if not answer.headers.get("Content-Type", "").startswith("text/html"):
                raise _final(f"{self._context.name} lists no folders, which weft needs")
            links = _Links()
            links.feed(self._words(answer).decode(errors="replace"))
        files = [
            self.facts(f"{path.rstrip('/')}/{name}")._replace(name=name)
            for name in links.names
            if not name.endswith("/")
        ]
        return files + [Entry(name[:-1], True) for name in links.names if name.endswith("/")]

    def send(self, path: str, body: BinaryIO, size: int) -> None:
        """Plain web servers take nothing."""
        raise ConfigError(READ_ONLY)

    def move(self, path: str, target: str, only: bool) -> None:
        """Plain web servers take nothing."""
        raise ConfigError(READ_ONLY)

    def make_folder(self, path: str) -> None:
        """Plain web servers take nothing."""
        raise ConfigError(READ_ONLY)

    def drop(self, path: str) -> None:
        """Plain web servers take nothing."""
        raise ConfigError(READ_ONLY)

    def close(self) -> None:
        """See ``FileServer.close``."""
        session = getattr(self._threads, "session", None)
        if session is not None:
            session.close()

    @contextmanager
    def ask(
        self, method: str, path: str, head: dict[str, str], body: Any = None, *, redirects: bool = False
    ) -> Iterator[Any]:
        """Ask for something and yield the answer, of which nothing was read yet.

        Raises ``FileNotFoundError``, ``FileExistsError``, ``RemoteRedirect``, ``HttpError`` and the errors of requests.
        """
        session = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.headers.update({"Accept-Encoding": "identity", "User-Agent": "weft"})
        with session.request(
            method,
            self.address(path),
            headers=head,
            data=body,
            timeout=self._wait,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status = answer.status_code
            if status in _MISSING:
                raise FileNotFoundError(path)
            if status == 412:
                raise FileExistsError(path)
            if status in REDIRECTS:
                # To the same name with a slash: a folder.
                if urlsplit(answer.headers.get("Location", "")).path != quote(path) + "/":
                    raise RemoteRedirect(
                        f"{self._context.name} redirects to another place ({status}), which is not followed", hint=HINT
                    )
                if not redirects:
                    raise FileNotFoundError(path)
            elif status == 416:
                raise _Beyond
            elif status >= 300:
                raise HttpError(status, str(answer.reason))
            yield answer

    def address(self, path: str) -> str:
        """The url of a path."""
        return self._origin + quote(path)

    def _words(self, answer: Any) -> bytes:
        body = b"".join(_blocks(answer, WORDS + 1))
        if len(body) > WORDS:
            raise too_long(self._context.name, WORDS)
        return body


class DavFiles(HttpFiles):
    """The files of a WebDAV server."""

    def facts(self, path: str) -> Entry:
        """See ``FileServer.facts``."""
        found = self._found(path, "0")
        if not found:
            raise FileNotFoundError(path)
        return found[0]

    def entries(self, path: str) -> list[Entry]:
        """See ``FileServer.entries``; the first answer is about the folder itself, and with its own name."""
        own = path.rstrip("/").rpartition("/")[2]
        found = self._found(path.rstrip("/") + "/", "1")
        itself = next((entry for entry in found if entry.folder and entry.name == own), None)
        return [entry for entry in found if entry is not itself]

    def _found(self, path: str, depth: str) -> list[Entry]:
        head = {"Depth": depth, "Content-Type": "application/xml"}
        with self.ask("PROPFIND", path, head, _ASKED) as answer:
            text = self._words(answer)
        with well_formed(self._context.name, "a listing"):
            return list(_entries(text.decode()))

    def send(self, path: str, body: BinaryIO, size: int) -> None:
        """See ``FileServer.send``."""
        # A body of no bytes that is a stream would be sent in chunks, which some servers do not take.
        with self.ask("PUT", path, {"Content-Type": "application/octet-stream"}, body if size else b""):
            pass
        stored = self.facts(path).size
        if stored != size:
            raise StorageFault(f"{self._context.name} stored {stored} bytes of {size}")

    def move(self, path: str, target: str, only: bool) -> None:
        """See ``FileServer.move``."""
        with self.ask("MOVE", path, {"Destination": self.address(target), "Overwrite": "F" if only else "T"}):
            pass

    def make_folder(self, path: str) -> None:
        """See ``FileServer.make_folder``."""
        try:
            with self.ask("MKCOL", path + "/", {}):
                pass
        except HttpError as error:
            if error.code != 405 or not self.facts(path).folder:
                raise

    def drop(self, path: str) -> None:
        """See ``FileServer.drop``."""
        with self.ask("DELETE", path, {}):
            pass


class _Links(HTMLParser):
    """The names that the page of a folder links to, folders with a slash."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link that leads to something right in this folder."""
        name = unquote(dict(attrs).get("href") or "").removeprefix("./")
        plain = name.rstrip("/")
        if (
            tag == "a"
            and plain not in ("", ".", "..")
            and not set("/?#:") & set(plain)
            and name in (plain, plain + "/")
        ):
            self.names[name] = None


def _entries(text: str) -> Iterator[Entry]:
    """The answers in a "multistatus"."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("no such answer has a document type")
    try:
        tree = ElementTree.fromstring(text)  # noqa: S314 - without entities it grows no more than it is long
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
    for one in tree.iter("{DAV:}response"):
        name = unquote(urlsplit((one.findtext("{DAV:}href") or "").strip()).path).rstrip("/").rpartition("/")[2]
        properties: dict[str, Any] = {}
        for group in one.iter("{DAV:}propstat"):
            if " 200" in (group.findtext("{DAV:}status") or " 200"):
                properties |= {item.tag: item for item in group.iterfind("{DAV:}prop/*")}
        kind = properties.get("{DAV:}resourcetype")
        folder = kind is not None and kind.find("{DAV:}collection") is not None
        if not folder and "{DAV:}getcontentlength" not in properties:
            continue
        size = 0 if folder else int(properties["{DAV:}getcontentlength"].text)
        modified = properties.get("{DAV:}getlastmodified")
        yield Entry(name, folder, size, _seconds(modified.text if modified is not None else None))


def _seconds(date: str | None) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() if date else 0.0
    except ValueError:
        return 0.0


def _blocks(answer: Any, limit: int) -> Iterator[bytes]:
    """The body as it came, up to ``limit`` bytes."""
    while limit > 0 and (block := answer.raw.read(min(BLOCK, limit), decode_content=False)):
        limit -= len(block)
        yield block


def _final(text: str) -> StorageFault:
    fault = StorageFault(text)
    fault.transient = False
    return fault


def web_storage(url: str, name: str, connect: float, patience: float) -> FsspecStorage:
    """The storage of ``http(s)://HOST[:PORT]/PATH`` to read, of ``webdav(s)://HOST[:PORT]/PATH`` to read and write.

    Raises ``ConfigError``.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or 1
    except ValueError:
        port = 0
    if not parts.hostname or not port or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(
            "not the url of a folder on a web server", hint="weft remote add NAME webdavs://HOST[:PORT]/PATH"
        )
    scheme = parts.scheme.lower()
    plain = scheme in ("http", "https")
    origin = f"{scheme if plain else scheme.replace('webdav', 'http')}://{parts.netloc}"
    context = Context(scheme, name)
    files = (HttpFiles if plain else DavFiles)(origin, context, connect, patience)
    return FsspecStorage(FolderDriver(files, unquote(parts.path).rstrip("/"), context))
