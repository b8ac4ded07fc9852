"""URLs of remotes: what may be written in one, and how to show text that may hold one."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from weft.errors import ConfigError, SecretRefused
from weft.storage.keys import check_key

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SECRET_PARAMETER = re.compile(r"sig|token|key|secret|passw|pwd|credential|auth|expires", re.IGNORECASE)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}", re.ASCII)
# These name a bucket where others name a host, and know no user names.
_BUCKETS = frozenset(["s3", "s3a", "gs", "gcs"])
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@]*(?:/[^\s@]*)?@")
_SECRET_IN_QUERY = re.compile(
    r"(?i)\b((?:x-amz|x-goog)-[a-z-]+|awsaccesskeyid|googleaccessid|sig(?:nature)?|[a-z_-]*(?:token|secret|key|password))"
    r"=[^&\s\"'<>]+"
)


class BucketUrl(NamedTuple):
    """A bucket and the prefix in it (no ``/`` at either end; it may be empty)."""

    bucket: str
    prefix: str


def scheme_of(url: str) -> str:
    """The scheme in lower case; empty for a plain path."""
    found = _SCHEME.match(url)
    return found.group(1).lower() if found else ""


def check_url(url: str) -> None:
    """Refuse a URL that holds a secret: ``user:password@``, any user in an ``s3``, ``gs`` or ``http`` URL, or a query
    parameter that signs or authorizes. Raises ``SecretRefused``; its message holds nothing of the URL.
    """
    scheme = scheme_of(url)
    if not scheme or scheme == "file":
        return
    rest = url.split("://", 1)[1]
    host, _, path = rest.partition("/")
    user, at, _ = host.rpartition("@")
    # A secret may hold a slash, and then the "@" stands in what looks like the path.
    broken_by_slash = ":" in host and "@" in path and not host.rpartition(":")[2].isdigit()
    if broken_by_slash or (at and (":" in unquote(user) or scheme in _BUCKETS or scheme in ("http", "https"))):
        raise _secret("a user name or a password")
    if scheme in _BUCKETS and ":" in host:
        raise _secret("an access key")
    query = rest.partition("?")[2].partition("#")[0]
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if _SECRET_PARAMETER.search(name):
            raise _secret("a signature, token or key")


def _secret(what: str) -> SecretRefused:
    return SecretRefused(
        f"the url of the remote holds {what}; it would be committed for everyone to read",
        hint="leave it out, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or "
        "GOOGLE_APPLICATION_CREDENTIALS in the environment",
    )


def bucket_url(url: str) -> BucketUrl:
    """Take ``s3://bucket/prefix`` apart. Raises ``SecretRefused``, ``ConfigError``, and ``check_key``'s errors."""
    check_url(url)
    if "?" in url or "#" in url:
        raise ConfigError(
            "the url of a bucket has no query and no fragment", hint="weft remote add NAME s3://BUCKET/PATH"
        )
    host, _, path = url.split("://", 1)[1].partition("/")
    if not _BUCKET.fullmatch(host):
        raise ConfigError(f"not the name of a bucket: {host[:80]!a}", hint="weft remote add NAME s3://BUCKET/PATH")
    prefix = path.strip("/")
    if prefix:
        check_key(prefix)
    return BucketUrl(host, prefix)


def check_endpoint(endpoint: str) -> str:
    """Return ``endpoint`` without a final slash if it is ``http(s)://host[:port]``.

    Raises ``SecretRefused`` or ``ConfigError``.
    """
    check_url(endpoint)
    parts = urlsplit(endpoint)
    try:
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine or parts.query or parts.fragment:
        raise ConfigError(f"an endpoint is http://HOST[:PORT] or https://HOST[:PORT], not {redact(endpoint)[:80]!a}")
    return endpoint.rstrip("/")


def is_loopback(endpoint: str) -> bool:
    """True for an endpoint on this machine."""
    return (urlsplit(endpoint).hostname or "") in ("localhost", "127.0.0.1", "::1")


def redact(text: str) -> str:
    """``text`` of a library or a server without user information and without values that sign or authorize."""
    return _SECRET_IN_QUERY.sub(r"\1=***", _USER_IN_URL.sub("***@", text))
