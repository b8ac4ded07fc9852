"""What a clone accepts: who is asked, when, and what is remembered."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit import Repo, environment, nobody
from weft.model.remote import Trust
from weft.workflows.connect import connection, find_remote
from weft.workflows.project import open_project


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository whose user added its remote, and pushed."""
    made = Repo.make(tmp_path / "repo", "../remote", env=nobody(tmp_path))
    made.write({"d/x": b"one"})
    made.weft("add", "d")
    made.commit("data")
    made.weft("push")
    return made


@pytest.fixture
def clone(repo: Repo, tmp_path: Path) -> Repo:
    return repo.clone(tmp_path / "clone")


def more(repo: Repo, text: bytes = b"two") -> None:
    repo.write({"d/y": text})
    repo.weft("add", "d")
    repo.commit("more")


def private(repo: Repo) -> str:
    path = repo.root / ".git/weft/config.yaml"
    return path.read_text() if path.exists() else ""


def test_a_clone_reads_at_once_and_accepts_once_before_it_sends(clone: Repo, tmp_path: Path) -> None:
    clone.weft("pull")
    assert "not accepted in this clone" in clone.weft("remote", "list").out
    more(clone)
    before = sorted((tmp_path / "remote").rglob("*"))
    refused = clone.weft("push", code=3).err
    assert f"the remote origin is {tmp_path / 'remote'}" in refused
    assert "E_UNTRUSTED_REMOTE" in refused
    assert "hint: weft remote trust origin\n" in refused
    for words in (("verify", "--remote", "--repair"), ("gc", "--on-remote"), ("remote", "check")):
        assert "E_UNTRUSTED_REMOTE" in clone.weft(*words, code=3).err
    assert sorted((tmp_path / "remote").rglob("*")) == before
    clone.weft("push", "--dry-run")
    said = clone.weft("remote", "trust", "origin").out
    assert f"url       {tmp_path / 'remote'}" in said
    assert "the data that you push" in said
    assert "pushed 1 path to origin (../remote): " in clone.weft("push").out
    assert "not accepted" not in clone.weft("remote", "list").out
    clone.weft("gc", "--on-remote")


def test_whoever_names_a_remote_is_never_asked(tmp_path: Path) -> None:
    made = Repo(tmp_path / "repo", nobody(tmp_path))
    made.root.mkdir()
    made.git("init", "-q", "-b", "main")
    made.weft("init", "--remote", "../remote")
    made.weft("remote", "add", "--no-check", "backup", "../backup")
    made.write({"d/x": b"one"})
    made.weft("add", "d")
    made.commit()
    made.weft("push")
    made.weft("push", "-r", "backup")
    # The first push noted the store that it made, so that another one in its place is seen.
    assert private(made).count("store: ") == 2
    config = made.root / ".weft/config.yaml"
    config.write_text(re.sub("store: .*", "store: " + "a" * 32, config.read_text()))
    assert "E_UNTRUSTED_REMOTE" in made.weft("push", "-r", "backup", code=3).err


def test_the_store_that_a_commit_names_is_only_its_word(repo: Repo, tmp_path: Path) -> None:
    repo.weft("remote", "add", "--no-check", "backup", "../backup")
    repo.commit("backup")
    config = repo.root / ".weft/config.yaml"
    honest = config.read_text()
    config.write_text(honest.replace("  backup:\n", f"  backup:\n    store: {'a' * 32}\n"))
    assert "E_BUCKET" in repo.weft("push", "-r", "backup", code=6).err
    assert "a" * 32 not in private(repo)
    config.write_text(honest)
    repo.weft("push", "-r", "backup")


def test_remove_forgets(repo: Repo) -> None:
    assert "accepted:" in private(repo)
    repo.weft("remote", "remove", "origin")
    assert "accepted:" not in private(repo)


def test_a_user_trusts_places_for_all_clones(clone: Repo, tmp_path: Path) -> None:
    more_here = tmp_path / "xdg"
    for folder, env in (
        (tmp_path / ".config", {}),
        (more_here, {"XDG_CONFIG_HOME": str(more_here)}),
        (tmp_path / ".config", {"XDG_CONFIG_HOME": "relative"}),
    ):
        file = folder / "weft" / "config.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"trust: [{tmp_path}/elsewhere, s3://acme-*/*]\n")
        assert "E_UNTRUSTED_REMOTE" in clone.weft("push", code=3, env=env).err
        file.write_text(f"weft: 1\ntrust:\n  - {tmp_path}/*\n")
        clone.weft("push", env=env)
        assert "not accepted" not in clone.weft("remote", "list", env=env).out
        file.write_text("trust: yes\n")
        assert str(file) in clone.weft("push", code=3, env=env).err
        file.unlink()
    clone.weft("push", env={"WEFT_TRUST": f"s3://a/*,{tmp_path}/remote"})
    assert private(clone) == ""


def test_a_full_path_is_kept_relative_beside_the_repository_and_private_far_away(tmp_path: Path) -> None:
    made = Repo.make(tmp_path / "near" / "repo", str(tmp_path / "near" / "remote"), env=nobody(tmp_path))
    config = made.root / ".weft/config.yaml"
    assert 'url: "../remote"\n' in config.read_text()
    committed = config.read_text()
    said = made.weft("remote", "add", "far", str(tmp_path / "far" / "remote"))
    assert "this clone alone" in said.err + said.out
    assert config.read_text() == committed
    assert str(tmp_path / "far") in private(made)
    made.write({"d/x": b"one"})
    made.weft("add", "d")
    made.weft("push", "-r", "far")
    made.weft("remote", "default", "far")
    assert "*  far" in made.weft("remote", "list").out
    made.weft("remote", "remove", "far")
    assert "far" not in made.weft("remote", "list").out
    assert config.read_text() == committed


def test_another_work_tree_means_another_directory_by_the_same_path(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "near", str(tmp_path / "second"))
    Repo(tmp_path / "second", repo.env).weft("push")
    repo.git("worktree", "add", "-q", "-b", "far", str(tmp_path / "deep" / "third"))
    refused = Repo(tmp_path / "deep" / "third", repo.env).weft("push", code=3).err
    assert str(tmp_path / "deep" / "remote") in refused
    assert str(tmp_path / "remote") in refused
    assert not (tmp_path / "deep" / "remote").exists()


def on_a_terminal(repo: Repo, answer: str, *words: str) -> tuple[int, str]:
    """Run weft with a terminal of its own, on which somebody types ``answer``."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "weft", *words],
        cwd=repo.root,
        env=environment({**repo.env, "TERM": "dumb"}),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        said = b""
        try:
            while part := os.read(ours, 4096):
                said += part
        except OSError:  # so Linux says that the other side is closed
            pass
        process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, said.decode()


def test_on_a_terminal_there_is_a_question(clone: Repo, tmp_path: Path) -> None:
    code, said = on_a_terminal(clone, "n\n", "push")
    assert code == 3
    assert "E_UNTRUSTED_REMOTE" in said
    assert private(clone) == ""
    code, said = on_a_terminal(clone, "y\n", "push")
    assert code == 0
    assert f"url       {tmp_path / 'remote'}" in said
    assert "Accept it? [y/N]" in said
    assert "accepted:" in private(clone)
    clone.weft("push")


def test_what_git_starts_asks_nobody(clone: Repo, tmp_path: Path) -> None:
    clone.weft("install")
    clone.weft("pull")
    more(clone)
    clone.git("init", "-q", "--bare", str(tmp_path / "hub.git"))
    ours, theirs = pty.openpty()
    done = subprocess.run(
        ["git", "push", "-q", str(tmp_path / "hub.git"), "main"],
        cwd=clone.root,
        env=environment(clone.env),
        stdin=theirs,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1
    assert b"E_UNTRUSTED_REMOTE" in done.stderr
    clone.weft("remote", "trust", "origin")
    clone.git("push", "-q", str(tmp_path / "hub.git"), "main")


def test_a_link_that_moves_while_the_user_is_asked_leads_nowhere_else(clone: Repo, tmp_path: Path) -> None:
    for name in ("nice", "evil"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("nice")
    clone.weft("config", "set", "remotes.origin.url", "../link")
    clone.weft("config", "unset", "remotes.origin.store")
    clone.weft("pull", code=None)
    shown: list[str] = []

    def swap(lines: Sequence[str]) -> bool:
        shown.extend(lines)
        link.unlink()
        link.symlink_to("evil")
        return True

    with open_project(str(clone.root), trust=Trust(ask=swap)) as project:
        with connection(project, find_remote(project), writes=True) as opened:
            opened.traffic.write("weft.json", b"{}")
        assert project.trust.ask is swap
    assert any(line.endswith(str(tmp_path / "nice")) for line in shown)
    assert [path.name for path in (tmp_path / "nice").iterdir() if path.is_file()] == ["weft.json"]
    assert not list((tmp_path / "evil").iterdir())
    assert f"url: {tmp_path / 'nice'}" in private(clone)
