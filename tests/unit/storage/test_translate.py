"""Errors of libraries that only their shape tells apart."""

from __future__ import annotations

import email.utils
import time

import pytest

from weft.errors import CredentialFault, KeyMissing, NetworkFault, StorageFault
from weft.storage.translate import Context, create_or_replace, retry_after, translate, translated

S3 = Context("s3", "s3://bucket")


def test_retry_after() -> None:
    assert retry_after({}) == 0
    assert retry_after({"retry-after": "17"}) == 17
    assert 50 < retry_after({"retry-after": email.utils.formatdate(time.time() + 60, usegmt=True)}) <= 60
    assert retry_after({"retry-after": email.utils.formatdate(time.time() - 60, usegmt=True)}) == 0
    for odd in ("soon", "-5", "1e9", "9" * 50, "Mon, 99 Foo 2026"):
        assert 0 <= retry_after({"retry-after": odd}) <= 1_000_000


@pytest.mark.parametrize(
    ("error", "kind", "transient"),
    [
        (OSError(22, "Bad Request"), StorageFault, False),
        (OSError(16, "busy"), StorageFault, True),
        (FileNotFoundError("bucket/x"), KeyMissing, False),
        (PermissionError("no"), CredentialFault, False),
        (OSError("Forbidden: b/x"), CredentialFault, False),
        (ConnectionResetError(104, "reset"), NetworkFault, True),
        (TimeoutError(), NetworkFault, True),
    ],
)
def test_plain_errors(error: Exception, kind: type[Exception], transient: bool) -> None:
    told = translate(error, "x", S3)
    assert type(told) is kind
    assert getattr(told, "transient", None) is transient


def test_mistakes_of_the_program_are_not_dressed_up() -> None:
    for mistake in (TypeError("x"), AttributeError("x"), AssertionError("x")):
        with pytest.raises(type(mistake)), translated("x", S3):
            raise mistake


def test_our_own_errors_pass_through_whatever_wraps_them() -> None:
    inner = NetworkFault("ours")
    wrapper = RuntimeError("theirs")
    wrapper.__cause__ = inner
    assert translate(wrapper, "x", S3) is inner


def test_create_or_replace() -> None:
    asked: list[bool] = []

    def put(only: bool) -> None:
        asked.append(only)
        if only:
            raise FileExistsError

    assert create_or_replace(put, True) is False
    assert create_or_replace(put, False) is True
    assert asked == [True, False]
    with pytest.raises(FileExistsError):
        create_or_replace(lambda _: put(True), False)
