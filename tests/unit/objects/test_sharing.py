"""Whom a store is shared with, as its directory says."""

import os
import stat

import pytest

from localstores import filled, opened
from weft.errors import PermissionFault
from weft.objects import sharing
from weft.objects.catalog import LOCAL


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture(params=[0o077, 0o022, 0o000])
def umask(request):
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


@pytest.mark.parametrize(
    ("bits", "pack"), [(0o755, None), (0o2755, None), (0o775, None), (0o2770, 0o440), (0o2775, 0o444), (0o2771, 0o440)]
)
def test_the_directory_says_how(tmp_path, bits, pack):
    os.chmod(tmp_path, bits)
    found = sharing.sharing_of(str(tmp_path))
    assert (found.pack if found else None) == pack


def test_a_store_that_is_not_there_is_nobodys(tmp_path):
    assert sharing.sharing_of(str(tmp_path / "no")) is None


@pytest.mark.parametrize(("kind", "directory", "pack"), [("group", 0o2770, 0o440), ("all", 0o2775, 0o444)])
def test_all_that_is_made_follows(tmp_path, umask, kind, directory, pack):
    root = tmp_path / "store"
    assert sharing.share(str(root), kind) == 0
    with opened(tmp_path) as store:
        filled(store, b"one", b"two")
        name = next(iter(store.catalog.packs(LOCAL)))
        os.rename(store.pack_path(name), temp := store.temp_path())
        os.chmod(temp, 0o600)
        assert mode(store.files.publish(temp, name)) == pack
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert {mode(path) for path in folders} == {directory}
    assert {mode(path) for path in root.rglob("*.pack")} == {pack}
    assert mode(root / "lock") == mode(root / "quarantine.lock") == mode(root / "quarantine.log") == directory & 0o666


def test_without_sharing_nothing_is_for_others(tmp_path):
    old = os.umask(0o077)
    try:
        with opened(tmp_path) as store:
            filled(store, b"one")
    finally:
        os.umask(old)
    assert {mode(path) & 0o077 for path in (tmp_path / "store").rglob("*")} == {0}


def test_what_there_was_is_shared_later(tmp_path):
    with opened(tmp_path) as store:
        filled(store, b"one")
    root = tmp_path / "store"
    (root / "packs" / "link").symlink_to("/etc/passwd")
    before = mode("/etc/passwd")
    assert sharing.share(str(root), "group") == 0
    assert {mode(path) for path in root.rglob("*.pack")} == {0o440}
    assert mode("/etc/passwd") == before
    assert sharing.share(str(root), "all") == 0
    assert {mode(path) for path in root.rglob("*.pack")} == {0o444}


def test_a_place_where_none_can_be_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Exception, match="cannot share") as caught:
        sharing.share(str(tmp_path / "file" / "store"), "group")
    assert not isinstance(caught.value, (OSError, PermissionFault))
