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
    counted, ignored = apply([BIG, LIE], [Ignore("WEFT003", "docs/*", "printed")], whole=False)
    assert counted == [LIE]
    assert [(one.violation, one.reason) for one in ignored] == [(BIG, "printed")]
    counted, ignored = apply([BIG], [Ignore("WEFT009", "docs/*", "x"), Ignore("WEFT003", "src/*", "x")], whole=False)
    assert counted == [BIG]
    assert not ignored


def test_an_ignore_that_matches_nothing_is_told_where_all_was_looked_at() -> None:
    ignores = [Ignore("WEFT003", "docs/*", "printed"), Ignore("WEFT013", "src/*", "old")]
    counted, _ = apply([BIG], ignores, whole=True)
    assert [(one.severity, one.path) for one in counted] == [("warn", "weft.yaml")]
    assert "WEFT013" in counted[0].message
    assert apply([BIG], ignores, whole=False)[0] == []


def test_an_ignore_of_no_rule_is_an_error() -> None:
    counted, _ = apply([], [Ignore("WEFT099", "*", "x")], whole=False)
    assert [(one.rule, one.severity) for one in counted] == [("WEFT006", "error")]
