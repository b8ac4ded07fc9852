"""What a directory owes beyond the contract: links, odd files, crashes, full disks, its own temporary files."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pytest

from weft.errors import (
    BucketMissing,
    DirectoryRefused,
    EnvironmentFault,
    FileTypeRefused,
    KeyMissing,
    PathSyntax,
    PermissionFault,
    SymlinkRefused,
)
from weft.storage.local import OLD_TEMP, STALE_AFTER, TEMP, LocalStorage, refuse_foreign


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "store"
    root.mkdir()
    return root


def test_the_first_write_makes_the_directory(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path / "not" / "yet"))
    with pytest.raises(BucketMissing) as caught:
        storage.read("weft.json")
    assert "not/yet" in caught.value.message
    with pytest.raises(BucketMissing):
        storage.delete("weft.json")
    assert not (tmp_path / "not").exists()
    assert storage.write("weft.json", b"x", create=True)
    assert storage.read("weft.json") == b"x"


def test_a_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    storage = LocalStorage(str(tmp_path / "file"))
    with pytest.raises(BucketMissing):
        storage.read("weft.json")
    with pytest.raises(EnvironmentFault):
        storage.write("weft.json", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    os.symlink(outside / "secret", root / "link")
    os.symlink(outside, root / "packs")
    (root / "weft.json").write_bytes(b"{}")
    storage = LocalStorage(str(root))
    for call in (
        lambda: storage.read("link"),
        lambda: storage.stat("link"),
        lambda: storage.download("link", str(tmp_path / "to")),
        lambda: storage.read("packs/secret"),
        lambda: storage.stat("packs/secret"),
        lambda: storage.write("packs/new", b"x"),
        lambda: storage.delete("packs/secret"),
        lambda: list(storage.list("packs/")),
    ):
        with pytest.raises(SymlinkRefused):
            call()
    assert storage.write("link", b"own") is True
    assert (root / "link").read_bytes() == b"own"
    assert not (root / "link").is_symlink()
    assert sorted(os.listdir(outside)) == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"
    assert sorted(found.key for found in storage.list("")) == ["link", "weft.json"]


@pytest.mark.parametrize("name", [TEMP, OLD_TEMP])
def test_a_link_planted_for_temporary_files_is_not_followed(root: Path, tmp_path: Path, name: str) -> None:
    (root / "weft.json").write_bytes(b"{}")
    (tmp_path / "elsewhere").mkdir()
    _leave(tmp_path / "elsewhere" / f"12-{'a' * 16}")
    os.symlink(tmp_path / "elsewhere", root / name)
    if name == TEMP:
        with pytest.raises(SymlinkRefused):
            LocalStorage(str(root)).write("x", b"x")
    else:
        LocalStorage(str(root)).write("x", b"x")
    assert os.listdir(tmp_path / "elsewhere") == [f"12-{'a' * 16}"]


def test_a_fifo_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "fifo")
    storage = LocalStorage(str(root))
    for call in (lambda: storage.read("fifo"), lambda: storage.stat("fifo")):
        with pytest.raises(FileTypeRefused):
            call()
    assert list(storage.list("")) == []


@pytest.mark.parametrize("name", [TEMP, OLD_TEMP])
def test_temporary_files_are_no_objects(root: Path, name: str) -> None:
    storage = LocalStorage(str(root))
    storage.write("x", b"x")
    (root / name).mkdir(exist_ok=True)
    (root / name / "1-abc").write_bytes(b"half")
    assert [found.key for found in storage.list("")] == ["x"]
    assert list(storage.list(f"{name}/")) == []
    with pytest.raises(PathSyntax):
        storage.read(f"{name}/1-abc")


def _leave(path: Path, age: float = STALE_AFTER + 60) -> None:
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)


@pytest.mark.parametrize("folder", [TEMP, OLD_TEMP])
def test_only_what_weft_left_is_swept_when_it_is_old(root: Path, folder: str) -> None:
    (root / "weft.json").write_bytes(b"{}")
    (root / folder).mkdir()
    odd = [f"12-{'a' * 15}", f"12-{'A' * 16}", f"x-{'a' * 16}", f"12-{'a' * 16}.txt", "thesis.tex", ".hidden"]
    for name in odd:
        _leave(root / folder / name)
    _leave(root / folder / f"12-{'a' * 16}")
    _leave(root / folder / f"13-{'b' * 16}", STALE_AFTER - 60)
    _leave(root / folder / f"14-{'c' * 16}")
    os.chown(root / folder / f"14-{'c' * 16}", 2001, -1) if os.geteuid() == 0 else None
    os.symlink("thesis.tex", root / folder / f"15-{'d' * 16}")
    os.utime(root / folder / f"15-{'d' * 16}", (0, 0), follow_symlinks=False)
    LocalStorage(str(root)).write("x", b"x")
    stays = {*odd, f"13-{'b' * 16}", f"15-{'d' * 16}"} | ({f"14-{'c' * 16}"} if os.geteuid() == 0 else set())
    assert set(os.listdir(root / folder)) == stays


@pytest.mark.parametrize(
    "holds", ["thesis.tex", "src/thesis.tex", "src/deep/", f"{TEMP}/thesis.tex", "src -> .", "fifo"]
)
def test_a_folder_of_the_name_of_ours_makes_no_directory_ours(root: Path, holds: str) -> None:
    (root / TEMP).mkdir()
    name, _, target = holds.partition(" -> ")
    (root / name).parent.mkdir(exist_ok=True)
    if target:
        (root / name).symlink_to(target)
    elif name == "fifo":
        os.mkfifo(root / name)
    else:
        (root / name).mkdir() if name.endswith("/") else _leave(root / name)
    before = sorted(root.rglob("*"))
    with pytest.raises(DirectoryRefused):
        LocalStorage(str(root)).write("weft.json", b"x")
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("holds", ["tmp/thesis.tex", ".bashrc", "lost+found/x", "packs/x", "weft.json/x"])
def test_a_directory_that_holds_something_else_is_left_alone(root: Path, holds: str) -> None:
    (root / holds).parent.mkdir(exist_ok=True)
    _leave(root / holds)
    before = sorted(root.rglob("*"))
    for call in (lambda: LocalStorage(str(root)).write("weft.json", b"x"), lambda: refuse_foreign(str(root))):
        with pytest.raises(DirectoryRefused) as caught:
            call()
    assert str(root) in caught.value.message
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("holds", [[], [f"{TEMP}/12-{'a' * 16}"], ["sessions/"]])
def test_a_directory_whose_first_write_was_killed_is_ours(root: Path, holds: list[str]) -> None:
    (root / TEMP).mkdir()
    for name in holds:
        (root / name).mkdir() if name.endswith("/") else (root / name).write_bytes(b"half")
    assert LocalStorage(str(root)).write("weft.json", b"x", create=True)


def test_a_writer_killed_midway_leaves_no_object(root: Path) -> None:
    code = (
        "import sys, time; from weft.storage.local import LocalStorage; s = LocalStorage(sys.argv[1]);"
        "s._put('pack', lambda fd: (__import__('os').write(fd, b'half'), print('half', flush=True), time.sleep(60)), True)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"half\n"
    child.kill()
    child.wait()
    child.stdout.close()
    storage = LocalStorage(str(root))
    assert storage.stat("pack") is None
    assert list(storage.list("")) == []
    assert storage.write("pack", b"whole", create=True)


def test_a_failing_write_leaves_the_old_object_and_no_leftover(root: Path, tmp_path: Path) -> None:
    storage = LocalStorage(str(root))
    storage.write("x", b"old")
    (tmp_path / "big").write_bytes(b"y" * 400_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for call in (
            lambda: storage.write("x", b"y" * 400_000),
            lambda: storage.upload("x", str(tmp_path / "big")),
            lambda: storage.write("new", b"y" * 400_000, create=True),
        ):
            with pytest.raises(EnvironmentFault):
                call()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert storage.read("x") == b"old"
    assert os.listdir(root / TEMP) == []
    assert [found.key for found in storage.list("")] == ["x"]


def test_a_failing_download_leaves_no_file(root: Path, tmp_path: Path) -> None:
    storage = LocalStorage(str(root))
    storage.write("x", b"y" * 400_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(EnvironmentFault):
            storage.download("x", str(tmp_path / "to"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "to").exists()


def test_permissions() -> None:
    """In a child without privileges: root may do everything."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        os.chmod(folder, 0o755)
        storage = LocalStorage(folder + "/store")
        storage.write("weft.json", b"{}")
        storage.write("x", b"x")
        os.chmod(folder + "/store/x", 0)
        os.chmod(folder + "/store", 0o555)
        warnings.simplefilter("ignore")  # of forks beside threads, from Python 3.12 on
        child = os.fork()
        if not child:
            try:
                if os.geteuid() == 0:
                    os.setresuid(65534, 65534, 65534)
                refused = 0
                for call in (lambda: storage.read("x"), lambda: LocalStorage(folder + "/store").write("y/z", b"")):
                    try:
                        call()
                    except PermissionFault:
                        refused += 1
                os._exit(refused)
            finally:
                os._exit(99)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
        os.chmod(folder + "/store", 0o755)


def test_keys_and_directories_do_not_mix(root: Path) -> None:
    storage = LocalStorage(str(root))
    storage.write("a/b", b"x")
    with pytest.raises(KeyMissing):
        storage.read("a")
    with pytest.raises(EnvironmentFault):
        storage.write("a", b"x")
    with pytest.raises(EnvironmentFault):
        storage.write("a/b/c", b"x")
    assert storage.read("a/b") == b"x"


def test_an_abandoned_listing_holds_nothing_open(root: Path) -> None:
    storage = LocalStorage(str(root))
    for number in range(5):
        storage.write(f"d{number}/x", b"x")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        listing = storage.list("")
        next(listing)
        listing.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before
