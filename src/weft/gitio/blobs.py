"""The ids that Git gives to blobs, without asking Git for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weft.errors import GitFailed
from weft.gitio.repo import GitRepo
from weft.util.later import later

if TYPE_CHECKING:
    import hashlib
    from hashlib import sha1
else:
    # ``hashlib`` loads OpenSSL, which takes longer than hashing all stages of a commit. Python brings its own SHA-1, but
    # need not have been built with it.
    try:
        from _sha1 import sha1
    except ImportError:
        from hashlib import sha1
    hashlib = later("hashlib")

ALGORITHMS = ("sha1", "sha256")
is_blob_id = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII).fullmatch
"""Truthy for a full object id of Git, in either of its hash functions."""


def blob_id(data: bytes, algorithm: str = "sha1") -> str:
    """The id that Git gives to a blob of exactly ``data``, in lower-case hex; no filter and no line ending is applied.

    Raises ``GitFailed`` for a hash function that is not known here.
    """
    header = b"blob %d\0" % len(data)
    if algorithm == "sha1":
        return sha1(header + data, usedforsecurity=False).hexdigest()
    if algorithm == "sha256":
        return hashlib.sha256(header + data).hexdigest()
    raise GitFailed(f"the repository names its objects by {algorithm!a}, which this weft does not know")


def object_format(repo: GitRepo) -> str:
    """The hash function of the repository, ``sha1`` or ``sha256``, by one process. Raises ``GitFailed``."""
    return repo.git("rev-parse", "--show-object-format").decode("ascii", "replace").strip()
