"""Files below a trusted directory, where others may have put links and odd files."""

import os
import subprocess
import sys

import pytest

from weft.errors import EnvironmentFault, FileTypeRefused, SymlinkRefused
from weft.util.dirfd import open_regular, remove_below, write_below


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "top").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"precious")
    return tmp_path / "outside"


@pytest.mark.parametrize("path", ["file", "new/deeper/file"])
def test_a_file_is_written_and_removed(tmp_path, path):
    write_below(str(tmp_path), path, b"one")
    write_below(str(tmp_path), path, b"two", mode=0o600)
    assert (tmp_path / path).read_bytes() == b"two"
    assert os.listdir((tmp_path / path).parent) == ["file"]
    remove_below(str(tmp_path), path)
    remove_below(str(tmp_path), path)
    remove_below(str(tmp_path), "nowhere/file")
    assert not (tmp_path / path).exists()


@pytest.mark.parametrize("path", ["link/file", "a/link/file", "a/link/b/file"])
def test_no_directory_may_be_a_link(tmp_path, outside, path):
    top = tmp_path / "top"
    (top / "a").mkdir()
    for name in ("link", "a/link"):
        (top / name).symlink_to(outside)
    for act in (lambda: write_below(str(top), path, b"x"), lambda: remove_below(str(top), path)):
        with pytest.raises(SymlinkRefused) as caught:
            act()
        assert "link" in caught.value.message
    assert os.listdir(outside) == ["file"]
    assert (outside / "file").read_bytes() == b"precious"


def test_the_last_name_is_replaced_itself(tmp_path, outside):
    (tmp_path / "top/link").symlink_to(outside / "file")
    write_below(str(tmp_path / "top"), "link", b"x")
    assert (outside / "file").read_bytes() == b"precious"
    assert not (tmp_path / "top/link").is_symlink()


def test_what_stands_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentFault) as caught:
        write_below(str(tmp_path), "file/below", b"x")
    assert str(tmp_path / "file/below") in caught.value.message


# A FIFO is tried in another process: one that waits for it has to be stopped.
_OPEN = """
import os, sys
from weft.errors import FileTypeRefused
from weft.util.dirfd import open_regular
for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND | os.O_CREAT):
    try:
        open_regular(sys.argv[1], flags)
    except (FileTypeRefused, OSError) as error:
        continue
    sys.exit("opened")
"""


def test_only_regular_files_are_opened(tmp_path, outside):
    os.close(open_regular(str(outside / "file")))
    os.mkfifo(tmp_path / "fifo")
    subprocess.run([sys.executable, "-c", _OPEN, str(tmp_path / "fifo")], check=True, timeout=30)
    with pytest.raises(FileTypeRefused):
        open_regular(str(outside))
    (tmp_path / "link").symlink_to(outside / "file")
    with pytest.raises(OSError, match="symbolic links"):
        open_regular(str(tmp_path / "link"))
