"""A TCP proxy of the loopback interface that breaks connections when a test says so: what a bad network does to a server."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

BLOCK = 16 * 1024


class CutProxy:
    """Passes bytes on to ``port``.

    ``cuts`` holds, for the connections to come, after how many bytes (both ways together) each is reset, None for never;
    ``then`` is the same for all connections after those. ``moved`` counts all bytes and ``made`` all connections, ``broken``
    those that were reset. ``watch(count, call)`` calls once when so many bytes were moved.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._watched: tuple[int, Callable[[], object]] | None = None
        self.cuts: list[int | None] = []
        self.then: int | None = None
        self.moved = self.made = self.broken = 0
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, target: Callable[..., object], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def watch(self, count: int, call: Callable[[], object]) -> None:
        """Call ``call`` when ``count`` more bytes were moved; nothing gets through until it has returned."""
        self._watched = (self.moved + count, call)

    def close(self) -> None:
        """Accept nothing more and end all connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for one in left:
            _reset(one)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    self.made += 1
                    limit = self.cuts.pop(0) if self.cuts else self.then
                self._start(self._serve, client, limit)

    def _serve(self, client: socket.socket, limit: int | None) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        except OSError:
            _reset(client)
            client.close()
            return
        server.settimeout(None)
        pair = (client, server)
        with self._lock:
            self._open.update(pair)
        left = [limit]
        back = self._start(self._pump, server, client, left)
        self._pump(client, server, left)
        back.join(30)
        with self._lock:
            self._open.difference_update(pair)
        for one in pair:
            one.close()

    def _pump(self, source: socket.socket, target: socket.socket, left: list[int | None]) -> None:
        try:
            while data := source.recv(BLOCK):
                rest = self._take(len(data), left)
                if rest is not None:
                    target.sendall(data[:rest])
                    _reset(source)
                    _reset(target)
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(source)
            _reset(target)

    def _take(self, size: int, left: list[int | None]) -> int | None:
        """Count ``size`` bytes; how many of them still go through when the connection ends here, else None."""
        with self._lock:
            self.moved += size
            if self._watched is not None and self.moved >= self._watched[0]:
                call, self._watched = self._watched[1], None
                call()  # under the lock, so that nothing gets through meanwhile
            rest = left[0]
            if rest is not None:
                left[0] = rest - size
            cut = rest is not None and rest < size
            self.broken += cut
        return max(rest, 0) if cut and rest is not None else None


def _reset(one: socket.socket) -> None:
    """End a connection as a broken network does (RST), whatever is still under way, and wake up who waits for it."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(port: int) -> Iterator[CutProxy]:
    """A proxy for the length of a block."""
    proxy = CutProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
