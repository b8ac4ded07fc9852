"""URLs of remotes: the parts of one, and how to show text that may hold one."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from weft.errors import ConfigError
from weft.storage.keys import check_key
from weft.util.urls import check_url

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}", re.ASCII)
# Each of these takes whole words, also those that turn out to be harmless, so that none is tried again from within.
_USER_IN_URL = re.compile(r"://[^\s@]*+(@)?")
_SECRET_IN_QUERY = re.compile(
    r"(?i)(?<![a-z_-])((?>[a-z_-]*?(?:x-amz|x-goog)-[a-z_-]++)|[a-z_-]++(?:"
    r"(?<=token)|(?<=secret)|(?<=key)|(?<=password)|(?<=sig)|(?<=signature)|(?<=keyid)|(?<=accessid)))"
    r"=[^&\s\"'<>]++"
)
SHOWN = 4000
"""Most characters of a text of a server that are looked at: it may send any number."""


class BucketUrl(NamedTuple):
    """A bucket and the prefix in it (no ``/`` at either end; it may be empty)."""

    bucket: str
    prefix: str


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
    named = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "")
    if not named or not port_is_fine or parts.query or parts.fragment:
        raise ConfigError(f"an endpoint is http://HOST[:PORT] or https://HOST[:PORT], not {redact(endpoint)[:80]!a}")
    return endpoint.rstrip("/")


def is_loopback(endpoint: str) -> bool:
    """True for an endpoint on this machine."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redact(text: str) -> str:
    """The beginning of a text of a library or a server, without user information and values that sign or authorize."""
    hidden = _USER_IN_URL.sub(lambda found: "://***@" if found.group(1) else found.group(), text[:SHOWN])
    return _SECRET_IN_QUERY.sub(r"\1=***", hidden)


def shown(url: str) -> str:
    """A url as users see it."""
    return redact(url.rstrip("/"))
