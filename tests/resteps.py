"""Counts the steps of a regular expression: a small backtracking matcher over the parse tree of ``re``.

The engine of Python does not tell how much it works, and a clock tells how busy the machine is. This one tries what that
one tries, in its order, without its shortcuts, and counts. It also makes up texts on which a pattern may work hard: what
leads to each of its loops, then as often as wished what the loop repeats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

ALPHABET = "ax0A_-./:=\"'\\ \t\n@~+,[{(#$&%sekt"
MANY = _constants.MAXREPEAT
Program = list[tuple[Any, ...]]


class TooManySteps(Exception):
    """The pattern works harder than the caller allows."""


class Text(NamedTuple):
    """What leads to a loop once, or ``again`` each time, what the loop repeats, and what comes last."""

    lead: str
    turn: str
    again: bool
    end: str

    def of(self, length: int) -> str:
        """The text with about ``length`` characters."""
        part = self.lead + self.turn if self.again else self.turn
        return ("" if self.again else self.lead) + part * (length // len(part)) + self.end


class Counter:
    """One pattern, and the steps it took so far."""

    def __init__(self, pattern: re.Pattern[Any], most: int) -> None:
        self.steps = 0
        self.most = most
        self.flags = pattern.flags
        self.bytes = isinstance(pattern.pattern, bytes)
        self.tree = _parser.parse(pattern.pattern, pattern.flags)
        self.program: Program = []
        self._compile(self.tree, self.program)
        self.program.append(("match",))

    # --- counting ----------------------------------------------------------------------------------------------------

    def search_all(self, text: Any) -> None:
        """Look for the pattern at every place of ``text``, as ``finditer`` does."""
        place = 0
        while place <= len(text):
            end = self._run(self.program, text, place)
            place = end if end is not None and end > place else place + 1

    def match(self, text: Any) -> None:
        """Look for the pattern at the beginning of ``text``, and make it go on to the end as ``fullmatch`` does."""
        whole: Program = [*self.program[:-1], ("at", _constants.AT_END_STRING), ("match",)]
        self._run(whole, text, 0)

    def _run(self, program: Program, text: Any, place: int) -> int | None:
        stack = [(0, place)]
        while stack:
            at, place = stack.pop()
            while True:
                self.steps += 1
                if self.steps > self.most:
                    raise TooManySteps
                step = program[at]
                if step[0] == "match":
                    return place
                if step[0] == "split":
                    stack.append((step[2], place))
                    at = step[1]
                    continue
                if step[0] == "jump":
                    at = step[1]
                    continue
                moved = self._one(step, text, place)
                if moved is None:
                    break
                place = moved
                at += 1
        return None

    def _one(self, step: tuple[Any, ...], text: Any, place: int) -> int | None:
        """Where a step that does not branch leads to; None where it fails."""
        if step[0] == "char":
            return place + 1 if place < len(text) and step[1](text[place : place + 1]) else None
        if step[0] == "atomic":
            return self._run(step[1], text, place)
        if step[0] == "look":
            _, program, back, wanted = step
            found = place >= back and self._run(program, text, place - back) is not None
            return place if found is wanted else None
        return place if self._at(step[1], text, place) else None

    def _at(self, kind: Any, text: Any, place: int) -> bool:
        newline = b"\n" if self.bytes else "\n"
        before, after = text[place - 1 : place] if place else text[:0], text[place : place + 1]
        if kind in (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING):
            several = kind is _constants.AT_BEGINNING and self.flags & re.MULTILINE
            return place == 0 or bool(several and before == newline)
        if kind in (_constants.AT_END, _constants.AT_END_STRING):
            if kind is _constants.AT_END and after == newline:
                return bool(self.flags & re.MULTILINE) or place + 1 == len(text)
            return place == len(text)
        word = re.compile(rb"\w" if self.bytes else r"\w", self.flags & re.ASCII)
        here = bool(word.match(before)) != bool(word.match(after))
        return here is (kind is _constants.AT_BOUNDARY)

    # --- making the program ------------------------------------------------------------------------------------------

    def _compile(self, items: Any, program: Program) -> None:
        for item in items:
            kind, value = item
            if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
                self._loop(value, program, lazy=kind is _constants.MIN_REPEAT)
            elif kind is _constants.POSSESSIVE_REPEAT:
                inner: Program = []
                self._loop(value, inner, lazy=False)
                program.append(("atomic", [*inner, ("match",)]))
            elif kind is _constants.ATOMIC_GROUP:
                program.append(("atomic", self._apart(value)))
            elif kind in (_constants.ASSERT, _constants.ASSERT_NOT):
                back = value[1].getwidth()[0] if value[0] < 0 else 0
                program.append(("look", self._apart(value[1]), back, kind is _constants.ASSERT))
            elif kind is _constants.SUBPATTERN:
                self._compile(value[3], program)
            elif kind is _constants.BRANCH:
                self._branch(value[1], program)
            elif kind is _constants.AT:
                program.append(("at", value))
            else:
                program.append(("char", self.character(item)))

    def _apart(self, items: Any) -> Program:
        program: Program = []
        self._compile(items, program)
        return [*program, ("match",)]

    def _branch(self, ways: list[Any], program: Program) -> None:
        jumps = []
        for number, way in enumerate(ways):
            split = len(program)
            if number + 1 < len(ways):
                program.append(())
            self._compile(way, program)
            if number + 1 < len(ways):
                jumps.append(len(program))
                program.append(())
                program[split] = ("split", split + 1, len(program))
        for jump in jumps:
            program[jump] = ("jump", len(program))

    def _loop(self, value: Any, program: Program, *, lazy: bool) -> None:
        least, most, body = value
        for _ in range(least):
            self._compile(body, program)
        if most == MANY:
            assert body.getwidth()[0], "a loop around what may be empty"
            start = len(program)
            program.append(())
            self._compile(body, program)
            program.append(("jump", start))
            program[start] = _split(start + 1, len(program), lazy)
            return
        splits = []
        for _ in range(most - least):
            splits.append(len(program))
            program.append(())
            self._compile(body, program)
        for split in splits:
            program[split] = _split(split + 1, len(program), lazy)

    def character(self, item: Any) -> Callable[[Any], bool]:
        """What tells whether ``item`` takes a character."""
        one = _compiler.compile(_parser.SubPattern(self.tree.state, [item]), self.flags)
        known: dict[Any, bool] = {}

        def takes(char: Any) -> bool:
            if char not in known:
                known[char] = one.match(char) is not None
            return known[char]

        return takes

    # --- texts to work on --------------------------------------------------------------------------------------------

    def texts(self) -> list[Text]:
        """Texts that lead into each loop and stay there."""
        found = {
            Text(lead, turn, again, end): None
            for lead, turn in [*self._loops(self.tree, ""), *(("", char) for char in ALPHABET)]
            for again in ((False, True) if lead else (False,))
            for end in ("", "\x01")
        }
        return list(found)

    def _loops(self, items: Any, lead: str) -> Iterator[tuple[str, str]]:
        for item in items:
            kind, value = item
            if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
                if value[1] == MANY or value[1] > 50:
                    yield from ((lead, turn) for turn in self._turns(value[2]))
                yield from self._loops(value[2], lead)
            elif kind is _constants.BRANCH:
                for way in value[1]:
                    yield from self._loops(way, lead)
            elif kind is _constants.SUBPATTERN:
                yield from self._loops(value[3], lead)
            elif kind is _constants.ATOMIC_GROUP:
                yield from self._loops(value, lead)
            elif kind is _constants.ASSERT:
                yield from self._loops(value[1], lead)
            behind = kind is _constants.ASSERT and value[0] < 0
            lead += next(self._turns(value[1] if behind else [item]), "")

    def _turns(self, items: Any) -> Iterator[str]:
        """Texts that ``items`` take: for one character each of a small alphabet, for more the first that is found."""
        items = list(items)
        if len(items) != 1:
            each = [list(self._turns([item])) or [""] for item in items]
            for number, ways in enumerate(each):
                for way in ways[number > 0 :] or [""]:
                    text = "".join(way if at == number else other[0] for at, other in enumerate(each))
                    if text:
                        yield text
            return
        kind, value = items[0]
        if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
            for turn in self._turns(value[2]):
                yield turn * max(1, value[0])
        elif kind is _constants.BRANCH:
            for way in value[1]:
                yield from self._turns(way)
        elif kind is _constants.SUBPATTERN:
            yield from self._turns(value[3])
        elif kind is _constants.ATOMIC_GROUP:
            yield from self._turns(value)
        elif kind is _constants.LITERAL:
            yield chr(value)
        elif kind not in (_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT):
            takes = self.character(items[0])
            yield from (char for char in ALPHABET if takes(char.encode() if self.bytes else char))


def _split(first: int, second: int, lazy: bool) -> tuple[Any, ...]:
    return ("split", second, first) if lazy else ("split", first, second)
