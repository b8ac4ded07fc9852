"""``weft-hook NAME ARGUMENT...``: what Git's hooks and drivers start.

It loads neither click nor a cloud library by itself, for a commit must not wait for them. As in ``main``, nothing may be
imported before ``prepare`` has run that Python has not loaded by itself; the handlers are imported by name.
"""

from __future__ import annotations

import os
import sys

from weft.cli.main import guard, prepare
from weft.cli.registry import hook_handler, hook_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HANDLERS = {
    "pre-commit": "commit",
    "pre-merge-commit": "commit",
    "pre-push": "push",
    "post-checkout": "checkout",
    "post-merge": "checkout",
    "post-rewrite": "checkout",
    "large-files": "commit",
    "checkout": "checkout",
    "textconv-pointer": "textconv",
    "merge-pointer": "mergepointer",
    "merge-record": "mergetext",
    "merge-stagefile": "mergetext",
}
"""The module of ``weft.cli.hooks`` by name. ``checkout`` is any of the three hooks above it, as pre-commit calls them."""

# Relative ones mean the directory that Git started the hook in; weft asks Git from the top of the work tree.
_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")
_USAGE = 2


def entry() -> None:
    """Run what this process was started for and end the process."""
    prepare()
    for place in _PLACES:
        if os.environ.get(place):
            os.environ[place] = os.path.abspath(os.environ[place])
    # All is said by then. A normal exit would wait for threads that wait for the network, and take every object apart.
    os._exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one hook or driver and return its exit code."""
    session = hook_session(os.environ)
    name = arguments[0] if arguments else ""
    if name not in HANDLERS:
        session.err.line(f"weft-hook knows no {name!a}; it is started by Git, with one of: {', '.join(HANDLERS)}")
        return _USAGE
    if _lies_here(sys.prefix) or _lies_here(__file__):
        session.err.line(
            f"weft: {name} does not run: {sys.prefix} lies in this work tree, where a branch can put other code"
        )
        session.err.line("hint: install weft in an environment elsewhere, and run `weft install` of that one")
        return 0 if name.startswith("post-") or name == "checkout" else 1

    def work() -> int:
        code: int = hook_handler(HANDLERS[name]).run(name, arguments[1:], session)
        return code

    return guard(session, work)


def _lies_here(path: str) -> bool:
    """Whether ``path`` is below the directory that Git, and pre-commit, start hooks in: the top of the work tree."""
    here = os.getcwd() + os.sep
    return path.startswith(here) or os.path.realpath(path).startswith(here)


if __name__ == "__main__":
    entry()
