"""No regular expression of weft's takes more than a few steps for each character of the worst text for it.

All of them are here: those that a module keeps, and those that stand in a call. How texts are made up and steps are counted
is in ``tests/resteps.py``; no clock is involved. A file that puts a pattern together while weft runs is named with a reason.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import weft
from resteps import Counter, TooManySteps
from weft.pipeline.validate.ignores import matches
from weft.workspace import ignore

SOURCE = Path(weft.__path__[0])
LENGTH = 400
STEPS = 70
"""For each character: one that needs the square of the length takes half the length for each, or more."""
MIB = 1 << 20
AT_EVERY_PLACE = frozenset(["search", "finditer", "findall", "sub", "subn", "split"])
CALLS = AT_EVERY_PLACE | {"compile", "match", "fullmatch"}
MADE = {
    "cli/here.py": "the escaped directory that the user stands in, and the escaped path of an error",
    "pipeline/validate/faults.py": "an escaped path, at the beginning of a text",
    "pipeline/validate/shapes.py": "the escaped name of this machine",
    "workflows/others_hooks.py": "the escaped name of a hook of weft",
    "workspace/ignore.py": "the components of a pattern: see below",
}


class Pattern(NamedTuple):
    """One pattern, where it is, and whether it is looked for at every place of a text."""

    place: str
    compiled: re.Pattern[Any]
    everywhere: bool


@cache
def patterns() -> tuple[list[Pattern], set[str]]:
    """All patterns, and the files that put some together."""
    found: list[Pattern] = []
    made: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(SOURCE).as_posix()
        if not re.search(r"^import re$", text, re.MULTILINE):
            continue
        kept = vars(importlib.import_module("weft." + name.removesuffix(".py").replace("/", ".")))
        for variable, value in kept.items():
            compiled = value if isinstance(value, re.Pattern) else getattr(value, "__self__", None)
            if isinstance(compiled, re.Pattern):
                uses = re.findall(rf"\b{variable}\.(\w+)", text)
                found.append(Pattern(f"{name}:{variable}", compiled, bool(AT_EVERY_PLACE & set(uses))))
        for verb, given in _in_functions(ast.parse(text)):
            pattern = given.value if isinstance(given, ast.Constant) else kept.get(getattr(given, "id", ""))
            if isinstance(pattern, str | bytes):
                found.append(Pattern(f"{name}:{given.lineno}", re.compile(pattern), verb in AT_EVERY_PLACE))
            else:
                made.add(name)
    return found, made


def _in_functions(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    """The verb and the pattern of each call of ``re`` in a function."""
    for function in ast.walk(tree):
        for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in CALLS and getattr(called.value, "id", "") == "re":
                assert isinstance(node, ast.Call)
                yield called.attr, node.args[0]


def hardest(pattern: str | bytes, flags: int, everywhere: bool) -> Any:
    """The text at which the pattern works hardest. Raises ``TooManySteps`` where that is too hard."""
    counter = Counter(re.compile(pattern, flags), STEPS * LENGTH)
    texts = counter.texts()

    def work(number: int) -> int:
        text = texts[number].of(LENGTH)
        counter.steps = 0
        shown = text.encode("latin-1", "replace") if counter.bytes else text
        (counter.search_all if everywhere else counter.match)(shown)
        return counter.steps

    return texts[max(range(len(texts)), key=work)]


@pytest.mark.parametrize("share", range(6))
def test_every_pattern_takes_a_few_steps_for_each_character(share: int) -> None:
    found = patterns()[0]
    assert len(found) > 80
    for place, compiled, everywhere in found[share::6]:
        try:
            worst = hardest(compiled.pattern, compiled.flags & ~re.UNICODE, everywhere).of(MIB)
        except TooManySteps:
            pytest.fail(f"{place} works too hard: {compiled.pattern!a}")
        text = worst.encode("latin-1", "replace") if isinstance(compiled.pattern, bytes) else worst
        # And Python's own engine comes to an end with it.
        for _ in compiled.finditer(text) if everywhere else [compiled.fullmatch(text)]:
            pass


@pytest.mark.parametrize(
    ("pattern", "everywhere"),
    [
        (r"(a+)+b", False),
        (r"\s*(.+?)\s*;", False),
        (r"[a-z]+://", True),
        (r" +\Z", True),
        (r"(?<=://)[^/\s@]*(?:/[^\s@]*)?@", True),
        (r"[\w.-]*secret[\w.-]*=", True),
        (r"-[a-z-]+=", True),
        (rb'"(?:[^"\\]|\\.)*+"', True),
    ],
)
def test_a_pattern_that_works_hard_is_noticed(pattern: str | bytes, everywhere: bool) -> None:
    with pytest.raises(TooManySteps):
        hardest(pattern, 0, everywhere)


def test_what_is_put_together_while_weft_runs_is_known() -> None:
    assert patterns()[1] == set(MADE)


def test_patterns_of_names_have_no_way_back() -> None:
    """Of ``.weftignore``: each star but the last is an atomic group. Of ``validate``: no regular expression at all."""
    for pattern in ("*a" * 40 + "b", "a*" * 40 + "b", "*?" * 40 + "b", "[ab]*" * 40 + "c"):
        compiled = ignore._component(pattern)
        counter = Counter(compiled, STEPS * LENGTH)
        counter.match("a" * LENGTH)
        assert compiled.fullmatch("a" * 255) is None
    for pattern in ("**a" * 40 + "b", "**/" * 40 + "b", "*a?**" * 40 + "b", "*" * 200 + "b"):
        assert not matches(pattern, "a" * 500)
        assert not matches(pattern, "a/" * 250)
