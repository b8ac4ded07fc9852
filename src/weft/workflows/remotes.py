"""``weft remote``: configure the places that data is pushed to, and probe them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

from weft.errors import BucketMissing, ConfigError, NoRemote, WeftError
from weft.model.config import Config
from weft.model.remote import RemoteSpec
from weft.objects import remote_keys
from weft.storage.base import Storage
from weft.storage.places import place_of, private_only
from weft.storage.urls import check_endpoint
from weft.util.clock import SystemClock
from weft.util.urls import check_url, scheme_of
from weft.workflows.config import read_one, update
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
    project: Project, name: str, url: str, *, endpoint: str = "", region: str = "", check: bool = True
) -> RemoteList:
    """Configure a remote in the committed file, or in the private one where no commit may name it; the first one becomes
    the default. Whoever names a place accepts it.

    With ``check`` the remote is reached for: a store is made there when there is none, and its id is pinned. Nothing is
    written here when that fails. Raises ``ConfigError`` (name taken), ``SecretRefused``, and what the storage raises.
    """
    if name in project.config.remotes:
        raise ConfigError(f"there is a remote called {name!a} already", hint=f"weft remote remove {name}")
    check_url(url)
    if endpoint:
        endpoint = check_endpoint(endpoint)
    if not scheme_of(url):
        url = plain_url(project.git, project.cwd, url)
    spec = RemoteSpec(name, url, endpoint, region, private=True)
    message = "not reached for yet; its store id will be pinned by the first push"
    why = private_only(url, endpoint)
    if check:
        with connection(project, spec, writes=True) as link:
            found = link.remote.connect(create=True, chunker=project.config.chunker)
        spec = replace(spec, store=found.store)
        message = f"the store {found.store} is pinned in the {'private' if why else 'committed'} configuration"
    if why:
        message += f"; {why}, so this remote is configured in this clone alone"
    else:
        accept(project, spec, place_of(url, endpoint, project.root))
    spec = replace(spec, private=bool(why))

    def change(config: Config) -> Config:
        first = config.remote or ("" if why and project.config.remote else name)
        return replace(config, remote=first, remotes={**config.remotes, name: spec})

    update(project, change, private=bool(why))
    return _listed(project, change(project.config), message)


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
        rest = {key: spec for key, spec in config.remotes.items() if key != name}
        return replace(config, remotes=rest, remote="" if config.remote == name else config.remote)

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
