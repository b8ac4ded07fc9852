"""The storage contract over every backend, each place looked at by other means than the backend under test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import Gcs, Seaweed
from servers_more import Azurite, Dav, Sftp, Web
from weft.model.remote import RemoteSpec
from weft.storage.base import Storage
from weft.storage.locate import open_backend, open_storage
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import CountingStorage, RetryingStorage
from weft.testing.contract import Raw, ReadContract, WriteContract
from weft.testing.faulty import FaultyStorage
from weft.util.clock import FakeClock


class Folder:
    """A directory seen through the file system."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, key: str) -> bytes | None:
        path = self.root / key
        return path.read_bytes() if path.is_file() else None

    def put(self, key: str, data: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def keys(self) -> set[str]:
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()}


class TestLocal(ReadContract, WriteContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "a place with spaces é 日本"
        root.mkdir()
        return root

    @pytest.fixture
    def storage(self, root: Path) -> Storage:
        return open_storage(RemoteSpec("origin", root.name), base_dir=str(root.parent))

    @pytest.fixture
    def raw(self, root: Path) -> Raw:
        return Folder(root)

    @pytest.fixture
    def absent(self, tmp_path: Path) -> Storage:
        return open_storage(RemoteSpec("origin", f"file://{tmp_path}/not%20there"), base_dir="/")


class TestMemory(ReadContract, WriteContract):
    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage(str(uuid.uuid4()))

    @pytest.fixture
    def raw(self, storage: Storage) -> Raw:
        return Shared(storage.name.removeprefix("memory://"))


class Shared:
    """The shared objects of a memory storage, seen through the module's own dictionary."""

    def __init__(self, name: str) -> None:
        from weft.storage import memory

        MemoryStorage(name)
        self.objects = memory._SHARED[name]

    def get(self, key: str) -> bytes | None:
        found = self.objects.get(key)
        return found[0] if found else None

    def put(self, key: str, data: bytes) -> None:
        self.objects[key] = (data, 1_700_000_000.0)

    def keys(self) -> set[str]:
        return set(self.objects)


class TestWrapped(TestMemory):
    """The wrappers keep the contract of what they wrap."""

    @pytest.fixture
    def storage(self) -> Storage:
        inner = MemoryStorage(str(uuid.uuid4()))
        return CountingStorage(RetryingStorage(FaultyStorage(inner), FakeClock()))


class Bucket:
    """A prefix of a bucket seen through plain botocore."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self.client, self.bucket, self.prefix = client, bucket, prefix

    def get(self, key: str) -> bytes | None:
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
        except self.client.exceptions.NoSuchKey:
            return None
        with found["Body"] as body:
            return bytes(body.read())

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def keys(self) -> set[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"].removeprefix(self.prefix) for one in found}


class TestS3(ReadContract, WriteContract):
    @pytest.fixture
    def bucket(self, seaweed: Seaweed) -> str:
        return seaweed.fresh_bucket()

    @pytest.fixture
    def storage(self, seaweed: Seaweed, bucket: str) -> Iterator[Storage]:
        spec = RemoteSpec("origin", f"s3://{bucket}/some/prefix", seaweed.endpoint)
        storage = open_backend(spec, base_dir="/")
        yield storage
        storage.close()

    @pytest.fixture
    def raw(self, seaweed: Seaweed, bucket: str) -> Iterator[Raw]:
        client = seaweed.client()
        yield Bucket(client, bucket, "some/prefix/")
        client.close()

    @pytest.fixture
    def absent(self, seaweed: Seaweed) -> Iterator[Storage]:
        storage = open_backend(RemoteSpec("origin", "s3://no-such-bucket", seaweed.endpoint), base_dir="/")
        yield storage
        storage.close()


class Emulated:
    """A prefix of an emulated bucket seen through plain HTTP."""

    def __init__(self, server: Gcs, bucket: str, prefix: str) -> None:
        self.server, self.bucket, self.prefix = server, bucket, prefix

    def get(self, key: str) -> bytes | None:
        return self.server.get(self.bucket, self.prefix + key)

    def put(self, key: str, data: bytes) -> None:
        self.server.put(self.bucket, self.prefix + key, data)

    def keys(self) -> set[str]:
        return {key.removeprefix(self.prefix) for key in self.server.keys(self.bucket)}


class TestGcs(ReadContract, WriteContract):
    honours_create = False  # the emulator ignores the precondition, as some servers in the wild do

    @pytest.fixture
    def bucket(self, gcs: Gcs) -> str:
        return gcs.fresh_bucket()

    @pytest.fixture
    def storage(self, gcs: Gcs, bucket: str) -> Iterator[Storage]:
        storage = open_backend(RemoteSpec("origin", f"gs://{bucket}/some/prefix", gcs.endpoint), base_dir="/")
        yield storage
        storage.close()

    @pytest.fixture
    def raw(self, gcs: Gcs, bucket: str) -> Raw:
        return Emulated(gcs, bucket, "some/prefix/")

    @pytest.fixture
    def absent(self, gcs: Gcs) -> Iterator[Storage]:
        storage = open_backend(RemoteSpec("origin", "gs://no-such-bucket", gcs.endpoint), base_dir="/")
        yield storage
        storage.close()


class Sent(Folder):
    """A folder of a server, where files in the making lie in a place of their own."""

    def keys(self) -> set[str]:
        left = list((self.root / ".weft-tmp").iterdir()) if (self.root / ".weft-tmp").exists() else []
        assert not left
        return super().keys()


class FolderOfServer(ReadContract, WriteContract):
    """A folder that ``server``, a fixture of the class below, serves."""

    @pytest.fixture
    def place(self, server: Sftp | Dav) -> str:
        place = server.fresh()
        (server.files / place).mkdir()
        return place

    @pytest.fixture
    def storage(self, server: Sftp | Dav, place: str) -> Iterator[Storage]:
        storage = open_backend(RemoteSpec("origin", server.url(place)), base_dir="/")
        yield storage
        storage.close()

    @pytest.fixture
    def raw(self, server: Sftp | Dav, place: str) -> Raw:
        return Sent(server.files / place)

    @pytest.fixture
    def absent(self, server: Sftp | Dav) -> Iterator[Storage]:
        storage = open_backend(RemoteSpec("origin", server.url("not/there")), base_dir="/")
        yield storage
        storage.close()


class TestSftp(FolderOfServer):
    @pytest.fixture
    def server(self, sftp: Sftp) -> Sftp:
        return sftp


class TestDav(FolderOfServer):
    # By the standard a server removes what a file is moved onto first. What is written only once, as all of weft is but for
    # repairs, is never missing.
    replaces_at_once = False

    @pytest.fixture
    def server(self, dav: Dav) -> Dav:
        return dav


class Blobs:
    """A prefix of a container seen through Microsoft's own client."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client, self.prefix = client, prefix

    def get(self, key: str) -> bytes | None:
        blob = self.client.get_blob_client(self.prefix + key)
        return bytes(blob.download_blob().readall()) if blob.exists() else None

    def put(self, key: str, data: bytes) -> None:
        self.client.upload_blob(self.prefix + key, data, overwrite=True)

    def keys(self) -> set[str]:
        return {blob.name.removeprefix(self.prefix) for blob in self.client.list_blobs()}


class TestAzure(ReadContract, WriteContract):
    @pytest.fixture
    def container(self, azurite: Azurite) -> str:
        return azurite.fresh_container()

    @pytest.fixture
    def storage(self, container: str) -> Iterator[Storage]:
        storage = open_backend(RemoteSpec("origin", f"az://{container}/some/prefix"), base_dir="/")
        yield storage
        storage.close()

    @pytest.fixture
    def raw(self, azurite: Azurite, container: str) -> Iterator[Raw]:
        with azurite.client() as client:
            yield Blobs(client.get_container_client(container), "some/prefix/")

    @pytest.fixture
    def absent(self, azurite: Azurite) -> Iterator[Storage]:
        storage = open_backend(RemoteSpec("origin", "az://no-such-container"), base_dir="/")
        yield storage
        storage.close()


class TestPlainWeb(ReadContract):
    """A web server that only reads."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        with Web(tmp_path) as server:
            storage = open_backend(RemoteSpec("origin", f"{server.url}/place"), base_dir="/")
            yield storage
            storage.close()

    @pytest.fixture
    def raw(self, tmp_path: Path) -> Raw:
        (tmp_path / "place").mkdir()
        return Folder(tmp_path / "place")

    test_times = None  # type: ignore[assignment]  # it writes
