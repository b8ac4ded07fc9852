"""Secrets in texts that are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.storage.urls import redact


@given(
    st.sampled_from(["s3", "gs", "https", "sftp"]),
    st.from_regex(r"[A-Za-z0-9+]{1,20}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9+/]{8,40}[A-Z]", fullmatch=True),
)
def test_no_password_is_shown(scheme: str, user: str, password: str) -> None:
    assert password not in redact(f"error at {scheme}://{user}:{password}@place/x while reading")


@pytest.mark.parametrize(
    "text",
    [
        "GET https://h/x?X-Amz-Signature=S3CR3T&a=b",
        "AWSAccessKeyId=S3CR3T",
        "x?sig=S3CR3T",
        "session_token=S3CR3T next",
        "https://S3CR3T@host/x",
        "x-goog-signature=S3CR3T",
        "a=b&my-x-amz-credential=S3CR3T",
        "name=token=S3CR3T",
        "://a://b:S3CR3T@host ://c:S3CR3T@host",
    ],
)
def test_texts_are_redacted(text: str) -> None:
    assert "S3CR3T" not in redact(text)
    assert redact("nothing to hide: a=b https://host/x") == "nothing to hide: a=b https://host/x"


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    assert len(redact("x" * (1 << 20))) < 5000
