"""Places: where a url and an endpoint lead, in one spelling, and patterns that cover many of them.

A pattern is the url of a place, and after a space its endpoint. A bucket or an endpoint may hold one ``*`` for any text
without a slash; a url that ends in ``/*`` covers the place itself and everything below it. A pattern without an endpoint
covers no place that has one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from weft.errors import ConfigError, DirectoryRefused
from weft.storage.urls import bucket_url, check_endpoint, is_loopback, redact
from weft.util.urls import KINDS, OPTIONS, scheme_of

BUCKETS = {scheme: kind for scheme, kind in KINDS.items() if kind in ("s3", "gs")}
"""The schemes of buckets, each with the spelling that places have."""
SUPPORTED = ("s3://", "gs://", "az://", "sftp://", "webdavs://")
"""What users may be told that there is besides directories."""
_PORTS = {"http": 80, "https": 443}
_BELOW = "/*"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]", re.ASCII)


class Place(NamedTuple):
    """A directory (absolute, without links), a bucket and the prefix in it, or another url; ``endpoint`` is empty where the
    provider's own is used."""

    url: str
    endpoint: str = ""

    def __str__(self) -> str:
        """As users see it."""
        return f"{redact(self.url)} at {self.endpoint}" if self.endpoint else redact(self.url)


def place_of(url: str, endpoint: str, base_dir: str) -> Place:
    """The place that a remote means. A relative path is relative to ``base_dir``.

    Raises ``SecretRefused``, ``ConfigError`` and ``DirectoryRefused``.
    """
    scheme = scheme_of(url)
    if scheme in BUCKETS:
        bucket = bucket_url(url)
        return Place(f"{BUCKETS[scheme]}://{bucket.bucket}/{bucket.prefix}".rstrip("/"), _one_spelling(endpoint))
    path = directory_of(url, base_dir)
    if path is not None:
        return Place(os.path.realpath(path))
    return Place(url.rstrip("/"), _one_spelling(endpoint))


def directory_of(url: str, base_dir: str) -> str | None:
    """The directory that a path, relative to ``base_dir``, or a ``file://`` url names; None for a url of another kind.

    Raises ``ConfigError``; ``DirectoryRefused`` for ``[USER@]HOST:PATH``, which looks like a place on another machine.
    """
    path, scheme = url, scheme_of(url)
    if scheme not in ("", "file"):
        return None
    if scheme:
        rest = url.split("://", 1)[1]
        host, slash, below = rest.partition("/")
        path = unquote("/" + below if host == "localhost" and slash else rest)
    elif "://" in url or "::" in url or url.startswith("data:"):
        raise ConfigError(
            f"neither a path nor a plain url: {redact(url)[:80]!a}; urls in urls and data in urls are no remotes",
            hint="weft remote add NAME PATH",
        )
    elif url.startswith("~"):
        raise DirectoryRefused(
            f"the shell makes a home directory of ~ only where it is not quoted: {url[:80]!a}",
            hint="leave the quotes out, or write ./~ for a directory of that name",
        )
    elif _DRIVE.match(url):
        raise DirectoryRefused(
            "a path with the letter of a drive is for Windows, which weft does not run on",
            hint="name a directory of this machine",
        )
    if not path or "\0" in path:
        raise ConfigError("the path of the remote is empty or holds a NUL", hint="weft remote add NAME PATH")
    if not scheme and ":" in path.partition("/")[0]:
        raise DirectoryRefused(
            "an address with a host and a colon, such as user@host:data, is no directory",
            hint="over SSH write sftp://USER@HOST/PATH; a directory with a colon in its name is ./NAME",
        )
    return os.path.join(base_dir, path)


def kind_of(url: str) -> str:
    """The kind of storage in ``weft.util.urls.KINDS`` behind a url that is no directory. Raises ``ConfigError``."""
    scheme = scheme_of(url)
    if scheme in KINDS:
        return KINDS[scheme]
    if scheme == "memory":
        raise ConfigError("what is stored in memory:// is gone when the command ends", hint="weft remote add NAME PATH")
    raise ConfigError(
        f"weft has no storage for {scheme}:// remotes; it has: a directory, {', '.join(SUPPORTED)}, and http(s):// to read",
        hint="rclone mount and the like make other places a directory, which weft remote add NAME PATH takes",
    )


def check_writable(url: str) -> None:
    """Refuse a place that nothing can be written to, or that weft does not know. Raises ``ConfigError``."""
    if scheme_of(url) not in ("", "file"):
        kind_of(url)
    if scheme_of(url) in ("http", "https"):
        raise ConfigError(
            "a plain web server can only be read from; nothing can be pushed there",
            hint="name the place that its files come from, or webdavs://HOST/PATH where it speaks WebDAV;"
            " to pull from it: weft config set --private remotes.NAME.url URL",
        )


def check_settings(url: str, endpoint: str, options: Iterable[tuple[str, str]] = ()) -> None:
    """Refuse settings that a remote of this kind does not know. Raises ``ConfigError``."""
    kind = KINDS.get(scheme_of(url), "")
    if endpoint and kind not in ("", "s3", "gs"):
        raise ConfigError("an endpoint belongs to s3:// and gs://; other urls say themselves where the server is")
    for key, _ in options:
        if key not in OPTIONS.get(kind, ()):
            known = ", ".join(OPTIONS.get(kind, ())) or "none"
            raise ConfigError(f"{key[:80]!a} is no option of this kind of remote; it knows {known}")


def private_only(url: str, endpoint: str) -> str:
    """Why a committed configuration may not name this place; empty when it may."""
    scheme = scheme_of(url)
    if scheme and scheme not in BUCKETS:
        return f"a commit may name s3://, gs:// and relative directories, and not {scheme}://"
    if not scheme and os.path.isabs(url):
        return "a commit may not name an absolute path"
    if urlsplit(endpoint).scheme == "http" and not is_loopback(endpoint):
        return "a commit may not ask for plain http:// to another machine"
    return ""


def is_near(place: Place, root: str) -> bool:
    """True for a directory inside of the repository at ``root``, or right beside it. What lies further down beside it is
    not near: the folder around a repository may be a home directory, and hold all that its user has."""
    top = os.path.realpath(root)
    beside = os.path.dirname(top)
    # Beside a repository at the top of the machine lie the directories of the system.
    return _below(top, place.url) or (os.path.dirname(place.url) == beside != "/")


def is_around(place: Place, root: str) -> bool:
    """True for a directory anywhere in the folder that holds the repository at ``root``: it moves together with it."""
    top = os.path.realpath(root)
    beside = os.path.dirname(top)
    return place.url.startswith("/") and _below(top if beside == "/" else beside, place.url)


def covers(pattern: str, place: Place) -> bool:
    """True when ``pattern`` covers ``place``. Raises ``ConfigError`` for what is no pattern."""
    words = pattern.split()
    if not 1 <= len(words) <= 2 or pattern.count("*") > 3:
        raise _no_pattern(pattern)
    url, endpoint = words[0], words[1] if len(words) == 2 else ""
    everything = url.endswith(_BELOW)
    base = (url[: -len(_BELOW)] if everything else url).rstrip("/")
    scheme = scheme_of(base)
    if scheme in BUCKETS:
        bucket, _, prefix = base.split("://", 1)[1].partition("/")
        if "*" in prefix or not bucket:
            raise _no_pattern(pattern)
        its_scheme, _, its_rest = place.url.partition("://")
        its_bucket, _, its_prefix = its_rest.partition("/")
        fits = BUCKETS[scheme] == its_scheme and _like(bucket, its_bucket)
        fits = fits and (its_prefix == prefix or (everything and (not prefix or its_prefix.startswith(prefix + "/"))))
        return fits and _like(endpoint.lower().rstrip("/"), place.endpoint)
    if not url.startswith("/") or "*" in base or endpoint:
        raise _no_pattern(pattern)
    folder = os.path.realpath(base or "/")
    return place.url == folder or (everything and place.url.startswith("/") and _below(folder, place.url))


def _one_spelling(endpoint: str) -> str:
    if not endpoint:
        return ""
    parts = urlsplit(check_endpoint(endpoint))
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _below(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _like(pattern: str, text: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == text
    middle = text[len(before) : len(text) - len(after)]
    return (
        len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after) and "/" not in middle
    )


def _no_pattern(pattern: str) -> ConfigError:
    return ConfigError(
        f"not a pattern of places: {redact(pattern)[:80]!a}",
        hint="write SCHEME://BUCKET/*, SCHEME://BUCKET/PREFIX/* or an absolute path; an endpoint follows after a space",
    )
