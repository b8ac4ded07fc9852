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
    keys: Callable[[], list[str]]
    get: Callable[[str], bytes]
    put: Callable[[str, bytes], None]
    remove: Callable[[str], None]

    def packs(self) -> list[str]:
        return sorted(key for key in self.keys() if key.startswith("packs/"))

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

    checked = repo.weft("verify", "--on-remote", "--json", code=4).json["data"]["findings"]
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
    assert repo.weft("verify", "--on-remote").code == 0
    shutil.rmtree(late.root)
