"""What is refused before a stage runs, because its record would be committed: secrets in its command and its params."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weft.errors import SecretRefused
from weft.model.stage import Ignore, Stage
from weft.pipeline.validate.ignores import matches
from weft.pipeline.validate.secrets import secrets

RULE = "WEFT021"


def refuse_secrets(stage: Stage, params: Mapping[str, Mapping[str, object]], ignores: Iterable[Ignore] = ()) -> None:
    """Raise ``SecretRefused`` for a command or a param that looks like a secret; its message holds nothing of it.

    ``params`` are the values by file and dotted key. A file for which ``ignores`` has the rule of secrets is let through.
    """
    words = stage.cmd if isinstance(stage.cmd, str) else " ".join(stage.cmd)
    for one in secrets(stage.name, words, holds_ids=True):
        raise SecretRefused(
            f"the command of stage {stage.name} would be recorded and committed, and {one.message}",
            hint='pass it by the environment, as "$API_KEY"',
        )
    ignored = [one for one in ignores if one.rule == RULE]
    for file, values in params.items():
        if any(matches(one.path, file) for one in ignored):
            continue
        for one in secrets(file, "\n".join(_lines(values)), holds_ids=True):
            raise SecretRefused(
                f"the params of stage {stage.name} would be recorded and committed, and {one.message}",
                hint=f"take it out of {file}, or name the keys that the stage needs; an ignore of {RULE} if it is no secret",
                path=file,
            )


def _lines(values: Mapping[str, object]) -> Iterator[str]:
    for key, value in values.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, str):
                yield f"{key.rpartition('.')[2]}: {' '.join(item.split())}"
