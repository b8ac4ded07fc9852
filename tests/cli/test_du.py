"""``weft du``: sizes in the workspace and in the store, and what drop would free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kit import Repo, pseudo_random

NOISE = pseudo_random(200_000, 1)


def usage(repo: Repo, *paths: str) -> dict[str, Any]:
    found = repo.weft("du", "--json", *paths).json["data"]
    return {**{one["path"]: one for one in found["paths"]}, "": found}


def test_sizes_of_paths_and_parts(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"data/noise": NOISE, "data/sub/text": b"text\n" * 20_000, "same/noise": NOISE})
    repo.weft("add", "data", "same")
    found = usage(repo)
    assert (found["data"]["files"], found["data"]["size"]) == (2, 300_000)
    assert 200_000 < found["data"]["stored"] < 205_000  # the text compresses to nearly nothing
    assert found["same"]["stored"] > 200_000
    assert found[""]["stored"] < 206_000  # what both need counts once
    assert found[""]["stored"] <= found[""]["store"]
    assert found[""]["drop"] == 0
    assert "2 paths on no remote, as far as this clone knows" in repo.weft("du").err
    repo.weft("push")
    assert usage(repo)[""]["drop"] == 500_000
    parts = usage(repo, "data/sub", "same")
    assert parts["data/sub"]["size"] == 100_000
    assert parts["data/sub"]["stored"] < 3000
    lines = repo.weft("du").out.splitlines()
    assert lines[0].split() == ["workspace", "store", "drop", "frees"]
    assert [line.split()[-1] for line in lines[1:]] == ["data", "same", "total"]


def test_what_is_not_here(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"data/noise": NOISE, "data/b": b"b"})
    repo.weft("add", "data")
    repo.commit()
    repo.weft("push")
    repo.weft("drop", "data/noise")
    found = usage(repo)["data"]
    assert (found["files"], found["size"], found["drop"]) == (1, 1, 1)
    assert found["stored"] > 200_000
    repo.weft("drop", "--store", "data")
    assert usage(repo)["data"]["stored"] < 1000  # the listing stays
    clone = repo.clone(tmp_path / "clone")
    assert usage(clone)["data"]["known"] is False
    assert "?" in clone.weft("du").out
    clone.weft("pull", "data/b")
    assert usage(clone)["data"]["drop"] == 1
