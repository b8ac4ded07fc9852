"""What a url may not hold. More refusals are rows of the hostile list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import SecretRefused
from weft.util.urls import check_url, scheme_of


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


@pytest.mark.parametrize(
    ("url", "held"),
    [
        ("s3://S3CR3T@bucket", "a user name or a password"),
        ("https://user:pass/S3CR3T@host/path", "a user name or a password"),
        ("ftp://user%3AS3CR3T@host", "a user name or a password"),
        ("s3://KEY:S3CR3T/prefix", "an access key"),
        ("https://host/x?X-Amz-Signature=S3CR3T", "a signature, token or key"),
        ("abfs://box/x?a=1&sas_token=#S3CR3T", "a signature, token or key"),
    ],
)
def test_refusals_say_what_and_where_and_not_the_secret(url: str, held: str) -> None:
    with pytest.raises(SecretRefused) as caught:
        check_url(url, "config: a url", "config")
    assert caught.value.message.startswith(f"config: a url holds {held};")
    assert caught.value.path == "config"
    assert "S3CR3T" not in caught.value.message + caught.value.hint


@given(
    st.sampled_from(["s3", "gs", "https", "sftp"]),
    st.from_regex(r"[A-Za-z0-9+]{1,20}", fullmatch=True),
    # Digits and then a slash would be a port and a path.
    st.from_regex(r"[A-Za-z+][A-Za-z0-9+/]{8,40}[0-9]", fullmatch=True),
)
def test_no_password_passes(scheme: str, user: str, password: str) -> None:
    with pytest.raises(SecretRefused) as caught:
        check_url(f"{scheme}://{user}:{password}@place/x")
    assert password not in caught.value.message + caught.value.hint


def test_schemes() -> None:
    assert scheme_of("S3://bucket") == "s3"
    assert scheme_of("git+ssh://host") == "git+ssh"
    for path in ("a/b", "c:d", "/x://y", "://x", ""):
        assert scheme_of(path) == ""
