"""Sections of ours in a clone's own Git configuration."""

from __future__ import annotations

from pathlib import Path

from weft.gitio.clone_config import drop_section, section_values, set_section

VALUES = {"name": "a = b; # c", "driver": "'/it is/python' -P %O \"x\""}


def test_set_once_and_dropped_without_a_trace(any_work):
    config = Path(any_work.path, ".git", "config")
    before = config.read_bytes()
    assert set_section(any_work.repo, "merge.weft-x", VALUES) is True
    assert section_values(any_work.repo, "merge.weft-x") == VALUES
    assert set_section(any_work.repo, "merge.weft-x", VALUES) is False
    assert set_section(any_work.repo, "merge.weft-x", {"driver": "other"}) is True
    assert section_values(any_work.repo, "merge.weft-x") == {**VALUES, "driver": "other"}
    assert drop_section(any_work.repo, "merge.weft-x") is True
    assert drop_section(any_work.repo, "merge.weft-x") is False
    assert config.read_bytes() == before


def test_sections_alike_are_told_apart(work):
    set_section(work.repo, "merge.weft-x", {"name": "a"})
    set_section(work.repo, "merge.weft-xy", {"name": "b"})
    drop_section(work.repo, "merge.weft-x")
    assert section_values(work.repo, "merge.weft-xy") == {"name": "b"}
