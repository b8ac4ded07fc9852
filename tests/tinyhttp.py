"""A small HTTP server that answers as a test says: for faults that no real server produces on demand."""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# A certificate for 127.0.0.1 that nobody trusts, and its key: good for nothing but these tests.
UNTRUSTED = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglGydLj5dVp5ld6Pu
XmAoVCcyBhniOuvyY5f1fMl4nXyhRANCAARkP3aBfwDpesEWKWDkRUbsR2BlRkTr
KO4ouxmAWZGX52+Je7C+0/jNFO62FghEeSEJEEcoP0G4Rn1ncAv6tZGB
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUIP/ES8zuFgx15KuwJAWIeuv6p/IwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTAxMDM1NloYDzIxMjYxMDI4
MDEwMzU2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARkP3aBfwDpesEWKWDkRUbsR2BlRkTrKO4ouxmAWZGX52+Je7C+0/jN
FO62FghEeSEJEEcoP0G4Rn1ncAv6tZGBo28wbTAdBgNVHQ4EFgQUzyGt+wKqvn2n
lNUcHIRy1LbnJdAwHwYDVR0jBBgwFoAUzyGt+wKqvn2nlNUcHIRy1LbnJdAwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDSQAwRgIhAKlYMCwYAAQR4Vs3G4ab/BiHYMt+2mZ/5iQbAdrtMUSzAiEA
r5LDqCdJsNfyAuAbHUozcSlY6xZi8PSBd0p0n8BR+DI=
-----END CERTIFICATE-----
"""


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    port: int = 0
    """The client's: another one for each connection."""


@dataclass
class Reply:
    """What to answer; ``cut`` sends that many bytes of the announced body and breaks the connection. ``endless`` repeats the
    body in chunks, without a length, until the client leaves."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: threading.Event | None = None
    endless: bool = False


@dataclass
class Tiny:
    """A running server."""

    endpoint: str
    requests: list[Request]
    blocks: list[int]
    """How many blocks of an endless body each client took."""


Answer = Callable[[Request], Reply]


def s3_error(status: int, code: str, message: str = "", **headers: str) -> Reply:
    """An error as S3 words it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return Reply(status, body, {"Content-Type": "application/xml", **headers})


@contextmanager
def serving(answer: Answer, *, tls: bool = False) -> Iterator[Tiny]:
    """Serve on a free port of the loopback interface until the block ends."""
    requests: list[Request] = []
    blocks: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            # As it was sent: of slashes at the front ``self.path`` has one.
            path = self.requestline.split()[1]
            request = Request(self.command, path, headers, body, self.client_address[1])
            requests.append(request)
            reply = answer(request)
            if reply.delay is not None:
                reply.delay.wait(30)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.endless:
                self.send_header("Transfer-Encoding", "chunked")
            elif "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if reply.endless:
                self.send_on(reply.body)
            elif self.command != "HEAD":
                self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        def send_on(self, body: bytes) -> None:
            blocks.append(0)
            place = len(blocks) - 1
            while blocks[place] < 400:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
                blocks[place] += 1

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_PROPFIND = handle_any

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that goes away is part of many tests."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(UNTRUSTED)
            file.flush()
            context.load_cert_chain(file.name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Tiny(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", requests, blocks)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
