"""What is refused before a stage runs because no commit would take its record: secrets, places of one machine, and metrics
or params that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from weft.errors import SecretRefused, StageFault
from weft.formats.valuefiles import suffix_of
from weft.model.lineage import record_path
from weft.model.stage import Ignore, Stage
from weft.pipeline.validate.ignores import matches
from weft.pipeline.validate.secrets import secrets
from weft.pipeline.validate.shapes import leaves, of_machine, own_name

MACHINE_RULE, SECRET_RULE = "WEFT012", "WEFT021"

Params = Mapping[str, Mapping[str, object]]
"""Values by params file and dotted key."""


def refuse_before(stage: Stage, params: Params, ignores: Sequence[Ignore] = ()) -> None:
    """Raise for what the declaration of ``stage`` and the ``params`` show already, before hours of work.

    ``SecretRefused`` for a secret, whose message holds nothing of it, ``StageFault`` for what belongs to this machine,
    ``ValuesFault`` for a metrics or params file of a type that cannot be read. ``ignores`` of the rules of a commit count.
    """
    for path in (*stage.paths("metrics"), *(wanted.file for wanted in stage.params)):
        suffix_of(path)
    _refuse_secrets(stage, params, [one.path for one in ignores if one.rule == SECRET_RULE])
    record = record_path(stage.name)
    if not any(one.rule == MACHINE_RULE and matches(one.path, record) for one in ignores):
        _refuse_machine(stage, params)


def _refuse_secrets(stage: Stage, params: Params, ignored: Sequence[str]) -> None:
    if not _covered(ignored, record_path(stage.name)):
        # The user wrote the command, not weft: what looks like an id there may be a token.
        for one in secrets(stage.name, command_text(stage), holds_ids=False):
            raise SecretRefused(
                f"the command of stage {stage.name} would be recorded and committed, and {one.message}",
                hint='pass it by the environment, as "$API_KEY"',
            )
    for file, values in params.items():
        if _covered(ignored, file):
            continue
        for one in secrets(file, "\n".join(_lines(values)), holds_ids=False):
            raise SecretRefused(
                f"the params of stage {stage.name} would be recorded and committed, and {one.message}",
                hint=f"take it out of {file}, or name the keys that the stage needs; an ignore of {SECRET_RULE} if it is no "
                "secret",
                path=file,
            )


def _refuse_machine(stage: Stage, params: Params) -> None:
    own = own_name()
    if place := leaves(command_text(stage), stage.wdir):
        raise StageFault(
            f"the command of stage {stage.name} reads {place}, which lies outside of the repository",
            hint="use a path of this repository, or a variable of the environment",
        )
    for line in command_text(stage).split("\n"):
        if what := of_machine(line, own):
            raise StageFault(
                f"the command of stage {stage.name} holds {what}: it would be recorded, and a commit refused for it",
                hint="use a path of this repository, seen from where the command starts, or a variable of the environment",
            )
    for file, values in params.items():
        for line in _lines(values):
            if what := of_machine(line, own):
                raise StageFault(
                    f"{line.partition(':')[0]} of {file}, a param of stage {stage.name}, holds {what}: it would be recorded,"
                    " and a commit refused for it",
                    hint=f"use a path of this repository in {file}, or name only the keys that the stage needs",
                    path=file,
                )


def command_text(stage: Stage) -> str:
    """The command as one text; a line that a backslash continues is one line."""
    return (stage.cmd if isinstance(stage.cmd, str) else " ".join(stage.cmd)).replace("\\\n", " ")


def _covered(patterns: Iterable[str], path: str) -> bool:
    return any(matches(pattern, path) for pattern in patterns)


def _lines(values: Mapping[str, object]) -> Iterator[str]:
    for key, value in values.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, str):
                yield f"{key.rpartition('.')[2]}: {' '.join(item.split())}"
