"""Names from somebody else's commit that end up on a command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kit import Repo
from weft.cli.app import COMPLETE_VARIABLE

NAMES = ("$(touch pwn)", "`touch pwn`", "a;touch pwn", "a b", "it's", "-f", "*")


def completed_names(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write(dict.fromkeys((*NAMES, "plain"), b"x"))
    repo.weft("add", "--", *NAMES, "plain")
    repo.commit()
    for name in ("x$(touch${IFS}pwn)", "x;y", "xplain"):
        repo.git("tag", name)
    asked = {COMPLETE_VARIABLE: "bash_complete", "COMP_CWORD": "2"}
    assert repo.weft(env={**asked, "COMP_WORDS": "weft rm "}).out.splitlines() == ["plain,plain"]
    assert repo.weft(env={**asked, "COMP_WORDS": "weft diff x"}).out.splitlines() == ["plain,xplain"]


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (140, "completed-names", completed_names),
]
