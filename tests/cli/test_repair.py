"""Data that was lost or changed on a remote or here: every command says so, and ``verify --repair`` mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit import Repo, pseudo_random, snapshot


@dataclass
class Place:
    """A remote that tests reach into past weft: its keys (below its prefix), and reading, changing, removing one."""

    url: str
    args: tuple[str, ...]
    env: dict[str, str]
    listing: Callable[[], list[str]]
    get: Callable[[str], bytes]
    put: Callable[[str, bytes], None]
    remove: Callable[[str], None]

    def packs(self) -> list[str]:
        return sorted(key for key in self.listing() if key.startswith("packs/"))

    def largest(self) -> str:
        return max(self.packs(), key=lambda key: (len(self.get(key)), key))

    def flip(self, key: str, at: float = 0.5) -> None:
        data = self.get(key)
        place = int(len(data) * at)
        self.put(key, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def directory(top: Path) -> Place:
    def put(key: str, data: bytes) -> None:
        (top / key).chmod(0o644)
        (top / key).write_bytes(data)

    def keys() -> list[str]:
        return [str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()]

    return Place(str(top), (), {}, keys, lambda key: (top / key).read_bytes(), put, lambda key: (top / key).unlink())


def bucket(server: Any) -> Place:
    name, prefix = server.fresh_bucket(), "some/prefix/"

    def call(verb: str, key: str, **more: Any) -> Any:
        client = server.client()
        try:
            done = getattr(client, verb)(Bucket=name, Key=prefix + key, **more)
            return done["Body"].read() if verb == "get_object" else None
        finally:
            client.close()

    return Place(
        f"s3://{name}/{prefix.rstrip('/')}",
        ("--endpoint", server.endpoint),
        dict(server.env),
        lambda: [key.removeprefix(prefix) for key in server.keys(name)],
        lambda key: call("get_object", key),
        lambda key, data: call("put_object", key, Body=data),
        lambda key: call("delete_object", key),
    )


@pytest.fixture(params=["directory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "directory":
        return directory(tmp_path / "remote")
    return bucket(request.getfixturevalue("seaweed"))


def project(place: Place, root: Path) -> Repo:
    """A repository with two tracked paths, pushed: small files, and one of several chunks."""
    repo = Repo.make(root, place.url, *place.args, env=place.env)
    repo.write({f"data/{n}.bin": pseudo_random(3000, n) for n in range(20)})
    repo.weft("add", "data")
    repo.commit("one")
    repo.weft("push")
    repo.write({"other/big.bin": pseudo_random(700_000, 77)})
    repo.weft("add", "other")
    repo.commit("two")
    repo.weft("push")
    return repo


def clone_of(repo: Repo, root: Path) -> Repo:
    made = repo.clone(root)
    made.env = dict(repo.env)
    return made


def test_a_pack_deleted_on_the_remote_is_told_by_each_command_with_the_pointers_hit(
    place: Place, tmp_path: Path
) -> None:
    repo = project(place, tmp_path / "repo")
    second = clone_of(repo, tmp_path / "second")
    second.weft("pull")
    gone = place.largest()  # the chunks of other/big.bin
    place.remove(gone)

    asked = repo.weft("status", "--remote", "--exit-code", "--json", code=1).json["data"]["paths"]
    assert {one["path"]: one["remote"] for one in asked} == {"data": "pushed", "other": "incomplete"}

    checked = repo.weft("verify", "--remote", "--json", code=4).json["data"]["findings"]
    assert {path for one in checked for path in one["pointers"]} == {"other"}
    assert gone in {one["object"] for one in checked}

    late = clone_of(repo, tmp_path / "late")
    pulled = late.weft("pull", code=4)
    assert "E_NOT_ON_REMOTE" in pulled.err
    assert "other" in pulled.err
    pushed = late.weft("push", code=4)  # it has nothing to send, and does not say that all is well
    assert "lost data of other" in pushed.err

    told = second.weft("push", "--dry-run", "--json").json["data"]
    assert (told["packs"], told["repaired"]) == (1, 1)
    assert gone not in place.packs()
    healed = second.weft("push", "--json").json["data"]  # nothing is new, and still it looks
    assert healed["repaired"] == 1
    late.weft("pull")
    assert snapshot(late.root / "other") == snapshot(repo.root / "other")
    assert repo.weft("verify", "--remote").code == 0
    shutil.rmtree(late.root)


# --- mending a remote ---


@pytest.mark.parametrize("which", ["largest", "smallest"])
def test_a_deleted_pack_is_healed_from_a_second_clone(place: Place, tmp_path: Path, which: str) -> None:
    repo = project(place, tmp_path / "repo")
    second = clone_of(repo, tmp_path / "second")
    second.weft("pull")
    gone = max(place.packs(), key=lambda key: len(place.get(key)) * (1 if which == "largest" else -1))
    good = place.get(gone)
    place.remove(gone)
    healed = second.weft("verify", "--remote", "--repair", "--json").json["data"]
    assert healed["findings"] == []
    assert gone in {one["object"] for one in healed["healed"]}
    assert {path for one in healed["healed"] for path in one["pointers"]} <= {"data", "other"}
    assert place.get(gone) == good
    fresh = clone_of(repo, tmp_path / "fresh")
    fresh.weft("pull")
    assert snapshot(fresh.root / "data") == snapshot(repo.root / "data")
    assert snapshot(fresh.root / "other") == snapshot(repo.root / "other")


def test_a_pack_that_was_changed_without_a_change_of_size_is_found_and_healed(place: Place, tmp_path: Path) -> None:
    repo = project(place, tmp_path / "repo")
    second = clone_of(repo, tmp_path / "second")
    second.weft("pull")
    key = place.largest()
    good = place.get(key)
    place.flip(key)
    assert "no damage found" in second.weft("verify", "--remote").out  # names and sizes are right
    found = second.weft("verify", "--remote", "--sample", "100%", "--json", code=4).json["data"]["findings"]
    assert [(one["code"], one["object"], one["pointers"]) for one in found] == [("E_HASH_MISMATCH", key, ["other"])]
    clone_of(repo, tmp_path / "early").weft("pull", code=4)
    assert place.get(key) != good
    healed = second.weft("verify", "--remote", "--sample", "100%", "--repair", "--json").json["data"]
    assert [one["object"] for one in healed["healed"]] == [key]
    assert place.get(key) == good
    clone_of(repo, tmp_path / "late").weft("pull")


def test_index_segments_and_roots_are_healed(place: Place, tmp_path: Path) -> None:
    repo = project(place, tmp_path / "repo")
    second = clone_of(repo, tmp_path / "second")
    second.weft("pull")
    for kind in ("index/", "roots/"):
        keys = sorted(key for key in place.listing() if key.startswith(kind))
        place.flip(keys[0])
        if len(keys) > 1:
            place.remove(keys[1])
        second.weft("verify", "--remote", code=4)
        second.weft("verify", "--remote", "--repair")
        fresh = clone_of(repo, tmp_path / f"fresh-{kind[:-1]}")
        fresh.weft("verify", "--remote", "--sample", "100%")
        fresh.weft("pull")
        assert snapshot(fresh.root / "data") == snapshot(repo.root / "data")


def test_a_clone_without_the_data_heals_one_remote_from_another(tmp_path: Path) -> None:
    place, backup = directory(tmp_path / "remote"), directory(tmp_path / "backup")
    repo = project(place, tmp_path / "repo")
    repo.weft("remote", "add", "backup", backup.url)
    repo.weft("push", "-r", "backup")
    repo.commit("backup")
    place.remove(place.largest())
    place.flip(min(place.packs()))
    empty = clone_of(repo, tmp_path / "empty")
    empty.weft("verify", "--remote", "--repair", "--from", "origin", "--sample", "100%", code=3)
    empty.weft("verify", "--remote", "--repair", "--from", "backup", "--sample", "100%")
    assert set(place.packs()) == set(backup.packs())
    assert all(place.get(key) == backup.get(key) for key in place.packs())


def test_other_versions_are_checked_and_healed_too(tmp_path: Path) -> None:
    place = directory(tmp_path / "remote")
    repo = project(place, tmp_path / "repo")
    repo.write({"other/big.bin": pseudo_random(90_000, 78)})
    old = place.largest()
    repo.weft("add", "other")
    repo.commit("three")
    repo.weft("push")
    good = place.get(old)
    place.flip(old)
    repo.weft("verify", "--remote", "--sample", "100%")  # what is checked out does not need it
    found = repo.weft("verify", "--remote", "--sample", "100%", "--all", "--json", code=4).json["data"]["findings"]
    assert [one["object"] for one in found] == [old]
    repo.weft("verify", "--remote", "--sample", "100%", "--rev", "HEAD~1", "--repair")
    assert place.get(old) == good


def test_what_is_nowhere_is_told_with_where_it_was_looked_for(tmp_path: Path) -> None:
    place = directory(tmp_path / "remote")
    repo = project(place, tmp_path / "repo")
    empty = clone_of(repo, tmp_path / "empty")
    place.remove(place.largest())
    left = empty.weft("verify", "--remote", "--repair", code=4)
    assert "damages other" in left.out
    assert "it is not in the local store, not in the workspace" in left.out
    assert "damages data" not in left.out


def test_a_remote_is_healed_from_the_files_of_the_workspace(tmp_path: Path) -> None:
    place = directory(tmp_path / "remote")
    repo = project(place, tmp_path / "repo")
    for key in place.packs():
        place.remove(key)
    shutil.rmtree(repo.root / ".git" / "weft" / "store")
    (repo.root / ".git" / "weft" / "catalog.sqlite").unlink()
    healed = repo.weft("verify", "--remote", "--repair", "--json").json["data"]
    assert healed["findings"] == []
    fresh = clone_of(repo, tmp_path / "fresh")
    fresh.weft("pull")
    assert snapshot(fresh.root / "other") == snapshot(repo.root / "other")
    assert snapshot(fresh.root / "data") == snapshot(repo.root / "data")


# --- mending the local store ---


def store_packs(repo: Repo) -> list[Path]:
    found = (repo.root / ".git" / "weft" / "store" / "packs").rglob("*.pack")
    return sorted(found, key=lambda path: path.stat().st_size)


def flip_file(path: Path, at: float = 0.5) -> None:
    data = path.read_bytes()
    place = int(len(data) * at)
    path.chmod(0o644)
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


@pytest.mark.parametrize("source", ["workspace", "remote"])
def test_lost_objects_come_back_to_the_local_store(tmp_path: Path, source: str) -> None:
    place = directory(tmp_path / "remote")
    repo = project(place, tmp_path / "repo")
    before = snapshot(repo.root / "data") | snapshot(repo.root / "other")
    for path in store_packs(repo):
        flip_file(path)
    if source == "workspace":
        repo.weft("config", "set", "--private", "remotes.origin.url", str(tmp_path / "nowhere"))
    else:
        for top in ("data", "other"):
            shutil.rmtree(repo.root / top)
    healed = repo.weft("verify", "--full", "--repair", "--json").json["data"]
    assert healed["repaired"] > 0
    assert healed["findings"] == []
    assert {path for one in healed["healed"] for path in one["pointers"]} == {"data", "other"}
    assert "no damage found" in repo.weft("verify", "--full").out
    repo.weft("checkout")
    assert snapshot(repo.root / "data") | snapshot(repo.root / "other") == before


def test_what_an_earlier_run_set_aside_is_brought_back_later(tmp_path: Path) -> None:
    place = directory(tmp_path / "remote")
    repo = project(place, tmp_path / "repo")
    flip_file(store_packs(repo)[-1])
    repo.weft("verify", "--scrub", code=4)
    kept = repo.weft("verify", "--quarantine", "--json").json["data"]["files"]
    assert [one["lost"] for one in kept] == [1]
    assert kept[0]["why"]
    assert repo.weft("verify", "--repair", "--json").json["data"]["repaired"] == 1
    assert [one["lost"] for one in repo.weft("verify", "--quarantine", "--json").json["data"]["files"]] == [0]
    assert repo.weft("verify", "--restore", "all", "--json").json["data"]["files"][0]["state"] == "nothing to restore"
    assert repo.weft("verify", "--purge", "1", "--json").json["data"]["files"] == []
    assert len(repo.weft("verify", "--purge", "0", "--json").json["data"]["files"]) == 1
    assert repo.weft("verify", "--quarantine", "--json").json["data"]["files"] == []


def test_a_repair_says_what_it_did_not_find(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a.bin": pseudo_random(5000, 1), "data/b.bin": pseudo_random(5000, 2)})
    repo.weft("add", "data")
    repo.commit("one")
    flip_file(store_packs(repo)[-1], 0.2)
    shutil.rmtree(repo.root / "data")
    lost = repo.weft("verify", "--full", "--repair", code=4)
    assert "damages data" in lost.out
    again = repo.weft("verify", "--repair", code=4)
    assert "1 object lost to damage earlier" in again.out
    assert "not in the workspace" in again.out


# --- rounds ---


def test_a_round_takes_several_runs_here_and_on_a_remote(tmp_path: Path) -> None:
    place = directory(tmp_path / "remote")
    repo = project(place, tmp_path / "repo")
    for level in (("--full",), ("--remote",)):
        seen = []
        for _ in range(20):
            told = repo.weft("verify", *level, "--max-duration", "0s", "--json").json["data"]
            seen.append((told["before"], told["left"]))
            if not told["left"]:
                break
        count = len(seen)
        assert count > 2
        assert seen == [(number, count - 1 - number) for number in range(count)]
        assert repo.weft("verify", *level, "--max-duration", "0s", "--json").json["data"]["before"] == 0
        again = repo.weft("verify", *level, "--max-duration", "1h", "--restart", "--json").json["data"]
        assert (again["before"], again["left"]) == (0, 0)


def test_a_round_on_a_remote_does_not_forget_what_it_found(tmp_path: Path) -> None:
    place = directory(tmp_path / "remote")
    repo = project(place, tmp_path / "repo")
    first = min(place.packs())
    place.flip(first, 0.3)
    for _ in range(2):
        found = repo.weft("verify", "--remote", "--max-duration", "0s", "--json", code=4).json["data"]
        assert [one["object"] for one in found["findings"]] == [first]
    repo.weft("verify", "--remote", "--max-duration", "0s", "--repair")
    repo.weft("verify", "--remote", "--sample", "100%")


# --- several paths at once ---


def test_a_fetch_of_several_paths_brings_all_that_can_be_had_and_names_the_rest(place: Place, tmp_path: Path) -> None:
    repo = project(place, tmp_path / "repo")
    gone: set[str] = set()
    for seed, top in enumerate(("first", "last")):
        before = set(place.packs())
        repo.write({f"{top}/a.bin": pseudo_random(2000, 500 + seed)})
        repo.weft("add", top)
        repo.commit(top)
        repo.weft("push")
        gone = gone or set(place.packs()) - before
    for key in gone:
        place.remove(key)
    place.remove(place.largest())  # of other
    fresh = clone_of(repo, tmp_path / "fresh")
    failed = fresh.weft("fetch", code=4)
    assert "does not hold all data of first, other [E_NOT_ON_REMOTE]" in failed.err
    fresh.weft("checkout", "data", "last")
    assert snapshot(fresh.root / "data") == snapshot(repo.root / "data")
    assert snapshot(fresh.root / "last") == snapshot(repo.root / "last")
