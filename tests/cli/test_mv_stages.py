"""`weft mv` of what the stages name, and of what is misspelt."""

from __future__ import annotations

from pathlib import Path

from stagekit import done


def test_who_reads_what_was_moved_is_named_with_the_lines(tmp_path: Path) -> None:
    repo = done(tmp_path)
    said = repo.weft("mv", "data/raw.csv", "data/m.csv").err
    assert "warning: the stage prepare reads data/raw.csv: weft.yaml, lines 4, 5, still says so" in said
    assert "hint: write data/m.csv there, git add weft.yaml, then: weft repro prepare" in said
    text = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": text.replace(b"data/raw.csv", b"data/m.csv")})
    repo.git("add", "weft.yaml")
    repo.weft("repro", "prepare")
    assert repo.weft("validate").code == 0


def test_an_out_is_moved_in_weft_yaml(tmp_path: Path) -> None:
    repo = done(tmp_path)
    for path in ("model", "model/weights"):
        said = repo.weft("mv", path, "elsewhere", code=3).err
        assert "model is an out of the stage train" in said
        assert "weft.yaml, line 7, then: weft repro train" in said
    assert (repo.root / "model/weights").exists()


def test_a_misspelt_path_is_no_revision(tmp_path: Path) -> None:
    repo = done(tmp_path)
    said = repo.weft("checkout", "data/rew.csv", code=3).err
    assert "'data/rew.csv' is neither a revision nor a tracked path" in said
    assert "did you mean data/raw.csv?" in said


def test_hints_are_about_what_was_refused(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"a:1.png": b"1", "deep/in/.git/HEAD": b"ref: x\n", "odd\x01": b""})
    for arguments, hint in (
        (("run", "-n", "a/b", "--", "x"), "name it b or a-b"),
        (("config", "set", "stage", "maybe"), "weft config set stage true"),
        (("mv", "data/raw.csv", "data/raw.csv"), "weft mv data/raw.csv NAME"),
        (("add", "a:1.png"), "rename it"),
        (("add", "odd\x01"), "rename it"),
        (("add", "deep"), ".weftignore"),
        (("status", "--json=1"), "weft status --help"),
    ):
        said = repo.weft(*arguments, code=None).err
        assert hint in said, said
        assert "weft doctor" not in said
