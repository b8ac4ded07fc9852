"""A pointer whose layout leads to other bytes than it says: refused by all that read, check or pass it on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from weft.formats import pointer as pointer_format
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe
from weft.objects import push_needs
from weft.objects.layouts import store_layout
from weft.objects.proofs import Proof
from weft.objects.store_write import split
from weft.workflows.options import TransferOptions
from weft.workflows.project import open_project
from weft.workflows.push import push

GOOD, EVIL, SMALL = pseudo_random(400_000, 1), pseudo_random(400_000, 2), b"a small file"


def make(root: Path, remote: Path) -> Repo:
    repo = Repo.make(root, str(remote))
    for key, value in (("minimum", "4096"), ("average", "16384"), ("maximum", "65536")):
        repo.weft("config", "set", f"chunker.{key}", value)
    repo.write({"d/a.bin": GOOD, "d/small": SMALL})
    repo.weft("add", "d")
    repo.commit("one")
    return repo


def lie(repo: Repo, evil: bytes = EVIL) -> Pointer:
    """Let the layout of ``d`` lead from the oid of ``d/a.bin`` to other bytes, which are in the store."""
    file = repo.root / "d.weft"
    with open_project(str(repo.root)) as project:
        with project.store.writer() as writer:
            pieces = split(evil, writer.chunker.cut(evil))
            writer.add_chunks(pieces)
            recipe = Recipe(Oid.of(GOOD), len(evil), tuple((oid, len(piece)) for oid, piece in pieces))
            oid = writer.add_object(Kind.RECIPE, recipe_format.encode(recipe))
            layout = store_layout(writer, {Oid.of(GOOD): oid})
        pointer = dataclasses.replace(pointer_format.decode(file.read_bytes(), name="d.weft"), layout=layout)
    file.write_bytes(pointer_format.encode(pointer))
    return pointer


@pytest.fixture
def lying(tmp_path: Path) -> Repo:
    """The pointer is staged and not committed."""
    repo = make(tmp_path / "repo", tmp_path / "remote")
    lie(repo)
    repo.git("add", "d.weft")
    return repo


def test_validate_the_hook_and_push_refuse_it_and_add_writes_the_pointer_again(lying: Repo) -> None:
    ran = lying.weft("validate", code=1)
    assert "WEFT007" in ran.out
    assert "its layout leads to other bytes than" in ran.out
    lying.weft("install")
    assert "WEFT007" in lying.git("commit", "-m", "two", code=1).err
    assert "E_HASH_MISMATCH" in lying.weft("push", code=4).err
    lying.weft("add", "d")
    lying.git("diff", "--quiet", "HEAD", "--", "d.weft")
    lying.weft("validate")


def test_a_layout_alone_is_looked_at_in_a_merge_too_and_in_commits_that_went_around_the_hook(lying: Repo) -> None:
    merging = lying.root / ".git" / "MERGE_HEAD"
    merging.write_text(lying.git("rev-parse", "HEAD").out)
    assert "WEFT007" in lying.weft("validate", code=1).out
    merging.unlink()
    lying.git("commit", "-q", "--no-verify", "-m", "two")
    assert "WEFT007" in lying.weft("validate", "--rev", "HEAD", code=1).out
    assert "WEFT007" in lying.weft("validate", "--range", "HEAD~1..HEAD", code=1).out


def test_readers_and_verify_refuse_it(lying: Repo, tmp_path: Path) -> None:
    for span in (("--start", "1000", "--length", "20"), ("--start", "399000"), ()):
        ran = lying.weft("cat", *span, "d/a.bin", code=4)
        assert "E_HASH_MISMATCH" in ran.err
        assert not ran.out
    lying.weft("verify", code=0)
    ran = lying.weft("verify", "--full", code=4)
    assert "the layout of d leads to other bytes than" in ran.out
    (lying.root / "d" / "a.bin").unlink()
    assert "E_HASH_MISMATCH" in lying.weft("checkout", code=4).err
    lying.git("commit", "-q", "--no-verify", "-m", "two")
    assert "E_HASH_MISMATCH" in lying.weft("get", str(lying.root), "d", "-o", str(tmp_path / "got"), code=4).err
    assert not (tmp_path / "got" / "a.bin").exists()


def test_one_that_others_pushed_is_refused_by_pull_and_found_on_the_remote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make(tmp_path / "repo", tmp_path / "remote")
    repo.weft("push")
    lie(repo)
    repo.commit("two")
    with monkeypatch.context() as patch:  # somebody else's client, which pushes anything
        patch.setattr(push_needs, "prove_pairs", lambda *_: Proof({}, set()))
        with open_project(str(repo.root)) as project:
            push(project, [], TransferOptions())
    clone = repo.clone(tmp_path / "clone")
    ran = clone.weft("pull", code=4)
    assert "E_HASH_MISMATCH" in ran.err
    assert not (clone.root / "d").exists()
    clone.weft("verify", "--remote", code=0)
    other = repo.clone(tmp_path / "other")
    ran = other.weft("verify", "--remote", "--sample", "100%", code=4)
    assert "the layout of d leads to other bytes than" in ran.out
    other.git("checkout", "-q", "HEAD~1")
    other.weft("verify", "--remote", "--sample", "100%")
    other.weft("pull")
    assert (other.root / "d" / "a.bin").read_bytes() == GOOD


def test_what_is_not_here_is_said_to_be_not_proved(tmp_path: Path) -> None:
    repo = make(tmp_path / "repo", tmp_path / "remote")
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    assert "d is not proved: its layout is not here" in clone.weft("validate", "--rev", "HEAD").err
    clone.weft("pull")
    assert "not proved" not in clone.weft("validate", "--rev", "HEAD").err


@pytest.mark.parametrize("field", ["size", "files"])
def test_numbers_that_are_not_those_of_the_data_are_refused(tmp_path: Path, field: str) -> None:
    repo = make(tmp_path / "repo", tmp_path / "remote")
    file = repo.root / "d.weft"
    pointer = pointer_format.decode(file.read_bytes(), name="d.weft")
    file.write_bytes(pointer_format.encode(dataclasses.replace(pointer, **{field: getattr(pointer, field) + 1})))
    repo.git("add", "d.weft")
    assert "WEFT007" in repo.weft("validate", code=1).out
    assert "E_SIZE_MISMATCH" in repo.weft("push", code=4).err
    repo.git("commit", "-q", "-m", "two")
    assert "WEFT007" in repo.weft("validate", "--rev", "HEAD", code=1).out
    repo.weft("verify", code=4)
