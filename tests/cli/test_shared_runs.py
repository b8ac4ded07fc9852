"""Runs that one clone shares and another takes: `weft push --runs`, `fetch --runs`, `repro --runs`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from stagekit import ALICE, FIGURE, shared, two


def test_bob_takes_the_run_that_alice_shared_without_running(tmp_path: Path) -> None:
    alice, bob = two(tmp_path)
    model = (alice.root / "model/weights").read_bytes()
    said = alice.weft("push", "--runs")
    assert "shared 2 runs through the Git remote origin" in said.out
    assert alice.git("ls-remote", "origin", "refs/heads/*").out == bob.git("ls-remote", "origin", "refs/heads/*").out
    for ref in shared(alice):
        assert alice.git("rev-list", "--count", ref).out.strip() == "1", "a commit of its own"
        names = alice.git("ls-tree", "-r", "--name-only", ref).out.split()
        assert "params.yaml" not in names
        assert "prepare.sh" not in names, "no code goes along"
    alice.git("reset", "-q", "--hard")
    alice.weft("checkout", "--force")

    assert "2 new runs from the Git remote origin, 2 known" in bob.weft("fetch", "--runs").out
    assert bob.actions("-S", "train.lr=0.2")["train"] == "ran", "what was only fetched stands in for no run"
    bob.git("reset", "-q", "--hard")
    (bob.root / ".git/weft/own-runs").unlink()
    for ref in shared(bob, "refs/weft/runs/"):
        bob.git("update-ref", "-d", ref)
    bob.weft("checkout", "--force")
    bob.ran()
    told = bob.weft("repro", "--runs", "-S", "train.lr=0.2")
    record = alice_run = bob.record("train")
    assert bob.ran() == []
    assert f"train: reused the outs of run {record.reused_run} by {ALICE}" in told.out
    assert (bob.root / "model/weights").read_bytes() == model
    assert record.reused is not None
    assert (record.reused.author, record.author) == (ALICE, "Test <test@example.invalid>")
    assert alice_run.run is not None
    assert alice_run.run.id != record.reused_run
    bob.commit("taken over")
    assert bob.weft("validate", "--rev", "HEAD", "--strict").code == 0
    for words in (("show",), ("lineage", "why", "model")):
        assert f"the outs of run {record.reused_run} by {ALICE}" in bob.weft(*words).out
    assert bob.weft("push", "--runs").out.count("shared 0 runs") == 1, "it is no run of his"


def test_authors_are_chosen_in_the_private_settings_and_no_reuse_wins(tmp_path: Path) -> None:
    alice, bob = two(tmp_path, FIGURE)
    alice.weft("config", "set", "--private", "reuse.share", "true")
    assert "would share 1 run" in alice.weft("push", "-n").out
    assert shared(alice) == []
    assert "shared 1 run" in alice.weft("push").out
    assert "shared 0 runs" in alice.weft("push", "--runs").out, "it is there"
    bob.weft("config", "set", "--private", "reuse.runs", "carol@example.invalid")
    lr = ("-S", "train.lr=0.2")

    def again(*words: str) -> str:
        bob.git("reset", "-q", "--hard")
        (bob.root / ".git/weft/own-runs").unlink(missing_ok=True)
        for ref in shared(bob, "refs/weft/runs/"):
            bob.git("update-ref", "-d", ref)
        return bob.actions(*words, *lr)["score"]

    assert again("--runs") == "ran", "another author was chosen"
    assert again("--runs", "--no-reuse") == "ran"
    bob.weft("config", "set", "--private", "reuse.runs", "carol@example.invalid, ALICE@example.invalid")
    assert again("--no-reuse") == "ran"
    assert again() == "reused"
    (bob.root / ".git/weft/config.yaml").write_text("weft: 1\n")
    assert again() == "ran", "nobody is chosen any more"
    with (bob.root / ".weft/config.yaml").open("a") as file:
        file.write("reuse: {runs: '*'}\n")
    assert "E_UNTRUSTED_CONFIG" in bob.weft("repro", code=3).err


def test_a_run_with_a_secret_in_an_out_is_not_shared(tmp_path: Path) -> None:
    text = FIGURE + b"  leak: {cmd: cat key.txt > kept.txt, deps: [key.txt], outs: [{kept.txt: {cache: false}}]}\n"
    alice, _ = two(tmp_path, FIGURE)
    token = "gh" + "p_" + "0123456789abcdefghijABCDEFGHIJ012345"
    alice.write({"weft.yaml": text, "key.txt": token.encode() + b"\n"})
    alice.git("add", "key.txt", "weft.yaml")
    alice.weft("repro", "leak")
    said = alice.weft("push", "--runs")
    assert "of stage leak is not shared: kept.txt looks like it holds a secret" in said.err
    assert "shared 1 run" in said.out
    alice.git("remote", "rename", "origin", "hub")
    assert "shared 0 runs through the Git remote hub" in alice.weft("push", "--runs").out
    assert all(token not in alice.git("log", "-p", ref).out for ref in shared(alice))
    alice.git("remote", "remove", "hub")
    assert "runs are shared through a Git remote, and this clone has none" in alice.weft("push", "--runs", code=6).err


def moved(ref: str, days: float) -> str:
    """The name of the same run, made so many days ago."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - days * 86400))
    return f"{ref.rpartition('/')[0]}/{stamp}-{ref[-8:]}"


def test_shared_runs_expire_on_the_git_remote_and_in_clones(tmp_path: Path) -> None:
    alice, bob = two(tmp_path, FIGURE)
    alice.weft("push", "--runs")
    (ref,) = shared(alice)
    old, future = moved(ref, 91), moved(ref, -3)
    alice.git("push", "-q", "origin", f"{ref}:{old}", f"{ref}:{future}")
    bob.weft("fetch", "--runs")
    prefix = "refs/weft/remotes/origin/"
    there = [one.replace("refs/weft/shared/", prefix) for one in (ref, future)]
    assert shared(bob, prefix) == sorted(there), "not what expired"
    bob.git("update-ref", old.replace("refs/weft/shared/", prefix), "HEAD")
    assert "expired" not in bob.weft("push", "--runs").out, "it is not his"
    alice.git("update-ref", old, ref)
    assert "1 run expired there" in alice.weft("push", "--runs").out
    assert set(alice.git("ls-remote", "origin", "refs/weft/*").out.split()[1::2]) == {ref, future}
    assert "dropped 1 shared run that expired" in bob.weft("gc").out
    assert shared(bob, prefix) == sorted(there)
    assert "dropped 1 shared run that expired" in alice.weft("gc").out
    alice.git("update-ref", future, ref)
    assert "expired" not in alice.weft("gc").out, "a clock was wrong, no more"
    alice.git("push", "-q", "origin", f":{ref}", f":{future}")
    assert "0 known" in bob.weft("fetch", "--runs").out
    assert shared(bob, prefix) == []


@pytest.mark.parametrize("words", [(), ("--runs",)])
def test_data_is_pushed_where_runs_cannot_be_shared(tmp_path: Path, words: tuple[str, ...]) -> None:
    alice, _ = two(tmp_path, FIGURE)
    if not words:
        alice.weft("config", "set", "--private", "reuse.share", "true")
    where = alice.git("remote", "get-url", "origin").out.strip()
    for number, break_it in enumerate(("url", "yaml", "readonly")):
        alice.write({f"more{number}.bin": bytes([number]) * 1000})
        alice.weft("add", f"more{number}.bin")
        text = (alice.root / "weft.yaml").read_bytes()
        if break_it == "url":
            alice.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
        elif break_it == "yaml":
            alice.write({"weft.yaml": b"stages: ["})
        else:
            alice.git("config", "remote.origin.pushurl", str(tmp_path / "nowhere"))
        ran = alice.weft("push", *words, code=None)
        assert ran.code == (3 if break_it == "yaml" else 6), ran
        assert "pushed 1 path to origin" in ran.out
        assert "the runs of this clone were not shared: " in ran.err
        assert alice.weft("push", "--json", *words, code=ran.code).json["data"]["unshared"]["exit_code"] == ran.code
        assert "shared 1 run" not in ran.out
        alice.git("remote", "set-url", "origin", where)
        alice.write({"weft.yaml": text})
    alice.git("config", "--unset", "remote.origin.pushurl")
    assert "shared 1 run" in alice.weft("push", *words).out


def test_a_collection_on_the_remote_asks_all_git_remotes_for_shared_runs(tmp_path: Path) -> None:
    alice, bob = two(tmp_path)
    fork = tmp_path / "fork.git"
    alice.git("clone", "-q", "--bare", alice.git("remote", "get-url", "origin").out.strip(), str(fork))
    alice.git("remote", "add", "fork", str(fork))
    bob.git("remote", "add", "fork", str(fork))
    bob.git("fetch", "-q", "fork")
    alice.weft("push", "--runs")
    bob.weft("fetch", "--runs")
    assert bob.weft("gc", "--on-remote", "--drop-roots", "1", "--most", "-n").code == 0
    # One of days to come is a run too: the clock of its author is ahead.
    (ref, *_) = shared(alice)
    odd = alice.git("commit-tree", "HEAD^{tree}", "-m", "odd").out.strip()
    later = moved(ref, -5)
    alice.git("push", "-q", "fork", f"{odd}:{later}")
    refused = bob.weft("gc", "--on-remote", "--drop-roots", "1", "--most", code=3).err
    assert f"does not know {later} of the Git remote fork" in refused
    hint = next(line for line in refused.splitlines() if line.startswith("hint: ")).removeprefix("hint: ")
    bob.run("sh", "-c", hint)
    bob.weft("gc", "--on-remote", "--drop-roots", "1", "--most", "-n")
    bob.git("remote", "set-url", "fork", str(tmp_path / "nowhere"))
    assert "cannot be told" in bob.weft("gc", "--on-remote", "--drop-roots", "1", code=3).err


def test_more_shared_runs_than_a_clone_fetches_stop_a_collection(tmp_path: Path) -> None:
    alice, bob = two(tmp_path, FIGURE)
    alice.weft("push", "--runs")
    (ref,) = shared(alice)
    commit = alice.git("rev-parse", ref).out.strip()
    origin = Path(alice.git("remote", "get-url", "origin").out.strip())
    names = [f"{ref[:-8]}{number:08x}" for number in range(2000)]
    updates = "".join(f"create {name} {commit}\n" for name in names)
    (tmp_path / "updates").write_text(updates)
    alice.run("sh", "-c", f"git -C '{origin}' update-ref --stdin < '{tmp_path / 'updates'}'")
    bob.weft("fetch", "--runs")
    refused = bob.weft("gc", "--on-remote", "--drop-roots", "1", "--most", code=3).err
    assert "has more than 2000 shared runs" in refused


def test_a_collection_on_the_remote_keeps_what_shared_runs_need_until_they_expire(tmp_path: Path) -> None:
    alice, bob = two(tmp_path)
    roots = tmp_path / "remote/roots"
    before = {path.name for path in roots.rglob("*") if path.is_file()}
    alice.weft("push", "--runs")
    after = {path.name for path in roots.rglob("*") if path.is_file()}
    assert len(after - before) == 1, "the model of the run"
    drop = ("gc", "--on-remote", "--drop-roots", "1", "--most")
    refused = bob.weft(*drop, code=3).err
    assert "data of a shared run could go" in refused
    assert "weft fetch --runs" in refused
    alice.write({"newer": b"weft: 99\n"})
    blob = alice.git("hash-object", "-w", "newer").out.strip()
    tree = alice.run("sh", "-c", f"printf '100644 blob {blob}\\tx.weft\\n' | git mktree").out.strip()
    commit = alice.git("commit-tree", tree, "-m", "of a weft to come").out.strip()
    odd = moved(shared(alice)[0], 1)
    alice.git("push", "-q", "origin", f"{commit}:{odd}")
    bob.weft("fetch", "--runs")
    for path in roots.rglob("*"):
        os.utime(path, (1e9, 1e9))
    bob.weft(*drop)
    assert {path.name for path in roots.rglob("*") if path.is_file()} == after
    assert "Git does not have" not in bob.weft("gc").err, "nothing of a fetched run has to be here"
    for ref in [odd, *shared(alice)]:
        alice.git("push", "-q", "origin", f":{ref}")
    bob.weft("fetch", "--runs")
    bob.weft(*drop)
    assert {path.name for path in roots.rglob("*") if path.is_file()} == before, "what commits need stays"
