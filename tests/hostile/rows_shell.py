"""Names from somebody else's commit that end up on a command line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from kit import Repo
from weft.cli.app import COMPLETE_VARIABLE
from weft.errors import quoted

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


def _asked(repo: Repo, name: str) -> list[tuple[str, str]]:
    """What commands that fail or come to something say next of ``name``, each with the command."""
    said: list[tuple[str, str]] = []

    def ask(*args: str) -> None:
        ran = repo.weft(*args, code=None)
        lines = (ran.out + ran.err).splitlines()
        said.extend(
            (" ".join(args), line.partition(": ")[2]) for line in lines if re.match(r" *(hint|next|mend): ", line)
        )

    below = f"{name}/one"
    shown = f"./{name}"
    ask("add", shown)
    repo.write({name: b"x"})
    for verb in ("drop", "rm", "log", "push", "lineage", "cat", "checkout"):
        ask(verb, "--", shown)
    ask("mv", "--", shown, "other")
    ask("add", "--", shown)
    repo.commit("one")
    for verb in ("drop", "add"):
        ask(verb, "--", shown)
    repo.write({name: b"other"})
    for verb in ("drop", "rm", "checkout", "status"):
        ask(*([verb] if verb == "status" else [verb, "--", shown]))
    (repo.root / name).unlink()
    for verb in ("add", "drop", "cat"):
        ask(verb, "--", shown)
    (repo.root / f"{name}.weft").write_bytes(b"weft: 1\nno: pointer\n")
    for verb in ("status", "doctor", "validate"):
        ask(verb)
    (repo.root / f"{name}.weft").unlink()
    repo.git("rm", "-q", "--cached", "--", f"{name}.weft")
    repo.write({name: b"git"})
    repo.git("add", "-f", "--", name)
    ask("add", "--", shown)
    repo.git("rm", "-q", "-f", "--", name)
    repo.write({below: b"x", f"{name}/two": b"y"})
    ask("add", "--", shown)
    repo.commit("two")
    ask("ls", "--", f"{shown}/none")
    ask("cat", "--", shown)
    (repo.root / below).unlink()
    for verb in ("add", "checkout", "drop"):
        ask(verb, "--", shown)
    ask("add", "--", f"{shown}/one")
    stage = f"stages:\n  s:\n    cmd: echo\n    deps: [{json.dumps(name)}]\n    outs: [o]\n"
    repo.write({"weft.yaml": stage.encode()})
    ask("repro")
    repo.write(
        {".gitignore": b"/dep*\n", "weft.yaml": stage.replace(json.dumps(name), json.dumps(f"dep{name}")).encode()}
    )
    repo.write({f"dep{name}": b"x"})
    ask("repro")
    return said


def hints_to_be_pasted(tmp_path: Path) -> None:
    assert shlex.split(quoted("-f")) == ["./-f"]
    name = "$(touch pwn)'s"
    said = [(asked, hint) for asked, hint in _asked(Repo.make(tmp_path / "repo"), name) if "touch" in hint]
    fits = {name, f"dep{name}", f"{name}/one", f"{name}/none", f"{name}.weft"}
    for asked, hint in said:
        held = {word.rstrip(",;:").removeprefix("./") for word in shlex.split(hint) if "touch" in word or "pwn" in word}
        assert held <= fits, repr((asked, hint, held))
    assert len(said) >= 10, said


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (149, "completed-names", completed_names),
    (150, "hints-to-be-pasted", hints_to_be_pasted),
]
