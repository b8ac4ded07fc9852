"""Paths that a sparse checkout leaves out of the work tree: a difference of nothing, and named where they are asked for."""

from __future__ import annotations

import pytest

from kit import Repo


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Two parts with data of two commits, of which the work tree has one."""
    tmp_path = tmp_path_factory.mktemp("sparse")
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    for text in (b"one", b"other"):
        repo.write({"parts/nlp/data/a": text, "parts/vision/data/b": text, "parts/vision/data/sub/c": text})
        repo.weft("add", "parts/nlp/data", "parts/vision/data")
        repo.commit("data")
    repo.weft("push", "--all")
    repo.git("sparse-checkout", "set", "--cone", "parts/nlp")
    assert not (repo.root / "parts/vision").exists()
    return repo


def test_a_diff_with_a_revision_says_nothing_of_them(made: Repo) -> None:
    assert made.weft("diff", "HEAD", "--json").json["data"]["changes"] == []
    changes = made.weft("diff", "HEAD~", "--json").json["data"]["changes"]
    assert [one["path"] for one in changes] == ["parts/nlp/data/a"]
    assert "vision" not in made.weft("diff", "HEAD~").out
    assert "vision" not in made.weft("diff", "HEAD~", "parts").out
    two = made.weft("diff", "HEAD~", "HEAD", "--json").json["data"]["changes"]
    assert len(two) == 3  # commits have them


def test_a_pointer_that_was_deleted_is_still_a_difference(made: Repo) -> None:
    made.git("rm", "-q", "--cached", "--sparse", "parts/vision/data.weft")
    try:
        changes = made.weft("diff", "HEAD", "--json").json["data"]["changes"]
    finally:
        made.git("reset", "-q", "--mixed", "HEAD")
        made.git("sparse-checkout", "reapply")
    assert {one["kind"] for one in changes} == {"deleted"}


@pytest.mark.parametrize(
    "command",
    [
        *("pull", "fetch", "drop", "add", "add -n", "checkout", "checkout --", "diff --", "diff HEAD --"),
        *("cat", "ls", "status", "rm", "du"),
    ],
)
def test_a_verb_that_names_one_says_what_leaves_it_out(made: Repo, command: str) -> None:
    for path in ("parts/vision/data", "parts/vision/data/b"):
        error = made.weft("--json", *command.split(), path, code=3).json
        assert error["code"] == "E_LEFT_OUT", error
        assert error["hint"].startswith("git sparse-checkout add parts/vision, then weft "), error


def test_a_folder_above_them_is_left_out_as_a_whole(made: Repo) -> None:
    for command in ("pull", "add", "checkout", "status"):
        error = made.weft("--json", command, "parts/vision", code=3).json
        assert (error["code"], error["hint"].partition(",")[0]) == (
            "E_LEFT_OUT",
            "git sparse-checkout add parts/vision",
        )
    made.weft("add", "parts")
    made.weft("pull", "parts")


def test_a_checkout_of_a_revision_leaves_them_where_they_are(made: Repo) -> None:
    made.weft("checkout", "HEAD~", "--", "parts")
    try:
        assert (made.root / "parts/nlp/data/a").read_bytes() == b"one"
        assert not (made.root / "parts/vision").exists()
        assert made.git("diff", "--cached", "--name-only").out == "parts/nlp/data.weft\n"
    finally:
        made.weft("checkout", "HEAD", "--", "parts/nlp/data")


def test_the_hint_works_as_it_stands(made: Repo) -> None:
    made.git("sparse-checkout", "add", "parts/vision")
    made.weft("pull", "parts/vision/data/b")
    assert (made.root / "parts/vision/data/b").read_bytes() == b"other"
    made.git("sparse-checkout", "set", "--cone", "parts/nlp")
