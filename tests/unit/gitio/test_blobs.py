"""Blob ids are those of Git."""

from __future__ import annotations

import pytest

from weft.errors import GitFailed
from weft.gitio.blobs import blob_id, is_blob_id, object_format


def test_ids_are_what_git_says(any_work):
    algorithm = object_format(any_work.repo)
    assert algorithm in ("sha1", "sha256")
    for data in (b"", b"weft\n", bytes(range(256)), b"\r\n" * 1000):
        said = any_work.repo.git("hash-object", "--stdin", "--no-filters", stdin=data).decode().strip()
        assert blob_id(data, algorithm) == said
        assert is_blob_id(said)


def test_other_hash_functions():
    with pytest.raises(GitFailed, match="md5"):
        blob_id(b"", "md5")
    assert not is_blob_id("a" * 39)
    assert not is_blob_id("A" * 40)
