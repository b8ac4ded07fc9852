"""The main job end to end with a plain directory as the remote."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from blake3 import blake3

from kit import Repo, pseudo_random, snapshot


def _dataset(repo: Repo, count: int = 40) -> None:
    repo.write({f"data/{n % 4}/{n:03}.bin": pseudo_random(2000 + n, n) for n in range(count)})
    repo.write({"data/big.bin": pseudo_random(3_000_000, 77)})


def _two_versions(tmp_path: Path) -> tuple[Repo, dict[str, object], dict[str, object]]:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    _dataset(repo)
    repo.weft("add", "data")
    repo.commit("one")
    repo.git("tag", "v1")
    repo.weft("push")
    one = snapshot(repo.root / "data")
    old = (repo.root / "data/big.bin").read_bytes()
    (repo.root / "data/big.bin").write_bytes(old[:1_000_000] + b"inserted" + old[1_000_000:])
    (repo.root / "data/0/000.bin").unlink()
    repo.write({"data/new/x.txt": b"new"})
    repo.weft("add", "data")
    repo.commit("two")
    repo.git("tag", "v2")
    two = snapshot(repo.root / "data")
    return repo, one, two


def test_old_versions_come_back_both_ways(tmp_path: Path) -> None:
    repo, one, two = _two_versions(tmp_path)
    pushed = repo.weft("push", "--json").json["data"]
    assert 0 < pushed["sent_bytes"] < 1_500_000, "only the changed chunks travel"

    clone = repo.clone(tmp_path / "clone")
    clone.weft("pull")
    assert snapshot(clone.root / "data") == two
    clone.weft("fetch", "--all")
    clone.weft("checkout", "v1", "data")
    assert snapshot(clone.root / "data") == one
    assert "data.weft" in clone.git("diff", "--cached", "--name-only").out
    clone.weft("checkout", "HEAD", "data")
    assert snapshot(clone.root / "data") == two
    clone.git("checkout", "-q", "v1")
    clone.weft("checkout")
    assert snapshot(clone.root / "data") == one
    assert clone.weft("status", "--exit-code").code == 0


def test_the_oid_is_the_plain_blake3_of_the_file(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    data = pseudo_random(2_500_000, 5)
    repo.write({"model.bin": data})
    repo.weft("add", "model.bin")
    assert f"oid: blake3:{blake3(data).hexdigest()}\n" in (repo.root / "model.bin.weft").read_text()


def test_one_file_of_a_directory_that_is_not_here(tmp_path: Path) -> None:
    repo, _, two = _two_versions(tmp_path)
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.weft("pull", "data/1/001.bin")
    assert snapshot(clone.root / "data") == {"1": ("dir",), "1/001.bin": two["1/001.bin"]}
    clone.write({"data/1/001.bin": b"replaced", "data/fresh/f.txt": b"fresh"})
    clone.weft("add", "data/1/001.bin", "data/fresh")
    clone.commit("three")
    clone.weft("push")

    other = repo.clone(tmp_path / "other")
    other.git("pull", "-q", str(clone.root), "main")
    other.weft("pull")
    expected = dict(two)
    expected["1/001.bin"] = ("file", b"replaced", False)
    expected["fresh"] = ("dir",)
    expected["fresh/f.txt"] = ("file", b"fresh", False)
    assert snapshot(other.root / "data") == expected


def test_adding_a_file_in_a_fresh_clone_never_drops_the_others(tmp_path: Path) -> None:
    repo, _, two = _two_versions(tmp_path)
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.write({"data/only.txt": b"only"})
    refused = clone.weft("add", "data", code=3)
    assert "E_MISSING_UNKNOWN" in refused.err
    assert "--keep-missing" in refused.err
    clone.weft("add", "data/only.txt")
    clone.weft("push")
    clone.weft("pull")
    assert snapshot(clone.root / "data") == {**two, "only.txt": ("file", b"only", False)}


def test_keep_and_delete_missing(tmp_path: Path) -> None:
    repo, _, two = _two_versions(tmp_path)
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.write({"data/only.txt": b"only"})
    clone.weft("add", "--keep-missing", "data")
    listed = clone.weft("ls", "-R", "data", "--json").json["data"]["entries"]
    assert len([e for e in listed if e["type"] != "dir"]) == len([v for v in two.values() if v[0] == "file"]) + 1  # type: ignore[index]
    clone.weft("add", "--delete-missing", "data")
    listed = clone.weft("ls", "-R", "data", "--json").json["data"]["entries"]
    assert [e["path"] for e in listed if e["type"] != "dir"] == ["data/only.txt"]


def test_deleted_files_leave_the_manifest_after_they_were_here(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    _dataset(repo, 8)
    repo.weft("add", "data")
    repo.commit()
    shutil.rmtree(repo.root / "data/1")
    changes = repo.weft("status", "--json").json["data"]["paths"][0]["changes"]
    assert {c["kind"] for c in changes} == {"deleted"}
    repo.weft("add", "data")
    repo.commit()
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.weft("pull")
    assert not (clone.root / "data/1").exists()


def test_mv_and_rm_keep_pointer_data_and_ignore_lines_together(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"a.bin": b"A" * 1000, "d/f": b"f"})
    repo.weft("add", "a.bin", "d")
    repo.commit()
    repo.weft("mv", "a.bin", "sub/b.bin")
    repo.weft("mv", "d", "e")
    repo.commit()
    assert (repo.root / "sub/b.bin").read_bytes() == b"A" * 1000
    assert (repo.root / "e/f").read_bytes() == b"f"
    assert sorted(p for p in repo.git("ls-files").out.split() if p.endswith(".weft")) == ["e.weft", "sub/b.bin.weft"]
    assert repo.weft("status", "--exit-code").code == 0
    assert [p["path"] for p in repo.weft("status", "--json").json["data"]["paths"]] == ["e", "sub/b.bin"]
    assert repo.git("status", "--porcelain").out == ""
    repo.weft("rm", "e")
    assert not (repo.root / "e").exists()
    assert "e.weft" not in repo.git("ls-files").out
    repo.git("checkout", "-q", "HEAD", "--", "e.weft")
    repo.weft("checkout", "e")
    assert (repo.root / "e/f").read_bytes() == b"f", "bytes stay in the store"


def test_no_op_push_and_second_clone_sends_nothing(tmp_path: Path) -> None:
    repo, _, _ = _two_versions(tmp_path)
    repo.weft("push")
    again = repo.weft("push", "--json").json["data"]
    assert again["sent_bytes"] == 0
    assert again["packs"] == 0
    assert {root["state"] for root in again["roots"]} == {"up-to-date"}
    clone = repo.clone(tmp_path / "clone")
    clone.weft("pull")
    assert clone.weft("push", "--json").json["data"]["packs"] == 0


def test_the_catalog_can_be_deleted_at_any_time(tmp_path: Path) -> None:
    repo, _, two = _two_versions(tmp_path)
    for name in os.listdir(repo.root / ".git/weft"):
        if name.startswith("catalog"):
            os.unlink(repo.root / ".git/weft" / name)
    assert repo.weft("status", "--exit-code").code == 0
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.weft("pull")
    assert snapshot(clone.root / "data") == two


def test_cat_ls_get_look_without_checking_out(tmp_path: Path) -> None:
    repo, one, _ = _two_versions(tmp_path)
    repo.weft("push")
    repo.weft("push", "--rev", "v1")
    clone = repo.clone(tmp_path / "clone")
    first = one["0/000.bin"][1]  # type: ignore[index]
    ran = clone.run("sh", "-c", f"{os.sys.executable} -m weft cat v1:data/0/000.bin | b2sum -l 256 > sum")
    assert ran.code == 0
    names = [e["path"] for e in clone.weft("ls", "v1:data", "--json").json["data"]["entries"]]
    assert names == ["data/0", "data/1", "data/2", "data/3", "data/big.bin"]
    clone.weft("get", str(repo.root), "v1:data/0/000.bin", "-o", str(tmp_path / "got.bin"))
    assert (tmp_path / "got.bin").read_bytes() == first
    assert not (clone.root / "data").exists()


def test_status_of_a_part_tells_only_of_that_part(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a/x": b"x", "data/b/y": b"y"})
    repo.weft("add", "data")
    repo.write({"data/b/y": b"changed"})
    assert repo.weft("status", "--exit-code", "data/a").code == 0
    assert repo.weft("status", "-q", "--exit-code", "data/b", code=1).out.split() == ["M", "data/b/y"]
