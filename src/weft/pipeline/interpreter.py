"""Which Python a command starts, as far as its words tell: nothing is run here.

The Python on PATH is not it when a command names another one (`.venv/bin/python t.py`), goes through a runner (`uv run`),
or is a script that names its own interpreter. Where the words do not tell (a variable, `make`, `sh run.sh`), neither do we.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence

from weft.errors import DependencyMissing
from weft.util.subproc import find_program

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*", re.ASCII)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=.*", re.DOTALL)
_LONG_EXEC = re.compile(rb"""^'''exec' (?:"([^"\n]+)"|([^" \n]+))""", re.MULTILINE)
# What runs another command in the same environment, and words of its own that may stand before that.
_WRAPPERS = frozenset(("env", "exec", "command", "nice", "nohup", "stdbuf", "time", "timeout"))
_OPTION = re.compile(r"-.*|[0-9.]+[smhd]?", re.DOTALL)
# What runs another command in an environment that it chooses: `uv run CMD`.
_RUNNERS = frozenset(("conda", "hatch", "mamba", "micromamba", "pdm", "pipenv", "pixi", "poetry", "rye", "uv"))
# What changes where commands after it come from.
_CHANGES = frozenset((".", "source", "eval", "alias", "conda", "module"))
_PATHS = frozenset(("PATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"))
_HEAD = 512


class _Untold(Exception):
    """The words do not tell."""


def interpreters(cmd: str | tuple[str, ...], directory: str) -> list[tuple[str, ...]]:
    """The different ways in which ``cmd``, started in ``directory``, starts Python: words to put the arguments of an
    interpreter behind, such as ``("uv", "run", "python")``. Empty when its words name none, or do not tell."""
    found: dict[tuple[str, ...], None] = {}
    moved = False
    try:
        for words in [list(cmd)] if isinstance(cmd, tuple) else _commands(cmd):
            plain = _unwrapped(words)
            if plain[:1] in (["cd"], ["pushd"]):
                moved = True
            elif plain and (known := _interpreter(plain, directory, moved)):
                found[known] = None
    except (_Untold, ValueError):  # shlex meets a quote that is never closed
        return []
    return list(found)


def shown(words: Sequence[str], root: str) -> str:
    """How an interpreter is named in a record: without a place of this machine."""
    top = os.path.realpath(root) + os.sep
    return " ".join(
        (word.removeprefix(top) if word.startswith(top) else os.path.basename(word)) if os.path.isabs(word) else word
        for word in words
    )


def _commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a line for the shell."""
    script = text.partition("\n")[0] if "<<" in text else text.replace("\n", " ; ")
    lexer = shlex.shlex(script, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for word in lexer:
        if set(word) <= set("<>&|") and set(word) & set("<>"):
            redirected = True
        elif set(word) <= set("();|&"):
            yield words
            words = []
        elif redirected:
            redirected = False
        else:
            words.append(word)
    yield words


def _unwrapped(words: list[str]) -> list[str]:
    """The words of a simple command without assignments and wrappers before it."""
    rest = list(words)
    while rest:
        if assigned := _ASSIGNMENT.fullmatch(rest[0]):
            if assigned[1] in _PATHS:
                raise _Untold
        elif os.path.basename(rest[0]) in _WRAPPERS:
            if rest[0] == "env" and rest[1:2] and rest[1].startswith("-"):
                raise _Untold
            while rest[1:2] and _OPTION.fullmatch(rest[1]):
                del rest[1]
        else:
            break
        del rest[0]
    return rest


def _interpreter(words: list[str], directory: str, moved: bool) -> tuple[str, ...]:
    """How a simple command starts Python; empty when it is none that does as far as one can see."""
    first, name = words[0], os.path.basename(words[0])
    if name == "export":
        if any(word.partition("=")[0] in _PATHS for word in words):
            raise _Untold
        return ()
    if name in _RUNNERS and "run" in words[1:3]:
        return _run_by(words, directory)
    if name in _CHANGES or "$" in first or "`" in first or (moved and "/" in first and not os.path.isabs(first)):
        raise _Untold
    if _PYTHON.fullmatch(name):
        return (first,)
    return _named_by_script(first, directory)


def _run_by(words: list[str], directory: str) -> tuple[str, ...]:
    """``uv run --with x python t.py`` is run by what stands up to the interpreter; ``uv run t.py`` by the runner's own."""
    start = words.index("run") + 1
    at = next((n for n, word in enumerate(words[start:], start) if _PYTHON.fullmatch(os.path.basename(word))), 0)
    if at:
        return tuple(words[: at + 1])
    if not words[start:] or words[start].startswith("-") or _has_own_environment(words[start], directory):
        raise _Untold
    return (*words[:start], "python")


def _has_own_environment(word: str, directory: str) -> bool:
    """True for a script whose head says what it wants installed, which gets an environment for itself."""
    return b"# /// script" in _head(os.path.join(directory, word), 1 << 16)


def _named_by_script(word: str, directory: str) -> tuple[str, ...]:
    """The interpreter that the first line of a script names: one in the work tree, or what pip installs for a package."""
    if "/" in word:
        path = os.path.join(directory, word)
    else:
        try:
            path = find_program(word)
        except (DependencyMissing, ValueError):
            return ()
    head = _head(path, _HEAD)
    if not head.startswith(b"#!"):
        return ()
    if long := _LONG_EXEC.search(head):  # the first line has no room for a long path
        return (os.fsdecode(long[1] or long[2]),)
    words = head.partition(b"\n")[0][2:].decode("utf-8", "surrogateescape").split()
    return next(((one,) for one in words if _PYTHON.fullmatch(os.path.basename(one))), ())


def _head(path: str, size: int) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            return file.read(size)
    except OSError:
        return b""
