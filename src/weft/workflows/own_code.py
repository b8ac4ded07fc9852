"""Whether the code that hooks would run lies in a work tree, where whoever writes a branch decides what it is.

Git overwrites ignored files when it checks out a branch that holds them, so an environment in the work tree is no safer for
being ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence

from weft.errors import HookRefused
from weft.gitio.kept import tree_paths
from weft.gitio.repo import GitRepo
from weft.util.subproc import run

WAY_OUT = (
    "install weft in an environment outside of the repository (in a checkout of weft: `uv tool install .`, or"
    " `pipx install .`, or pip in a venv elsewhere), then run `weft install` of that one here"
)

# Asked in the way that hooks start it: what a .pth file adds is a place that modules are imported from as well.
_ASK = "import json, sys, weft.cli.hook; print(json.dumps(sys.path))"
_ASK_SECONDS = 60.0


def refuse_own_code(git: GitRepo, python: str, places: Sequence[str]) -> None:
    """Raise ``HookRefused`` when ``python``, one of ``places`` or of the folders that it imports from lies in a work tree of
    the repository or of a repository around it."""
    inside = first_inside(git, (python, *places)) or first_inside(git, _imports_from(python))
    if inside:
        raise HookRefused(
            f"weft would run from {inside}, in a work tree: a branch that is checked out could put other code there",
            hint=WAY_OUT,
            path=inside,
        )


def first_inside(git: GitRepo, paths: Iterable[str]) -> str:
    """The first of ``paths``, as it stands or with its links followed, that lies in a work tree; empty when none does."""
    roots = {os.path.realpath(root) for root in _roots(git)}
    for path in paths:
        if any(_is_at_or_below(one, root) for one in (os.path.abspath(path), os.path.realpath(path)) for root in roots):
            return path
    return ""


def _roots(git: GitRepo) -> list[str]:
    """All work trees of the repository, and of those that this one is a submodule of."""
    found = [git.root, *tree_paths(git)]
    above = git.root
    while above:
        said = git.git("-C", above, "rev-parse", "--show-superproject-working-tree").removesuffix(b"\n")
        above = os.fsdecode(said)
        found += [above] if above else []
    return found


def _imports_from(python: str) -> list[str]:
    done = run([python, "-E", "-P", "-c", _ASK], cwd="/", check=False, timeout=_ASK_SECONDS)
    if done.returncode != 0:
        raise HookRefused(
            f"{python} does not find weft by itself, as hooks would need it to",
            hint="install weft into its environment; PYTHONPATH does not count in hooks",
            path=python,
        )
    # What is no path is the mark of an import hook.
    return [str(entry) for entry in json.loads(done.stdout) if os.path.isabs(str(entry))]


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
