"""A pull of which a part can be had."""

from __future__ import annotations

from pathlib import Path

from kit import Repo


def test_a_pull_writes_what_the_remote_has_and_names_what_it_lacks(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"a/f": b"a\n", "b": b"b\n"})
    repo.weft("add", "a", "b")
    repo.commit("data")
    repo.weft("push")
    repo.write({"c": b"never pushed\n"})
    repo.weft("add", "c")
    repo.commit("c")
    clone = repo.clone(tmp_path / "clone")
    ran = clone.weft("pull", code=4)
    assert (clone.root / "a/f").read_bytes() == b"a\n"
    assert (clone.root / "b").read_bytes() == b"b\n"
    assert not (clone.root / "c").exists()
    assert "E_NOT_ON_REMOTE" in ran.err
    assert "does not hold all data of c " in ran.err
    assert "not here  c" in ran.out
    assert "next: weft pull" not in ran.err
    again = clone.weft("pull", "--json", code=4).json["data"]
    assert [one["code"] for one in again["lacking"]] == ["E_NOT_ON_REMOTE"]
    assert "E_NOT_ON_REMOTE" in clone.weft("pull", "c", code=4).err
    clone.weft("pull", "a", "b")
    assert "E_NOT_ON_REMOTE" in clone.weft("fetch", code=4).err
