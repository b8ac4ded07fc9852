"""A folder that is reached over SSH, by its file transfer protocol (SFTP version 3), through asyncssh.

One connection and one channel serve all threads: requests carry numbers, and asyncssh runs on an event loop. Who the server
is, is always checked against known_hosts. To move a file to a name that is free is a plain rename, which by the protocol
fails where the name is taken; OpenSSH makes it so that of two at once only one succeeds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, BinaryIO, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import asyncssh
import fsspec.asyn

from weft.errors import ConfigError, CredentialFault, NetworkFault, StorageFault, WeftError
from weft.storage.connection import Connection, await_on_loop, run_on_loop
from weft.storage.folders import Entry, FolderDriver
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.keys import BLOCK
from weft.storage.translate import Context

T = TypeVar("T")


class Session(NamedTuple):
    """A connection, its file transfer channel, and the event loop that both live on."""

    loop: asyncio.AbstractEventLoop
    link: Any
    sftp: Any


class Server(NamedTuple):
    """Whom to connect to, and how: ``key_file`` and ``known_hosts`` are empty where ~/.ssh says it."""

    host: str
    port: int | None
    user: str
    key_file: str = ""
    known_hosts: str = ""


class SftpFiles:
    """The files of ``server``. Every wait ends after ``patience`` seconds, that for a connection after ``connect``."""

    def __init__(self, server: Server, context: Context, connect: float, patience: float) -> None:
        self._context = context
        self._connect_seconds = connect
        self._patience = patience
        self._connection = Connection(lambda: self._open(server), _disconnect)

    def read(self, path: str, start: int, end: int, take: Callable[[bytes], object]) -> None:
        """See ``FileServer.read``."""

        async def work(sftp: Any) -> None:
            if stat.S_ISDIR((await self._soon(sftp.stat(path))).permissions or 0):
                raise IsADirectoryError(path)
            file = await self._soon(sftp.open(path, "rb"))
            try:
                place = start
                while place < end and (block := await self._soon(file.read(min(BLOCK, end - place), place))):
                    take(block)
                    place += len(block)
            finally:
                await self._soon(file.close())

        self._do(work)

    def facts(self, path: str) -> Entry:
        """See ``FileServer.facts``."""
        return _entry("", self._do(lambda sftp: self._soon(sftp.stat(path))))

    def entries(self, path: str) -> list[Entry]:
        """See ``FileServer.entries``; links and other odd files are left out."""
        found = self._do(lambda sftp: self._soon(sftp.readdir(path)))
        kinds = {one.filename: one.attrs for one in found}
        return [
            _entry(name, attrs)
            for name, attrs in kinds.items()
            if name not in (".", "..")
            and stat.S_IFMT(attrs.permissions or stat.S_IFREG) in (stat.S_IFREG, stat.S_IFDIR)
        ]

    def send(self, path: str, body: BinaryIO, size: int) -> None:
        """See ``FileServer.send``; the server is asked to write the file to its disk, if it knows how."""

        async def work(sftp: Any) -> None:
            file = await self._soon(sftp.open(path, "xb"))
            try:
                while block := body.read(BLOCK):
                    await self._soon(file.write(block))
                with suppress(asyncssh.SFTPOpUnsupported):
                    await self._soon(file.fsync())
            finally:
                await self._soon(file.close())

        self._do(work)
        found = self.facts(path).size
        if found != size:
            raise StorageFault(f"{self._context.name} stored {found} bytes of {size}")

    def move(self, path: str, target: str, only: bool) -> None:
        """See ``FileServer.move``."""

        async def work(sftp: Any) -> None:
            if only:
                try:
                    await self._soon(sftp.rename(path, target))
                except asyncssh.SFTPFailure:
                    await self._soon(sftp.stat(target))  # the one word for everything, so look whether this is why
                    raise FileExistsError(target) from None
                return
            try:
                await self._soon(sftp.posix_rename(path, target))
            except asyncssh.SFTPOpUnsupported:
                with suppress(asyncssh.SFTPNoSuchFile):
                    await self._soon(sftp.remove(target))
                await self._soon(sftp.rename(path, target))

        self._do(work)

    def make_folder(self, path: str) -> None:
        """See ``FileServer.make_folder``."""

        async def work(sftp: Any) -> None:
            try:
                await self._soon(sftp.mkdir(path))
            except asyncssh.SFTPFailure:
                if not stat.S_ISDIR((await self._soon(sftp.stat(path))).permissions or 0):
                    raise

        self._do(work)

    def drop(self, path: str) -> None:
        """See ``FileServer.drop``."""
        self._do(lambda sftp: self._soon(sftp.remove(path)))

    def close(self) -> None:
        """See ``FileServer.close``."""
        self._connection.close()

    async def _soon(self, work: Awaitable[T]) -> T:
        """What ``work`` returns. Raises ``TimeoutError`` when that takes longer than a server may think."""
        async with asyncio.timeout(self._patience):
            return await work

    def _do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Run ``work`` on the connection; one that is lost or stuck is given up, so that the next call makes another."""
        session = self._connection.system
        try:
            return await_on_loop(session, work(session.sftp))  # type: ignore[no-any-return]
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
            raise FileNotFoundError(error.reason) from None
        except asyncssh.SFTPPermissionDenied as error:
            raise PermissionError(error.reason) from None
        except (asyncssh.Error, OSError, ValueError) as error:
            if session.link.is_closed() or isinstance(error, TimeoutError | asyncssh.SFTPConnectionLost):
                self._connection.drop(session)
                raise _lost(self._context, error) from None
            if not isinstance(error, asyncssh.Error):
                raise
            fault = StorageFault(f"{self._context.name} answered: {' '.join(error.reason.split())[:200]}")
            fault.transient = False
            raise fault from None

    def _open(self, server: Server) -> Session:
        loop = fsspec.asyn.get_loop()

        async def connect() -> Session:
            more: dict[str, Any] = {"client_keys": [os.path.expanduser(server.key_file)]} if server.key_file else {}
            if server.known_hosts:
                more["known_hosts"] = os.path.expanduser(server.known_hosts)
            async with asyncio.timeout(self._connect_seconds):
                link = await asyncssh.connect(
                    server.host,
                    server.port or (),
                    username=server.user or (),
                    password=None,
                    keepalive_interval=self._patience / 4,
                    keepalive_count_max=3,
                    **more,
                )
                return Session(loop, link, await link.start_sftp_client())

        try:
            return asyncio.run_coroutine_threadsafe(connect(), loop).result()
        except (asyncssh.Error, asyncssh.KeyImportError, asyncssh.ConfigParseError, OSError, ValueError) as error:
            raise _refused(self._context, server, error) from None


def _entry(name: str, attrs: Any) -> Entry:
    return Entry(name, stat.S_ISDIR(attrs.permissions or 0), int(attrs.size or 0), float(attrs.mtime or 0))


def _lost(context: Context, error: Exception) -> NetworkFault:
    why = "no answer in time" if isinstance(error, TimeoutError) else " ".join(str(error).split())[:200]
    return NetworkFault(f"the connection to {context.name} is lost: {why}", hint="check the network and the server")


def _refused(context: Context, server: Server, error: Exception) -> WeftError:
    """Why there is no connection."""
    said = " ".join(str(error).split())[:200]
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        fault = NetworkFault(
            f"{context.name} is not known to be the server that it should be: {said}",
            hint=f"compare its key with one that you trust: ssh {server.host} notes it in ~/.ssh/known_hosts",
        )
        fault.transient = False
        return fault
    if isinstance(error, asyncssh.PermissionDenied):
        return CredentialFault(f"{context.name} refused the keys of this user", hint=context.hint)
    if isinstance(error, asyncssh.KeyImportError | asyncssh.KeyEncryptionError | asyncssh.ConfigParseError):
        return CredentialFault(f"what ~/.ssh or key_file holds cannot be used: {said}", hint=context.hint)
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return ConfigError(
            f"a file that the remote names cannot be read: {said}",
            hint="weft config set --private remotes.NAME.key_file PATH, or remotes.NAME.known_hosts PATH",
        )
    if isinstance(error, asyncssh.Error) and not isinstance(error, asyncssh.ConnectionLost):
        fault = NetworkFault(f"{context.name} and this machine cannot agree: {said}", hint="try ssh with the same host")
        fault.transient = False
        return fault
    return NetworkFault(
        f"cannot reach {context.name}: {said or 'no answer in time'}", hint="check the network, the host and the port"
    )


def _disconnect(session: Session) -> None:
    async def end() -> None:
        session.link.abort()

    run_on_loop(session, end())


def sftp_storage(url: str, name: str, options: dict[str, str], connect: float, patience: float) -> FsspecStorage:
    """The storage of ``sftp://[USER@]HOST[:PORT]/PATH``; a path that begins with ``~/`` is below the user's home there.

    Raises ``ConfigError``.
    """
    # Its loggers print on stderr where no handler is set; the errors reach the user through ours.
    logging.getLogger("asyncssh").addHandler(logging.NullHandler())
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise ConfigError(
            "not the url of a folder over SSH", hint="weft remote add NAME sftp://[USER@]HOST[:PORT]/PATH"
        )
    path = unquote(parts.path).rstrip("/")
    home = path == "/~" or path.startswith("/~/")
    server = Server(parts.hostname, port, unquote(parts.username or ""), **options)
    context = Context("sftp", name)
    files = SftpFiles(server, context, connect, patience)
    return FsspecStorage(FolderDriver(files, "." + path[2:] if home else path, context))
