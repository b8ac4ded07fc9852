"""A few random histories of merges beside the oracle; ``make merges`` runs a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

import merge_histories
from merge_histories import Tree, merge

A, B, C, D = ((word, False) for word in merge_histories.WORDS[:4])


@pytest.mark.parametrize("first", [0, 3])
def test_merges_rebases_picks_and_octopus_merges_give_what_the_oracle_says(first: int, tmp_path: Path):
    begin = tmp_path / "template"
    merge_histories.template(begin)
    wrong = [problem for seed in range(first, first + 3) if (problem := merge_histories.run(seed, begin, tmp_path)[1])]
    assert not wrong, "\n\n".join(wrong)


def test_the_oracle_sees_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What it expects is not what it reads: a tree with one file more is noticed at the first step."""
    begin = tmp_path / "template"
    merge_histories.template(begin)
    wrong = Tree({**merge_histories.FIRST.data, "more": A}, merge_histories.FIRST.one)
    monkeypatch.setattr(merge_histories, "FIRST", wrong)
    assert "Difference" in merge_histories.run(0, begin, tmp_path)[1]


def test_the_oracle_follows_the_rules_of_the_guide():
    base = Tree({"a": A, "b": B, "sub": {"c": C}}, A)
    assert merge(base, Tree({"a": D, "b": B, "sub": {"c": C}}, A), Tree({"b": B, "sub": {"c": C}}, B)) == (
        Tree({"a": D, "b": B, "sub": {"c": C}}, B), {"data": ("a",)}
    )  # fmt: skip
    moved = merge(base, Tree({"b": B, "sub": {"c": C, "a": A}}, A), Tree({"a": D, "b": B, "sub": {"c": C}}, A))
    assert moved == (Tree({"b": B, "sub": {"c": C, "a": D}}, A), {})
    mode = merge(
        base, Tree({"a": (A[0], True), "b": B, "sub": {"c": C}}, A), Tree({"a": D, "b": B, "sub": {"c": C}}, A)
    )
    assert mode == (Tree({"a": (D[0], True), "b": B, "sub": {"c": C}}, A), {})
