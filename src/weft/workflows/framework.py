"""Entries for the pre-commit program (https://pre-commit.com) in ``.pre-commit-config.yaml``.

They are ``local`` hooks that call the installed ``weft-hook``: no second copy of weft is put into an environment of
pre-commit's, and no network is needed. The file is the user's, so lines are put in and taken out and nothing else changes.
"""

from __future__ import annotations

import os
import re

from weft.errors import HookRefused
from weft.util.atomic import os_errors, write_atomic
from weft.workflows.files import read_small

FILE = ".pre-commit-config.yaml"

STAGES = ("pre-commit", "pre-merge-commit", "pre-push", "post-checkout", "post-merge", "post-rewrite")
"""The hooks that the pre-commit program must be installed for."""

_LIMIT = 1 << 20
_BEGIN = "  # weft: written by `weft install --pre-commit-tool`"
_END = "  # weft: end"
_ENTRIES = f"""\
{_BEGIN}
  - repo: local
    hooks:
      - id: weft-validate
        name: weft validate
        entry: weft-hook pre-commit
        language: system
        always_run: true
        pass_filenames: false
        require_serial: true
        verbose: true
        stages: [pre-commit, pre-merge-commit, manual]
      - id: weft-push
        name: weft push
        entry: weft-hook pre-push
        language: system
        always_run: true
        pass_filenames: false
        require_serial: true
        verbose: true
        stages: [pre-push]
      - id: weft-checkout
        name: weft checkout
        entry: weft-hook checkout
        language: system
        always_run: true
        pass_filenames: false
        require_serial: true
        verbose: true
        stages: [post-checkout, post-merge, post-rewrite]
{_END}
"""
_REPOS = re.compile(r"^repos:[ \t]*(#.*)?$\n?", re.MULTILINE)
_OF_WEFT = re.compile(
    r"""\bid["']?\s*:\s*["']?weft-(validate|push|checkout)\b | \bentry["']?\s*:\s*["']?([^\s"']*/)?weft(-hook)?\s""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
_FIRST_ITEM = re.compile(r"^( *)-[ \t]", re.MULTILINE)


def has_entries(root: str) -> bool:
    """Whether the file has a hook that runs weft: as ``add_entries`` wrote it, of weft's repository, or a local one."""
    data = read_small(os.path.join(root, FILE), _LIMIT) or b""
    return _OF_WEFT.search(_COMMENT.sub("", data.decode("utf-8", "replace"))) is not None


def add_entries(root: str) -> bool:
    """Put weft's hooks first into the file, which is made when it is not there; False when it has some of weft.

    Raises ``HookRefused`` for a file whose ``repos`` is no plain list of lines.
    """
    path = os.path.join(root, FILE)
    data = read_small(path, _LIMIT)
    text = "repos:\n" if data is None else data.decode("utf-8", "surrogateescape")
    if has_entries(root):
        return False
    found = _REPOS.search(text)
    if found is None:
        raise HookRefused(
            f"{FILE} has no line `repos:` to put entries below",
            hint="write its list of repositories one below the other, then run the command again",
            path=FILE,
        )
    item = _FIRST_ITEM.search(text, found.end())
    before, after = text[: found.end()], text[found.end() :]
    if not before.endswith("\n"):
        before += "\n"
    entries = _indented(_ENTRIES, len(item[1]) if item else 2)
    _write(path, before + entries + after)
    return True


def drop_entries(root: str) -> bool:
    """Take weft's lines out of the file, and the file away when nothing else is in it; False when there are none."""
    path = os.path.join(root, FILE)
    data = read_small(path, _LIMIT)
    lines = [] if data is None else data.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    marks = [line.strip() for line in lines]
    if _BEGIN.strip() not in marks or _END.strip() not in marks:
        return False
    rest = "".join(lines[: marks.index(_BEGIN.strip())] + lines[marks.index(_END.strip()) + 1 :])
    if rest.strip() == "repos:":
        with os_errors("remove", path):
            os.unlink(path)
    else:
        _write(path, rest)
    return True


def _indented(text: str, width: int) -> str:
    return "".join(" " * width + line[2:] for line in text.splitlines(keepends=True))


def _write(path: str, text: str) -> None:
    write_atomic(path, text.encode("utf-8", "surrogateescape"))
