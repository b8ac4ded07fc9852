"""The S3 server of the benchmark, in a process of its own.

It is a process of its own because a Ctrl-C must not reach the server before the programs that use it, and because the
client that makes buckets needs more memory than most of the programs measured. Requests are lines on standard input,
answers are JSON lines on standard output; the server is stopped by its process id when the input ends.

What went over the wire is taken from the server's own counters, which cost the measured program nothing: requests, and
bytes of the bodies. Every bucket is counted alone.

    python benchmarks/store.py FOLDER
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from servers import Seaweed, free_ports

COUNTER = re.compile(r"^SeaweedFS_s3_(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)
COUNTED_AFTER = 0.2
"""Seconds: a request is counted only when its answer has gone out, which the client may see before."""
NAMES = {
    "request_total": "requests",
    "bucket_traffic_received_bytes_total": "sent",
    "bucket_traffic_sent_bytes_total": "received",
}


class Counting(Seaweed):
    """The server with its counters switched on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.metrics = free_ports(1)[0]

    def command(self) -> list[str]:
        return [*super().command(), f"-metricsPort={self.metrics}"]

    def traffic(self, bucket: str) -> dict[str, int]:
        """Requests, and bytes as the client sees them: sent to the server, received from it."""
        time.sleep(COUNTED_AFTER)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        total = dict.fromkeys(NAMES.values(), 0)
        for name, labels, value in COUNTER.findall(text):
            if name in NAMES and f'bucket="{bucket}"' in labels:
                total[NAMES[name]] += int(float(value))
        return total


def bytes_in(client, bucket: str) -> int:
    """Bytes of all objects of a bucket."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sum(found["Size"] for page in pages for found in page.get("Contents", []))


def answer(server: Counting, client, line: str) -> object:
    """Carry out one line: `bucket`, `drop BUCKET`, `traffic BUCKET`, `size BUCKET`."""
    word, *rest = line.split()
    if word == "bucket":
        return server.fresh_bucket()
    bucket = rest[0]
    if word == "drop":
        client.delete_bucket(Bucket=bucket)
        return True
    if word == "traffic":
        return server.traffic(bucket)
    if word == "size":
        return bytes_in(client, bucket)
    raise ValueError(line)


def main() -> None:
    """Start the server and answer until the input ends."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    server = Counting(folder)
    server.start()
    client = server.client()
    try:
        print(json.dumps({"endpoint": server.endpoint, "env": server.env}), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(server, client, line)), flush=True)
    finally:
        client.close()
        server.stop()


if __name__ == "__main__":
    main()
