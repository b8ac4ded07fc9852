"""False lineage of a folder project is refused as that at the top is: by the hook, before a push, and of commits in CI."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from hooks_kit import Hooked
from weft.formats import stagefile

COUNT = "printf '{\"words\": %d}' $(wc -l < data/w) > m.json; cp data/w out"
FALSE: dict[str, tuple[Callable[[Hooked], object], str]] = {
    "an edited metric": (lambda repo: repo.write({"nlp/m.json": b'{"words": 9}'}), "WEFT010"),
    "a changed out": (
        lambda repo: (repo.write({"nlp/out": b"x\n"}), repo.weft("add", "--force", "nlp/out")),
        "WEFT011",
    ),
    "an edited record": (
        lambda repo: repo.write(
            {"lineage/nlp/count.yaml": edited(repo, "lineage/nlp/count.yaml", "words: 3", "words: 9")}
        ),
        "WEFT008",
    ),
    "a deleted record": (lambda repo: (repo.root / "lineage/nlp/count.yaml").unlink(), "WEFT018"),
    "a project that is named no longer": (
        lambda repo: repo.write({"weft.yaml": edited(repo, "weft.yaml", "  - nlp\n", "")}),
        "WEFT014",
    ),
    "a stage file that is gone": (lambda repo: (repo.root / "nlp/weft.yaml").unlink(), "WEFT006"),
    "a stage file that is broken": (lambda repo: repo.write({"nlp/weft.yaml": b"stages: [\n"}), "WEFT005"),
    "another out": (
        lambda repo: repo.write(
            {"nlp/weft.yaml": edited(repo, "nlp/weft.yaml", "- m.json", "- m2.json"), "nlp/m2.json": b"{}"}
        ),
        "WEFT014",
    ),
    "a record of no stage": (
        lambda repo: repo.write(
            {"lineage/nlp/more.yaml": edited(repo, "lineage/nlp/count.yaml", "nlp/count", "nlp/more")}
        ),
        "WEFT014",
    ),
    "a list of projects in a folder": (lambda repo: repo.write({"nlp/weft.yaml": b"projects: [deeper]\n"}), "WEFT006"),
    "a link in place of the stage file": (
        lambda repo: (
            (repo.root / "nlp/weft.yaml").unlink(),
            os.symlink("../other/weft.yaml", repo.root / "nlp/weft.yaml"),
        ),
        "WEFT004",
    ),
}


def edited(repo: Hooked, name: str, old: str, new: str) -> bytes:
    text = (repo.root / name).read_text()
    assert old in text
    return text.replace(old, new).encode()


@pytest.fixture
def mono(repo: Hooked) -> Hooked:
    """A project in `nlp` that has run, and one in `other`; all of it committed and pushed."""
    repo.write({"nlp/data/w": b"a\nb\nc\n", "other/x": b""})
    for folder in ("nlp", "other"):
        repo.weft("-C", folder, "init", "--subdir")
    repo.weft("add", "nlp/data")
    repo.commit("data")
    repo.weft("-C", "nlp", "run", "-n", "count", "-d", "data", "-m", "m.json", "-o", "out", "--", COUNT)
    repo.commit("count")
    repo.git("push", "-q", "origin", "main")
    return repo


def test_what_is_false_is_refused_by_the_hook_before_a_push_and_in_ci(mono: Hooked) -> None:
    base = mono.head
    for what, (change, rule) in FALSE.items():
        change(mono)
        mono.git("add", "-A")
        assert rule in mono.git("commit", "-m", "false", code=1).err, what
        mono.git("commit", "-q", "--no-verify", "-m", "false")
        ranged = mono.weft("validate", "--range", f"{base}..HEAD", code=1)
        assert rule in ranged.out, what
        whole = mono.weft("validate", "--rev", "HEAD", code=1)
        assert rule in whole.out, what
        assert rule in mono.refused("origin", "main").err, what
        assert mono.there("main") == base
        mono.git("reset", "-q", "--hard", base)
        mono.weft("checkout", "--force", "-q")


def test_what_is_right_or_stale_passes(mono: Hooked) -> None:
    base = mono.head
    mono.write({"weft.yaml": b"# all\n" + (mono.root / "weft.yaml").read_bytes()})
    mono.git("commit", "-q", "-am", "a comment")
    mono.write({"nlp/weft.yaml": edited(mono, "nlp/weft.yaml", "cp data/w out", "cat data/w > out")})
    stale = mono.git("commit", "-q", "-am", "stale")
    assert "nlp/count" in stale.err
    assert "stale" in stale.err
    mono.weft("-C", "nlp", "repro", "count")
    mono.git("commit", "-q", "-am", "fresh")
    # To take a project out is right where all that its stages made goes too.
    mono.weft("stage", "remove", "nlp/count")
    mono.write({"weft.yaml": edited(mono, "weft.yaml", "  - nlp\n", "")})
    mono.git("rm", "-q", "nlp/m.json", code=None)
    mono.git("add", "-A")
    mono.git("commit", "-q", "-m", "gone")
    mono.weft("validate", "--range", f"{base}..HEAD", "--strict", code=0)
    assert not (mono.root / "lineage/nlp/count.yaml").exists()


def test_a_frozen_stage_is_excused_only_once_it_was_frozen(mono: Hooked) -> None:
    mono.write({"weft.yaml": (mono.root / "weft.yaml").read_bytes() + b"validate: {stale: error}\n"})
    mono.git("commit", "-q", "-am", "strict")
    text = edited(mono, "nlp/weft.yaml", "cp data/w out", "cat data/w > out").decode()
    frozen = text.replace("    cmd:", "    frozen: true\n    cmd:").encode()
    mono.write({"nlp/weft.yaml": frozen})
    assert "WEFT014" in mono.git("commit", "-am", "both at once", code=1).err
    mono.git("checkout", "-q", "HEAD", "--", "nlp/weft.yaml")
    mono.weft("-C", "nlp", "stage", "freeze", "count")
    mono.git("commit", "-q", "-m", "frozen")
    base = mono.head
    mono.write({"nlp/weft.yaml": edited(mono, "nlp/weft.yaml", "cp data/w out", "cat data/w > out")})
    mono.git("commit", "-q", "-am", "later")
    mono.weft("validate", "--range", f"{base}..HEAD")


def test_a_secret_in_the_stage_file_of_a_folder_is_found(mono: Hooked) -> None:
    token = "ghp_" + "a1B2" * 9
    mono.write({"other/weft.yaml": f"# {token}\n".encode()})
    mono.git("add", "-A")
    found = mono.git("commit", "-m", "secret", code=1).err
    assert "WEFT021" in found
    assert "other/weft.yaml" in found


def test_two_branches_that_add_stages_of_folders_merge(mono: Hooked) -> None:
    add = ("stage", "add", "-n")
    for branch in ("one", "two"):
        mono.git("checkout", "-q", "-b", branch, "main")
        mono.write({f"{branch}/x": b""})
        mono.weft("-C", branch, "init", "--subdir")
        mono.weft("-C", "nlp", *add, branch, "-d", "../other/x", "--", "true")
        mono.git("add", "-A")
        mono.git("commit", "-q", "-m", branch)
    mono.git("merge", "-q", "--no-edit", "one")
    names = [one["name"] for one in mono.weft("stage", "list", "--json").json["data"]["stages"]]
    assert sorted(names) == ["nlp/count", "nlp/one", "nlp/two"]
    assert stagefile.projects((mono.root / "weft.yaml").read_bytes()) == ("nlp", "other", "two", "one")
    mono.weft("validate", "--rev", "HEAD")
