"""From urls to storages."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from weft.errors import ConfigError, DependencyMissing, DirectoryRefused, PathSyntax
from weft.model.remote import RemoteSpec
from weft.storage import azure, gcs, s3, sftp, web
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.local import LocalStorage
from weft.storage.locate import how_to_install, open_backend, open_storage
from weft.storage.places import check_settings, check_writable
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
        ("az://container/a/b/", azure.AzureDriver),
        ("abfss://container@account.dfs.core.windows.net/a", azure.AzureDriver),
        ("sftp://me@host:2222/srv/data", sftp.SftpFiles),
        ("ssh://host/~/data", sftp.SftpFiles),
        ("webdavs://host/data", web.DavFiles),
        ("webdav://host:8080/data", web.DavFiles),
        ("https://host/data", web.HttpFiles),
    ],
)
def test_drivers(url: str, driver: type) -> None:
    storage = open_backend(spec(url), base_dir="/")
    assert isinstance(storage, FsspecStorage)
    assert type(getattr(storage._driver, "_server", storage._driver)) is driver


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
        "az://",
        "az://Container_/x",
        "az://container@account/x",
        "abfss://container@account.dfs.evil.example/x",
        "az://container/x?y=1",
        "sftp://",
        "sftp:///path",
        "sftp://host:port/path",
        "sftp://host/path?x=1",
        "webdavs://me@host/x",
        "webdavs:///x",
        "webdav://host:0x/y",
        "https://host/x#y",
    ],
)
def test_urls_that_name_no_place(url: str) -> None:
    with pytest.raises(ConfigError):
        open_backend(spec(url), base_dir="/")


OTHERS = (
    "abfs2 adl arrow_hdfs asynclocal box dask data dbfs dir dropbox file+x ftp gdrive generic git github gitlab hdfs hf jlab"
    " jupyter lakefs local memory oci oss ossfs pyscript r2 reference root simplecache smb tar webhdfs weird xrootd zip"
)


@pytest.mark.parametrize("scheme", OTHERS.split())
def test_other_schemes_are_refused_by_name(scheme: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_backend(spec(f"{scheme}://x/y"), base_dir="/")
    assert f"{scheme}://" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("zip://x::http://127.0.0.1:9/a.zip", "zip://"),
        ("simplecache::s3://bucket/x", "urls in urls"),
        ("dir::file:///x", "urls in urls"),
        ("data:text/plain;base64,eA==", "data in urls"),
        ("user@host:/p", "host and a colon"),
        ("host:p", "host and a colon"),
        ("~/r", "~"),
        ("~me", "~"),
        ("C:/r", "drive"),
        ("c:\\r", "drive"),
    ],
)
def test_what_looks_like_a_place_and_is_none(url: str, word: str) -> None:
    with pytest.raises((ConfigError, DirectoryRefused)) as caught:
        open_backend(spec(url), base_dir="/base")
    assert word in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("url", ["./~/r", "./C:/r", "a~b", "sub/data:x"])
def test_what_is_a_directory_after_all(url: str) -> None:
    assert isinstance(open_backend(spec(url), base_dir="/base"), LocalStorage)


@pytest.mark.parametrize("url", ["http://host/x", "https://host/x"])
def test_a_plain_web_server_is_read_only(url: str) -> None:
    with pytest.raises(ConfigError, match="only be read"):
        check_writable(url)
    storage = open_backend(spec(url), base_dir="/")
    with pytest.raises(ConfigError, match="read only"):
        storage._driver._server.send("/x", io.BytesIO(), 0)  # type: ignore[attr-defined]


def test_settings_belong_to_a_kind_of_remote() -> None:
    check_settings("sftp://h/x", "", [("key_file", "x"), ("known_hosts", "y")])
    check_settings("az://c/x", "", [("account", "x")])
    check_settings("s3://b", "https://e", [])
    with pytest.raises(ConfigError, match="it knows key_file, known_hosts"):
        check_settings("sftp://h/x", "", [("account", "x")])
    with pytest.raises(ConfigError, match="it knows none"):
        check_settings("s3://b", "", [("key_file", "x")])
    with pytest.raises(ConfigError, match="endpoint belongs"):
        check_settings("sftp://h/x", "https://e", [])


def test_a_home_directory_on_the_server_is_relative() -> None:
    roots = {"/~/a/b": "./a/b", "/~": ".", "/srv/x/": "/srv/x", "/%7euser": "/~user", "": ""}
    for path, root in roots.items():
        driver = open_backend(spec(f"sftp://host{path}"), base_dir="/")._driver  # type: ignore[attr-defined]
        assert driver.root == root


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
    ("url", "library", "package"),
    [
        ("s3://bucket", "s3fs", "s3fs"),
        ("gs://bucket", "gcsfs.core", "gcsfs"),
        ("az://container", "adlfs", "adlfs"),
        ("sftp://host/x", "asyncssh", "asyncssh"),
        ("webdavs://host/x", "requests", "requests"),
        ("https://host/x", "requests", "requests"),
    ],
)
def test_a_missing_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, url: str, library: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DependencyMissing) as caught:
        open_storage(spec(url), base_dir="/")
    assert caught.value.hint.startswith(f"pip install {package}, ")


def test_the_environments_of_pre_commit_are_made_by_its_configuration() -> None:
    made = how_to_install("asyncssh", "/cache/pre-commit/repoabc/py_env-python3.12")
    assert made.startswith("additional_dependencies: [asyncssh]")
    assert how_to_install("asyncssh", "/project/.venv").startswith("pip install asyncssh, ")


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
