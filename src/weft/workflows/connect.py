"""Opening the remote that a verb talks to: the one way to a storage, behind the gate of ``trust``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from weft.errors import BucketMissing, IntegrityError, NoRemote, WeftError
from weft.gitio.trees import left_out
from weft.model.config import Config
from weft.model.paths import CONFIG_PATH
from weft.model.remote import RemoteSpec
from weft.objects.remote import RemoteStore
from weft.storage.locate import open_storage
from weft.storage.places import check_writable
from weft.storage.wrappers import CountingStorage
from weft.workflows.config import update
from weft.workflows.directories import check_remote
from weft.workflows.project import Project
from weft.workflows.trust import admit, note_store, refuse_private_only

JOBS = 8


@dataclass(frozen=True, slots=True)
class Connection:
    """A remote that is open: how it is configured, the store behind it, and the counts of what went over the wire."""

    spec: RemoteSpec
    remote: RemoteStore
    traffic: CountingStorage

    @property
    def requests(self) -> int:
        """Calls made so far."""
        return sum(self.traffic.requests.values())

    @property
    def received(self) -> int:
        """Bytes received so far."""
        return sum(self.traffic.received.values())

    @property
    def sent(self) -> int:
        """Bytes sent so far."""
        return sum(self.traffic.sent.values())


def find_remote(project: Project, name: str = "") -> RemoteSpec:
    """The remote called ``name``; without a name the default one, or the only one. Raises ``NoRemote``."""
    remotes = project.config.remotes
    wanted = name or project.config.remote or (next(iter(remotes)) if len(remotes) == 1 else "")
    if wanted and wanted in remotes:
        return remotes[wanted]
    if wanted:
        raise NoRemote(f"there is no remote called {wanted!a}", hint="weft remote list")
    if remotes:
        raise NoRemote("there are several remotes and none is the default", hint="weft remote default NAME")
    raise NoRemote("no remote is configured", hint="weft remote add origin URL")


@contextmanager
def connection(project: Project, spec: RemoteSpec, jobs: int = 0, *, writes: bool = False) -> Iterator[Connection]:
    """Open the storage of ``spec``, for reading unless ``writes``; nothing is asked of it yet. Closes it on leaving.

    Raises what ``trust.admit`` raises where this clone may not use the place.
    """
    refuse_private_only(spec)
    check_remote(project.git, spec.url)
    if writes:
        check_writable(spec.url)
    access = admit(project, spec, writes=writes)
    workers = jobs or project.config.jobs or JOBS
    storage = open_storage(
        replace(spec, url=access.url), base_dir=project.root, workers=workers, anonymous=access.anonymous
    )
    traffic = CountingStorage(storage, writes=writes)
    try:
        remote = RemoteStore(traffic, project.catalog, project.config.repo, access.store, jobs=workers)
        yield Connection(spec, remote, traffic)
    except BucketMissing as error:
        if access.store:  # what is said of a place where nothing was yet would be false
            error.hint = (
                "its store was there once, so it is gone or elsewhere: check the disk or the account; if it moved:"
                f" weft remote set-url {spec.name} URL"
            )
        raise
    except IntegrityError as error:
        say_how_to_mend(error, spec)
        raise
    finally:
        traffic.close()


def say_how_to_mend(error: WeftError, spec: RemoteSpec) -> None:
    """Have the error about bytes of a remote, of which nothing was used, name the command that mends it there."""
    if isinstance(error, IntegrityError) and not error.hint:
        error.hint = (
            "nothing of it was used; in a clone that has the data, this mends it:"
            f" weft verify --remote {spec.name} --sample 100% --repair"
        )


def pin(project: Project, spec: RemoteSpec, store: str) -> bool:
    """Write the store id of a remote into the file that configures it. True when it was not there yet."""
    if not spec.private:
        note_store(project, spec, store)
    if spec.store:
        return False

    def change(config: Config) -> Config:
        known = config.remotes.get(spec.name)
        if known is None:
            return config
        return replace(config, remotes={**config.remotes, spec.name: replace(known, store=store)})

    if not spec.private and left_out(project.git, CONFIG_PATH):
        project.progress.warn(
            f"the store id of the remote {spec.name} is not pinned: a sparse checkout leaves {CONFIG_PATH} out",
            "git sparse-checkout add .weft, then weft push",
        )
        return False
    return update(project, change, private=spec.private)
