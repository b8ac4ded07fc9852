"""``weft gc --on-remote``: collect what no root of any repository needs, in two runs."""

from __future__ import annotations

from contextlib import suppress
from shlex import quote

from weft.errors import GcRefused, GitFailed, NoRemote
from weft.gitio.branches import unknown_branch, unknown_run
from weft.gitio.partial import is_partial
from weft.gitio.repo import FETCHED
from weft.gitio.shared import SHARED, git_remote
from weft.gitio.versions import cut_commits
from weft.objects.gc_forget import forget_roots
from weft.objects.gc_remote import GRACE, CollectOptions, collect
from weft.workflows.connect import Connection, connection, find_remote
from weft.workflows.gc_results import Dropped, RemoteGcResult
from weft.workflows.gc_roots import local_roots, shared_roots
from weft.workflows.options import RemoteGcOptions
from weft.workflows.project import Project

_DAY = 86400.0
_SURE = "weft gc --on-remote --drop-roots DAYS --whole-clone, if you know that this clone has all branches and tags"


def gc_remote(project: Project, options: RemoteGcOptions) -> RemoteGcResult:
    """Delete what an earlier run condemned and nobody needs, then condemn what nobody needs now.

    With ``drop_roots`` the roots of this repository go first that nothing in this clone leads to and that are so many days
    old; its Git remotes are asked whether the clone knows all their branches. Raises ``NoRemote``, ``GcRefused``,
    ``ClockSkew``, and what ``objects.gc_remote.collect`` raises.
    """
    spec = find_remote(project, options.remote)
    if not spec.store:
        raise NoRemote(f"nothing was ever pushed to {spec.name} from here", hint="weft push")
    with connection(project, spec, writes=True) as link:
        dropped = _drop_roots(project, link, options) if options.drop_roots is not None else ()
        done = collect(
            link.remote,
            project.store,
            spec.store,
            CollectOptions(dry_run=options.dry_run, most=options.most, repack=options.repack),
            project.progress,
        )
    return RemoteGcResult(
        remote=spec.name,
        url=spec.url,
        packs=tuple(Dropped(one.pack.hex(), one.size, one.fate) for one in done.fates),
        roots=dropped,
        total_packs=done.packs,
        total_size=done.size,
        segments=done.segments,
        sessions=done.sessions,
        copied=done.copied,
        grace_hours=int(GRACE // 3600),
        dry_run=options.dry_run,
    )


def _drop_roots(project: Project, link: Connection, options: RemoteGcOptions) -> tuple[str, ...]:
    if cut_commits(project.git):
        raise GcRefused("this clone is shallow and does not know all of history", hint="git fetch --unshallow")
    if not options.whole_clone:
        _refuse_ignorant(project)
    roots = local_roots(project)
    if roots.lost:
        raise GcRefused(
            f"the work tree {roots.lost[0]} is not there, and nobody knows what only its files name",
            hint=f"git worktree remove -f -f {quote(roots.lost[0])}, if it is gone for good",
        )
    keep = {start.oid.hex() for start in (*roots.starts, *shared_roots(project))}
    return forget_roots(link.remote, keep, (options.drop_roots or 0) * _DAY, most=options.most, dry_run=options.dry_run)


def _refuse_ignorant(project: Project) -> None:
    """Refuse where a branch may lead to data and this clone does not know it. Raises ``GcRefused``."""
    if is_partial(project.git):
        raise GcRefused(
            "this clone is partial: Git has left parts of history on its remote", hint=f"{_SURE}; best is a full clone"
        )
    try:
        unknown = unknown_branch(project.git)
        run = unknown_run(project.git)
    except GitFailed as error:
        raise GcRefused(f"whether this clone knows all branches cannot be told: {error.message}", hint=_SURE) from error
    if unknown is not None:
        fetch = f"git fetch --tags {quote(unknown.remote)}"
        raise GcRefused(
            f"this clone does not know {unknown.ref} of the Git remote {unknown.remote}, so data of it could go",
            hint=fetch if unknown.followed else f"git remote set-branches {unknown.remote} '*' && {fetch}",
        )
    if run is not None:
        raise GcRefused(
            f"this clone does not know {run.ref} of the Git remote {run.remote}, so data of a shared run could go",
            hint=_to_fetch(project, run.remote),
        )


def _to_fetch(project: Project, remote: str) -> str:
    """What brings the runs that are shared through a Git remote, which may be another one than this clone shares through."""
    with suppress(GitFailed):
        if git_remote(project.git) == remote:
            return "weft fetch --runs"
    return f"git fetch {quote(remote)} {quote(f'+{SHARED}*:{FETCHED}{remote}/*')}"
