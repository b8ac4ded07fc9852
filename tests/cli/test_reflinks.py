"""Checkouts that share blocks with the store, on a file system that knows how: btrfs in a file, mounted for the test.

``empty-btrfs.img.xz`` is what ``mkfs.btrfs --mixed`` (btrfs-progs 6.2) makes of 24 MiB of zeros. Only root may mount it, and
not every kernel knows btrfs: elsewhere the same tests run on the file system that is there, and what they ask of shared
blocks is that weft says, rightly, that there are none.
"""

import fcntl
import lzma
import os
import struct
import subprocess
from pathlib import Path

import pytest

from kit import Repo, pseudo_random

IMAGE = Path(__file__).with_name("empty-btrfs.img.xz")
BIG = pseudo_random(1_500_000, 1)
DATA = {"data/big.bin": BIG, "data/small.txt": b"small\n"}
FIEMAP, SYNC, SHARED = 0xC020660B, 1, 0x2000
"""The request that tells where the blocks of a file lie (``linux/fiemap.h``), and two of its flags."""


@pytest.fixture
def disk(tmp_path):
    image, top = tmp_path / "image", tmp_path / "disk"
    image.write_bytes(lzma.decompress(IMAGE.read_bytes()))
    top.mkdir()
    done = subprocess.run(["mount", "-o", "loop", str(image), str(top)], capture_output=True, check=False)
    try:
        yield top
    finally:
        if not done.returncode:
            subprocess.run(["umount", str(top)], check=True)


@pytest.fixture
def can(disk):
    """Whether the file system shares blocks, asked of its own program."""
    (disk / "one").write_bytes(BIG)
    return not subprocess.run(["cp", "--reflink=always", disk / "one", disk / "two"], stderr=-3, check=False).returncode


def shared(path):
    """Whether a block of the file belongs to another file too."""
    with open(path, "rb") as file:
        asked = bytearray(struct.pack("<QQIIII", 0, 1 << 62, SYNC, 0, 64, 0) + bytes(56 * 64))
        try:
            fcntl.ioctl(file, FIEMAP, asked)
        except OSError:  # one that cannot tell shares none
            return False
    count = struct.unpack_from("<I", asked, 20)[0]
    flags = [struct.unpack_from("<I", asked, 32 + 56 * at + 40)[0] for at in range(count)]
    assert flags
    return any(flag & SHARED for flag in flags)


@pytest.fixture
def repo(disk):
    made = Repo.make(disk / "repo")
    made.write(DATA)
    os.chmod(made.root / "data/big.bin", 0o755)
    made.weft("add", "data")
    made.commit()
    return made


def test_a_clone_shares_blocks_and_is_a_file_of_its_own(repo, can):
    done = repo.weft("checkout", "--link", "reflink")
    assert ("files are copied" in done.err) == (not can and "wrote" in done.out)
    path = repo.root / "data/big.bin"
    assert path.read_bytes() == BIG
    info = os.lstat(path)
    assert (info.st_nlink, info.st_mode & 0o777) == (1, 0o755)
    assert shared(path) == can
    assert repo.weft("status", "--exit-code").code == 0
    with open(path, "r+b") as file:
        file.write(b"EDITED")
    found = repo.weft("status", "--json").json["data"]["paths"][0]
    assert ([change["kind"] for change in found["changes"]], found["edited"]) == (["modified"], [])
    copies = [path for path in (repo.root / ".git/weft/store").rglob("*.x") if path.is_file()]
    assert [path.read_bytes() for path in copies] == [BIG] * can, "what is changed in a clone is changed there alone"
    repo.weft("checkout", "--force")
    assert path.read_bytes() == BIG


def test_without_a_choice_only_what_is_there_is_shared(repo, can):
    path = repo.root / "data/big.bin"
    path.unlink()
    assert "warning" not in repo.weft("checkout").err
    assert not shared(path)
    assert not (repo.root / ".git/weft/store/files").exists(), "nothing is unpacked that nobody asked for"
    repo.weft("checkout", "--link", "hard")
    path.unlink()
    assert "warning" not in repo.weft("checkout").err
    assert path.read_bytes() == BIG
    assert (os.lstat(path).st_nlink, shared(path)) == (1, can)


def test_a_copy_that_was_changed_is_not_shared(repo, can):
    repo.weft("checkout", "--link", "hard")
    path = repo.root / "data/big.bin"
    (copy,) = (path for path in (repo.root / ".git/weft/store").rglob("*.x"))
    path.unlink()
    os.chmod(copy, 0o755)
    with open(copy, "r+b") as file:
        file.write(b"EDITED")
    repo.weft("checkout")
    assert path.read_bytes() == BIG, "written from the packs"
    path.unlink()
    done = repo.weft("checkout", "--link", "reflink")
    assert path.read_bytes() == BIG
    assert ("was changed through a link" in done.err, shared(path)) == (can, can)


def test_leftovers_of_trying_are_gone(repo, can):
    repo.weft("checkout", "--link", "reflink")
    assert not [name for name in os.listdir(repo.root) if "weft-tmp" in name]
    assert not os.listdir(repo.root / ".git/weft/store/tmp")
