"""The S3 server of the benchmark, in a process of its own.

It is a process of its own because a child's peak memory is at least that of the process it was started from, and the
S3 client that counts bytes needs more than most of the programs measured. Requests are lines on standard input, answers
are JSON lines on standard output; the server is stopped by its process id when the input ends.

    python benchmarks/store.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from servers import Seaweed


def size_of_bucket(client: Any, bucket: str) -> int:
    """Bytes of all objects of a bucket."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sum(found["Size"] for page in pages for found in page.get("Contents", []))


def main() -> None:
    """Start the server, answer `bucket` and `size BUCKET` until the input ends."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    server = Seaweed(folder)
    server.start()
    client = server.client()
    try:
        answer: object = {"endpoint": server.endpoint, "env": server.env}
        print(json.dumps(answer), flush=True)
        for line in sys.stdin:
            word, _, bucket = line.strip().partition(" ")
            answer = server.fresh_bucket() if word == "bucket" else size_of_bucket(client, bucket)
            print(json.dumps(answer), flush=True)
    finally:
        client.close()
        server.stop()


if __name__ == "__main__":
    main()
