"""``weft push``: make the data of pointers complete on a remote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from weft.model.pointer import Pointer
from weft.objects import upload
from weft.objects.upload import PushOptions
from weft.util.later import later
from weft.workflows.brought import naming_the_commit
from weft.workflows.connect import connection, find_remote, pin
from weft.workflows.look import refuse_unknown
from weft.workflows.options import TransferOptions
from weft.workflows.project import Project
from weft.workflows.results import PushedRoot, PushResult
from weft.workflows.selection import Selection, choose
from weft.workflows.targets import Target
from weft.workflows.trust import is_accepted

if TYPE_CHECKING:
    from weft.workflows import validate_workspace
else:
    validate_workspace = later("weft.workflows.validate_workspace")


def push(
    project: Project, paths: Sequence[str], options: TransferOptions, also: Mapping[str, Pointer] | None = None
) -> PushResult:
    """Push what the chosen pointers need, and those that are asked for ``also``, by a label.

    On return every one of them has a root on the remote and all its packs were seen there. A remote that was never
    reached before is pinned in the configuration. Raises ``NoRemote``, ``ObjectMissing`` and ``NotOnRemote`` naming the
    paths, and network errors.
    """
    chosen = choose(project, paths, options, outside=True)
    if not (options.revs or options.all_commits):
        refuse_unknown(
            project, [Target(path, one, tuple(chosen.parts[path] or ())) for path, one in chosen.pointers.items()]
        )
    chosen = replace(chosen, pointers={**chosen.pointers, **(also or {})})
    with naming_the_commit(project.git, (), ["HEAD"] if not (options.revs or options.all_commits) else ["--all"]):
        result = push_selection(project, chosen, options)
    if not (paths or options.revs or options.all_commits):
        validate_workspace.remind(project, project.progress)
    return replace(result, git_remote=bool(project.git.git("remote").strip()))


def push_selection(project: Project, selection: Selection, options: TransferOptions) -> PushResult:
    """Push pointers that are chosen already. A part of a directory cannot be pushed: its whole pointer is."""
    spec = find_remote(project, options.remote)
    with connection(project, spec, options.jobs, writes=not options.dry_run) as link:
        accepted = not options.dry_run or is_accepted(project, spec)
        done = upload.push(
            link.remote, project.store, selection.pointers, PushOptions(dry_run=options.dry_run), project.progress
        )
        if not options.dry_run and pin(project, spec, link.remote.store_id):
            project.progress.warn(
                f"the store id of the remote {spec.name} is now pinned in the configuration",
                "git commit .weft/config.yaml",
            )
        return PushResult(
            remote=spec.name,
            url=spec.url,
            endpoint=spec.endpoint,
            roots=tuple(PushedRoot(one.path, str(one.oid), one.state, one.size) for one in done.pointers),
            packs=done.packs,
            objects=done.objects,
            sent_bytes=done.sent_bytes,
            requests=link.requests,
            repaired=done.repaired,
            dry_run=options.dry_run,
            broken=selection.broken,
            accepted=accepted,
        )
