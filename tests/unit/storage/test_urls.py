"""Secrets in urls and texts. The refusals themselves are rows of the hostile list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import SecretRefused
from weft.storage.urls import check_url, redact


@pytest.mark.parametrize(
    "url",
    [
        "plain/path",
        "/abs/user:pw@x",
        "file:///x/a:b@c",
        "s3://bucket/a@b",
        "s3://bucket/a:b@c",
        "https://host:8443/a@b",
        "sftp://alice@host/path",
        "memory://x",
        "https://host/path?version=3",
    ],
)
def test_urls_without_secrets_pass(url: str) -> None:
    check_url(url)


@given(
    st.sampled_from(["s3", "gs", "https", "sftp"]),
    st.from_regex(r"[A-Za-z0-9+]{1,20}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9+/]{8,40}[A-Z]", fullmatch=True),
)
def test_no_password_passes_or_is_shown(scheme: str, user: str, password: str) -> None:
    url = f"{scheme}://{user}:{password}@place/x"
    with pytest.raises(SecretRefused) as caught:
        check_url(url)
    assert password not in caught.value.message + caught.value.hint
    assert password not in redact(f"error at {url} while reading")


@pytest.mark.parametrize(
    "text",
    [
        "GET https://h/x?X-Amz-Signature=S3CR3T&a=b",
        "AWSAccessKeyId=S3CR3T",
        "x?sig=S3CR3T",
        "session_token=S3CR3T next",
        "https://S3CR3T@host/x",
        "x-goog-signature=S3CR3T",
    ],
)
def test_texts_are_redacted(text: str) -> None:
    assert "S3CR3T" not in redact(text)
    assert redact("nothing to hide: a=b https://host/x") == "nothing to hide: a=b https://host/x"
