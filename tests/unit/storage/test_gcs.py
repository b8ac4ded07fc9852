"""The Google storage against a server that answers what a test says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tinyhttp import Answer, Reply, Request, Tiny, serving
from weft.errors import CredentialFault, KeyMissing, NetworkFault, StorageFault, WeftError
from weft.model.remote import RemoteSpec
from weft.storage.base import Storage
from weft.storage.locate import open_backend


@contextmanager
def against(answer: Answer) -> Iterator[tuple[Storage, Tiny]]:
    with serving(answer) as server:
        storage = open_backend(RemoteSpec("origin", "gs://bucket/pre", server.endpoint), base_dir="/")
        try:
            yield storage, server
        finally:
            storage.close()


def as_json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def test_an_upload_is_one_request_and_no_session(tmp_path: Path) -> None:
    body = os.urandom(9_000_000)
    (tmp_path / "pack").write_bytes(body)
    with against(lambda request: as_json({"size": str(len(request.body))})) as (storage, server):
        storage.upload("p", str(tmp_path / "pack"), create=True)
    (sent,) = server.requests
    assert sent.body == body
    assert "uploadType=media" in sent.path
    assert "name=pre/p" in sent.path.replace("%2F", "/")
    assert "ifGenerationMatch=0" in sent.path


def test_a_server_that_stored_less_is_caught() -> None:
    with against(lambda _: as_json({"size": "3"})) as (storage, _), pytest.raises(StorageFault, match="stored 3"):
        storage.write("a", b"12345")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_failures_are_left_to_our_own_retries(status: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    with against(lambda _: as_json({"error": {"code": status, "message": "busy"}}, status)) as (storage, server):
        calls = (
            lambda: storage.read("a"),
            lambda: storage.write("a", b"x"),
            lambda: storage.upload("a", str(tmp_path / "f")),
            lambda: storage.download("a", str(tmp_path / "to")),
            lambda: list(storage.list("")),
        )
        for count, call in enumerate(calls, 1):
            with pytest.raises(StorageFault) as caught:
                call()
            assert caught.value.transient
            assert len(server.requests) == count


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_the_variable_to_set(status: int) -> None:
    reply = as_json({"error": {"code": status, "message": "no"}}, status)
    with against(lambda _: reply) as (storage, _), pytest.raises(CredentialFault) as caught:
        storage.read("a")
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint


def test_bodies_cut_short_are_errors(tmp_path: Path) -> None:
    with against(lambda _: Reply(200, b"x" * 100_000, cut=500)) as (storage, server):
        for call in (lambda: storage.read("a"), lambda: storage.download("a", str(tmp_path / "a"))):
            with pytest.raises(NetworkFault) as caught:
                call()
            assert caught.value.transient
    assert len(server.requests) == 2
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"[]"])
def test_login_pages_are_no_listing(body: bytes) -> None:
    with against(lambda _: Reply(200, body)) as (storage, _), pytest.raises(WeftError):
        list(storage.list(""))


def test_a_missing_object_asks_once_for_the_bucket() -> None:
    def answer(request: Request) -> Reply:
        return as_json({}) if request.path.split("?")[0].endswith("/o") else as_json({"error": {"code": 404}}, 404)

    with against(answer) as (storage, server):
        assert storage.stat("a") is None
        with pytest.raises(KeyMissing):
            storage.read("b")
    assert len(server.requests) == 3


def test_real_endpoints_ask_for_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only an emulator on this machine is spoken to anonymously."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    storage = open_backend(RemoteSpec("origin", "gs://bucket", "https://127.0.0.1:9"), base_dir="/")
    with pytest.raises(CredentialFault, match="no usable credentials") as caught:
        storage.read("a")
    assert str(tmp_path) not in caught.value.message
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint
    storage.close()
