"""Garbage collection of the local store, end to end: what Git holds on to stays, in every place where it may stand."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from weft.model.oid import Oid

DAY = 86400


def age(repo: Repo, days: float = 30) -> None:
    """Let all packs be older than the grace time."""
    then = time.time() - days * DAY
    for path in (repo.root / ".git/weft/store/packs").rglob("*.pack"):
        os.utime(path, (then, then))


def packs(repo: Repo) -> set[str]:
    return {path.stem for path in (repo.root / ".git/weft/store/packs").rglob("*.pack")}


def put(repo: Repo, seed: int, path: str = "data") -> bytes:
    data = pseudo_random(400_000, seed)
    repo.write({f"{path}/file": data})
    repo.weft("add", path)
    return data


def test_data_that_was_never_committed_goes_after_the_grace_time(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    put(repo, 1)
    kept = put(repo, 2)
    repo.commit()
    before = packs(repo)
    assert repo.weft("gc", "--json").json["data"]["young"] == 2
    assert packs(repo) == before
    age(repo)
    told = repo.weft("gc", "--dry-run").out
    assert "would drop 2 packs" in told
    assert told.count("\nunreachable  ") + told.startswith("unreachable  ") == 2
    assert packs(repo) == before
    done = repo.weft("gc", "--json").json["data"]
    assert {one["reason"] for one in done["dropped"]} == {"unreachable"}
    assert before - packs(repo) == {one["name"] for one in done["dropped"]}
    assert repo.weft("verify", "--full").out.endswith("no damage found\n")
    shutil.rmtree(repo.root / "data")
    repo.weft("checkout")
    assert (repo.root / "data/file").read_bytes() == kept
    assert "nothing to drop" in repo.weft("gc").out


def reset(repo: Repo, tmp_path: Path) -> None:
    repo.commit("gone")
    repo.git("reset", "-q", "--hard", "HEAD~1")


def stash(repo: Repo, tmp_path: Path) -> None:
    repo.git("add", "-A")
    repo.git("stash", "-q")


def second_stash(repo: Repo, tmp_path: Path) -> None:
    stash(repo, tmp_path)
    repo.write({"other.txt": b"x"})
    repo.git("stash", "-q", "-u")


def branch(repo: Repo, tmp_path: Path) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("reflog", "expire", "--expire=all", "--all")


def tag(repo: Repo, tmp_path: Path) -> None:
    repo.commit("tagged")
    repo.git("tag", "-a", "-m", "x", "v1")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=all", "--all")


def index(repo: Repo, tmp_path: Path) -> None:
    (repo.root / "data.weft").unlink()


def untracked(repo: Repo, tmp_path: Path) -> None:
    repo.git("reset", "-q")


def ignored(repo: Repo, tmp_path: Path) -> None:
    with open(repo.root / ".git/info/exclude", "a", encoding="ascii") as file:
        file.write("*.weft\n")
    repo.git("reset", "-q")
    shutil.move(repo.root / ".git/weft/catalog.sqlite", tmp_path)  # nothing else remembers where it lies


def linked(repo: Repo, tmp_path: Path) -> None:
    repo.git("reset", "-q", "--hard")
    put(repo, 7)
    repo.git("reset", "-q")
    shutil.move(repo.root / "data.weft", tmp_path / "data.weft")
    os.symlink(tmp_path / "data.weft", repo.root / "data.weft")


def other_tree(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    shutil.copy(repo.root / "data.weft", tmp_path / "linked/data.weft")
    repo.git("reset", "-q", "--hard")


def run_snapshot(repo: Repo, tmp_path: Path) -> None:
    repo.commit("snapshot")
    repo.git("update-ref", "refs/weft/runs/20260101-000000-abcd", "HEAD")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=all", "--all")


def tag_of_a_tree(repo: Repo, tmp_path: Path) -> None:
    repo.git("tag", "-m", "kept", "kept", repo.git("write-tree").out.strip())
    repo.git("reset", "-q", "--hard")


def tag_of_a_pointer(repo: Repo, tmp_path: Path) -> None:
    repo.git("tag", "kept", ":data.weft")
    repo.git("reset", "-q", "--hard")


def conflict_markers(repo: Repo, tmp_path: Path) -> None:
    text = (repo.root / "data.weft").read_text()
    repo.git("reset", "-q", "--hard")
    (repo.root / "data.weft").write_text(f"<<<<<<< ours\n{text}=======\n>>>>>>> theirs\n")
    repo.git("add", "data.weft")


@pytest.mark.parametrize(
    "hide",
    [
        reset,
        stash,
        second_stash,
        branch,
        tag,
        tag_of_a_tree,
        tag_of_a_pointer,
        index,
        untracked,
        ignored,
        linked,
        other_tree,
        run_snapshot,
        conflict_markers,
    ],
    ids=lambda hide: hide.__name__,
)
def test_what_only_one_place_holds_stays(tmp_path: Path, hide: Callable[[Repo, Path], None]) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"other.txt": b"1"})
    repo.commit()
    put(repo, 7)
    hide(repo, tmp_path)
    age(repo)
    before = packs(repo)
    assert repo.weft("gc", "--json").json["data"]["dropped"] == []
    assert packs(repo) == before


def add_unread(repo: Repo, data: bytes) -> None:
    """The stat cache knows the file, so that adding it again reads nothing."""
    repo.write({"data/file": data})
    back = time.time() - 60
    os.utime(repo.root / "data/file", (back, back))
    time.sleep(2.1)  # the change time has to be old as well
    repo.weft("status")
    repo.weft("add", "data")
    repo.git("reset", "-q", "--hard")


def check_out_by_force(repo: Repo, data: bytes) -> None:
    repo.write({"data/file": data})
    repo.weft("checkout", "--force")


@pytest.mark.parametrize("rely", [add_unread, check_out_by_force], ids=lambda rely: rely.__name__)
def test_the_grace_time_counts_from_when_bytes_were_last_relied_on(
    tmp_path: Path, rely: Callable[[Repo, bytes], None]
) -> None:
    repo = Repo.make(tmp_path / "repo")
    put(repo, 1)
    repo.commit()
    data = put(repo, 2)
    repo.git("reset", "-q", "--hard")
    repo.weft("checkout")
    age(repo)
    rely(repo, data)
    repo.weft("gc")
    repo.weft("cat", str(Oid.of(data)))
    age(repo, 15)
    assert "dropped" in repo.weft("gc").out
    repo.weft("cat", str(Oid.of(data)), code=4)


def test_eviction_keeps_the_limit_and_fetch_brings_the_data_back(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    old = put(repo, 1)
    repo.commit("first")
    repo.git("tag", "v1")
    put(repo, 2)
    repo.commit("second")
    assert repo.weft("gc", "--limit", "0", "--json").json["data"]["dropped"] == [], "nothing is pushed"
    repo.weft("push", "--all")
    repo.weft("config", "set", "--private", "store.limit", "500K")
    told = repo.weft("gc", "--dry-run", "--json").json["data"]
    assert [one["reason"] for one in told["dropped"]] == ["on-remote"]
    assert told["limit"] == 500 * 1024
    assert repo.weft("gc", "--json").json["data"]["dropped"] == told["dropped"]
    assert repo.weft("status", "--exit-code").code == 0
    repo.weft("fetch", "--rev", "v1")
    assert repo.run("git", "status", "--porcelain").out == ""
    repo.weft("checkout", "v1", "data")
    assert (repo.root / "data/file").read_bytes() == old


@pytest.mark.parametrize("lock", [False, True], ids=["", "locked"])
def test_nothing_is_unreachable_while_a_work_tree_is_away(tmp_path: Path, lock: bool) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    tree = Repo(tmp_path / "linked tree")
    repo.git("worktree", "add", "-q", "--detach", str(tree.root))
    data = put(tree, 7)
    tree.git("reset", "-q")
    tree.weft("push")
    os.rename(tree.root, tmp_path / "away")
    if lock:
        repo.git("worktree", "lock", str(tree.root))
    told = repo.weft("gc", "--grace", "0").err
    assert "nothing can be called unreachable" in told
    assert "is not there" in repo.weft("gc", "--on-remote", "--drop-roots", "1", code=3).err
    repo.weft("cat", str(Oid.of(data)))
    repo.run("sh", "-c", told.partition("gone for good: ")[2].splitlines()[0])
    assert "dropped" in repo.weft("gc", "--grace", "0").out


def test_a_store_that_may_be_shared_is_left_alone(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.weft("config", "set", "--private", "store.dir", str(tmp_path / "shared"))
    put(repo, 1)
    refused = repo.weft("gc", "--grace", "0", code=3)
    assert "E_CONFIG" in refused.err
    assert "nothing to drop" in repo.weft("gc", "--unshared").out


def test_a_pointer_of_a_newer_weft_stops_it(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    put(repo, 1)
    newer = (repo.root / "data.weft").read_text().replace("weft: 1", "weft: 2")
    (repo.root / "data.weft").write_text(newer)
    repo.commit()
    age(repo)
    before = packs(repo)
    assert "E_FORMAT_VERSION" in repo.weft("gc", code=3).err
    assert packs(repo) == before


# --- on a remote ---


def days_pass(remote: Path, days: float) -> None:
    """Let everything on a remote that is a directory be so many days older."""
    for path in remote.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - days * DAY
            os.utime(path, (then, then))


def there(remote: Path) -> set[str]:
    return {path.stem for path in (remote / "packs").rglob("*.pack")}


def test_a_branch_that_was_thrown_away_leaves_the_remote_in_three_steps(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    repo = Repo.make(tmp_path / "repo", str(remote))
    put(repo, 1)
    repo.commit("kept")
    repo.weft("push")
    before = there(remote)
    repo.git("checkout", "-q", "-b", "side")
    put(repo, 2)
    repo.commit("thrown away")
    repo.weft("push")
    garbage = there(remote) - before
    repo.git("checkout", "-q", "main")
    repo.git("branch", "-q", "-D", "side")
    days_pass(remote, 40)
    assert "nothing to collect" in repo.weft("gc", "--on-remote", "--drop-roots", "30").out, "the reflog still has it"
    repo.git("reflog", "expire", "--expire=all", "--all")
    told = repo.weft("gc", "--on-remote", "--drop-roots", "30", "--dry-run").out
    assert "would drop 1 root" in told
    assert sum(path.is_file() for path in (remote / "roots").rglob("*")) == 2
    first = repo.weft("gc", "--on-remote", "--drop-roots", "30", "--json").json["data"]
    assert {one["name"] for one in first["packs"] if one["reason"] == "condemned"} == garbage
    assert there(remote) == before | garbage
    days_pass(remote, 2)
    second = repo.weft("gc", "--on-remote", "--json").json["data"]
    assert {one["name"] for one in second["packs"]} == garbage
    assert there(remote) == before
    shutil.rmtree(repo.root / ".git/weft")
    shutil.rmtree(repo.root / "data")
    repo.weft("pull")
    assert (repo.root / "data/file").read_bytes() == pseudo_random(400_000, 1)


@pytest.mark.parametrize("words", [["--most"], ["--drop-roots", "3"], ["--on-remote", "--grace", "0"]])
def test_options_for_the_other_place_are_refused(tmp_path: Path, words: list[str]) -> None:
    assert "--on-remote" in Repo.make(tmp_path / "repo").weft("gc", *words, code=2).err


def test_a_clone_that_does_not_know_all_branches_drops_no_roots(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    put(repo, 1)
    repo.commit()
    repo.weft("push")
    repo.git("checkout", "-q", "-b", "other/one")
    put(repo, 2)
    repo.commit()
    repo.weft("push")
    repo.git("checkout", "-q", "main")
    drop = ("gc", "--on-remote", "--drop-roots", "1", "--dry-run")
    repo.weft(*drop)  # it has no Git remote, so what it knows is all there is
    url = f"file://{repo.root}"
    repo.run("git", "clone", "-q", "--single-branch", "-b", "main", url, str(tmp_path / "one"))
    one = Repo(tmp_path / "one")
    told = one.weft(*drop, code=3).err
    assert "refs/heads/other/one" in told
    hint = told.partition("hint: ")[2].strip()
    one.run("sh", "-c", hint)
    one.weft(*drop)
    repo.git("commit", "-q", "--allow-empty", "-m", "newer")
    assert "refs/heads/main" in one.weft(*drop, code=3).err
    one.git("fetch", "-q")
    one.weft(*drop)
    repo.git("tag", "v1", "HEAD~1")
    one.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    assert "--whole-clone" in one.weft(*drop, code=3).err
    one.weft(*drop, "--whole-clone")
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.run("git", "clone", "-q", "--filter=blob:none", url, str(tmp_path / "part"))
    assert "partial" in Repo(tmp_path / "part").weft(*drop, code=3).err


def test_a_shallow_clone_drops_no_roots(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    put(repo, 1)
    repo.commit()
    repo.weft("push")
    repo.write({"more.txt": b"x"})
    repo.commit()
    repo.run("git", "clone", "-q", "--depth", "1", f"file://{repo.root}", str(tmp_path / "shallow"))
    assert "E_GC" in Repo(tmp_path / "shallow").weft("gc", "--on-remote", "--drop-roots", "1", code=3).err


def test_old_snapshots_go_that_no_record_names(tmp_path: Path) -> None:
    """One that a record names stays, wherever that record is: in a commit, in the index, in the work tree."""
    repo = Repo.make(tmp_path / "repo", env={"GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"})
    tree = repo.git("rev-parse", "HEAD^{tree}").out.strip()
    for name in ("nobody", "commit", "index", "tree", "branch", "other"):
        commit = repo.git("commit-tree", tree, "-m", "mine" if name == "other" else f"weft run {name}").out.strip()
        repo.git("update-ref", f"refs/weft/runs/{name}", commit)
    repo.env.clear()
    young = repo.git("commit-tree", tree, "-m", "weft run young").out.strip()
    repo.git("update-ref", "refs/weft/runs/young", young)
    names = {name: f"snapshot: refs/weft/runs/{name}\n".encode() for name in ("commit", "index", "tree", "branch")}
    repo.write({"lineage/a.yaml": names["commit"]})
    repo.commit("committed once")
    repo.write({"lineage/a.yaml": b"stage: a\n"})
    repo.commit("and gone since")
    repo.git("checkout", "-q", "-b", "side")
    repo.write({"lineage/b.yaml": names["branch"]})
    repo.commit("on a branch")
    repo.git("checkout", "-q", "main")
    repo.write({"lineage/c.yaml": names["index"]})
    repo.git("add", "lineage/c.yaml")
    repo.write({"lineage/c.yaml": names["tree"]})
    assert "would drop 1 old snapshot of runs" in repo.weft("gc", "--dry-run").out
    assert "dropped 1 old snapshot of runs" in repo.weft("gc").out
    left = {
        name.rpartition("/")[2] for name in repo.git("for-each-ref", "--format=%(refname)", "refs/weft").out.split()
    }
    assert left == {"commit", "index", "tree", "branch", "other", "young"}
    assert repo.weft("gc", "--json").json["data"]["snapshots"] == []
