"""``weft pull``: fetch, then checkout."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from weft.objects.catalog import LOCAL
from weft.workflows.checkout import Found, checkout_targets
from weft.workflows.fetch import fetch_what_is_there
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.project import Project, alone
from weft.workflows.results import PullResult
from weft.workflows.selection import Selection, choose
from weft.workflows.targets import broken_by, select, workspace_pointers


def pull(
    project: Project, paths: Sequence[str], options: TransferOptions, checkout_options: CheckoutOptions
) -> PullResult:
    """Fetch what the chosen pointers need, and bring the workspace to the pointers it has now.

    Where the remote lacks some paths the others are written, and ``lacking`` tells of it. With revisions in ``options``
    their data is fetched too. Raises what ``fetch`` and ``checkout`` raise otherwise; after an error in the latter what was
    fetched stays.
    """
    selection = choose(project, paths, replace(options, revs=(), all_commits=False))
    wanted = selection
    if options.revs or options.all_commits:
        wanted = _both(selection, choose(project, paths, options))
    fetched, fault = fetch_what_is_there(project, wanted, options)
    if fault is not None and not fetched.pointers:
        raise fault
    packs = project.catalog.packs(LOCAL).keys()
    with alone(project, "weft pull"):
        targets, broken = select(project, workspace_pointers(project), paths)
        # A collection that ran while this command waited for its turn may have taken some of it.
        known = frozenset(fetched.pointers if packs <= project.catalog.packs(LOCAL).keys() else ())
        here = _found_whole(selection, known)
        done = checkout_targets(project, targets, checkout_options, leftovers=not paths, here=here)
        lacking = () if fault is None else (broken_by(fault.path, fault),)
        return PullResult(fetched, replace(done, broken=broken), lacking)


def _both(here: Selection, others: Selection) -> Selection:
    """The pointers of the workspace, and those of commits that are not among them."""
    pointers, parts = dict(here.pointers), dict(here.parts)
    for label, pointer in others.pointers.items():
        if label not in pointers or pointers[label] != pointer:
            name = label if label not in pointers else f"{label} (another version)"
            pointers[name], parts[name] = pointer, others.parts.get(label)
    return Selection(pointers, parts, here.broken + others.broken)


def _found_whole(selection: Selection, labels: Set[str]) -> Set[Found]:
    """What a fetch of those of ``selection`` with ``labels`` has just proved to be here, object by object.

    Not a directory with files of several chunks: a recipe that was fetched is not proved before somebody reads what it
    rebuilds, and nothing of the directory may be touched before.
    """
    return {
        (pointer.oid, pointer.layout)
        for label, pointer in selection.pointers.items()
        if label in labels and selection.parts.get(label) is None and not (pointer.is_dir and pointer.layout)
    }
