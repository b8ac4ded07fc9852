"""From urls to storages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weft.errors import ConfigError, DependencyMissing, EnvironmentFault, PathSyntax, WeftError
from weft.model.remote import RemoteSpec
from weft.storage import any_fsspec, gcs, s3
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.local import LocalStorage
from weft.storage.locate import open_backend, open_storage
from weft.storage.wrappers import RetryingStorage


def spec(url: str, endpoint: str = "") -> RemoteSpec:
    return RemoteSpec("origin", url, endpoint)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("store", "/base/store"),
        ("../other dir/é", "/other dir/é"),
        ("/abs/x", "/abs/x"),
        ("file:///abs/with%20space/%C3%A9", "/abs/with space/é"),
        ("file://localhost/abs", "/abs"),
        ("file://rel", "/base/rel"),
        ("./a:b", "/base/a:b"),
    ],
)
def test_directories(url: str, name: str) -> None:
    storage = open_backend(spec(url), base_dir="/base")
    assert isinstance(storage, LocalStorage)
    assert storage.name == name


def test_kinds() -> None:
    assert isinstance(open_storage(spec("x"), base_dir="/"), RetryingStorage)
    assert open_storage(spec("s3://bucket/a/b/", "http://host:1/"), base_dir="/").name == (
        "s3://bucket/a/b at http://host:1"
    )


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("s3://bucket/a/b/", s3.S3Driver),
        ("S3://bucket", s3.S3Driver),
        ("gs://bucket", gcs.GcsDriver),
        ("local:///place", any_fsspec.AnyDriver),
    ],
)
def test_drivers(url: str, driver: type) -> None:
    storage = open_backend(spec(url), base_dir="/")
    assert isinstance(storage, FsspecStorage)
    assert type(storage._driver) is driver


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory://x",
        "simplecache::file:///x",
        "filecache::s3://b/x",
        "s3://",
        "s3:///x",
        "s3://b",
        "s3://Bucket_%20",
        "s3://bucket/x?y=1",
        "gs://bucket#x",
    ],
)
def test_urls_that_name_no_place(url: str) -> None:
    with pytest.raises(ConfigError):
        open_backend(spec(url), base_dir="/")


@pytest.mark.parametrize("url", ["github://x", "zip://x::http://127.0.0.1:9/a.zip", "reference:///no/such.json"])
def test_urls_that_a_library_cannot_use(url: str) -> None:
    with pytest.raises(WeftError) as caught:
        open_backend(spec(url), base_dir="/").read("key")
    assert isinstance(caught.value, ConfigError | EnvironmentFault)
    assert caught.value.code != "E_INTERNAL"


def test_prefixes_obey_the_rules_of_keys() -> None:
    with pytest.raises(PathSyntax):
        open_backend(spec("s3://bucket/a/../b"), base_dir="/")


@pytest.mark.parametrize(
    "endpoint",
    ["host:9000", "ftp://host", "http://", "http://host:port", "https://host/?x=1", "https://a\\.b", "https://a%2eb"],
)
def test_endpoints(endpoint: str) -> None:
    with pytest.raises(ConfigError):
        open_backend(spec("s3://bucket", endpoint), base_dir="/")


@pytest.mark.parametrize(
    ("url", "library", "package"), [("s3://bucket", "s3fs", "s3fs"), ("gs://bucket", "gcsfs.core", "gcsfs")]
)
def test_a_missing_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, url: str, library: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DependencyMissing) as caught:
        open_storage(spec(url), base_dir="/")
    assert caught.value.hint.startswith(f"pip install {package}, ")


def test_unknown_schemes() -> None:
    with pytest.raises(DependencyMissing, match="weird"):
        open_storage(spec("weird://x/y"), base_dir="/")


@pytest.mark.parametrize(
    "code",
    [
        "import weft.storage.locate",
        "from weft.storage.locate import open_storage; from weft.model.remote import RemoteSpec;"
        "open_storage(RemoteSpec('o', 'x'), base_dir='/').name",
    ],
    ids=["import", "open"],
)
def test_directories_load_neither_a_cloud_library_nor_what_it_needs(code: str) -> None:
    heavy = {"fsspec", "asyncio", "s3fs", "gcsfs", "botocore", "aiobotocore", "aiohttp", "ssl", "logging"}
    code = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "weft.storage.local" in loaded
    assert not heavy & loaded


def test_a_round_trip_in_a_relative_directory(tmp_path: Path) -> None:
    storage = open_storage(spec("over here"), base_dir=str(tmp_path))
    storage.write("weft.json", b"x")
    assert (tmp_path / "over here" / "weft.json").read_bytes() == b"x"
