"""Ignores: by rule and path, with a reason, and named when they are wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.model.stage import Ignore
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.ignores import apply, matches

BIG = found(3, "docs/poster.pdf", "it is large")
PRINTED = Ignore("WEFT003", "docs/*", "printed")
LIE = found(9, "lineage/train.yaml", "lr differs", line=7)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a/b.bin", "a/b.bin", True),
        ("a/b.bin", "a/b1bin", False),
        ("a/*.bin", "a/b.bin", True),
        ("a/*.bin", "a/c/b.bin", False),
        ("a/**/*.bin", "a/b.bin", True),
        ("a/**/*.bin", "a/c/d/b.bin", True),
        ("**", "any/thing", True),
        ("**/b.bin", "b.bin", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a[bc]", "ab", False),
        ("a[bc]", "a[bc]", True),
        ("*", "line\nfeed", True),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


@given(st.text("ab/*?", max_size=9), st.text("ab/*?", max_size=9))
def test_patterns_mean_what_a_regular_expression_says(pattern: str, path: str) -> None:
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(words.get(piece) or re.escape(piece) for piece in re.split(r"(\*\*/?|\*|\?)", pattern))
    assert matches(pattern, path) is (re.fullmatch(text, path) is not None)


def test_only_the_named_rule_at_the_named_path_is_ignored() -> None:
    counted, ignored = apply([BIG, LIE], [PRINTED], [PRINTED], whole=False)
    assert counted == [LIE]
    assert [(one.violation, one.reason) for one in ignored] == [(BIG, "printed")]
    other = [Ignore("WEFT009", "docs/*", "x"), Ignore("WEFT003", "src/*", "x")]
    counted, ignored = apply([BIG], other, other, whole=False)
    assert counted == [BIG]
    assert not ignored


def test_what_guards_integrity_is_ignored_only_where_the_ignore_stood_before() -> None:
    counted, ignored = apply([BIG], [PRINTED], [], whole=True)
    assert (len(counted), ignored) == (1, []), "and no word of an ignore that matches nothing"
    assert "does not count in the commit, or range, that brings it" in counted[0].mend
    assert apply([BIG], [], [PRINTED], whole=True) == ([BIG], []), "what this commit takes back counts no more"
    elsewhere = [Ignore("WEFT003", "src/*", "x"), Ignore("WEFT009", "docs/*", "x")]
    assert not apply([BIG], [PRINTED], elsewhere, whole=True)[1]
    assert apply([BIG], [PRINTED], [Ignore("WEFT003", "**", "another reason")], whole=True)[1][0].reason == "printed"
    assert apply([LIE], [Ignore("WEFT009", "lineage/*", "x")], [], whole=True)[0] == []


def test_an_ignore_that_matches_nothing_is_told_where_all_was_looked_at() -> None:
    ignores = [Ignore("WEFT003", "docs/*", "printed"), Ignore("WEFT013", "src/*", "old")]
    counted, _ = apply([BIG], ignores, ignores, whole=True)
    assert [(one.severity, one.path) for one in counted] == [("warn", "weft.yaml")]
    assert "WEFT013" in counted[0].message
    assert apply([BIG], ignores, ignores, whole=False)[0] == []


def test_an_ignore_of_no_rule_is_an_error() -> None:
    counted, _ = apply([], [Ignore("WEFT099", "*", "x")], [], whole=False)
    assert [(one.rule, one.severity) for one in counted] == [("WEFT006", "error")]
