"""Telling revisions and paths apart, as Git does."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import click

from weft.model.paths import FROM_TOP

_OID = re.compile(r"blake3:[0-9a-f]{64}", re.ASCII)

AFTER_DASHES = "weft.after_dashes"
"""Key of ``context.meta``: the words after ``--``, where there is one."""


def split_words(context: click.Context, words: Sequence[str], most: int) -> tuple[list[str], list[str]]:
    """Revisions (``most`` at most) and paths among ``words``, as Git tells them apart.

    With ``--`` the revisions stand before it. Without it, leading words are revisions as long as they name nothing that
    is, or is tracked, in the workspace.
    """
    after = context.meta.get(AFTER_DASHES)
    if after is not None:
        if len(words) > most:
            raise click.UsageError(f"more than {most} before '--': {' '.join(words)!a}", context)
        return list(words), list(after)
    count = 0
    while count < min(most, len(words)) and not _is_path(words[count]):
        count += 1
    return list(words[:count]), list(words[count:])


def split_revision(text: str) -> tuple[str, str]:
    """``REV:PATH`` as its two parts; the revision is empty where ``text`` is a path of the workspace or an object id.

    As in Git, PATH starts at the top of the work tree, at the current directory where it begins with ``./`` or ``../``.
    """
    if ":" not in text or text.startswith(FROM_TOP) or _OID.fullmatch(text) or _is_path(text):
        return "", text
    revision, _, path = text.partition(":")
    relative = path in (".", "..") or path.startswith(("./", "../", "/"))
    return revision, path if relative else FROM_TOP + path


def _is_path(word: str) -> bool:
    """True when ``word`` is there, or a pointer stands for it or for a directory above it."""
    if word.startswith(FROM_TOP):
        return True
    if os.path.lexists(word):
        return True
    while word not in ("", os.sep):
        if os.path.lexists(word + ".weft"):
            return True
        word = os.path.dirname(word.rstrip(os.sep))
    return False
