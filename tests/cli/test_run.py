"""`weft run`: one command, declared with its record."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stagekit import PIPELINE, Project, done, empty, pipeline, runs
from weft.formats import stagefile


def _code(tmp_path: Path) -> Project:
    repo = empty(tmp_path)
    repo.write({"data/in/a": b"1\n", "data/in/b": b"2\n", "train.sh": b"cat data/in/* > model.bin\n"})
    repo.write({"params.yaml": b"lr: 0.1\ndeep: {n: 3}\n", "conf.toml": b"[opt]\nname = 'adam'\nk = 1\n"})
    repo.weft("add", "data/in")
    repo.commit("code")
    return repo


TRAIN = (
    *("run", "-n", "train", "-d", "data/in", "-d", "train.sh", "-p", "lr,deep.n", "-p", "conf.toml:opt.name"),
    *("-o", "model.bin", "-m", "m.json", "-P", "plots"),
)
COMMAND = "echo train >> $COUNT; sh train.sh; echo '{\"acc\": 0.9}' > m.json; mkdir plots; echo x,y > plots/roc.csv"


def test_a_command_becomes_a_stage_with_its_record(tmp_path: Path) -> None:
    repo = _code(tmp_path)
    shown = repo.weft(*TRAIN, "--", COMMAND)
    assert "train: ran" in shown.out
    assert "running train: " in shown.err
    (stage,) = stagefile.decode((repo.root / "weft.yaml").read_bytes()).values()
    assert stage.cmd == COMMAND
    assert stage.deps == ("data/in", "train.sh")
    assert {one.file: one.keys for one in stage.params} == {"params.yaml": ("lr", "deep.n"), "conf.toml": ("opt.name",)}
    assert [(out.path, out.kind, out.cache) for out in stage.outs] == [
        ("model.bin", "out", True), ("m.json", "metrics", False), ("plots", "plots", False),
    ]  # fmt: skip
    record = repo.record("train")
    assert record.cmd == COMMAND
    assert record.params == {"params.yaml": {"lr": 0.1, "deep.n": 3}, "conf.toml": {"opt.name": "adam"}}
    assert set(record.files) == {"m.json", "plots/roc.csv"}
    assert record.metrics == {"m.json": {"acc": 0.9}}
    assert [ref.path for ref in record.outs] == ["model.bin"]
    staged = {row[3:] for row in repo.git("status", "--porcelain", "-uall").out.splitlines() if row[:2] in ("A ", "M ")}
    assert staged == {".gitignore", "weft.yaml", "lineage/train.yaml", "model.bin.weft", "m.json", "plots/roc.csv"}
    assert repo.unstaged() == []
    repo.ran()
    assert "up to date" in repo.weft(*TRAIN, "--", COMMAND).out
    assert "up to date" in repo.weft("run", "train").out
    assert repo.ran() == []
    repo.weft("run", "--force", "train")
    assert repo.ran() == ["train"]


def test_other_bytes_of_the_stage_file_stay(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    before = (repo.root / "weft.yaml").read_bytes()
    repo.weft("run", "-n", "extra", "-d", "data/raw.csv", "-o", "copy", "--", "cp", "data/raw.csv", "copy")
    after = (repo.root / "weft.yaml").read_bytes()
    assert before.rstrip() in after
    assert b"# reads params" in after
    assert repo.record("extra").cmd == "cp data/raw.csv copy"
    repo.weft("run", "-fn", "extra", "-d", "data/raw.csv", "-o", "copy", "--", "cp", "-p", "data/raw.csv", "copy")
    again = (repo.root / "weft.yaml").read_bytes()
    assert before.rstrip() in again
    assert again.count(b"extra:") == 1
    assert set(stagefile.decode(again)) == {"prepare", "train", "score", "extra"}


def test_words_reach_the_command_as_they_were_typed(tmp_path: Path) -> None:
    repo = _code(tmp_path)
    repo.weft("run", "-n", "s", "-o", "o", "--", "sh", "-c", 'printf "%s|" "$@" > o', "x", "a b", "$HOME", "*", "it's")
    assert (repo.root / "o").read_text() == "a b|$HOME|*|it's|"


def test_paths_and_the_command_start_where_the_user_stands(tmp_path: Path) -> None:
    repo = _code(tmp_path)
    repo.write({"sub/in.txt": b"1", "sub/params.yaml": b"k: 1\n"})
    repo.commit("sub")
    repo.weft(
        "-C", "sub", "run", "-n", "s", "-d", "in.txt", "-p", "params.yaml:k", "-o", "out.txt", "--", "cp in.txt out.txt"
    )
    record = repo.record("s")
    assert record.wdir == "sub"
    assert set(record.code) == {"sub/in.txt"}
    assert record.params == {"sub/params.yaml": {"k": 1}}
    assert [ref.path for ref in record.outs] == ["sub/out.txt"]
    assert repo.actions() == {"s": "up-to-date"}
    repo.weft("run", "-n", "t", "--wdir", "sub", "-d", "in.txt", "-o", "other.txt", "--", "cp in.txt other.txt")
    assert repo.record("t").wdir == "sub"


def test_a_failing_command_declares_nothing(tmp_path: Path) -> None:
    repo = _code(tmp_path)
    failed = repo.weft("run", "-n", "s", "-o", "half", "-o", "none", "--", "echo 1 > half; exit 9", code=6)
    assert "ended with status 9" in failed.err
    assert "[E_RUN]" in failed.err
    assert "left as they are, and not recorded: half" in failed.err
    assert (repo.root / "half").read_bytes() == b"1\n"
    assert not (repo.root / "half.weft").exists()
    assert not (repo.root / "weft.yaml").exists()
    assert not (repo.root / "lineage").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("kill -9 $$", "SIGKILL"),
        ("no-such-program-at-all", "status 127"),
        ("echo 1 > o", "did not write p"),
        ("ulimit -f 8; head -c 100000 /dev/zero > o", "o"),
        ("echo 1 > o; echo '[1]' > p; echo '[1]' > m.json", "mapping"),
        ("echo 1 > o; echo 1 > p; echo '{' > m.json", "m.json"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_be_recorded(tmp_path: Path, command: str, words: str) -> None:
    repo = _code(tmp_path)
    failed = repo.weft("run", "-n", "s", "-o", "o", "-o", "p", "-m", "m.json", "--", command, code=None)
    assert failed.code in (3, 6)
    assert words in failed.err
    assert not (repo.root / "lineage").exists()
    assert not (repo.root / "o.weft").exists()
    assert repo.unstaged() == [row for row in repo.unstaged() if row.startswith("??")]


def test_the_output_of_the_command_is_shown(tmp_path: Path) -> None:
    repo = _code(tmp_path)
    plain = repo.weft("run", "-n", "s", "-o", "o", "--", "echo OUT; echo ERR >&2; echo 1 > o")
    assert "OUT" in plain.out
    assert "ERR" in plain.err
    asked = repo.weft("run", "--json", "--force", "s")
    assert asked.json["data"]["stages"][0]["action"] == "ran"
    assert "OUT" in asked.err


@pytest.mark.parametrize(
    "arguments",
    [("run",), ("run", "-n", "s"), ("run", "-n", "s", "--"), ("run", "x", "-n", "s", "--", "y"), ("run", "x", "--", "y"),
     ("run", "x", "-d", "y"), ("run", "x", "--wdir", "."), ("run", "-n", "s", "-d", ".", "--", "y")],
)  # fmt: skip
def test_a_wrong_command_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert "[E_USAGE]" in _code(tmp_path).weft(*arguments, code=2).err


@pytest.mark.parametrize("name", ["a/b", "../x", "-x", "a b", "x" * 200])
def test_a_name_that_cannot_be_one(tmp_path: Path, name: str) -> None:
    repo = _code(tmp_path)
    assert repo.weft("run", "-n", name, "-o", "o", "--", "echo 1 > o; echo x >> $COUNT", code=None).code in (2, 3)
    assert repo.ran() == []


def test_settings_change_one_value_and_no_other_byte(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.weft("run", "train", "-S", "train.lr=0.25")
    assert (repo.root / "params.yaml").read_bytes() == b"# tuned by hand\ntrain:\n  lr: 0.25  # small\n  other: 1\n"
    assert repo.record("train").params == {"params.yaml": {"train.lr": 0.25}}
    assert "[E_USAGE]" in repo.weft("run", "train", "-S", "novalue", code=2).err
    assert "[E_VALUES]" in repo.weft("run", "train", "-S", "none.yaml:k=1", code=3).err


def test_a_clean_tree_makes_no_snapshot_and_a_dirty_one_does(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.weft("run", "--force", "train")
    assert runs(repo) == []
    assert not repo.record("train").dirty
    repo.commit("again") if repo.git("status", "--porcelain").out else None
    hidden = {".gitignore": b"/secret\n", "secret": b"token"}
    token = b"token = ghp_" + b"0a1B" * 10 + b"\n"
    repo.write({"prepare.sh": b"cat\n", "data/new.csv": b"1\n", "notes": b"mine", "weft.yaml.bak": token} | hidden)
    repo.git("add", "notes")
    repo.git("reset", "-q", "notes")
    index, head = (repo.root / ".git/index").read_bytes(), repo.git("rev-parse", "HEAD").out
    failed = repo.weft("run", "-n", "no", "-o", "o", "--", "exit 1", code=6)
    assert "status 1" in failed.err
    assert (repo.root / ".git/index").read_bytes() == index
    assert repo.git("rev-parse", "HEAD").out == head
    (ref,) = runs(repo)
    names = repo.git("ls-tree", "-r", "--name-only", ref).out.split()
    assert not {"notes", "secret", "weft.yaml.bak"} & set(names), "no stage reads them"
    assert repo.git("show", f"{ref}:prepare.sh").out == "cat\n"
    repo.weft("run", "--force", "train")
    record = repo.record("train")
    assert record.dirty
    assert record.snapshot in runs(repo)
    assert repo.git("rev-parse", f"{record.snapshot}^").out.strip() == record.base


def test_what_weft_staged_itself_is_no_uncommitted_change(tmp_path: Path) -> None:
    """Runs one after the other, without a commit in between, are the normal way; an edit of yours is told of."""
    repo = pipeline(tmp_path)
    repo.git("rm", "-q", "weft.yaml")
    repo.commit("start")
    said = "not all was committed when it ran"
    assert (
        said
        not in repo.weft(
            "run", "-n", "one", "-d", "data/raw.csv", "-o", "a/one", "--", "mkdir -p a; echo 1 > a/one"
        ).err
    )
    assert said not in repo.weft("run", "-n", "two", "-d", "a/one", "-o", "two", "--", "echo 2 > two").err
    found = repo.weft("run", "--json", "-n", "three", "-d", "two", "-m", "m.json", "--", "echo 0.5 > m.json").json[
        "data"
    ]
    assert [(one["uncommitted"], bool(one["snapshot"])) for one in found["stages"]] == [(False, True)]
    assert repo.record("three").metrics == {"m.json": {"m": 0.5}}
    repo.write({"prepare.sh": b"cat\n"})
    assert (
        f"{said}: a snapshot is at refs/weft/runs/"
        in repo.weft("run", "-n", "four", "-d", "prepare.sh", "-o", "four", "--", "echo 4 > four").err
    )
    repo.git("checkout", "-q", "prepare.sh")
    repo.write({"weft.yaml": (repo.root / "weft.yaml").read_bytes() + b"# by hand\n"})
    assert said in repo.weft("run", "-n", "five", "-o", "five", "--", "echo 5 > five").err


def test_an_empty_params_file_is_a_dependency(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.write({"empty.yaml": b""})
    repo.weft("run", "-n", "one", "-p", "empty.yaml:", "-o", "out", "--", "echo 1 > out")
    assert repo.record("one").params == {"empty.yaml": {}}
    repo.commit("one")
    repo.weft("validate", "--rev", "HEAD", "--strict")
    assert repo.actions("one") == {"one": "up-to-date"}
    repo.write({"empty.yaml": b"a: 1\n"})
    assert "stale: one: a of empty.yaml changed since the run" in repo.weft("status").out
    assert repo.actions("one") == {"one": "ran"}


def test_a_snapshot_takes_what_stages_read_and_no_secret(tmp_path: Path) -> None:
    text = PIPELINE.replace(b"[data/raw.csv, prepare.sh]", b"[data/raw.csv, prepare.sh, src]")
    repo = pipeline(tmp_path, text=text)
    token = b"ghp_" + b"0a1B" * 10
    (repo.root / "src/big").parent.mkdir()
    with (repo.root / "src/big").open("wb") as file:
        file.truncate((8 << 20) + 1)
    (repo.root / ".gitignore").write_text("big\n")
    repo.write({"src/a.py": b"a = 1\n", "src/key.py": b"key = '" + token + b"'\n", "other.py": b"b = 1\n"})
    repo.write({"prepare.sh": b"# " + token + b"\ntr a-z A-Z\n"})
    repo.git("add", "prepare.sh")
    said = repo.weft("repro", "prepare").err
    assert "looks like a secret: prepare.sh, src/key.py" in said
    ref = repo.record("prepare").snapshot
    names = repo.git("ls-tree", "-r", "--name-only", ref).out.split()
    assert "src/a.py" in names
    assert not {"other.py", "src/key.py"} & set(names)
    assert token.decode() not in repo.git("show", f"{ref}:prepare.sh").out
    repo.write({"weft.yaml": text + b"validate:\n  - {rule: WEFT021, path: src/key.py, reason: made up}\n"})
    repo.weft("repro", "--force", "prepare")
    assert "src/key.py" in repo.git("ls-tree", "-r", "--name-only", repo.record("prepare").snapshot).out


def test_the_packages_of_the_python_that_ran_are_kept_with_the_record(tmp_path: Path) -> None:
    repo = empty(tmp_path)
    repo.run(sys.executable, "-m", "venv", "--without-pip", ".venv")
    packages = next((repo.root / ".venv").glob("lib/python*/site-packages"))
    (packages / "attrs-1.dist-info").mkdir()
    (packages / "attrs-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: attrs\nVersion: 1\n")
    repo.write({".gitignore": b".venv/\n", "t.py": b"open('m.yaml', 'w').write('a: 1')\n", "params.yaml": b"a: 1\n"})
    repo.commit("code")
    command = ("-d", "t.py", "-p", "a", "-m", "m.yaml", "--", ".venv/bin/python", "t.py")
    repo.weft("run", "-n", "s", *command)
    env = repo.record("s").env
    name = env["packages_file"]
    assert (env["interpreter"], (repo.root / name).read_text()) == (".venv/bin/python", "attrs==1\n")
    assert env["packages_blob"] == repo.git("rev-parse", f":{name}").out.strip()
    repo.commit("run")
    first = repo.record("s")
    (packages / "attrs-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: attrs\nVersion: 2\n")
    repo.weft("run", "--force", "s", "-S", "a=2")
    other = repo.record("s").env["packages_file"]
    assert (repo.root / other).read_text() == "attrs==2\n"
    repo.git("rm", "-q", "--cached", "-f", other)
    repo.git("add", "lineage/s.yaml", "params.yaml", "m.yaml")
    assert "its list of packages, is not staged" in repo.weft("validate", code=1).out
    repo.git("add", other)
    repo.commit("again")
    assert repo.weft("validate", "--rev", "HEAD").code == 0
    repo.write({other: b"attrs==3\n"})
    repo.git("add", other)
    assert "staged in another version" in repo.weft("validate", code=1).out
    repo.git("reset", "-q", "--hard")
    repo.git("rm", "-q", name)
    repo.commit("nobody needs it here")
    assert repo.weft("run", "s", "-S", "a=1", "--json").json["data"]["stages"][0]["action"] == "reused"
    assert repo.record("s").env == first.env
    assert repo.git("diff", "--cached", "--name-only", "--", name).out == f"{name}\n", "it came back with the run"
    repo.weft("run", "-n", "unknown", "-o", "o", "--", "sh -c 'echo 1 > o'")
    assert repo.record("unknown").env["interpreter"] == "unknown"
    assert not {"python", "packages"} & set(repo.record("unknown").env)


def test_stages_of_one_invocation_share_a_snapshot_by_refs_of_their_own(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.write({"notes": b"mine"})
    repo.weft("repro")
    records = [repo.record(name) for name in ("prepare", "train", "score")]
    assert [record.snapshot for record in records] == [f"refs/weft/runs/{r.run.id}" for r in records if r.run]
    assert sorted(record.snapshot for record in records) == sorted(runs(repo))
    assert len({repo.git("rev-parse", ref).out for ref in runs(repo)}) == 1
    repo.git("add", "-A")
    assert repo.weft("validate").code == 0
