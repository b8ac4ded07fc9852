"""Whether this clone may use the place that a remote names: the gate before every connection.

Committed configuration is a proposal of whoever wrote the commit. Reading from a provider of buckets, or from a directory
beside the repository, tells nobody anything; all else waits until the user of this clone has accepted the place.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from weft.errors import RefusedInput, UntrustedConfig, UntrustedRemote
from weft.formats import userconfig
from weft.gitio.repo import GitRepo
from weft.model.config import Config
from weft.model.remote import RemoteSpec, Trust
from weft.storage.places import Place, covers, is_near, place_of, private_only
from weft.storage.urls import redact
from weft.util.atomic import os_errors
from weft.util.urls import scheme_of
from weft.workflows.config import read_one, update_private
from weft.workflows.project import Project


class Access(NamedTuple):
    """How a remote may be used: pinned to ``store`` (empty: not pinned), at which ``url`` (of a directory the one that was
    judged, so that a link that moves leads nowhere else), and with the user's credentials or without."""

    store: str
    url: str
    anonymous: bool = False


def admit(project: Project, spec: RemoteSpec, *, writes: bool) -> Access:
    """Let a connection to ``spec`` be opened, for reading or also for writing, or raise.

    A user who can be asked is asked, and the answer is kept. Raises ``UntrustedConfig`` for what no commit may name,
    ``UntrustedRemote`` for a place that the user has not accepted, and ``ConfigError``.
    """
    trust = project.trust
    if spec.private:
        return Access(spec.store, spec.url)
    refuse_private_only(spec)
    place = place_of(spec.url, spec.endpoint, project.root)
    url = spec.url if scheme_of(place.url) else place.url
    if trust.everything or any(covers(pattern, place) for pattern in trust.patterns()):
        return Access(spec.store, url)
    known = read_one(project.git, private=True).accepted
    same = next((one for one in known.values() if _agree(one, spec, place)), None)
    if same is not None:
        return Access(spec.store or same.store, url)
    why = _objection(spec.name in known, writes, place, project, trust)
    if why:
        before = _named(known[spec.name]) if spec.name in known else ""
        if trust.foreign or not trust.ask(introduction(spec, place, before)):
            was = f"; what this clone accepted is {before}" if before else ""
            moved = " if you moved the project, for its remote is named relative to it" if _moved(known, spec) else ""
            raise UntrustedRemote(
                f"the remote {spec.name} is {_named(spec, place)}, and {why}{was}",
                hint=f"weft remote trust {spec.name}{',' if moved else ''}{moved}",
            )
        accept(project, spec, place)
    return Access(spec.store, url, anonymous=trust.foreign)


def refuse_private_only(spec: RemoteSpec) -> None:
    """Raise ``UntrustedConfig`` for a committed remote that only a user's own configuration may name."""
    why = "" if spec.private else private_only(spec.url, spec.endpoint)
    if why:
        place = place_of(spec.url, spec.endpoint, "/")
        key = f"weft config set --private remotes.{spec.name}"
        hint = f"if you know it: {key}.url {shlex.quote(redact(place.url))}"
        if place.endpoint:
            hint += f" && {key}.endpoint {shlex.quote(place.endpoint)}"
        raise UntrustedConfig(f"the committed remote {spec.name} is {_named(spec, place)}: {why}", hint=hint)


def note_store(project: Project, spec: RemoteSpec, store: str) -> None:
    """Note the id of the store that was met at a place which was accepted before anybody knew it. The id that a commit names
    is only its word."""
    known = read_one(project.git, private=True).accepted.get(spec.name)
    place = place_of(spec.url, spec.endpoint, project.root)
    if known is not None and known.store != store and _agree(known, spec, place):
        accept(project, replace(spec, store=store), place)


def accept(project: Project, spec: RemoteSpec, place: Place) -> RemoteSpec | None:
    """Note in the private configuration that the user accepts ``place``, which is that of ``spec`` and was shown.

    Returns what its name meant before.
    """
    noted = RemoteSpec(spec.name, place.url, place.endpoint, store=spec.store)
    before: list[RemoteSpec | None] = []

    def change(config: Config) -> Config:
        before.append(config.accepted.get(spec.name))
        return replace(config, accepted={**config.accepted, spec.name: noted})

    update_private(project.git, change)
    return None if before[0] == noted else before[0]


def forget(git: GitRepo, name: str) -> None:
    """Forget what was accepted for the remote ``name``."""
    if name in read_one(git, private=True).accepted:
        update_private(
            git,
            lambda old: replace(old, accepted={key: one for key, one in old.accepted.items() if key != name}),
        )


def is_accepted(project: Project, spec: RemoteSpec) -> bool:
    """True when everything may be sent to ``spec`` without a question."""
    if spec.private:
        return True
    try:
        refuse_private_only(spec)
        place = place_of(spec.url, spec.endpoint, project.root)
        known = read_one(project.git, private=True).accepted.values()
        patterns = project.trust.patterns()
        return any(_agree(one, spec, place) for one in known) or any(covers(one, place) for one in patterns)
    except RefusedInput:
        return False


def introduction(spec: RemoteSpec, place: Place, before: str = "") -> tuple[str, ...]:
    """What a user should know of a place before accepting it, one thing a line."""
    lines = [f"remote    {spec.name}", f"url       {place.url}"]
    if place.endpoint:
        lines.append(f"endpoint  {place.endpoint}")
    lines.append(f"store     {spec.store or 'not known before the first push'}")
    if before:
        lines.append(f"before    {before}")
    return (*lines, f"is sent   {sent(place)}")


def patterns_of(words: str, file: str) -> tuple[str, ...]:
    """The patterns in ``words``, separated by commas, and in the user's configuration ``file`` where there is one.

    Raises ``ConfigError`` and what reading the file raises.
    """
    named = tuple(word.strip() for word in words.split(",") if word.strip())
    if not file or not os.path.exists(file):
        return named
    with os_errors("read", file), open(file, "rb") as stream:
        data = stream.read(userconfig.LIMIT + 1)
    return named + userconfig.decode(data, file)


def _objection(known: bool, writes: bool, place: Place, project: Project, trust: Trust) -> str:
    """Why the user must accept ``place`` first; empty when that is not so."""
    near = not scheme_of(place.url) and is_near(place, project.root)
    if known and (writes or not near):
        return "it changed"
    if writes:
        return "this clone has not accepted that data is sent there"
    if place.endpoint and not trust.foreign:
        return "this clone has not accepted that credentials are sent there"
    if not scheme_of(place.url) and not near:
        return "this clone has not accepted a directory that far from the repository"
    return ""


def _moved(known: Mapping[str, RemoteSpec], spec: RemoteSpec) -> bool:
    """Whether a relative path leads to another directory than the accepted one, as it does after the project was moved."""
    before = known.get(spec.name)
    relative = not scheme_of(spec.url) and not os.path.isabs(spec.url)
    return before is not None and relative and os.path.isabs(before.url)


def _agree(accepted: RemoteSpec, spec: RemoteSpec, place: Place) -> bool:
    """True when ``place`` is the accepted one. A store that either side does not know cannot be another."""
    same_store = accepted.store == spec.store or not (accepted.store and spec.store)
    return (accepted.url, accepted.endpoint) == place and same_store


def _named(spec: RemoteSpec, place: Place | None = None) -> str:
    store = f" (store {spec.store})" if spec.store else ""
    return f"{place or Place(spec.url, spec.endpoint)}{store}"


def sent(place: Place) -> str:
    """What goes to a place that is accepted."""
    scheme = scheme_of(place.url)
    if not scheme:
        return "the data that you push, as files"
    proof = "requests that carry your access token" if scheme == "gs" else "requests that your credentials sign"
    return f"the data that you push, and {proof}"
