"""What is taken as proof that data is safe elsewhere, before the last local copy goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from kit import Ran, Repo, falsify, nobody, packs_below, pseudo_random

RAW = pseudo_random(200_000, 7)


def _base(tmp_path: Path) -> Repo:
    """A repository whose data is pushed."""
    made = Repo.make(tmp_path / "base", "../remote", env=nobody(tmp_path))
    made.write({"data/raw.txt": RAW})
    made.weft("add", "data/raw.txt")
    made.commit("data")
    made.weft("push")
    return made


def _refused(ran: Ran, *words: str) -> None:
    for word in words:
        assert word in ran.err, (word, ran.err)


def _safe(repo: Repo) -> None:
    assert (repo.root / "data/raw.txt").read_bytes() == RAW
    assert packs_below(repo.root / ".git/weft/store/packs")


def remote_that_only_a_commit_names(tmp_path: Path) -> None:
    victim = _base(tmp_path).clone(tmp_path / "victim")
    victim.weft("pull")
    shutil.copytree(tmp_path / "remote", tmp_path / "fake")
    falsify(tmp_path / "fake")
    path = victim.root / ".weft/config.yaml"
    path.write_text(path.read_text().replace("origin", "backup").replace("../remote", "../fake"))
    victim.commit("backup")
    for words in (("--store",), (), ("-n",), ("--store", "--remote", "backup")):
        ran = victim.weft("drop", *words, "data/raw.txt", code=4)
        _refused(ran, "E_NOT_ON_REMOTE", "backup is not accepted", "hint: weft remote trust backup")
    victim.weft("config", "set", "--private", "store.limit", "1")
    _refused(victim.weft("gc"), "backup is not accepted", "weft remote trust backup")
    ran = victim.weft("push", "-n")
    _refused(ran, "next: weft remote trust backup")
    assert "as it says itself" in ran.out
    assert "already on" not in ran.out + ran.err
    _safe(victim)


def false_bytes_on_an_accepted_remote(tmp_path: Path) -> None:
    repo = _base(tmp_path)
    # A drop leaves what other data needs: here nothing but the small objects of the pointer's data.
    for words, left in ((("drop", "--store", "data/raw.txt"), 1), (("gc", "--limit", "1"), 0)):
        falsify(tmp_path / "remote")
        _refused(repo.weft(*words, code=4), "E_HASH_MISMATCH", "origin", "nothing is dropped", "--repair")
        _safe(repo)
        repo.weft("verify", "--remote", "origin", "--sample", "100%", "--repair")
        repo.weft(*words)
        assert len(packs_below(repo.root / ".git/weft/store/packs")) == left
        repo.weft("pull")
        assert (repo.root / "data/raw.txt").read_bytes() == RAW
        repo.weft("fetch")


def remote_as_a_store(tmp_path: Path) -> None:
    other = _base(tmp_path).clone(tmp_path / "other")
    other.weft("pull")
    remote = tmp_path / "remote"
    before = packs_below(remote)
    for words in (("init", "--store"), ("config", "set", "--private", "store.dir")):
        _refused(other.weft(*words, "../remote", code=3), "E_DIRECTORY", "is a remote")
    private = other.root / ".git/weft/config.yaml"
    other.weft("config", "set", "--private", "jobs", "2")
    plain = private.read_text()
    # A clone that had made a store of it before.
    for name in ("tmp", "quarantine"):
        (remote / name).mkdir()
    (remote / "weft-store").write_bytes(b"This folder is a store of weft.\n")
    private.write_text(plain + f'store:\n  dir: "{remote}"\n')
    for words in (("gc", "--unshared", "--limit", "1K"), ("gc", "--unshared", "--grace", "0")):
        _refused(other.weft(*words, code=3), "E_DIRECTORY", "config unset --private store.dir")
    other.weft("config", "unset", "--private", "store.dir")
    for taken in (
        "weft-store",
        "weft.json",
    ):  # one of what tells a remote is enough, and the mark of a store changes nothing
        _refused(other.weft("init", "--store", "../remote", code=3), "E_DIRECTORY", "is a remote")
        (remote / taken).rename(tmp_path / taken)
    _refused(other.weft("init", "--store", "../remote", code=3), "E_DIRECTORY", "is a remote")
    assert packs_below(remote) == before


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (146, "remote-that-only-a-commit-names", remote_that_only_a_commit_names),
    (147, "false-bytes-on-an-accepted-remote", false_bytes_on_an_accepted_remote),
    (148, "remote-as-a-store", remote_as_a_store),
]
