"""Symbolic links inside of tracked directories under --force: what they pointed to is saved, then they are replaced."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from kit import Ran, Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo")
    made.write({"data/a": b"a", "data/b": b"b", "data/sub/c": b"c"})
    (made.root / "data/link").symlink_to("a")
    (made.root / "data/sub/up").symlink_to("../a")
    made.weft("add", "data")
    made.commit("data")
    return made


def saved(ran: Ran) -> dict[str, str]:
    return dict(re.findall(r"saved (\S+); to have it back: weft cat (\S+)", ran.err))


@pytest.mark.parametrize("words", [("data",), ("data/link",), ()])
def test_a_changed_link_is_replaced_and_its_target_saved(repo: Repo, words: tuple[str, ...]) -> None:
    link = repo.root / "data/link"
    link.unlink()
    link.symlink_to("somewhere-new")
    assert "E_UNSAVED" in repo.weft("checkout", *words, code=3).err
    found = saved(repo.weft("checkout", "--force", *words))
    assert list(found) == ["data/link"]
    assert repo.weft("cat", found["data/link"]).out == "somewhere-new"
    assert os.readlink(link) == "a"
    assert repo.weft("status", "--exit-code").code == 0


def test_links_and_files_that_stand_in_for_each_other(repo: Repo) -> None:
    for name, target in (("data/a", "new-target"), ("data/sub/c", "other-target")):
        (repo.root / name).unlink()
        (repo.root / name).symlink_to(target)
    (repo.root / "data/link").unlink()
    (repo.root / "data/link").write_bytes(b"no link any more")
    (repo.root / "data/extra").symlink_to("never-added")
    found = saved(repo.weft("checkout", "--force", "--delete"))
    texts = {path: repo.weft("cat", oid).out for path, oid in found.items()}
    assert texts == {
        "data/a": "new-target",
        "data/sub/c": "other-target",
        "data/link": "no link any more",
        "data/extra": "never-added",
    }
    assert repo.weft("status", "--exit-code").code == 0
    assert not (repo.root / "data/extra").is_symlink()


def test_rm_and_get_save_links_too(repo: Repo, tmp_path: Path) -> None:
    link = repo.root / "data/sub/up"
    link.unlink()
    link.symlink_to("elsewhere")
    assert list(saved(repo.weft("rm", "--force", "data/sub"))) == ["data/sub/up"]
    repo.git("reset", "-q", "--hard")
    repo.weft("checkout", "--force", code=None)
    (repo.root / "out").mkdir()
    (repo.root / "out/link").symlink_to("only-here")
    ran = repo.weft("get", "--force", "-o", "out", str(repo.root), "data")
    assert "out/link" in ran.err
    assert os.readlink(repo.root / "out/link") == "a"
