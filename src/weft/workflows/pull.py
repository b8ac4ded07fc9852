"""``weft pull``: fetch, then checkout."""

from __future__ import annotations

from collections.abc import Sequence

from weft.workflows.checkout import checkout_targets
from weft.workflows.fetch import fetch_selection
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.project import Project, alone
from weft.workflows.results import CheckoutResult, PullResult
from weft.workflows.selection import choose
from weft.workflows.targets import select, workspace_pointers


def pull(
    project: Project, paths: Sequence[str], options: TransferOptions, checkout_options: CheckoutOptions
) -> PullResult:
    """Fetch what the chosen pointers need, and bring the workspace to the pointers it has now.

    Raises what ``fetch`` and ``checkout`` raise; after an error in the latter what was fetched stays.
    """
    selection = choose(project, paths, options)
    fetched = fetch_selection(project, selection, options)
    if options.dry_run:
        return PullResult(fetched, CheckoutResult(()))
    with alone(project, "weft pull"):
        targets = select(project, workspace_pointers(project), paths)
        here = {pointer.oid for label, pointer in selection.pointers.items() if selection.parts.get(label) is None}
        done = checkout_targets(project, targets, checkout_options, leftovers=not paths, here=here)
        return PullResult(fetched, done)
