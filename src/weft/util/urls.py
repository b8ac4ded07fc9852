"""Kinds of urls, and secrets in them: urls stand in files that are committed and in messages that are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weft.errors import SecretRefused
from weft.util.later import later

if TYPE_CHECKING:
    from urllib import parse
else:
    parse = later("urllib.parse")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SECRET_PARAMETER = re.compile(r"sig|token|key|secret|passw|pwd|credential|auth|expires", re.IGNORECASE)
KINDS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "abfs": "az",
    "abfss": "az",
    "sftp": "sftp",
    "ssh": "sftp",
    "webdav": "web",
    "webdavs": "web",
    "http": "web",
    "https": "web",
}
"""The schemes that weft has a storage for, and which one; a directory has none, or ``file``."""
OPTIONS: dict[str, tuple[str, ...]] = {"sftp": ("key_file", "known_hosts"), "az": ("account",)}
"""What else a user's own configuration may say of a remote, by the kind of its storage."""
# These name a bucket where others name a host, and know no user names.
_BUCKETS = frozenset(["s3", "s3a", "gs", "gcs"])
_CLOUD = (
    "leave it out, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or GOOGLE_APPLICATION_CREDENTIALS"
)
_WHERE = {
    "s3": f"{_CLOUD} in the environment",
    "az": "leave it out, and set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING",
    "sftp": "leave it out: keys are found in ssh-agent and ~/.ssh, or named by remotes.NAME.key_file",
    "web": "leave it out: names and passwords are found in ~/.netrc, or in the file that NETRC names",
}


def scheme_of(url: str) -> str:
    """The scheme in lower case; empty for a plain path."""
    found = _SCHEME.match(url)
    return found.group(1).lower() if found else ""


def check_url(url: str, where: str = "the url of the remote", path: str = "") -> None:
    """Refuse a URL that holds a secret: ``user:password@``, any user in an ``s3``, ``gs`` or ``http`` URL, or a query
    parameter that signs or authorizes. An unescaped password that begins with digits and a slash passes for a port,
    outside ``s3`` and ``gs``: ``https://user:12/x@host`` is also a host with a path.

    Raises ``SecretRefused``, which names ``where`` the URL stands and the ``path`` of that file, and holds nothing of
    the URL itself.
    """
    held = _secret_in(url)
    if held:
        raise SecretRefused(
            f"{where} holds {held}; others could read it there",
            hint=_WHERE.get(KINDS.get(scheme_of(url), ""), _WHERE["s3"]),
            path=path,
        )


def _secret_in(url: str) -> str:
    """What kind of secret the URL holds; empty when none is seen."""
    scheme = scheme_of(url)
    if not scheme or scheme == "file":
        return ""
    rest = url.split("://", 1)[1]
    host, _, path = rest.partition("/")
    user, at, _ = host.rpartition("@")
    # A secret may hold a slash, and then the "@" stands in what looks like the path.
    broken_by_slash = ":" in host and "@" in path and not host.rpartition(":")[2].isdigit()
    if broken_by_slash or (at and (":" in parse.unquote(user) or scheme in _BUCKETS or scheme in ("http", "https"))):
        return "a user name or a password"
    if scheme in _BUCKETS and ":" in host:
        return "an access key"
    query = rest.partition("?")[2].partition("#")[0]
    if query and any(_SECRET_PARAMETER.search(name) for name, _ in parse.parse_qsl(query, keep_blank_values=True)):
        return "a signature, token or key"
    return ""
