"""Rows about remotes: redirects (56), TLS that cannot be switched off (58), secrets in urls (69), answers without
end (97, 99) and those that grow when they are expanded (98)."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import weft.storage
from tinyhttp import Reply, Request, serving
from weft.errors import ExitCode, LimitExceeded, NetworkFault, RemoteRedirect, SecretRefused, StorageFault, WeftError
from weft.model.remote import RemoteSpec
from weft.storage import bodies
from weft.storage.base import Storage
from weft.storage.locate import open_backend, open_storage
from weft.util.urls import OPTIONS

SECRET = "sEcReT0123456789"


@contextmanager
def opened(url: str, endpoint: str) -> Iterator[Storage]:
    """A storage with credentials in the environment, closed at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        storage = open_backend(RemoteSpec("origin", url, endpoint), base_dir="/")
        try:
            yield storage
        finally:
            storage.close()


def calls(storage: Storage, folder: Path) -> Iterator[Callable[[], object]]:
    source = folder / "source"
    source.write_bytes(b"x" * 1000)
    yield lambda: storage.read("weft.json")
    yield lambda: storage.read("weft.json", 3, 4)
    yield lambda: storage.download("weft.json", str(folder / "target"))
    yield lambda: storage.write("weft.json", b"data", create=True)
    yield lambda: storage.upload("weft.json", str(source))
    yield lambda: storage.stat("weft.json")
    yield lambda: list(storage.list(""))
    yield lambda: storage.delete("weft.json")


def refused(call: Callable[[], object], kind: type[WeftError]) -> WeftError:
    with pytest.raises(kind) as caught:
        call()
    assert SECRET not in str(caught.value) + caught.value.hint
    return caught.value


def redirects_of_s3(folder: Path) -> None:
    _redirects("s3://bucket/prefix", folder)


def redirects_of_gcs(folder: Path) -> None:
    _redirects("gs://bucket/prefix", folder)


def _redirects(url: str, folder: Path) -> None:
    """No verb follows a redirect to another host: nothing arrives there, least of all a signature or a token."""
    with serving(lambda _: Reply(200, b"stolen")) as other:
        for status in (301, 302, 307, 308):
            away = Reply(status, b"", {"Location": other.endpoint + "/bucket/prefix/weft.json"})
            with serving(lambda _, away=away: away) as first, opened(url, first.endpoint) as storage:
                for call in calls(storage, folder):
                    error = refused(call, RemoteRedirect)
                    assert error.exit_code is ExitCode.ENVIRONMENT
                assert first.requests
        assert other.requests == []
    assert not (folder / "target").exists()


def redirect_away_from_tls(folder: Path) -> None:
    """A redirect to the same host in clear is one to another origin. The answering server needs no TLS to show it:
    the port differs as the scheme would."""
    with serving(lambda _: Reply(200, b"stolen")) as clear:
        named = Reply(307, b"", {"Location": clear.endpoint.replace("127.0.0.1", "localhost") + "/x"})
        with serving(lambda _: named) as first, opened("gs://bucket/p", first.endpoint) as storage:
            refused(lambda: storage.read("x"), RemoteRedirect)
        assert clear.requests == []


def untrusted_certificates(folder: Path) -> None:
    """A server whose certificate nobody signed is not spoken to, and no setting of a remote can change that."""
    assert {field.name for field in dataclasses.fields(RemoteSpec)} == {
        "name",
        "url",
        "endpoint",
        "region",
        "store",
        "private",
        "options",
    }
    assert {name for names in OPTIONS.values() for name in names} == {"key_file", "known_hosts", "account"}
    with serving(lambda _: Reply(200, b"x"), tls=True) as server, opened("s3://bucket", server.endpoint) as storage:
        for call in calls(storage, folder):
            error = refused(call, NetworkFault)
            assert "TLS" in error.message
            assert not error.transient
        assert server.requests == []


def no_switch_in_the_code(_: Path) -> None:
    for source in Path(weft.storage.__path__[0]).glob("*.py"):
        text = source.read_text()
        for switch in ("verify=", '"verify"', "ssl=False", "verify_ssl", "CERT_NONE", "use_ssl", "check_hostname"):
            assert switch not in text, f"{source.name} holds {switch}"


def secrets_in_urls(folder: Path) -> None:
    urls = [
        f"s3://AKIDEXAMPLE:{SECRET}@bucket/prefix",
        f"s3://AKIDEXAMPLE:{SECRET}/with/slash@bucket/prefix",
        f"s3://{SECRET}@bucket",
        f"https://user:{SECRET}@host/path",
        f"https://{SECRET}@host/path",
        f"https://user:pass/{SECRET}@host/path",
        f"sftp://user:{SECRET}@host/path",
        f"ftp://user%3A{SECRET}@host/path",
        f"https://host/path?X-Amz-Signature={SECRET}&X-Amz-Expires=100",
        f"s3://bucket/prefix?token={SECRET}",
        f"abfs://container/path?sig={SECRET}",
    ]
    for url in urls:
        refused(lambda url=url: open_storage(RemoteSpec("origin", url), base_dir=str(folder)), SecretRefused)
    for endpoint in (f"https://user:{SECRET}@host", f"http://host/?key={SECRET}"):
        spec = RemoteSpec("origin", "s3://bucket", endpoint)
        refused(lambda spec=spec: open_storage(spec, base_dir=str(folder)), SecretRefused)
    assert os.listdir(folder) == []


MIB = 1 << 20


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    """Fail when the block takes more memory at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most, f"{tracemalloc.get_traced_memory()[1]:,} {most:,}"
    finally:
        tracemalloc.stop()


def bodies_without_end(folder: Path) -> None:
    """Whatever is asked for: no more than that is read, and some MiB that are on their way already."""
    (folder / "source").write_bytes(b"x" * 1000)
    calls: list[tuple[Callable[[Storage], object], type[WeftError], int]] = [
        (lambda storage: storage.read_small("weft.json", MIB), WeftError, 1),
        (lambda storage: storage.read("a", 3, 1000), StorageFault, 1),
        (lambda storage: storage.read("a"), WeftError, 64),
        (lambda storage: storage.read("a", 7), WeftError, 64),
        (lambda storage: storage.download("a", str(folder / "target")), LimitExceeded, 64),
        (lambda storage: list(storage.list("")), StorageFault, 8),
        (lambda storage: storage.write("a", b"data"), StorageFault, 8),
        (lambda storage: storage.upload("a", str(folder / "source")), StorageFault, 8),
    ]
    for url in ("s3://bucket/p", "gs://bucket/p"):
        for status in (200, 400):
            with serving(_endless(status)) as server, opened(url, server.endpoint) as storage:
                refused(lambda: storage.read_small("a", 1), WeftError)  # the libraries are loaded
                server.blocks.clear()
                for call, kind, most in calls:
                    most = 8 if status == 400 else most
                    with memory_below((2 * most + 8) * MIB):
                        refused(lambda call=call: call(storage), kind if status == 200 else WeftError)  # type: ignore[misc]
                    assert all(blocks < most + 64 for blocks in server.blocks)
                    server.blocks.clear()
    assert not (folder / "target").exists()


def _endless(status: int) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        # Google's interface tells the size in an answer of its own, before an object is asked for.
        facts = "/storage/v1/b/bucket/o/" in request.path and "alt=media" not in request.path
        if facts and request.method == "GET":
            return Reply(200, json.dumps({"name": "p/a", "size": "500"}).encode())
        if request.method == "HEAD":
            return Reply(200, b"x" * 500)
        return Reply(status, b" " * MIB, endless=True)

    return answer


def objects_that_grow(folder: Path) -> None:
    """Who may write to a bucket may say that an object is compressed. It stays as it is, and is refused."""
    bomb = gzip.compress(bytes(64 * MIB))

    def answer(request: Request) -> Reply:
        assert request.headers["accept-encoding"] == "identity"
        if "alt=media" in request.path or request.path.startswith("/bucket/p/"):
            return Reply(200, bomb, {"Content-Encoding": "gzip"})
        return Reply(200, json.dumps({"name": "p/a", "size": "500"}).encode())

    for url in ("s3://bucket/p", "gs://bucket/p"):
        with serving(answer) as server, opened(url, server.endpoint) as storage:
            refused(lambda: storage.read_small("a", 600), WeftError)  # the libraries are loaded
            with memory_below(8 * MIB):
                for call in (lambda: storage.read_small("a", 600), lambda: storage.read("a", 0, 500)):
                    refused(call, WeftError)
                if url.startswith("gs"):
                    refused(lambda: storage.read("a"), StorageFault)
                    refused(lambda: storage.download("a", str(folder / "target")), StorageFault)
                else:
                    assert storage.read("a") == bomb


def listings_without_end(_: Path) -> None:
    """A page that names an earlier one as the next, and pages that always name another."""
    for fresh in (False, True):
        for url in ("s3://bucket/p", "gs://bucket/p"):
            count = iter(range(1, 10**9))

            def answer(_: Request, count: Iterator[int] = count, fresh: bool = fresh) -> Reply:
                number = next(count)
                token = f"t{number if fresh else number % 2}"
                if url.startswith("gs"):  # noqa: B023 - called while the loop is here
                    return Reply(200, json.dumps({"items": [{"name": f"p/{number}"}], "nextPageToken": token}).encode())
                key = f"<Contents><Key>p/{number}</Key><Size>1</Size></Contents>"
                more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
                body = f"<ListBucketResult><Name>bucket</Name>{more}{key}</ListBucketResult>"
                return Reply(200, body.encode(), {"Content-Type": "text/xml"})

            with (
                serving(answer) as server,
                opened(url, server.endpoint) as storage,
                pytest.MonkeyPatch.context() as patch,
            ):
                patch.setattr(bodies, "PAGES", 20)
                error = refused(lambda: list(storage.list("")), StorageFault)
                assert ("20 pages" if fresh else "sent before") in error.message
                assert not error.transient
                assert len(server.requests) == (20 if fresh else 3)


def answers_of_another_shape(_: Path) -> None:
    """What is not there, or is of another type, is an error of the remote and not of weft."""
    texts = ["[]", "3", '{"items": 3}', '{"items": [3]}', '{"items": [{}]}', '{"items": [{"name": 3}]}', "[" * 100_000]
    texts += ['{"items": [], "nextPageToken": {"a": 1}}', '{"items": [], "nextPageToken": "' + "x" * 9000 + '"}']
    for text in texts:
        reply = Reply(200, text.encode())
        with serving(lambda _, reply=reply: reply) as server, opened("gs://bucket/p", server.endpoint) as storage:
            refused(lambda: list(storage.list("")), StorageFault)
            refused(lambda: storage.stat("a"), StorageFault)
    for entry in ("<Contents/>", "<Contents><Key>p/a</Key></Contents>", "<IsTruncated>true</IsTruncated>"):
        body = f"<ListBucketResult><Name>bucket</Name>{entry}</ListBucketResult>".encode()
        reply = Reply(200, body, {"Content-Type": "text/xml"})
        with serving(lambda _, reply=reply: reply) as server, opened("s3://bucket/p", server.endpoint) as storage:
            refused(lambda: list(storage.list("")), StorageFault)


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (56, "redirect to another host, S3", redirects_of_s3),
    (56, "redirect to another host, GCS", redirects_of_gcs),
    (56, "redirect to clear text", redirect_away_from_tls),
    (58, "untrusted certificate", untrusted_certificates),
    (58, "no switch for verification", no_switch_in_the_code),
    (69, "secret in a url", secrets_in_urls),
    (97, "bodies without end", bodies_without_end),
    (98, "objects that grow", objects_that_grow),
    (99, "listings without end", listings_without_end),
    (99, "answers of another shape", answers_of_another_shape),
]
