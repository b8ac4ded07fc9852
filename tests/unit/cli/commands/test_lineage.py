"""The commands of `weft lineage`."""

from __future__ import annotations

from weft.cli.commands import lineage


def test_each_question_takes_a_revision() -> None:
    commands = lineage.command.commands
    assert set(commands) == {"show", "why", "impact", "graph"}
    for made in commands.values():
        assert [one.name for one in made.params][:2] == ["path", "rev"]
