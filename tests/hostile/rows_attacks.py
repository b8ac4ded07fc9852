"""Ways around what the rows before this defend: declarations, tags, private settings of others, conversions of Git."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lineagekit import Lineage, make
from weft.workflows.validate import validate_range

INNER = b"  split:\n    cmd: python src/prepare.py\n    outs: [data/kept/part]\n"


def _committed(repo: Lineage) -> set[str]:
    """The rules that find the commit of what is there now."""
    repo.commit("--no-verify")
    return {one.rule for one in validate_range(str(repo.root), "HEAD~1..HEAD").violations}


def out_inside_of_a_directory(tmp_path: Path) -> None:
    repo = make(tmp_path / "repo")
    repo.point("data/kept", type="dir", files=7)
    assert not _committed(repo)
    repo.write("weft.yaml", repo.read("weft.yaml") + INNER)
    assert _committed(repo) == {"WEFT015", "WEFT027"}


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (134, "out-inside-of-a-directory", out_inside_of_a_directory),
]
