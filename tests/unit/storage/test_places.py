"""One spelling of a place, what a commit may name, and what a pattern covers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weft.errors import ConfigError
from weft.model.remote import RemoteSpec
from weft.storage.locate import open_backend
from weft.storage.places import Place, covers, is_around, is_near, place_of, private_only
from weft.storage.urls import is_loopback

E = "https://minio.example:9000"


@pytest.mark.parametrize(
    ("url", "endpoint", "place"),
    [
        ("s3://bucket/a/b/", "", Place("s3://bucket/a/b")),
        ("S3A://bucket", "HTTPS://Minio.Example:9000/", Place("s3://bucket", E)),
        ("gcs://bucket/x", "https://e.example:443", Place("gs://bucket/x", "https://e.example")),
        ("s3://bucket", "http://[::1]:80/", Place("s3://bucket", "http://[::1]")),
        ("s3://bucket/%2e%2e/x", "", Place("s3://bucket/%2e%2e/x")),
        ("/a/../b/", "http://ignored.example", Place("/b")),
        ("file:///a%20b", "", Place("/a b")),
        ("sftp://host/x/", "", Place("sftp://host/x")),
    ],
)
def test_a_place_has_one_spelling(url: str, endpoint: str, place: Place) -> None:
    assert place_of(url, endpoint, "/base") == place


def test_a_directory_is_where_its_links_lead(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near" / "repo").mkdir(parents=True)
    os.symlink(tmp_path / "far", tmp_path / "near" / "repo" / "link")
    root = str(tmp_path / "near" / "repo")
    place = place_of("link/x", "", root)
    assert place.url == str(tmp_path / "far" / "x")
    assert not is_near(place, root)
    for url in ("link/x", "link/../x", "link/../../near/x", "../repo/link/./x/"):
        assert open_backend(RemoteSpec("origin", url), base_dir=root).name == place_of(url, "", root).url
    for near in ("inside", "inside/below", "../beside", "../beside/../other"):
        assert is_near(place_of(near, "", root), root)
    for around in ("..", "../beside/below", "../.ssh/weft"):
        assert not is_near(place_of(around, "", root), root)
        assert is_around(place_of(around, "", root), root)
    for far in ("../../far", "../../nearer", "../.."):
        assert not is_near(place_of(far, "", root), root)
        assert not is_around(place_of(far, "", root), root)
    assert not is_near(Place("s3://near/repo"), root)
    assert is_near(Place("/srv-no-such/r"), "/srv-no-such"), "inside"
    assert not is_near(Place("/other-no-such"), "/srv-no-such"), "beside it lies the whole machine"


@pytest.mark.parametrize(
    ("url", "endpoint", "word"),
    [
        ("/abs", "", "absolute"),
        ("file:///x", "", "file://"),
        ("FILE://x", "", "file://"),
        ("sftp://host/x", "", "sftp://"),
        ("memory://x", "", "memory://"),
        ("s3://b", "http://minio.example", "http://"),
        ("s3://b", "HTTP://127.0.0.1.evil.example", "http://"),
        ("s3://b", "http://0.0.0.0:9000", "http://"),
        ("gs://b", "http://localhost.evil.example", "http://"),
    ],
)
def test_what_no_commit_may_name(url: str, endpoint: str, word: str) -> None:
    assert word in private_only(url, endpoint)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [("s3://b/x", ""), ("gs://b", "https://e"), ("../x", ""), ("x", ""), ("s3://b", "http://127.0.0.2:9")],
)
def test_what_a_commit_may_name(url: str, endpoint: str) -> None:
    assert private_only(url, endpoint) == ""


def test_loopback() -> None:
    for host in ("localhost", "127.0.0.1", "127.0.0.2:9000", "127.255.1.1", "[::1]:80", "LOCALHOST"):
        assert is_loopback(f"http://{host}"), host
    for host in ("localhost.example", "127.0.0.1.example", "127.1", "0.0.0.0", "10.0.0.1", "[fe80::1]", ""):
        assert not is_loopback(f"http://{host}"), host


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("s3://acme-ml/*", Place("s3://acme-ml")),
        ("s3://acme-ml/*", Place("s3://acme-ml/a/b")),
        ("S3://acme-ml/team/", Place("s3://acme-ml/team")),
        ("s3://acme-ml/team/*", Place("s3://acme-ml/team/x")),
        ("gs://acme-*/*", Place("gs://acme-models/x")),
        ("gcs://*-acme", Place("gs://ml-acme")),
        (f"s3://acme-ml/* {E}", Place("s3://acme-ml/a", E)),
        ("s3://acme-ml/* https://*.acme.example", Place("s3://acme-ml", "https://minio.acme.example")),
        ("s3://*/* http://127.0.0.1:*", Place("s3://any", "http://127.0.0.1:8333")),
        ("/srv/*", Place("/srv/a/b")),
        ("/srv/a", Place("/srv/a")),
        ("/*", Place("/anything")),
    ],
)
def test_a_pattern_covers(pattern: str, place: Place) -> None:
    assert covers(pattern, place)


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("s3://acme-ml/*", Place("s3://acme-ml-evil")),
        ("s3://acme-ml/*", Place("s3://acme-ml-evil/acme-ml/x")),
        ("s3://acme-ml/*", Place("s3://ACME-ML/x")),
        ("s3://acme-ml/*", Place("gs://acme-ml/x")),
        ("s3://acme-ml/*", Place("s3://acme-ml/x", E)),
        ("s3://acme-ml", Place("s3://acme-ml/x")),
        ("s3://acme-ml/team/*", Place("s3://acme-ml/team-evil")),
        ("s3://acme-ml/team/*", Place("s3://acme-ml")),
        ("gs://acme-*/*", Place("gs://evil/acme-x")),
        ("gs://a-*-a/*", Place("gs://a-a/x")),
        (f"s3://acme-ml/* {E}", Place("s3://acme-ml/a")),
        (f"s3://acme-ml/* {E}", Place("s3://acme-ml/a", E + "0")),
        ("s3://b/* https://*.acme.example", Place("s3://b", "https://evil.example/x.acme.example")),
        ("/srv/*", Place("/srv-evil")),
        ("/srv/*", Place("s3://srv/x")),
        ("/*", Place("sftp://host/x")),
    ],
)
def test_a_pattern_does_not_cover(pattern: str, place: Place) -> None:
    assert not covers(pattern, place)


@pytest.mark.parametrize(
    "pattern", ["*", "s3://", "s3://b/*/c", "sftp://h/*", "rel/*", "/a/*/b", "s3://b x y", "/a http://e"]
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ConfigError):
        covers(pattern, Place("s3://b"))
