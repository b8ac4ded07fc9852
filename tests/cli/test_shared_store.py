"""One store for the clones of several users: permissions, locks, leftovers, and what one may do to another."""

import fcntl
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from xxhash import xxh3_64_intdigest

from kit import Repo, pseudo_random
from users import GROUP, UserRepo, user
from weft.formats.pack import FOOTER_ENTRY, TRAILER_SIZE

BIG = pseudo_random(1_500_000, 1)
OTHER = pseudo_random(1_400_000, 2)
DATA = {"data/big.bin": BIG, "data/small.txt": b"small\n"}
ANN, BEN, EVE = 54_321, 54_322, 54_323


def own(top, uid):
    """Give a tree to a user."""
    for folder, folders, names in os.walk(top):
        for name in (".", *folders, *names):
            os.chown(os.path.join(folder, name), uid, uid, follow_symlinks=False)


class Scene:
    """A store that is shared with a group, and two members of it with clones of one repository."""

    def __init__(self, tmp_path, kind="group"):
        self.store = tmp_path / "store"
        self.store.mkdir(mode=0o755)
        ann, ben = user(ANN, tmp_path / "ann"), user(BEN, tmp_path / "ben")
        os.chown(self.store, ANN, GROUP)
        # The strictest and a common umask: neither may decide what the group gets.
        self.ann = UserRepo(ann.home / "repo", ann, 0o077)
        self.ann.git("init", "-q", "-b", "main", str(self.ann.root))
        self.ann.weft("init", "--store", str(self.store), f"--shared={kind}")
        self.fill(self.ann, DATA)
        self.ann.weft("add", "data")
        self.ann.commit()
        self.ben = UserRepo(ben.home / "repo", ben, 0o022)
        self.ben.git("clone", "-q", self.sent(self.ann, self.ben), str(self.ben.root))
        self.ben.weft("init", "--store", str(self.store))

    @staticmethod
    def sent(source, target):
        """The history of ``source`` as a repository that belongs to the owner of ``target``, as from a server."""
        hub = target.owner.home / "hub.git"
        shutil.rmtree(hub, ignore_errors=True)
        shutil.copytree(source.root / ".git", hub, ignore=shutil.ignore_patterns("weft"))
        own(hub, target.owner.uid)
        return str(hub)

    @staticmethod
    def fill(repo, files):
        for name, data in files.items():
            path = repo.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            for made in (path, path.parent):
                os.chown(made, repo.owner.uid, repo.owner.uid)

    def modes(self, pattern):
        return {(path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) for path in self.store.rglob(pattern)}


@pytest.fixture
def tmp_path():
    """A directory that every user may pass through, as those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="weft-users-") as made:
        os.chmod(made, 0o755)
        yield Path(made)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def contents(repo, names=DATA):
    return {name: (repo.root / name).read_bytes() for name in names}


@pytest.mark.parametrize(
    ("kind", "directory", "pack", "lock"), [("group", 0o2770, 0o440, 0o660), ("all", 0o2775, 0o444, 0o664)]
)
def test_what_is_made_there_is_for_the_group_whatever_the_umask(tmp_path, kind, directory, pack, lock):
    scene = Scene(tmp_path, kind)
    scene.ben.weft("checkout")
    scene.fill(scene.ben, {"data/new": OTHER})
    scene.ben.weft("add", "data")
    assert {path.stat().st_uid for path in scene.store.rglob("*.pack")} == {ANN, BEN}
    assert scene.modes("*.pack") == {(GROUP, pack)}
    assert scene.modes("*lock") == {(GROUP, lock)}
    folders = [scene.store, *(path for path in scene.store.rglob("*") if path.is_dir())]
    assert {(path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) for path in folders} == {(GROUP, directory)}


def test_what_one_adds_another_checks_out(scene):
    done = scene.ben.weft("checkout")
    assert contents(scene.ben) == DATA
    assert "warning" not in done.err, "that others wrote there is as it should be"
    scene.fill(scene.ben, {"data/new": OTHER})
    scene.ben.weft("add", "data")
    scene.ben.commit("new")
    scene.ann.git("pull", "-q", scene.sent(scene.ben, scene.ann), "main")
    scene.ann.weft("checkout")
    assert (scene.ann.root / "data/new").read_bytes() == OTHER


def test_what_is_fetched_is_for_the_group_too(scene, tmp_path):
    remote = tmp_path / "remote"
    remote.mkdir()
    os.chown(remote, ANN, GROUP)
    scene.ann.weft("remote", "add", "origin", str(remote))
    scene.ann.weft("push")
    own(remote, BEN)
    shutil.rmtree(scene.store / "packs")
    scene.ben.weft("remote", "add", "origin", str(remote))
    scene.ben.weft("pull")
    assert contents(scene.ben) == DATA
    assert {path.stat().st_uid for path in scene.store.rglob("*.pack")} == {BEN}
    assert scene.modes("*.pack") == {(GROUP, 0o440)}


def test_a_directory_that_the_administrator_made_needs_no_setting(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    os.chown(store, 0, GROUP)
    os.chmod(store, 0o2770)
    ann = user(ANN, tmp_path / "ann")
    repo = UserRepo(ann.home / "repo", ann, 0o077)
    repo.git("init", "-q", str(repo.root))
    repo.weft("init")
    repo.weft("config", "set", "--private", "store.dir", str(store))
    Scene.fill(repo, DATA)
    repo.weft("add", "data")
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.rglob("*.pack")} == {0o440}
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.rglob("*.lock")} == {0o660}


def test_a_store_that_there_was_is_shared_afterwards(tmp_path):
    repo = Repo.make(tmp_path / "repo")
    repo.write(DATA)
    repo.weft("add", "data")
    store = repo.root / ".git/weft/store"
    shutil.chown(store / "tmp", BEN)
    repo.weft("init", "--shared=all")
    assert stat.S_IMODE(store.stat().st_mode) == 0o2775
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.rglob("*.pack")} == {0o444}
    assert "store.shared" in repo.weft("config", "list").out
    assert repo.weft("init", "--shared=some", code=2).err


def test_whoever_is_not_in_the_group_is_refused(scene, tmp_path):
    eve = user(EVE, tmp_path / "eve", EVE)
    repo = UserRepo(eve.home / "repo", eve)
    repo.git("init", "-q", str(repo.root))
    repo.weft("init")
    repo.weft("config", "set", "--private", "store.dir", str(scene.store))
    Scene.fill(repo, {"data/new": OTHER})
    before = sorted(path.name for path in scene.store.rglob("*"))
    assert "E_PERMISSION" in repo.weft("add", "data", code=6).err
    assert sorted(path.name for path in scene.store.rglob("*")) == before
    assert "E_PERMISSION" in repo.weft("init", "--shared=all", code=6).err


def forge(pack):
    """Change a byte of the first frame, and make all checksums that are no hashes match."""
    data = bytearray(pack.read_bytes())
    footer, frames, _, _ = struct.unpack_from("<QIIQ", data, len(data) - TRAILER_SIZE)
    offset, stored = struct.unpack_from("<QI", data, footer + 32)
    data[offset] ^= 1
    struct.pack_into("<Q", data, footer + FOOTER_ENTRY - 8, xxh3_64_intdigest(data[offset : offset + stored]))
    struct.pack_into("<Q", data, len(data) - 16, xxh3_64_intdigest(data[footer : footer + frames * FOOTER_ENTRY]))
    os.chmod(pack, 0o640)
    pack.write_bytes(data)
    os.chmod(pack, 0o440)


def test_what_another_user_changed_is_found_when_it_is_read(scene):
    """The owner of a pack can write to it, so what is another's is hashed, and not believed for its checksums."""
    (pack,) = (path for path in scene.store.rglob("*.pack") if path.stat().st_size > len(BIG))
    forge(pack)
    refused = scene.ben.weft("checkout", code=None)
    assert refused.code in (1, 4)
    assert "a damaged pack was moved to" in refused.err
    assert not (scene.ben.root / "data/big.bin").exists()
    (kept,) = (scene.store / "quarantine").glob("*.pack")
    assert kept.stat().st_uid == ANN, "it was set aside by one who does not own it"
    assert contents(scene.ann) == DATA
    os.utime(scene.ann.root / "data/big.bin")
    scene.ann.weft("add", "data")
    scene.ben.weft("checkout")
    assert contents(scene.ben) == DATA


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_nobody_links_to_what_another_user_can_change(scene, kind):
    scene.ann.weft("checkout", "--link", "hard")
    done = scene.ben.weft("checkout", "--link", kind)
    assert done.err.count("belong to another user") == 1
    info = os.lstat(scene.ben.root / "data/big.bin")
    assert (stat.S_ISREG(info.st_mode), info.st_nlink, info.st_uid) == (True, 1, BEN)
    assert contents(scene.ben) == DATA
    scene.fill(scene.ben, {"data/own": OTHER})
    scene.ben.weft("add", "data")
    scene.ben.weft("checkout", "--link", kind)
    own = os.lstat(scene.ben.root / "data/own")
    assert stat.S_ISLNK(own.st_mode) if kind == "symlink" else own.st_nlink == 2


def test_what_root_unpacked_all_may_link_to(scene, tmp_path):
    """Root can change everything anyhow."""
    keeper = Repo(tmp_path / "keeper", {"HOME": str(tmp_path)})
    shutil.copytree(scene.ben.root, keeper.root)
    own(keeper.root, 0)
    keeper.weft("checkout", "--link", "symlink")
    assert {path.stat().st_uid for path in (scene.store / "files").rglob("*") if path.is_file()} == {0}
    scene.ben.weft("checkout", "--link", "symlink")
    assert (scene.ben.root / "data/big.bin").is_symlink()
    assert scene.ben.weft("status", "--exit-code").code == 0
    with pytest.raises(AssertionError, match="Permission denied"):
        scene.ben.run("sh", "-c", "echo EDITED > data/big.bin")


def test_leftovers_of_a_dead_process_go_with_the_next_command_of_their_owner(scene):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    name = subprocess.run(
        [sys.executable, "-c", "from weft.util.atomic import temp_name; print(temp_name())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    dead.wait()
    mine = subprocess.run(
        [*scene.ann.owner.prefix(), sys.executable, "-c", f"open({str(scene.store / 'tmp' / name)!r}, 'x')"], check=True
    )
    assert mine.returncode == 0
    living = subprocess.Popen(
        [
            *scene.ann.owner.prefix(),
            sys.executable,
            "-c",
            "import sys; from weft.util.atomic import temp_name; path = sys.argv[1] + temp_name(); open(path, 'x').close();"
            " print(path, flush=True); sys.stdin.read()",
            f"{scene.store}/tmp/",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with living:
        kept = living.stdout.readline().strip()
        scene.fill(scene.ben, {"data/new": OTHER})
        scene.ben.weft("add", "data", "--keep-missing")
        names = {path.name for path in (scene.store / "tmp").iterdir()}
        assert names == {name, os.path.basename(kept)}, "another user's is another user's"
        scene.fill(scene.ann, {"data/newer": OTHER})
        scene.ann.weft("add", "data", "--keep-missing")
        assert [path.name for path in (scene.store / "tmp").iterdir()] == [os.path.basename(kept)]
        living.stdin.close()


def test_locks_hold_between_users_and_name_who_has_them(scene, tmp_path):
    with open(scene.store / "lock", "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write((b"%d weft gc" % os.getpid()).ljust(256))
        file.flush()
        scene.fill(scene.ben, {"data/new": OTHER})
        code = (
            "import sys; from weft.util.locks import FileLock\n"
            "with FileLock(sys.argv[1], purpose='try', timeout=0.0, shared=True): pass"
        )
        done = subprocess.run(
            [*scene.ben.owner.prefix(), sys.executable, "-c", code, str(scene.store / "lock")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"process {os.getpid()} (weft gc)" in done.stderr
    scene.ben.weft("add", "data", "--keep-missing")


def test_a_lock_that_one_can_only_read_holds_too(tmp_path):
    path = tmp_path / "lock"
    path.write_bytes(b"")
    ben = user(BEN, tmp_path / "ben")
    code = (
        "import sys; from weft.util.locks import FileLock\n"
        "with FileLock(sys.argv[1], purpose='try', timeout=0.0): print('locked')"
    )
    argv = [*ben.prefix(), sys.executable, "-c", code, str(path)]
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stdout == "locked\n"
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "LockTimeout" in subprocess.run(argv, capture_output=True, text=True, check=False).stderr


def test_a_repository_cannot_place_or_share_the_store(scene):
    config = scene.ann.root / ".weft/config.yaml"
    config.write_text(config.read_text() + "store:\n  shared: all\n")
    assert "E_UNTRUSTED_CONFIG" in scene.ann.weft("status", code=3).err
