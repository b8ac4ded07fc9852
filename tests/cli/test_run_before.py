"""What can be known before a run is said before it: the command has not run, and nothing is recorded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stagekit import Project, empty

TOKEN = "q7Zx0Lm2Rt9" + "Kp4Vb8NaW3"


def _repo(tmp_path: Path) -> Project:
    repo = empty(tmp_path)
    repo.write({"t.py": b"print(1)\n", "params.yaml": b"lr: 1\nplace: /srv/nas/data\n"})
    repo.commit("code")
    return repo


def _replace(repo: Project, path: str, old: bytes, new: bytes) -> None:
    text = (repo.root / path).read_bytes()
    assert old in text
    repo.write({path: text.replace(old, new)})


def _refused(repo: Project, *args: str, code: int = 3) -> str:
    said = repo.weft(*args, code=code).err
    assert not (repo.root / "ran").exists(), "the command ran"
    assert not (repo.root / "lineage").exists()
    return said


@pytest.mark.parametrize(
    ("options", "command", "words"),
    [
        ((), "touch ran; cat /srv/nas/a.csv", ("command of stage s", "/srv/nas/a.csv", "E_STAGE")),
        (("-p", "place"), "touch ran", ("place of params.yaml", "/srv/nas/data", "E_STAGE")),
        (("-m", "m.txt"), "touch ran; echo 1 > m.txt", ("m.txt holds no values", ".yaml", "E_VALUES")),
        ((), f"touch ran; curl -H 'Authorization: Bearer {TOKEN}' x.org", ("E_SECRET",)),
    ],
    ids=["path", "param", "metrics", "secret"],
)
def test_what_no_commit_would_take(
    tmp_path: Path, options: tuple[str, ...], command: str, words: tuple[str, ...]
) -> None:
    said = _refused(_repo(tmp_path), "run", "-n", "s", *options, "--", command)
    assert all(word in said for word in words), said
    assert TOKEN not in said


def test_a_path_of_a_machine_that_is_let_through(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    run = ("run", "-n", "s", "-o", "o", "--", "touch ran; echo /srv/nas/a > o")
    assert "/srv/nas/a" in _refused(repo, *run)
    ignore = b"validate:\n  - {rule: WEFT012, path: lineage/s.yaml, reason: every machine has it}\n"
    repo.write({"weft.yaml": ignore})
    repo.weft(*run)
    assert (repo.root / "o").read_bytes() == b"/srv/nas/a\n"


@pytest.mark.parametrize(
    ("files", "dep", "named"),
    [
        ({"data/a": b"1\n", "data/b": b"2\n"}, "data", "data"),
        ({"labels.csv": b"a\n"}, "labels.csv", "labels.csv"),
        ({"src/m.py": b"", "src/weights": b"\0\1"}, "src", "src/weights"),
    ],
    ids=["folder", "suffix", "binary"],
)
def test_data_that_nobody_keeps_is_refused(tmp_path: Path, files: dict[str, bytes], dep: str, named: str) -> None:
    repo = _repo(tmp_path)
    repo.write(files)
    said = _refused(repo, "run", "-n", "s", "-d", dep, "--", "touch ran")
    assert f"stage s: {named} is a dependency, but neither Git nor weft tracks it, and it looks like data" in said
    assert f"weft add {named}\n" in said
    assert "git add" not in said


def test_code_that_is_in_git_nowhere_yet_is_named_and_runs(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"new.py": b"print(2)\n", "words": b"one\n"})
    said = repo.weft("run", "-n", "s", "-d", "new.py", "-d", "words", "-o", "o", "--", "echo 1 > o").err
    assert "reads new.py, words, which neither Git nor weft keeps yet" in said
    assert "git add new.py words; if it is data, stop this and: weft add words" in said
    repo.git("add", "new.py", "words")
    assert "neither Git" not in repo.weft("run", "--force", "s").err


def test_repro_says_it_before_the_first_command(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    text = "stages:\n  a: {cmd: touch ran && touch o, outs: [o]}\n  b: {cmd: %s, deps: [o, t.py%s], outs: [p]}\n"
    for cmd, dep, words in (
        ("cp /srv/nas/x p", "", "the absolute path /srv/nas/x"),
        ("cp t.py p", ", typo.py", "typo.py, a dependency of stage b, is not there"),
    ):
        repo.write({"weft.yaml": (text % (cmd, dep)).encode()})
        assert words in _refused(repo, "repro")
    found = {one["stage"]: one["action"] for one in repo.stages("--dry-run", code=3)}
    assert found == {"a": "stale", "b": "failed"}
    repo.weft("repro", "a")  # b is not asked for


def test_a_list_of_lines_is_no_command(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"weft.yaml": b"stages:\n  a:\n    cmd: [touch ran, touch o]\n    outs: [o]\n"})
    said = _refused(repo, "repro")
    assert (
        "weft.yaml:2: the command of stage a is a list, the words of one command, and 'touch ran' is no program" in said
    )
    assert "after `cmd: |`" in said
    repo.write({"touch o": b"#!/bin/sh\ntouch o\n", "weft.yaml": b"stages:\n  a: {cmd: [./touch o], outs: [o]}\n"})
    (repo.root / "touch o").chmod(0o755)
    repo.weft("repro")


def test_what_is_up_to_date_stands_in_nobodys_way(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    ignore = b"validate:\n  - {rule: WEFT012, path: lineage/s.yaml, reason: every machine has it}\n"
    repo.write({"weft.yaml": ignore})
    repo.weft("run", "-n", "s", "-o", "o", "--", "echo /srv/nas/a > o")
    _replace(repo, "weft.yaml", ignore, b"")
    assert repo.actions() == {"s": "up-to-date"}


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    first = ("run", "-n", "s", "-d", "t.py", "-o", "o", "-m", "m.json", "--", "echo 1 > o; echo '{}' > m.json")
    repo.weft(*first)
    _replace(repo, "weft.yaml", b"  s:\n", b"  s:\n    desc: the first\n")
    repo.weft(*first)  # the same again is no other stage
    before = (repo.root / "weft.yaml").read_bytes()
    said = repo.weft("run", "-n", "s", "-o", "p", "--", "echo 2 > p", code=3).err
    assert "the stage s is there already (line 2 of weft.yaml), with command, dependencies and outs of its own" in said
    assert "--force replaces it" in said
    assert (repo.root / "weft.yaml").read_bytes() == before
    assert not (repo.root / "p").exists()
    said = repo.weft("run", "--force", "-n", "s", "-o", "p", "--", "echo 2 > p").err
    assert "o was an out of the stage s before, and no stage makes it now\nhint: weft rm o" in said
    assert "hint: git rm m.json" in said
    assert b"desc: the first" in (repo.root / "weft.yaml").read_bytes()
    repo.git("rm", "-q", "--cached", "m.json")
    repo.weft("rm", "--force", "o")
    assert repo.actions() == {"s": "up-to-date"}


def test_params_and_paths_are_seen_from_where_the_command_starts(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"sub/params.yaml": b"lr: 2\n", "sub/in.txt": b"1\n"})
    repo.commit("sub")
    repo.weft("-C", "sub", "run", "-n", "s", "-p", "lr", "-o", "o", "--", "cp params.yaml o")
    assert repo.record("s").params == {"sub/params.yaml": {"lr": 2}}
    repo.weft("run", "-n", "t", "--wdir", "sub", "-p", "lr", "-d", "in.txt", "-o", "p", "--", "cp in.txt p")
    assert repo.record("t").params == {"sub/params.yaml": {"lr": 2}}
    assert [ref.path for ref in repo.record("t").outs] == ["sub/p"]
    said = repo.weft("run", "-n", "u", "--wdir", "sub", "-d", "t.py", "-o", "q", "--", "touch q", code=2).err
    assert "with --wdir all paths start in sub" in said
    assert "write ../t.py" in said


def test_a_record_without_an_author_is_remarked_once(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"weft.yaml": b"stages:\n  a: {cmd: touch o, outs: [o]}\n  b: {cmd: touch p, deps: [o], outs: [p]}\n"})
    repo.commit("stages")
    names = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    without = [word for name in names for word in ("-u", name)]
    said = repo.run("env", *without, sys.executable, "-m", "weft", "repro").err
    assert said.count("Git knows no name and address of yours, so the record has no author") == 1
    assert not repo.record("a").author
    assert "no author" not in repo.weft("repro", "--force").err


def test_what_all_stages_share_is_asked_once_not_by_each(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({".git/info/sparse-checkout": b"/*\n"})
    asked = []
    for count in (1, 4):
        rows = [f"  s{number}: {{cmd: echo {count} > o{number}, outs: [o{number}]}}\n" for number in range(count)]
        repo.write({"weft.yaml": "".join(["stages:\n", *rows]).encode()})
        trace = tmp_path / f"trace{count}"
        repo.weft("repro", env={"GIT_TRACE": str(trace)})
        asked.append(trace.read_text().count("ls-files -t -z\n"))
    assert asked[0] == asked[1] == 2  # before the first command, and once for what may be there since
