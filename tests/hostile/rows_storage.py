"""Rows about remotes: redirects (56), TLS that cannot be switched off (58), secrets in urls (69)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import weft.storage
from tinyhttp import Reply, serving
from weft.errors import ExitCode, NetworkFault, RemoteRedirect, SecretRefused, WeftError
from weft.model.remote import RemoteSpec
from weft.storage.base import Storage
from weft.storage.locate import open_backend, open_storage

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
    }
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


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (56, "redirect to another host, S3", redirects_of_s3),
    (56, "redirect to another host, GCS", redirects_of_gcs),
    (56, "redirect to clear text", redirect_away_from_tls),
    (58, "untrusted certificate", untrusted_certificates),
    (58, "no switch for verification", no_switch_in_the_code),
    (69, "secret in a url", secrets_in_urls),
]
