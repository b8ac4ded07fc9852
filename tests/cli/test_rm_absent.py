"""``weft rm`` of a part of a tracked directory that the workspace does not hold."""

from __future__ import annotations

from pathlib import Path

from kit import Repo


def _names(repo: Repo) -> list[str]:
    return [entry["path"] for entry in repo.weft("ls", "data", "--json").json["data"]["entries"]]


def test_a_deleted_file_is_taken_out(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a": b"a", "data/b": b"b", "data/c": b"c"})
    repo.weft("add", "data")
    (repo.root / "data/a").unlink()
    repo.weft("rm", "data/a", "data/b")
    assert _names(repo) == ["data/c"]
    assert [path.name for path in (repo.root / "data").iterdir()] == ["c"]
    assert repo.weft("status", "--exit-code").code == 0


def test_a_clone_without_data_takes_a_file_out(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"data/a": b"a", "data/b": b"b"})
    repo.weft("add", "data")
    repo.commit()
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.weft("rm", "data/a")
    assert _names(clone) == ["data/b"]
    assert "E_NO_PATH" in clone.weft("rm", "data/a", code=3).err
    clone.weft("pull")
    assert (clone.root / "data/b").read_bytes() == b"b"
    assert not (clone.root / "data/a").exists()


def test_data_whose_pointer_is_in_no_commit_stays(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a": b"first", "kept": b"kept"})
    repo.weft("add", "data", "kept")
    assert "the pointer of data is in no commit" in repo.weft("rm", "data", code=3).err
    repo.commit()
    repo.write({"data/a": b"second"})
    repo.weft("add", "data")
    ran = repo.weft("rm", "data", "kept", code=3)
    assert "weft rm --force data" in ran.err
    assert (repo.root / "data/a").read_bytes() == b"second"
    assert (repo.root / "kept").exists(), "all or nothing"
    repo.weft("rm", "--keep-data", "data")
    assert (repo.root / "data/a").read_bytes() == b"second"
    repo.weft("add", "data")
    repo.weft("rm", "--force", "data")
    assert not (repo.root / "data").exists()
    repo.weft("rm", "kept")
