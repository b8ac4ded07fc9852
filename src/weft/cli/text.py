"""Small pieces of text for people: names made harmless, colour that says nothing new, lines put into columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What a terminal obeys instead of showing (C0, C1), what reorders or hides text (bidi controls, zero-width and
# other format characters, line and paragraph separators), and bytes of a name that are not UTF-8 (lone surrogates).
_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def escape(text: str) -> str:
    """``text`` with every character that could act on a terminal, or hide there, written as an escape.

    A backslash is left alone: in the messages and names that reach this it only ever stands for itself.
    """
    return _ACTIVE.sub(_spell, text)


def escape_block(text: str) -> str:
    """``escape`` for text of several lines, such as a trace: line ends stay."""
    return "\n".join(escape(line) for line in text.split("\n"))


def _spell(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return _SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Paint:
    """Colour by meaning. Switched off it returns the text as it is, so no meaning may live in colour alone."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def good(self, text: str) -> str:
        """What is as it should be."""
        return self._wrap("32", text)

    def bad(self, text: str) -> str:
        """What is wrong."""
        return self._wrap("31;1", text)

    def care(self, text: str) -> str:
        """What wants a look."""
        return self._wrap("33", text)

    def quiet(self, text: str) -> str:
        """What is there for those who look for it."""
        return self._wrap("2", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text


def columns(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Lines with the cells of ``rows`` under each other, two blanks apart; columns in ``right`` end at one edge."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(_cell(cell, widths[i], i in right) for i, cell in enumerate(row)).rstrip() for row in rows]


def _cell(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
