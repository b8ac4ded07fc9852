"""Rule 32: where the data goes. A commit that leads it elsewhere is one to look at twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from weft.errors import WeftError
from weft.model.paths import CONFIG_PATH
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.violations import Violation
from weft.util.later import later

if TYPE_CHECKING:
    from weft.formats import config as config_format
    from weft.model import config as config_model
    from weft.model.config import Config
    from weft.model.remote import RemoteSpec
else:
    config_model = later("weft.model.config")
    config_format = later("weft.formats.config")

REMOTES = 32
_LIMIT = 1 << 20


def changed(context: Context) -> Iterator[Violation]:
    """Rule 32: remotes that mean another place, the default one included. The first pin of a store is no change."""
    change = context.changes.get(CONFIG_PATH)
    if change is None or not change.old_blob:
        return
    before = _decoded(context.old_texts([CONFIG_PATH], _LIMIT).get(CONFIG_PATH))
    after = _decoded(context.text(CONFIG_PATH)) if change.blob else config_model.Config()
    if before is None or after is None:
        yield found(REMOTES, CONFIG_PATH, "it, or what it was before, cannot be read: look at where data goes now")
        return
    if before.remote and before.remote != after.remote:
        now = f"is {after.remote} now, and was" if after.remote else "is none now, and was"
        yield _moved(context, f"the default remote {now} {before.remote}", "remote")
    for old in before.remotes.values():
        yield from _one(context, old, after.remotes)


def _one(context: Context, old: RemoteSpec, after: Mapping[str, RemoteSpec]) -> Iterator[Violation]:
    new = after.get(old.name)
    if new is None:
        yield _moved(context, f"the remote {old.name} is gone, which was {old.place}", "remotes")
        return
    for key in ("url", "endpoint", "store"):
        was, now = getattr(old, key), getattr(new, key)
        if was != now and (was or key != "store"):
            text = f"the {key} of the remote {old.name} is {now or 'none'} now, and was {was or 'none'}"
            yield _moved(context, text, "remotes", old.name, key)


def _moved(context: Context, text: str, *keys: str) -> Violation:
    return found(REMOTES, CONFIG_PATH, text, line=context.line(CONFIG_PATH, *keys))


def _decoded(text: bytes | None) -> Config | None:
    try:
        return None if text is None else config_format.decode(text, committed=True)
    except WeftError:
        return None
