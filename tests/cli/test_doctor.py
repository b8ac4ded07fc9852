"""``weft doctor`` in repositories that are broken for real: it says what is wrong, and its hint mends it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from weft.gitio.repo import discover
from weft.workflows.doctor import doctor
from weft.workflows.doctor_git import clock, hooks, merge
from weft.workflows.doctor_store import before
from weft.workflows.project import read_config

Probes = list[tuple[str, str, str, str]]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    made.write({f"data/{n}.bin": pseudo_random(2000, n) for n in range(3)})
    made.weft("add", "data")
    made.commit("one")
    made.weft("push")
    return made


def probes(repo: Repo, *args: str, code: int) -> Probes:
    found = repo.weft("doctor", *args, "--json", code=code).json["data"]["probes"]
    return [(one["name"], one["state"], one["detail"], one["hint"]) for one in found]


def wrong(found: Probes) -> Probes:
    return [one for one in found if one[1] in ("warn", "fail")]


def only(found: Probes) -> tuple[str, str, str, str]:
    (one,) = wrong(found)
    return one


def packs(repo: Repo) -> list[Path]:
    return sorted((repo.root / ".git/weft/store/packs").rglob("*.pack"), key=lambda path: path.stat().st_size)


def test_a_sound_repository_gives_0(repo: Repo) -> None:
    found = probes(repo, code=0)
    assert [one[:2] for one in found if one[1] != "ok"] == [("hooks", "note")]
    assert repo.weft("doctor", "--remote").code == 0
    repo.weft("install")
    assert all(state == "ok" for _, state, _, _ in probes(repo, code=0))


def test_a_lost_pack_and_a_lost_store(repo: Repo) -> None:
    packs(repo)[-1].unlink()
    name, state, detail, hint = only(probes(repo, code=1))
    assert (name, state, hint) == ("store", "fail", "weft verify --repair")
    assert "not there" in detail
    repo.weft("verify", "--repair")
    probes(repo, code=0)
    shutil.rmtree(repo.root / ".git/weft/store")
    name, state, detail, hint = wrong(probes(repo, code=1))[0]
    assert (name, state) == ("store", "warn")
    assert "the local store is gone" in detail
    assert hint.startswith("weft fetch")
    repo.weft("fetch")
    probes(repo, code=0)


def test_damage_that_was_set_aside(repo: Repo) -> None:
    path = packs(repo)[-1]
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    repo.weft("verify", "--scrub", code=4)
    name, state, detail, hint = only(probes(repo, code=1))
    assert (name, state, detail, hint) == (
        "quarantine", "fail", "1 object lost to damage, and not brought back yet", "weft verify --repair",
    )  # fmt: skip
    repo.weft("verify", "--repair")
    assert ("quarantine", "note") in [one[:2] for one in probes(repo, code=0)]


def test_a_damaged_catalog_is_told_and_made_again(repo: Repo) -> None:
    catalog = repo.root / ".git/weft/catalog.sqlite"
    catalog.write_bytes(b"this is no database at all" * 100)
    name, state, detail, _ = only(probes(repo, code=1))
    assert (name, state) == ("catalog", "warn")
    assert "no data is lost" in detail
    assert ("catalog", "note") in [one[:2] for one in probes(repo, code=0)]
    assert repo.weft("status").code == 0


def test_pointers_that_cannot_be_read(repo: Repo) -> None:
    (repo.root / "data.weft").write_bytes(b"weft: 1\ntype: banana\n")
    repo.write({"other/x": b"x"})
    repo.weft("doctor", code=1)
    name, state, detail, hint = only(probes(repo, code=1))
    assert (name, state) == ("pointers", "fail")
    assert detail.startswith("data.weft cannot be read")
    assert hint
    repo.git("checkout", "data.weft")
    probes(repo, code=0)
    (repo.root / "data.weft").unlink()
    assert only(probes(repo, code=1))[3].startswith("git restore data.weft")


def test_a_merge_in_progress_with_its_conflict(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.write({"data/0.bin": b"side"})
    repo.weft("add", "data")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    repo.write({"data/0.bin": b"main"})
    repo.weft("add", "--force", "data")
    repo.commit("main")
    repo.git("merge", "side", code=1)
    found = wrong(probes(repo, code=1))
    assert [one[:2] for one in found] == [("merge", "warn"), ("pointers", "fail")]
    assert found[0][3] == "weft resolve --ours data, or --theirs, or --base; or git merge --abort"
    assert "weft resolve" in found[1][3]
    repo.git("merge", "--abort")
    probes(repo, code=0)


def test_hooks_that_are_edited_absent_or_call_nothing(repo: Repo) -> None:
    repo.weft("install")
    hook = repo.root / ".git/hooks/pre-push"
    good = hook.read_bytes()
    hook.unlink()
    assert "not installed: pre-push" in only(probes(repo, code=1))[2]
    hook.write_bytes(good + b"echo mine\n")
    assert "edited: pre-push" in only(probes(repo, code=1))[2]
    hook.unlink()
    repo.weft("install")
    probes(repo, code=0)
    repo.git("config", "--remove-section", "merge.weft-pointer")
    assert "drivers" in only(probes(repo, code=1))[2]
    repo.weft("install")
    probes(repo, code=0)


def test_attributes_that_are_gone(repo: Repo) -> None:
    (repo.root / ".gitattributes").write_bytes(b"*.weft text eol=lf\n")
    name, state, detail, _ = only(probes(repo, code=1))
    assert (name, state) == ("attributes", "warn")
    assert "lacks 5 lines" in detail
    repo.weft("install")
    probes(repo, code=0)


def test_data_that_is_not_here(repo: Repo, tmp_path: Path) -> None:
    clone = repo.clone(tmp_path / "clone")
    told = {(one[2], one[3]) for one in probes(clone, code=0) if one[0] == "data"}
    assert told == {("not in the local store: data", "weft pull data")}
    clone.weft("fetch")
    told = {(one[2], one[3]) for one in probes(clone, code=0) if one[0] == "data"}
    assert told == {("not in the workspace: data", "weft checkout data")}
    clone.weft("checkout", "data")
    assert not [one for one in probes(clone, code=0) if one[0] == "data"]


def test_a_remote_that_is_gone_is_only_told_when_asked(repo: Repo, tmp_path: Path) -> None:
    os.rename(tmp_path / "remote", tmp_path / "elsewhere")
    probes(repo, code=0)
    found = wrong(probes(repo, "--remote", code=1))
    assert {one[0] for one in found} == {"remote origin"}
    assert "E_BUCKET" in found[0][2]
    assert not (tmp_path / "remote/weft.json").exists()


def test_a_store_elsewhere_that_is_not_mounted_is_not_made(repo: Repo, tmp_path: Path) -> None:
    place = tmp_path / "disk" / "store"
    repo.weft("config", "set", "--private", "store.dir", str(place))
    name, state, detail, hint = only(probes(repo, code=1))
    assert (name, state) == ("store", "fail")
    assert str(place) in detail
    assert "weft config unset --private store.dir" in hint
    assert not place.exists()


def test_a_configuration_that_cannot_be_read(repo: Repo) -> None:
    (repo.root / ".weft/config.yaml").write_bytes(b"weft: 1\nbanana: 2\n")
    assert only(probes(repo, code=1))[:2] == ("project", "fail")
    repo.git("rm", "-q", "-f", ".weft/config.yaml")  # where Git has it still, it is read from there
    assert only(probes(repo, code=1))[:2] == ("project", "warn")


@contextmanager
def somebody_else() -> Iterator[None]:
    """Run as an ordinary user, when we are root: root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_store_that_cannot_be_written(repo: Repo) -> None:
    git = discover(str(repo.root))
    with tempfile.TemporaryDirectory() as place:  # tmp_path is closed to other users
        os.chmod(place, 0o755)
        config = replace(read_config(git), store_dir=place)
        os.mkdir(os.path.join(place, "packs"), 0o555)
        with somebody_else():
            told = list(before(git, config))
        assert [(one.name, one.state) for one in told] == [("store", "fail")]
        assert f"you cannot write to {place}" in told[0].detail
        assert "chown" in told[0].hint
    with tempfile.TemporaryDirectory() as place:
        assert list(before(git, replace(config, store_dir=place))) == []


def test_a_clock_that_is_behind_the_last_commit(repo: Repo) -> None:
    git = discover(str(repo.root))
    assert list(clock(git)) == []
    assert list(merge(git)) == []
    assert [one.state for one in hooks(git)] == ["note"]
    env = {"GIT_COMMITTER_DATE": "2099-01-01T00:00:00Z"}
    repo.run("git", "commit", "-q", "--allow-empty", "-m", "later", env=env)
    assert only(probes(repo, code=1))[0] == "clock"


def test_outside_of_a_repository(tmp_path: Path) -> None:
    found = doctor(str(tmp_path))
    assert found.found
    assert [one.name for one in found.probes if one.state == "fail"] == ["repository"]
