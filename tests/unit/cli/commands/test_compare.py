"""The command of `weft compare`."""

from __future__ import annotations

from weft.cli.commands import compare


def test_it_takes_revisions_and_all() -> None:
    assert [one.name for one in compare.command.params][:2] == ["revisions", "everything"]
