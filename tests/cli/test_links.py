"""Checkouts that link into the store: what they make, that what is linked is safe, and that damage is found and named.

The tests may run as root, who may write to a file that is read-only: just what it takes to edit one in place.
"""

import os
import shutil
import stat
import tempfile

import pytest

from kit import Repo, pseudo_random, snapshot

BIG = pseudo_random(1_500_000, 1)
OTHER = pseudo_random(1_400_000, 2)
DATA = {"data/big.bin": BIG, "data/sub/run": OTHER, "data/small.txt": b"small\n"}


@pytest.fixture
def repo(tmp_path):
    made = Repo.make(tmp_path / "repo")
    made.write(DATA)
    os.chmod(made.root / "data/sub/run", 0o755)
    made.weft("add", "data")
    made.commit()
    return made


def contents(repo):
    return {name: (repo.root / name).read_bytes() for name in DATA}


def copies(repo):
    folder = repo.root / ".git/weft/store/files"
    return {path.name: path for path in folder.rglob("*") if path.is_file()}


def edit(path, data=b"EDITED"):
    """Change a file in place, as an editor that keeps the inode does."""
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(data)


def state(repo):
    (path,) = repo.weft("status", "--json").json["data"]["paths"]
    return path


def test_hard_links_are_read_only_and_share_the_bytes(repo):
    repo.weft("checkout", "--link", "hard")
    big, run, small = (os.lstat(repo.root / name) for name in DATA)
    assert contents(repo) == DATA
    assert {info.st_ino for info in (big, run)} == {path.stat().st_ino for path in copies(repo).values()}
    assert (big.st_nlink, run.st_nlink, small.st_nlink) == (2, 2, 1)
    assert [stat.S_IMODE(info.st_mode) for info in (big, run)] == [0o444, 0o555]
    assert small.st_mode & 0o200
    assert repo.weft("status", "--exit-code").code == 0
    assert repo.weft("checkout", "--link", "hard").err.count("wrote") == 0


def test_symbolic_links_stand_for_the_files(repo):
    repo.weft("checkout", "--link", "symlink")
    assert [(repo.root / name).is_symlink() for name in DATA] == [True, True, False]
    assert contents(repo) == DATA
    assert state(repo)["state"] == "clean"
    pointer = (repo.root / "data.weft").read_bytes()
    repo.weft("add", "data")
    assert (repo.root / "data.weft").read_bytes() == pointer, "the links are not what the data is"
    os.utime(repo.root / "data/big.bin", follow_symlinks=False)
    os.utime(repo.root / "data/big.bin")
    assert state(repo)["state"] == "clean"


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_copy_gives_files_of_ones_own(repo, kind):
    repo.weft("checkout", "--link", kind)
    repo.weft("checkout", "--link", "copy", "data/big.bin")
    info = os.lstat(repo.root / "data/big.bin")
    assert (stat.S_ISREG(info.st_mode), info.st_nlink, info.st_mode & 0o200) == (True, 1, 0o200)
    run = os.lstat(repo.root / "data/sub/run")
    assert stat.S_ISLNK(run.st_mode) or run.st_nlink == 2, "the other one is linked as before"
    edit(repo.root / "data/big.bin")
    assert state(repo)["edited"] == []
    repo.weft("add", "data")
    repo.weft("checkout", "--link", "copy")
    assert (repo.root / "data/sub/run").stat().st_mode & 0o777 & ~0o022 == 0o755
    assert (repo.root / "data/big.bin").read_bytes() == b"EDITED" + BIG[6:]


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_switching_versions_and_removing_goes_by_the_links(repo, kind):
    repo.weft("config", "set", "--private", "checkout.link", kind)
    repo.weft("checkout", "--link", kind)
    before = snapshot(repo.root / "data")
    (repo.root / "data/big.bin").unlink()
    repo.write({"data/big.bin": OTHER, "data/new.bin": BIG[::-1]})
    repo.weft("add", "data")
    repo.commit("two")
    repo.weft("checkout", "HEAD~1", "--", "data")
    assert snapshot(repo.root / "data") == before
    assert sorted(os.listdir(repo.root / "data")) == ["big.bin", "small.txt", "sub"]
    repo.weft("checkout", "HEAD", "--", "data")
    assert (repo.root / "data/new.bin").read_bytes() == BIG[::-1]
    assert (repo.root / "data/big.bin").read_bytes() == OTHER
    repo.weft("mv", "data", "moved")
    assert (repo.root / "moved/big.bin").read_bytes() == OTHER
    repo.weft("rm", "moved")
    assert not (repo.root / "moved").exists()
    assert {path.read_bytes() for path in copies(repo).values()} == {BIG, OTHER, BIG[::-1]}, "only the links went"


def test_what_replaces_a_link_is_added_like_any_file(repo):
    repo.weft("checkout", "--link", "hard")
    new = repo.root / "data/new"
    new.write_bytes(OTHER[::-1])
    os.rename(new, repo.root / "data/big.bin")
    assert state(repo)["edited"] == []
    repo.weft("add", "data")
    assert state(repo)["state"] == "clean"
    assert {path.read_bytes() for path in copies(repo).values()} == {BIG, OTHER}


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_an_edit_in_place_is_named_and_undone(repo, kind):
    repo.weft("checkout", "--link", kind)
    edit(repo.root / "data/big.bin")
    found = state(repo)
    assert [change["path"] for change in found["changes"]] == ["data/big.bin"]
    assert [edited["path"] for edited in found["edited"]] == ["data/big.bin"]
    assert "changed in place through a link into the store" in repo.weft("status").out
    assert repo.weft("checkout", "--link", kind, code=3).err.count("E_UNSAVED") == 1
    assert (repo.root / "data/big.bin").read_bytes()[:6] == b"EDITED", "nothing is lost without being asked for"
    done = repo.weft("checkout", "--force", "--link", kind)
    assert "was changed through a link" in done.err
    assert contents(repo) == DATA
    assert {path.read_bytes() for path in copies(repo).values()} == {BIG, OTHER}
    (kept,) = (repo.root / ".git/weft/store/quarantine").glob("*.file")
    assert kept.read_bytes() == b"EDITED" + BIG[6:]
    saved = next(word for word in done.err.split() if word.startswith("blake3:"))
    assert repo.weft("cat", saved).out.startswith("EDITED")
    assert state(repo)["state"] == "clean"


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_an_edit_in_place_that_is_added_is_a_version_of_its_own(repo, kind):
    repo.weft("checkout", "--link", kind)
    edit(repo.root / "data/big.bin")
    repo.weft("add", "data")
    assert state(repo)["state"] == "clean"
    repo.commit("edited")
    repo.weft("checkout", "--link", kind)
    assert (repo.root / "data/big.bin").read_bytes() == b"EDITED" + BIG[6:]
    repo.weft("checkout", "--link", kind, "HEAD~1", "--", "data")
    assert contents(repo) == DATA
    repo.weft("checkout", "--link", kind, "HEAD", "--", "data")
    assert (repo.root / "data/big.bin").read_bytes() == b"EDITED" + BIG[6:]


def test_the_other_clones_of_a_store_see_it_and_are_named(repo, tmp_path):
    store = tmp_path / "store"
    other = repo.clone(tmp_path / "other")
    for clone in (repo, other):
        clone.weft("config", "set", "--private", "store.dir", str(store))
        clone.weft("config", "set", "--private", "checkout.link", "hard")
    shutil.copytree(repo.root / ".git/weft/store", store, dirs_exist_ok=True)
    repo.weft("checkout", "--link", "hard")
    other.weft("checkout")
    assert os.lstat(other.root / "data/big.bin").st_nlink == 3
    edit(other.root / "data/big.bin")
    for here, there in ((repo, other), (other, repo)):
        (edited,) = state(here)["edited"]
        assert edited["path"] == "data/big.bin"
        assert edited["others"] == [str(there.root / "data/big.bin")]
    other.weft("checkout", "--force")
    assert (other.root / "data/big.bin").read_bytes() == BIG
    (edited,) = state(repo)["edited"]
    assert "quarantine" in edited["copy"], "it is still told that this file was not changed alone"
    repo.weft("checkout", "--force")
    assert os.lstat(repo.root / "data/big.bin").st_nlink == 3


def test_a_copy_that_is_writable_but_unchanged_is_no_damage(repo):
    repo.weft("checkout", "--link", "hard")
    os.chmod(repo.root / "data/big.bin", 0o644)
    assert state(repo)["state"] == "clean"
    (repo.root / "data/sub/run").unlink()
    (repo.root / "data/big.bin").unlink()
    repo.weft("checkout", "--link", "hard")
    assert stat.S_IMODE(os.lstat(repo.root / "data/big.bin").st_mode) == 0o444, "it is read-only again"
    assert not list((repo.root / ".git/weft/store/quarantine").iterdir())


@pytest.mark.parametrize("gone", ["copies", "clone"])
def test_links_that_lead_nowhere_are_made_again(repo, gone, tmp_path):
    repo.weft("checkout", "--link", "symlink")
    if gone == "copies":
        for path in copies(repo).values():
            path.unlink()
    else:
        os.rename(repo.root, tmp_path / "moved")
        repo.root = tmp_path / "moved"
    assert state(repo)["state"] == "modified"
    refused = repo.weft("add", "data", code=3)
    assert "weft checkout data" in refused.err, "a link that leads nowhere is no deletion"
    repo.weft("checkout", "--link", "symlink")
    assert contents(repo) == DATA
    assert state(repo)["state"] == "clean"
    repo.weft("checkout", "--link", "copy")
    assert not (repo.root / "data/big.bin").is_symlink()


def test_a_link_that_is_none_of_ours_is_refused_as_ever(repo, tmp_path):
    repo.weft("checkout", "--link", "symlink")
    target = tmp_path / "outside"
    target.write_bytes(BIG)
    (repo.root / "data/big.bin").unlink()
    (repo.root / "data/big.bin").symlink_to(target)
    assert "E_SYMLINK" in repo.weft("status", code=3).out
    assert "E_SYMLINK" in repo.weft("checkout", "--force", code=3).err
    assert target.read_bytes() == BIG


def test_a_link_where_a_copy_should_be_is_put_aside(repo, tmp_path):
    repo.weft("checkout", "--link", "hard")
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    place = next(path for path in copies(repo).values() if path.read_bytes() == BIG)
    place.unlink()
    place.symlink_to(outside)
    (repo.root / "data/big.bin").unlink()
    repo.weft("checkout", "--link", "hard")
    assert (repo.root / "data/big.bin").read_bytes() == BIG
    assert not place.is_symlink()
    assert outside.read_bytes() == b"secret"


def test_where_the_file_system_cannot_files_are_copied(repo):
    """Nothing here runs on a file system that shares blocks: what is tested is that one that does not is no obstacle."""
    (repo.root / "data/big.bin").unlink()
    done = repo.weft("checkout", "--link", "reflink")
    assert ("files are copied" in done.err) != bool(copies(repo)), "nothing is unpacked in vain"
    assert contents(repo) == DATA
    info = os.lstat(repo.root / "data/big.bin")
    assert (info.st_nlink, info.st_mode & 0o200) == (1, 0o200)
    assert [name for name in os.listdir(repo.root) if name.startswith(".weft-tmp")] == []


def test_another_file_system_cannot_be_hard_linked(repo, tmp_path):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as far:
        assert os.stat(far).st_dev != os.stat(tmp_path).st_dev
        shutil.copytree(repo.root / ".git/weft/store", far, dirs_exist_ok=True)
        repo.weft("config", "set", "--private", "store.dir", far)
        done = repo.weft("checkout", "--link", "hard")
        assert "cannot lead to another file system" not in done.err, "all is as it should be: nothing is to be said"
        (repo.root / "data/big.bin").unlink()
        done = repo.weft("checkout", "--link", "hard")
        assert "hard links cannot lead to another file system" in done.err
        assert contents(repo) == DATA
        assert not os.path.exists(f"{far}/files"), "nothing is unpacked in vain"
        repo.weft("checkout", "--link", "symlink")
        assert os.readlink(repo.root / "data/big.bin").startswith(f"{far}/files/")


def test_only_large_files_are_linked(repo):
    repo.weft("config", "set", "--private", "checkout.link_from", "1400001")
    repo.weft("checkout", "--link", "hard")
    assert [os.lstat(repo.root / name).st_nlink for name in DATA] == [2, 1, 1]
    repo.weft("config", "set", "--private", "checkout.link_from", "1")
    repo.weft("checkout", "--link", "hard")
    assert [os.lstat(repo.root / name).st_nlink for name in DATA] == [2, 2, 2]


def test_a_repository_cannot_choose_links_for_its_clones(repo):
    repo.weft("config", "set", "checkout.link", "reflink")
    config = repo.root / ".weft/config.yaml"
    config.write_text(config.read_text().replace("reflink", "symlink"))
    refused = repo.weft("checkout", code=3)
    assert "E_UNTRUSTED_CONFIG" in refused.err
    assert "weft config set --private checkout.link" in refused.err


def test_many_files_are_linked_by_processes_too(tmp_path, repo):
    many = {f"data/d{number % 7}/{number}": b"%d" % number * 9 for number in range(4200)}
    repo.write(many)
    repo.weft("add", "data")
    repo.weft("config", "set", "--private", "checkout.link_from", "1")
    repo.weft("checkout", "--link", "hard")
    assert {os.lstat(repo.root / name).st_nlink for name in many} == {2}
    assert {name: (repo.root / name).read_bytes() for name in many} == many
    assert len(copies(repo)) == len(many) + len(DATA)


def test_a_tracked_file_alone_is_linked(repo):
    repo.write({"model.bin": BIG})
    repo.weft("add", "model.bin")
    for kind in ("symlink", "hard", "symlink", "copy"):
        repo.weft("checkout", "--link", kind, "model.bin")
        info = os.lstat(repo.root / "model.bin")
        assert (stat.S_ISLNK(info.st_mode), info.st_nlink) == (kind == "symlink", 2 if kind == "hard" else 1)
        assert (repo.root / "model.bin").read_bytes() == BIG
        assert repo.weft("status", "--exit-code").code == 0
    repo.weft("checkout", "--link", "symlink", "model.bin")
    edit(repo.root / "model.bin")
    edited = [path["edited"] for path in repo.weft("status", "--json").json["data"]["paths"]]
    assert [[one["path"] for one in found] for found in edited] == [[], ["model.bin"]]


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_gc_drops_what_nothing_is_linked_to(repo, kind):
    repo.weft("checkout", "--link", kind)
    before = copies(repo)
    assert repo.weft("gc", "--json").json["data"]["copies"] == []
    repo.weft("checkout", "--link", "copy", "data/big.bin")
    told = repo.weft("gc", "--dry-run", "--json").json["data"]
    assert [one["size"] for one in told["copies"]] == [len(BIG)]
    assert copies(repo) == before
    assert "dropped 1 unpacked file (1.4 MiB) that nothing is linked to" in repo.weft("gc").out
    assert [path.read_bytes() for path in copies(repo).values()] == [OTHER]
    assert contents(repo) == DATA


def test_gc_keeps_what_was_changed_in_place(repo):
    repo.weft("checkout", "--link", "hard")
    edit(repo.root / "data/big.bin")
    (repo.root / "data/big.bin").unlink()
    assert repo.weft("gc", "--json").json["data"]["copies"] == []
    assert {path.read_bytes()[:6] for path in copies(repo).values()} == {b"EDITED", OTHER[:6]}


@pytest.mark.parametrize("level", ["--quick", "--full"])
def test_verify_finds_a_changed_copy(repo, level):
    repo.weft("checkout", "--link", "hard")
    assert "no damage" in repo.weft("verify", level).out
    edit(repo.root / "data/big.bin")
    found = repo.weft("verify", level, "--json", code=4).json["data"]["findings"]
    assert [one["code"] for one in found] == ["E_HASH_MISMATCH"]
    assert "changed in place" in found[0]["message"]
    assert [edited["path"] for edited in state(repo)["edited"]] == ["data/big.bin"], "it is still told"
    assert "no damage" in repo.weft("verify", level).out
    repo.weft("checkout", "--force", "--link", "hard")
    assert contents(repo) == DATA


def test_verify_reads_a_copy_whose_times_were_set_back(repo):
    repo.weft("checkout", "--link", "hard")
    path = repo.root / "data/big.bin"
    info = path.stat()
    edit(path)
    os.chmod(path, 0o444)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert state(repo)["state"] == "modified"
    assert "no damage" in repo.weft("verify", "--quick").out, "that is what only reading finds"
    assert repo.weft("verify", "--full", code=4).out.count("changed in place") == 1


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_parts_that_are_links_are_moved_added_and_removed(repo, kind):
    repo.weft("checkout", "--link", kind)
    repo.weft("mv", "data/sub", "data/moved")
    repo.weft("mv", "data/big.bin", "data/moved/big.bin")
    assert state(repo)["state"] == "clean"
    repo.weft("add", "data/moved/big.bin")
    repo.weft("add", "data/moved")
    assert state(repo)["state"] == "clean"
    repo.weft("rm", "data/moved/big.bin")
    repo.weft("diff")
    assert snapshot(repo.root / "data").keys() == {"small.txt", "moved", "moved/run"}
    repo.weft("checkout", "HEAD", "--", "data")
    assert contents(repo) == DATA


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_a_stage_reads_links_and_writes_files_of_its_own(repo, kind):
    """A command that writes to its out in place must not write into the store."""
    repo.weft("config", "set", "--private", "checkout.link", kind)
    repo.write({"in.txt": b"1"})
    code = "data = open('data/big.bin', 'rb').read(); open('out', 'ab').write(data + open('in.txt', 'rb').read())"
    repo.weft("run", "-n", "one", "-d", "data", "-d", "in.txt", "-o", "out", "--", "python3", "-c", code)
    repo.weft("checkout", "--link", kind)
    assert (repo.root / "out").read_bytes() == BIG + b"1"
    repo.commit("run")
    assert repo.weft("repro", "--dry-run").err.startswith("0 of 1 stage stale")
    repo.write({"in.txt": b"2"})
    repo.weft("repro")
    assert (repo.root / "out").read_bytes() == BIG + b"2"
    assert os.lstat(repo.root / "out").st_nlink == 1
    assert {path.read_bytes() for path in copies(repo).values()} == {BIG, OTHER, BIG + b"1"}
    assert repo.weft("status", "--exit-code").code == 0


def test_a_copy_of_linked_data_is_added_as_the_files_that_it_stands_for(repo):
    repo.weft("checkout", "--link", "symlink")
    shutil.copytree(repo.root / "data", repo.root / "again", symlinks=True)
    assert "again" in repo.weft("add", "--dry-run", "again").out
    repo.weft("add", "again")
    assert repo.weft("cat", "again/big.bin").out == repo.weft("cat", "data/big.bin").out
