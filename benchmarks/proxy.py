"""A proxy in front of the S3 server that makes it look far away: each request waits before its first byte goes on.

It copies bytes and does not read HTTP: a client that sends after it has received begins a new request (none of the
programs pipelines; an answer of "100 Continue" does not end a request). It counts requests and bytes both ways, headers
included. Requests of its own are lines on standard input: `count` answers and sets the counters to 0; it ends when the
input ends.

    python benchmarks/proxy.py PORT_OF_THE_SERVER MILLISECONDS
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict, dataclass

PIECE = 2**18


@dataclass
class Count:
    """What went through since the last question."""

    requests: int = 0
    sent: int = 0
    received: int = 0


class Turn:
    """Whose turn it is on one connection: the next byte of the client begins a request, or belongs to the last one."""

    def __init__(self) -> None:
        self.begins = True


class Proxy:
    """Takes connections and copies both directions until one side closes."""

    def __init__(self, server: int, delay: float) -> None:
        self.server = server
        self.delay = delay
        self.count = Count()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client."""
        try:
            theirs = await asyncio.open_connection("127.0.0.1", self.server, limit=PIECE)
        except OSError:
            writer.close()
            return
        turn = Turn()
        await asyncio.gather(
            self.copy(reader, theirs[1], turn, from_client=True), self.copy(theirs[0], writer, turn, from_client=False)
        )

    async def copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, turn: Turn, *, from_client: bool
    ) -> None:
        """Copy one direction; its end is handed on, so that the other direction ends as well."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if from_client:
                    if turn.begins:
                        turn.begins = False
                        self.count.requests += 1
                        await asyncio.sleep(self.delay)
                    self.count.sent += len(piece)
                else:
                    turn.begins = not piece.startswith(b"HTTP/1.1 100 ") or piece.count(b"\r\n\r\n") > 1
                    self.count.received += len(piece)
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()

    def taken(self) -> dict[str, int]:
        """The counters, which begin at 0 again."""
        count, self.count = self.count, Count()
        return asdict(count)


async def main() -> None:
    """Listen on a free port, say which, and answer until the input ends."""
    proxy = Proxy(int(sys.argv[1]), float(sys.argv[2]) / 1000)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0, limit=PIECE, backlog=1024)
    print(json.dumps(server.sockets[0].getsockname()[1]), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(proxy.taken()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
