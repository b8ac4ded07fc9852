"""The S3 storage against a server that answers what a test says: requests made, and every answer that is not the object."""

from __future__ import annotations

import asyncio
import base64
import os
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from servers import Seaweed
from tinyhttp import Answer, Reply, Request, Tiny, s3_error, serving
from weft.errors import (
    BucketMissing,
    CredentialFault,
    KeyMissing,
    LimitExceeded,
    NetworkFault,
    StorageFault,
    WeftError,
)
from weft.model.remote import RemoteSpec
from weft.storage.base import Storage
from weft.storage.locate import open_backend, open_storage
from weft.storage.s3 import AT_ONCE, Body, _Rooms
from weft.util.parallel import unordered_map

SECRET = "sEcReT0123456789"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@contextmanager
def against(answer: Answer) -> Iterator[tuple[Storage, Tiny]]:
    with serving(answer) as server:
        storage = open_backend(RemoteSpec("origin", "s3://bucket/pre", server.endpoint), base_dir="/")
        try:
            yield storage, server
        finally:
            storage.close()


def fault(call: Callable[[], object], kind: type[WeftError]) -> WeftError:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert SECRET not in caught.value.message + caught.value.hint
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_each_verb_is_one_request(tmp_path: Path) -> None:
    body = os.urandom(2_500_000)
    (tmp_path / "pack").write_bytes(body)
    with against(lambda request: Reply(200, b"12345" if request.method in ("GET", "HEAD") else b"")) as (
        storage,
        server,
    ):
        storage.read("a")
        storage.read_small("a", 5)
        storage.stat("a")
        storage.download("a", str(tmp_path / "a"))
        storage.write("a", b"x")
        storage.upload("p", str(tmp_path / "pack"), create=True)
        storage.delete("a")
    assert [(request.method, request.path) for request in server.requests] == [
        ("GET", "/bucket/pre/a"),
        ("GET", "/bucket/pre/a"),
        ("HEAD", "/bucket/pre/a"),
        ("GET", "/bucket/pre/a"),
        ("PUT", "/bucket/pre/a"),
        ("PUT", "/bucket/pre/p"),
        ("DELETE", "/bucket/pre/a"),
    ]
    sent = server.requests[5]
    assert sent.body == body
    assert sent.headers["if-none-match"] == "*"
    assert base64.b64decode(sent.headers["x-amz-checksum-crc32"]) == zlib.crc32(body).to_bytes(4, "big")
    assert "if-none-match" not in server.requests[4].headers


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (s3_error(500, "InternalError"), 0),
        (s3_error(503, "SlowDown", **{"Retry-After": "7"}), 7),
        (Reply(503, b"<html>busy</html>", {"Retry-After": "9"}), 9),
        (Reply(502, b""), 0),
        (s3_error(409, "ConditionalRequestConflict"), 0),
        (s3_error(400, "RequestTimeout"), 0),
    ],
)
def test_passing_failures_are_left_to_our_own_retries(reply: Reply, wait: float) -> None:
    with against(lambda _: reply) as (storage, server):
        for count, call in enumerate((lambda: storage.read("a"), lambda: storage.write("a", b"x", create=True)), 1):
            error = fault(call, StorageFault)
            assert isinstance(error, StorageFault)
            assert error.transient
            assert error.retry_after == wait
            assert len(server.requests) == count


@pytest.mark.parametrize("code", ["InvalidArgument", "MethodNotAllowed", "EntityTooLarge"])
def test_final_failures_are_not_worth_a_retry(code: str) -> None:
    with against(lambda _: s3_error(400, code, "no")) as (storage, _):
        error = fault(lambda: storage.read("a"), StorageFault)
    assert isinstance(error, StorageFault)
    assert not error.transient
    assert code in error.message


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_refused_credentials_name_the_variables_to_set(code: str) -> None:
    told = f"AKIDEXAMPLE {SECRET} https://h/x?X-Amz-Signature={SECRET}"
    with against(lambda _: s3_error(403, code, told)) as (storage, server):
        error = fault(lambda: storage.read("a"), CredentialFault)
    assert "AWS_ACCESS_KEY_ID" in error.hint
    assert code in error.message
    assert len(server.requests) == 1


def test_texts_of_servers_are_redacted() -> None:
    told = f"see https://user:{SECRET}@host/x?X-Amz-Credential={SECRET}&amp;X-Amz-Signature={SECRET} or token={SECRET}"
    with against(lambda _: s3_error(500, "InternalError", told)) as (storage, _):
        error = fault(lambda: storage.read("a"), StorageFault)
    assert "see https://" in error.message


def test_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with against(lambda _: Reply()) as (storage, server):
        error = fault(lambda: storage.read("a"), CredentialFault)
    assert "AWS_ACCESS_KEY_ID" in error.hint
    assert server.requests == []


@pytest.mark.parametrize("cut", [0, 1, 500, 99_999])
def test_bodies_cut_short_are_errors(tmp_path: Path, cut: int) -> None:
    with against(lambda _: Reply(200, b"x" * 100_000, cut=cut)) as (storage, server):
        for call in (
            lambda: storage.read("a"),
            lambda: storage.read("a", 0, 100_000),
            lambda: storage.download("a", str(tmp_path / "a")),
        ):
            error = fault(call, NetworkFault)
            assert isinstance(error, NetworkFault)
            assert error.transient
    assert len(server.requests) == 3
    assert not (tmp_path / "a").exists()


def test_a_server_that_ignores_the_range_is_caught() -> None:
    with against(lambda _: Reply(200, b"x" * 1000, {"Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"})) as (storage, _):
        fault(lambda: storage.read("a", 0, 10), StorageFault)


def test_login_pages() -> None:
    """A body that is not S3's is data for a read, whose hash is checked above, and an error for a listing."""
    page = Reply(200, b"<html><body>Log in</body></html>", {"Content-Type": "text/html"})
    with against(lambda _: page) as (storage, _):
        assert storage.read("a").startswith(b"<html>")
        with pytest.raises(StorageFault):
            list(storage.list(""))


def test_create_only_falls_back_where_it_is_unknown() -> None:
    def answer(request: Request) -> Reply:
        return s3_error(501, "NotImplemented") if "if-none-match" in request.headers else Reply()

    with against(answer) as (storage, server):
        assert storage.write("a", b"x", create=True) is True
    assert len(server.requests) == 2


@pytest.mark.parametrize("reply", [s3_error(412, "PreconditionFailed"), Reply(412)])
def test_a_stale_precondition_means_it_exists(reply: Reply, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    with against(lambda _: reply) as (storage, _):
        assert storage.write("a", b"x", create=True) is False
        assert storage.upload("a", str(tmp_path / "f"), create=True) is False
        fault(lambda: storage.write("a", b"x"), StorageFault)


def test_a_head_that_finds_nothing_asks_once_for_the_bucket() -> None:
    with against(lambda _: Reply(404)) as (storage, server):
        fault(lambda: storage.stat("a"), BucketMissing)

    def answer(request: Request) -> Reply:
        return Reply(404) if request.path.startswith("/bucket/pre") else Reply(200)

    with against(answer) as (storage, server):
        assert storage.stat("a") is None
        assert storage.stat("b") is None
        fault(lambda: storage.read("c"), KeyMissing)
    assert [request.path for request in server.requests if "/pre/" not in request.path] == ["/bucket"]


def test_pages_of_a_listing_are_joined() -> None:
    def answer(request: Request) -> Reply:
        second = "continuation-token=more" in request.path
        key = f"<Contents><Key>pre/k{int(second)}</Key><Size>{5 + second}</Size></Contents>"
        more = "" if second else "<IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>"
        return Reply(
            200,
            f"<ListBucketResult><Name>bucket</Name>{more}{key}</ListBucketResult>".encode(),
            {"Content-Type": "text/xml"},
        )

    with against(answer) as (storage, server):
        assert [(found.key, found.size) for found in storage.list("")] == [("k0", 5), ("k1", 6)]
    assert len(server.requests) == 2


def test_nobody_listens() -> None:
    with serving(lambda _: Reply()) as server:
        gone = server.endpoint
    storage = open_backend(RemoteSpec("origin", "s3://bucket", gone), base_dir="/")
    error = fault(lambda: storage.read("a"), NetworkFault)
    assert "cannot reach s3://bucket" in error.message
    storage.close()


def test_closing_ends_calls_that_wait_for_an_answer() -> None:
    """What lets Ctrl-C end promptly: the threads in flight fail at once instead of after their time-outs."""
    stuck = threading.Event()
    with serving(lambda _: Reply(200, b"x", delay=stuck)) as server:
        storage = open_storage(RemoteSpec("origin", "s3://bucket", server.endpoint), base_dir="/")
        errors: list[BaseException] = []

        def wait_for_it() -> None:
            try:
                storage.read("a")
            except WeftError as error:
                errors.append(error)

        thread = threading.Thread(target=wait_for_it, daemon=True)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
        began = time.monotonic()
        storage.close()
        thread.join(5)
        stuck.set()
        assert not thread.is_alive()
        assert time.monotonic() - began < 2
        assert len(errors) == 1


def test_a_forked_process_gets_its_own_connections(seaweed: Seaweed) -> None:
    storage = open_backend(RemoteSpec("origin", seaweed.fresh_url(), seaweed.endpoint), base_dir="/")
    storage.write("a", b"from the parent")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads, which is what is tested
        child = os.fork()
    if not child:
        try:
            same = storage.read("a") == b"from the parent"
            storage.write("b", b"from the child")
            os._exit(0 if same else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert storage.read("b") == b"from the child"
    storage.close()


def test_an_upload_holds_the_file_once(seaweed: Seaweed, tmp_path: Path) -> None:
    import resource

    with open(tmp_path / "pack", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    storage = open_backend(RemoteSpec("origin", seaweed.fresh_url(), seaweed.endpoint), base_dir="/")
    storage.write("warm", b"up")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    storage.upload("pack", str(tmp_path / "pack"))
    assert storage.download("pack", str(tmp_path / "again")) == 64 * 1024 * 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 84 * 1024, "the file once, and little else"
    storage.close()


def test_bodies_are_read_on_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two switches between threads for each block of a pack took more of a processor than sending it did."""
    (tmp_path / "pack").write_bytes(bytes(8 << 20))
    hops: list[object] = []
    plain = asyncio.BaseEventLoop.run_in_executor
    with against(lambda request: Reply()) as (storage, server):
        storage.write("warm", b"up")

        def counted(self: asyncio.BaseEventLoop, *arguments: Any) -> Any:
            hops.append(arguments[1])
            return plain(self, *arguments)

        monkeypatch.setattr(asyncio.BaseEventLoop, "run_in_executor", counted)
        storage.upload("pack", str(tmp_path / "pack"))
    sent = server.requests[-1]
    assert len(sent.body) == 8 << 20
    assert sent.headers["content-length"] == str(8 << 20)
    assert "transfer-encoding" not in sent.headers
    assert not hops


@pytest.mark.parametrize("as_file", [False, True])
def test_bodies_are_hashed_once_where_nobody_can_change_them(tmp_path: Path, as_file: bool) -> None:
    """On this machine a CRC-32 that the server compares is enough; the hash of a signature would double the work."""
    body = os.urandom(300_000)
    (tmp_path / "pack").write_bytes(body)
    with against(lambda request: Reply()) as (storage, server):
        storage.upload("pack", str(tmp_path / "pack")) if as_file else storage.write("pack", body)
    sent = server.requests[-1]
    assert sent.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert base64.b64decode(sent.headers["x-amz-checksum-crc32"]) == zlib.crc32(sent.body).to_bytes(4, "big")
    assert sent.body == body


@pytest.mark.parametrize(
    ("endpoint", "signed"), [("http://storage.example:9000", True), ("https://storage.example", False), ("", False)]
)
def test_bodies_are_signed_where_others_can_change_them(endpoint: str, signed: bool) -> None:
    storage = open_backend(RemoteSpec("origin", "s3://bucket/pre", endpoint), base_dir="/")
    config = storage._driver._connection.system.config_kwargs  # type: ignore[attr-defined]
    assert config.get("s3", {}).get("payload_signing_enabled", True) is signed
    storage.close()


def test_a_body_can_be_sent_again() -> None:
    """botocore rewinds the body for a request that it makes in another region."""

    async def sent(body: Body) -> bytes:
        return b"".join([block async for block in body])

    body = Body(memoryview(b"0123456789"))
    assert asyncio.run(sent(body)) == b"0123456789"
    assert (body.tell(), body.seek(2), body.read(3)) == (10, 2, b"234")
    assert asyncio.run(sent(body)) == b"56789"
    assert (body.seek(0, os.SEEK_END), body.seek(-3, os.SEEK_CUR), body.read()) == (10, 7, b"789")


def test_files_that_are_sent_at_once_are_few_and_share_memory(tmp_path: Path) -> None:
    names = [f"pack{number}" for number in range(9)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode() * 100_000)
    rooms = _Rooms()
    held: list[int] = []
    most: list[int] = []
    seen: set[int] = set()

    def send(name: str) -> bool:
        with rooms.read(str(tmp_path / name), 500_000) as data:
            held.append(1)
            most.append(len(held))
            seen.add(id(data.obj))
            time.sleep(0.02)
            held.pop()
            return bytes(data) == name.encode() * 100_000

    assert all(unordered_map(send, names, 9, 9))
    assert max(most) <= AT_ONCE
    assert len(seen) <= AT_ONCE
    with (
        pytest.raises(StorageFault, match="changed from 500001 to 500000 bytes"),
        rooms.read(str(tmp_path / names[0]), 500_001),
    ):
        pass
    with rooms.read(str(tmp_path / names[1]), 500_000) as data:
        assert len(data) == 500_000


def test_a_large_object_is_refused_before_its_body_comes() -> None:
    with against(lambda request: Reply(200, bytes(50 << 20))) as (storage, server):
        with pytest.raises(LimitExceeded, match="52428800 bytes"):
            storage.read_small("a", 1 << 20)
        assert [request.method for request in server.requests] == ["GET"]


@pytest.mark.parametrize("cut", [0, 1, 4])
def test_a_small_object_cut_short_is_an_error(cut: int) -> None:
    with against(lambda request: Reply(200, b"12345", cut=cut)) as (storage, _):
        assert fault(lambda: storage.read_small("a", 100), NetworkFault).transient
