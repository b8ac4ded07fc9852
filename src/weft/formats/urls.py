"""What may not stand in the url of a remote, because a configuration file is no place for secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from weft.errors import SchemaError, SecretRefused

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SECRET_PARAMETER = re.compile(r"sig|token|key|secret|passw|pwd|credential|auth|expires", re.IGNORECASE)
_NO_USERS = frozenset(("s3", "s3a", "gs", "gcs", "http", "https"))


def check_url(url: str, what: str) -> None:
    """Refuse a URL with a password, a user where none belongs, or a query that signs or authorizes.

    ``what`` names the place for the message, which holds nothing of the URL. Raises ``SecretRefused``; ``SchemaError``
    for control characters.
    """
    if any(ord(char) < 32 or ord(char) == 127 for char in url):
        raise SchemaError(f"{what}: a url holds a control character", path=what)
    scheme = _SCHEME.match(url)
    if scheme is None or scheme.group(1).lower() == "file":
        return
    rest = url[scheme.end() :]
    host, _, path = rest.partition("/")
    user, at, _ = host.rpartition("@")
    # A secret may hold a slash, and then the "@" stands in what looks like the path.
    broken = ":" in host and "@" in path and not host.rpartition(":")[2].isdigit()
    if broken or (at and (":" in unquote(user) or scheme.group(1).lower() in _NO_USERS)):
        raise _secret(what, "a user name or a password")
    query = rest.partition("?")[2].partition("#")[0]
    if any(_SECRET_PARAMETER.search(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise _secret(what, "a signature, token or key")


def _secret(what: str, held: str) -> SecretRefused:
    return SecretRefused(
        f"{what}: a url holds {held}",
        hint="leave it out; credentials come from the environment or the cloud's own configuration",
        path=what,
    )
