"""``weft remote``: configure the places that data is pushed to, and probe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from uuid import uuid4

from weft.errors import BucketMissing, ConfigError, NoRemote, RemoteIdentity, WeftError
from weft.model.config import Config
from weft.model.remote import RemoteSpec
from weft.objects import remote_keys
from weft.storage.base import Storage
from weft.storage.places import check_settings, check_writable, place_of, private_only
from weft.storage.urls import check_endpoint
from weft.util.clock import SystemClock
from weft.util.urls import check_url, scheme_of
from weft.workflows.config import read_one, update, update_private
from weft.workflows.connect import connection, find_remote
from weft.workflows.directories import plain_url
from weft.workflows.project import Project
from weft.workflows.results import CheckResult, Probe, RemoteInfo, RemoteList, TrustResult
from weft.workflows.trust import accept, forget, is_accepted, refuse_private_only, sent

SKEW = 300.0


def remote_list(project: Project) -> RemoteList:
    """The configured remotes."""
    return _listed(project, project.config)


def remote_add(
    project: Project,
    wanted: RemoteSpec,
    *,
    endpoint: str = "",
    region: str = "",
    check: bool = True,
    private: bool = False,
) -> RemoteList:
    """Configure a remote in the committed file; in the private one if asked, or where no commit may name it. The first one
    becomes the default. Whoever names a place accepts it.

    With ``check`` the remote is reached for: a store is made there when there is none, and its id is pinned. Nothing is
    written here when that fails. Raises ``ConfigError`` (name taken), ``SecretRefused``, and what the storage raises.
    """
    name = wanted.name
    if name in project.config.remotes:
        raise ConfigError(f"there is a remote called {name!a} already", hint=f"weft remote set-url {name} URL")
    spec = _spelled(project, replace(wanted, endpoint=endpoint, region=region, private=True))
    message = "not reached for yet; its store id will be pinned by the first push"
    why = private_only(spec.url, spec.endpoint)
    alone = private or bool(why)
    if check:
        spec = _reach(project, spec)
        message = f"the store {spec.store} is pinned in the {'private' if alone else 'committed'} configuration"
    if alone:
        message += f"; {why + ', so ' if why else ''}this remote is configured in this clone alone"
    else:
        accept(project, spec, place_of(spec.url, spec.endpoint, project.root))
    spec = replace(spec, private=alone)

    def change(config: Config) -> Config:
        first = config.remote or ("" if alone and project.config.remote else name)
        return replace(config, remote=first, remotes={**config.remotes, name: spec})

    update(project, change, private=alone)
    return _listed(project, change(project.config), message)


def remote_set_url(
    project: Project,
    name: str,
    url: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    check: bool = True,
    private: bool = False,
) -> RemoteList:
    """Let a remote be at another place, which holds the same store. Whoever names the place accepts it.

    ``endpoint`` and ``region`` stay as they are when they are None and the url has the scheme it had. The file changes that
    has the url now; the private one if asked, or where no commit may name the place. With ``check`` the place is reached
    for, and nothing is written when it holds no store, or another than the pinned one. Raises ``NoRemote``,
    ``RemoteIdentity``, and what ``remote_add`` raises.
    """
    before = find_remote(project, name)
    stays = scheme_of(url) == scheme_of(before.url)
    kept = (before.endpoint, before.region) if stays else ("", "")
    given = (kept[0] if endpoint is None else endpoint, kept[1] if region is None else region)
    options = before.options if stays else ()
    spec = _spelled(project, RemoteSpec(name, url, *given, before.store, private=True, options=options))
    if check:
        try:
            spec = _reach(project, spec)
        except BucketMissing as error:
            error.hint = f"copy the store to that place first, or name where it is: weft remote set-url {name} URL"
            raise
        except RemoteIdentity as error:
            error.hint = "copy all that the remote holds to the new place first; another store is another remote"
            raise
    why = private_only(spec.url, spec.endpoint)
    if private or before.private or why:
        mine = replace(spec, private=True)
        update_private(project.git, lambda old: replace(old, remotes={**old.remotes, name: mine}))
        message = f"{why + ', so ' if why else ''}this place is configured in this clone alone"
        return _listed(project, replace(project.config, remotes={**project.config.remotes, name: mine}), message)
    accept(project, spec, place_of(spec.url, spec.endpoint, project.root))
    own = read_one(project.git, private=True).remotes.get(name, RemoteSpec(name, ""))

    def change(config: Config) -> Config:
        # What this clone says of the endpoint and the region alone is not for the commit.
        at = "" if own.endpoint else spec.endpoint
        new = RemoteSpec(name, spec.url, at, "" if own.region else spec.region, spec.store)
        return replace(config, remotes={**config.remotes, name: new})

    update(project, change, private=False)
    if own.endpoint or own.region:
        mine = replace(own, endpoint=own.endpoint and spec.endpoint, region=own.region and spec.region)
        left = {name: mine} if mine.endpoint or mine.region or mine.store else {}
        update_private(project.git, lambda old: replace(old, remotes={**_without(old.remotes, name), **left}))
    return _listed(
        project, replace(project.config, remotes={**project.config.remotes, name: replace(spec, private=False)})
    )


def remote_rename(project: Project, name: str, new: str) -> RemoteList:
    """Give a remote another name wherever this clone's configuration and the committed one say the old one.

    Raises ``NoRemote``, and ``ConfigError`` when there is one of that name.
    """
    if name not in project.config.remotes:
        raise NoRemote(f"there is no remote called {name!a}", hint="weft remote list")
    if new in project.config.remotes:
        raise ConfigError(
            f"there is a remote called {new!a} already",
            hint=f"weft remote rename {name} OTHER-NAME, or free the name first: weft remote rename {new} OTHER-NAME",
        )

    def renamed(specs: Mapping[str, RemoteSpec]) -> dict[str, RemoteSpec]:
        return {
            new if key == name else key: replace(one, name=new) if key == name else one for key, one in specs.items()
        }

    def change(config: Config) -> Config:
        default = new if config.remote == name else config.remote
        return replace(config, remote=default, remotes=renamed(config.remotes), accepted=renamed(config.accepted))

    # What was accepted counts by its place, under any name: between the two writes nothing is lost.
    committed = read_one(project.git, private=False)
    if name in committed.remotes or committed.remote == name:
        update(project, change, private=False)
    update_private(project.git, change)
    return _listed(project, change(project.config))


def _without(specs: Mapping[str, RemoteSpec], name: str) -> dict[str, RemoteSpec]:
    return {key: spec for key, spec in specs.items() if key != name}


def _spelled(project: Project, spec: RemoteSpec) -> RemoteSpec:
    """``spec`` as the configuration names it. Raises ``SecretRefused``, ``DirectoryRefused``, ``ConfigError``."""
    check_url(spec.url)
    url = spec.url if scheme_of(spec.url) else plain_url(project.git, project.cwd, spec.url)
    check_writable(url)
    check_settings(url, spec.endpoint, spec.options)
    return replace(spec, url=url, endpoint=check_endpoint(spec.endpoint) if spec.endpoint else "")


def _reach(project: Project, spec: RemoteSpec) -> RemoteSpec:
    """``spec`` with the id of the store at its place, which is made there when none is pinned."""
    with connection(project, spec, writes=True) as link:
        found = link.remote.connect(create=True, chunker=project.config.chunker)
    return replace(spec, store=found.store)


def remote_trust(project: Project, name: str = "") -> TrustResult:
    """Accept the place of a remote in this clone: what is sent there is sent without a question from now on.

    Raises ``NoRemote``, and ``UntrustedConfig`` for a place that no commit may name.
    """
    spec = find_remote(project, name)
    refuse_private_only(spec)
    place = place_of(spec.url, spec.endpoint, project.root)
    before = None if spec.private else accept(project, spec, place)
    return TrustResult(
        spec.name, place.url, place.endpoint, spec.store, sent(place), before=before.place if before else ""
    )


def remote_default(project: Project, name: str) -> RemoteList:
    """Make ``name`` the remote that verbs use when none is named. Raises ``NoRemote``."""
    spec = find_remote(project, name)
    update(project, lambda config: replace(config, remote=name), private=spec.private)
    return _listed(project, replace(project.config, remote=name))


def remote_remove(project: Project, name: str) -> RemoteList:
    """Forget a remote in both files; what it holds stays there. Raises ``NoRemote``."""
    if name not in project.config.remotes:
        raise NoRemote(f"there is no remote called {name!a}", hint="weft remote list")

    def change(config: Config) -> Config:
        return replace(
            config, remotes=_without(config.remotes, name), remote="" if config.remote == name else config.remote
        )

    update(project, change, private=False)
    if name in read_one(project.git, private=True).remotes:
        update(project, change, private=True)
    forget(project.git, name)
    return _listed(project, change(project.config))


def remote_check(project: Project, name: str = "") -> CheckResult:
    """Probe a remote: reachable, the pinned store, writes, reads, listings, create-only writes, the server's clock."""
    spec = find_remote(project, name)
    with connection(project, spec, writes=True) as link:
        probes: list[Probe] = []
        try:
            found = link.remote.connect(create=False)
            pinned = "pinned" if spec.store else "not pinned"
            probes.append(Probe("identity", "ok" if spec.store else "warn", f"store {found.store}, {pinned}"))
        except WeftError as error:
            probes.append(_failed("identity", error))
            if spec.store or isinstance(error, BucketMissing):
                # What is there may be another's, or a disk that is not mounted: nothing is written.
                return CheckResult(f"{spec.name} ({link.traffic.name})", tuple(probes))
        try:
            probes.extend(_probe_storage(link.traffic))
        except WeftError as error:
            probes.append(_failed("access", error))
        return CheckResult(f"{spec.name} ({link.traffic.name})", tuple(probes))


def _probe_storage(storage: Storage) -> Iterator[Probe]:
    clock = SystemClock()
    # Sessions are what a garbage collector expects to come and go, so a probe that is left behind harms nobody.
    key = remote_keys.SESSIONS + uuid4().hex
    storage.write(key, b"first")
    try:
        began = clock.now()
        data = storage.read(key)
        seconds = clock.now() - began
        state = "ok" if data == b"first" else "fail"
        yield Probe("write and read", state, f"one small read took {seconds * 1000:.0f} ms")
        listed = {stat.key: stat for stat in storage.list(remote_keys.SESSIONS)}
        yield Probe("listing", "ok" if key in listed else "warn", "new objects are listed at once" if key in listed else
                    "a new object is not listed at once: pushes will look objects up one by one")  # fmt: skip
        kept = not storage.write(key, b"second", create=True) and storage.read(key) == b"first"
        yield Probe(
            "create-only writes",
            "ok" if kept else "warn",
            "honoured" if kept else "ignored by this endpoint; weft does not depend on them",
        )
        stat = storage.stat(key)
        yield _clock_probe(stat.modified if stat else 0.0, clock.now())
    finally:
        storage.delete(key)
    yield Probe("delete", "ok", "allowed")


def _clock_probe(server: float, here: float) -> Probe:
    if not server:
        return Probe("clock", "warn", "the server tells no time")
    skew = abs(server - here)
    state = "ok" if skew < SKEW else "warn"
    return Probe("clock", state, f"{skew:.0f} s apart", "" if state == "ok" else "set this machine's clock")


def _failed(name: str, error: WeftError) -> Probe:
    return Probe(name, "fail", f"{error.message} ({error.code})", error.hint)


def _listed(project: Project, config: Config, message: str = "") -> RemoteList:
    only = len(config.remotes) == 1
    infos = [
        RemoteInfo(
            spec.name,
            spec.url,
            spec.endpoint,
            spec.store,
            default=only or config.remote == spec.name,
            accepted=is_accepted(project, spec),
        )
        for spec in config.remotes.values()
    ]
    return RemoteList(tuple(infos), message)
