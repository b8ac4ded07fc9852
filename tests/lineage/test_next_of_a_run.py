"""What `weft repro` says comes next makes a commit that is not stale."""

from __future__ import annotations

from pathlib import Path

from stagekit import done


def test_files_that_were_read_are_to_be_added(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.weft("install")
    repo.write({"params.yaml": b"train:\n  lr: 0.5\n  other: 1\n", "prepare.sh": b"tr a-z A-Z # loud\n", "notes": b"n"})
    ran = repo.weft("repro", "train")
    assert "next: git add params.yaml prepare.sh, then git commit" in ran.err
    repo.weft("repro")
    assert "next: git add params.yaml prepare.sh, which" in repo.weft("repro").err
    (repo.root / "sub dir").mkdir()
    ran = repo.weft("-C", "sub dir", "repro")
    assert "next: git add ../params.yaml ../prepare.sh, which was read as it is here" in ran.err
    repo.git("add", "params.yaml", "prepare.sh")
    assert "git add" not in repo.weft("repro").err
    assert "stale" not in repo.git("commit", "-m", "all").err
    text = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": text + b"  other:\n    cmd: 'true'\n"})
    assert "git add" not in repo.weft("repro", "score").err, "what is declared of it is staged"
    repo.write({"weft.yaml": text.replace(b"echo score", b"echo  score")})
    assert "next: git add weft.yaml, then git commit" in repo.weft("repro").err
    assert repo.weft("repro", "--json").json["data"]["unstaged"] == ["weft.yaml"]
