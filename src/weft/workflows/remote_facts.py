"""What remotes are seen to hold, for verbs that drop local bytes on their word."""

from __future__ import annotations

from collections.abc import Iterator, Set

from weft.errors import EnvironmentFault, HashMismatch, RefusedInput, WeftError
from weft.gitio.repo import GitRepo
from weft.model.oid import Oid
from weft.model.remote import RemoteSpec
from weft.objects.gc_proof import RemoteFacts, look, read_back
from weft.workflows.connect import connection, find_remote
from weft.workflows.directories import overlap
from weft.workflows.project import Project
from weft.workflows.trust import is_accepted

ROOM = 256 << 20
"""Bytes that a command reads from one remote, at most, to prove what it drops."""


class Remotes:
    """The remote called ``name``, or all that were pushed to before, the default one first. Each is asked at the first use,
    and once.

    The word of a remote counts only where the user of this clone has accepted it, for a commit may name any place, and
    where it lies apart from the local store, for what goes there goes from it too.
    """

    def __init__(self, project: Project, name: str) -> None:
        remotes = project.config.remotes
        chosen = [find_remote(project, name).name] if name else list(remotes)
        chosen.sort(key=lambda one: one != project.config.remote)
        known = [one for one in chosen if remotes[one].store]
        self._project = project
        self._strange = [one for one in known if not is_accepted(project, remotes[one])]
        self._inside = [one for one in known if _is_inside(project.git, project.store.root, remotes[one])]
        self._names = [one for one in known if one not in (*self._strange, *self._inside)]
        self._found: dict[str, RemoteFacts] = {}
        self._proved: set[Oid] = set()
        self._false: set[str] = set()
        self._silent: dict[str, EnvironmentFault] = {}

    def __iter__(self) -> Iterator[tuple[str, RemoteFacts]]:
        """The name of each remote, and what it holds. One that does not answer proves nothing, which stops none of the
        others. Raises its error where no remote answers."""
        for name in self._names:
            if name in self._false or name in self._silent:
                continue
            if name not in self._found:
                try:
                    with connection(self._project, find_remote(self._project, name)) as link:
                        self._found[name] = look(link.remote)
                except EnvironmentFault as error:
                    self._silent[name] = error
                    continue
            yield name, self._found[name]
        if self._silent and not self._found:
            raise next(iter(self._silent.values()))

    def facts(self) -> list[RemoteFacts]:
        """What each of them holds."""
        return [found for _, found in self]

    def uncounted(self) -> tuple[str, ...]:
        """A sentence for each remote whose word does not count."""
        strange = (
            f"{name} is not accepted in this clone, so it proves nothing (weft remote trust {name})"
            for name in self._strange
        )
        inside = (f"{name} is in one place with the local store, so it proves nothing" for name in self._inside)
        silent = (f"{name} did not answer: {error.message}" for name, error in self._silent.items())
        return (*strange, *inside, *silent)

    def trusting(self) -> str:
        """What makes the word of the first one count; empty where nothing would."""
        return f"weft remote trust {self._strange[0]}" if self._strange else ""

    def prove(self, packs: Set[Oid] = frozenset(), objects: Set[Oid] = frozenset()) -> bool:
        """Read what ``packs`` of the local store hold, and ``objects``, from the remotes: the whole of it, or where it is
        much, as much of it as there is ``ROOM`` for. What was proved before is not read again.

        False where a remote had other bytes than it says and another one has the right ones: the word of the first counts no
        longer, so what was planned on it has to be planned again.

        Raises ``HashMismatch`` for what no remote has the right bytes of, and network errors.
        """
        left = set(objects)
        for pack in packs:
            info = self._project.catalog.pack_frames(pack)
            left.update(frame.oid for frame in info.frames) if info else None
        left -= self._proved
        wanted, bad = set(left), set[Oid]()
        fault: WeftError | None = None
        at = ""
        for name, facts in self:
            if not left:
                break
            with connection(self._project, find_remote(self._project, name)) as link:
                read = read_back(link.remote, facts, left, ROOM)
            left = (left - read.there) | read.bad
            bad = (bad - read.there) | read.bad
            if read.fault:
                self._false.add(name)
                fault, at = (fault, at) if fault else (read.fault, name)
        if bad and fault:
            raise HashMismatch(
                f"the remote {at} has other bytes than it says, so nothing is dropped: {fault.message}",
                hint=f"weft verify --remote {at} --sample 100% --repair",
                path=fault.path,
            )
        if fault is None:
            self._proved |= wanted
        else:  # what else came from there is to be read elsewhere
            self._project.progress.warn(
                f"the remote {at} has other bytes than it says: {fault.message}",
                f"weft verify --remote {at} --sample 100% --repair",
            )
        return fault is None


def _is_inside(git: GitRepo, store: str, spec: RemoteSpec) -> bool:
    try:
        return overlap(git.root, store, spec.url)
    except RefusedInput:
        return True
