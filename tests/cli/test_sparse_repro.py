"""A dry run of stages in a sparse checkout."""

from __future__ import annotations

from pathlib import Path

from kit import Repo


def test_a_dry_run_knows_what_a_sparse_checkout_leaves_out(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"data/raw": b"raw\n", "src/x": b"x\n"})
    repo.weft("add", "data/raw")
    repo.weft("run", "-n", "s", "-d", "data/raw", "-o", "out/o", "--", "mkdir -p out; cp data/raw out/o")
    repo.commit("ran")
    repo.git("sparse-checkout", "set", "--cone", "src")
    assert not (repo.root / "data/raw.weft").exists()
    assert not (repo.root / "lineage").exists()
    assert "0 of 1 stage stale" in repo.weft("repro", "--dry-run").err
    ran = repo.weft("repro", "-f", code=None)
    assert "a sparse checkout leaves data/raw" in ran.err
    assert "git sparse-checkout add data, then weft pull data/raw" in ran.err
