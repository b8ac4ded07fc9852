"""``weft checkout``: make the workspace match the pointers, or take pointers and data from a revision."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from weft.errors import NoSuchRevision, NotTracked, ObjectMissing, RefusedInput, quoted
from weft.formats import pointer as pointer_format
from weft.gitio import trees
from weft.gitio.ignore import ensure_ignored
from weft.gitio.staging import stage
from weft.model.config import AUTO, LINK_FROM
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.ingest import ingest
from weft.objects.store import LocalStore
from weft.util.dirfd import write_below
from weft.util.later import later
from weft.workflows.add import publish
from weft.workflows.fetch import fetch_selection
from weft.workflows.files import tidy
from weft.workflows.look import find_entry
from weft.workflows.made_from import note_parts
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.project import Project, alone
from weft.workflows.results import CheckoutResult
from weft.workflows.selection import Selection
from weft.workflows.status import scan_target
from weft.workflows.take import Draft, rewritten
from weft.workflows.targets import (
    Pointers,
    Target,
    broken_of,
    left_out_data,
    merge,
    pick,
    pointer_path,
    read_pointer,
    refuse_left_out,
    repo_path,
    revision_pointers,
    select,
    workspace_pointers,
)
from weft.workspace.linked import note_links
from weft.workspace.linking import LinkChoice, Linker, settle
from weft.workspace.materialize import materialize
from weft.workspace.names import join_path
from weft.workspace.plan import Plan
from weft.workspace.plan_checkout import CheckoutRequest, plan_checkout
from weft.workspace.saved import Saved
from weft.workspace.scan import scan_tree
from weft.workspace.walk import manifest_reader

if TYPE_CHECKING:
    import difflib
else:
    difflib = later("difflib")

Found = tuple[Oid, Oid | None]
"""Data that is here whole: the oid of a pointer, and its layout."""

_PLAINLY = CheckoutOptions()


@dataclass(slots=True)
class _Planned:
    """Plans of several tracked paths, made before anything is touched."""

    plans: dict[str, Plan] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


def checkout(project: Project, rev: str | None, paths: Sequence[str], options: CheckoutOptions) -> CheckoutResult:
    """Bring tracked data to what its pointers say.

    With ``rev`` the pointers are taken from that revision, of parts of a directory only these parts, and data that is not
    here is fetched. Everything is planned before anything is touched. Raises ``UnsavedChanges`` naming files whose bytes no
    store holds, and what planning and writing raise.
    """
    with alone(project, "weft checkout"):
        if rev is None:
            targets, broken = select(project, workspace_pointers(project), paths)
            return replace(checkout_targets(project, targets, options, leftovers=not paths), broken=broken)
        return _from_revision(project, rev, paths, options)


def checkout_targets(
    project: Project,
    targets: Sequence[Target],
    options: CheckoutOptions,
    *,
    leftovers: bool = False,
    here: Set[Found] = frozenset(),
) -> CheckoutResult:
    """Check out pointers that are chosen. With ``leftovers`` data whose pointer is gone from Git goes too, if saved and if
    all pointers can be read: a broken one may be what the gone one was renamed to.

    What is in ``here`` was found whole in the local store a moment ago: it is not looked up again, object by object.
    """
    planned = _plan(project, targets, options, here)
    if leftovers:
        for path in without_pointer(project, workspace_pointers(project)):
            planned.plans[path] = plan_one(project, path, None, None, options)
    return carry_out(project, planned.plans, planned.absent, options)


def without_pointer(project: Project, now: Pointers) -> Iterator[str]:
    """Paths with data of weft whose pointer is gone from Git; none while one of ``now``, those of the work tree, is broken:
    it may be what the gone one was renamed to."""
    for path in sorted(project.cache.tracked_paths().keys() - now.keys() if not now.broken else ()):
        if not trees.is_tracked(project.git, path):
            yield path


def _resolve(project: Project, rev: str) -> str:
    """The commit that ``rev`` names. Raises ``NoSuchRevision``, which knows that a path may have been meant."""
    try:
        return trees.resolve(project.git, rev)
    except NoSuchRevision as error:
        try:
            path = repo_path(project, rev)
        except RefusedInput:
            path = ""
        refuse_left_out(project, rev, path)
        near = difflib.get_close_matches(rev, list(workspace_pointers(project)), 1)
        hint = f"did you mean {near[0]}?" if near else f"{error.hint}; weft ls lists what is tracked"
        raise NoSuchRevision(f"{rev!a} is neither a revision nor a tracked path", hint=hint) from None


def _from_revision(project: Project, rev: str, paths: Sequence[str], options: CheckoutOptions) -> CheckoutResult:
    commit = _resolve(project, rev)
    there = revision_pointers(project, commit)
    asked = [repo_path(project, text) for text in paths] or [""]
    for left in left_out_data(project):  # only those that are named themselves come into the work tree
        if not any(path == left or path.startswith(left + "/") for path in asked):
            there.pop(left, None)
    targets = merge(found for path in asked for found in pick(there, path))
    for text, path in zip(paths, asked, strict=False):
        if not pick(there, path):
            refuse_left_out(project, text, path)
            there.refuse(path)
            raise NotTracked(f"{text} is not tracked in {rev}", hint=f"weft ls {quoted(rev)}:", path=text)
    selection = Selection({t.path: t.pointer for t in targets}, {t.path: t.subpaths for t in targets})
    planned = _plan(project, targets, options)
    if options.dry_run:
        return carry_out(project, planned.plans, planned.absent, options)
    if planned.absent:
        # Only what the plan lacks decides: most of another version is usually in the workspace already.
        fetch_selection(project, selection, TransferOptions())
        planned = _plan(project, targets, options)
    if planned.absent:
        raise ObjectMissing(
            f"the data of {', '.join(planned.absent)} is not here", hint=f"weft fetch --rev {quoted(rev)}"
        )
    drafts = _with_parts(project, targets)
    result = carry_out(project, planned.plans, planned.absent, options)
    staging = project.config.stages if options.stage is None else options.stage
    for draft in drafts:
        publish(project, draft, staging=staging)
    for target in targets:
        if target.subpaths is None:
            _take_pointer(project, target, staging=staging)
    tidy(os.path.join(project.root, target.path) for target in targets)
    return replace(result, broken=broken_of(there, asked))


def _with_parts(project: Project, targets: Sequence[Target]) -> list[Draft]:
    """The pointers of the work tree with the parts that ``targets`` name as those have them.

    Raises ``NoSuchPath`` for a part that is not in that version. Where the work tree tracks no such directory, only the
    files are taken.
    """
    drafts: list[Draft] = []
    for target in targets:
        entries = {sub: find_entry(project, target.pointer, sub) for sub in target.subpaths or ()}
        current = read_pointer(project, target.path) if entries else None
        if current is not None and current.is_dir:
            layouts = (target.pointer.layout,)
            drafts.append(rewritten(project, target.path, current, entries, {}, layouts))
    return drafts


def _take_pointer(project: Project, target: Target, *, staging: bool) -> None:
    """Write the pointer of another revision into the work tree, as ``git checkout REV -- PATH`` does."""
    name = pointer_path(target.path)
    write_below(project.root, name, pointer_format.encode(target.pointer))
    ignored = ensure_ignored(project.git, os.path.dirname(name), [target.pointer.path])
    if staging:
        stage(project.git, [name, ignored] if ignored else [name])


# --- planning ---


def _plan(
    project: Project, targets: Sequence[Target], options: CheckoutOptions, here: Set[Found] = frozenset()
) -> _Planned:
    planned = _Planned()
    for target in targets:
        try:
            known = (target.pointer.oid, target.pointer.layout) in here
            plan = plan_one(project, target.path, target.pointer, target.subpaths, options, here=known)
            if plan.absent:
                planned.absent.append(target.path)
            else:
                planned.plans[target.path] = plan
        except ObjectMissing:
            planned.absent.append(target.path)
    return planned


def plan_one(
    project: Project,
    path: str,
    pointer: Pointer | None,
    subpaths: Sequence[str] | None,
    options: CheckoutOptions,
    *,
    here: bool = False,
    verb: str = "checkout",
) -> Plan:
    """Plan to bring ``path``, or its ``subpaths``, to ``pointer`` (None: it is tracked no longer). Touches nothing.

    With ``here`` nobody asks whether the local store holds what will be written. ``verb`` is named in messages.
    """
    state = project.cache.load(path)
    relink = None
    if options.link:
        choice, _ = settle(_choice(project, options.link), project.store, project.root)
        relink = Linker(*choice, project.store, project.store.layout(None)).differs
        for row in state.rows.values():
            row.manifest = b""  # no directory is passed over
    scan = scan_tree(project.root, path, state=state)
    delete = _not_ignored(project, Target(path, pointer)) if options.delete and pointer is not None else None
    # Only the local store counts: what a remote's index says it holds is a claim, and nothing is replaced on a claim.
    view = project.store.layout(pointer.layout if pointer else None)
    absent = None if here else partial(Saved(project.store).absent, layout=view, path=path)
    unsaved = Saved(project.store, relying=True).unsaved
    request = CheckoutRequest(
        pointer, unsaved, subpaths, options.force, absent, relink=relink, delete=delete, verb=verb
    )
    return plan_checkout(scan, request, manifest_reader(project.store, pointer.layout if pointer else None))


def _not_ignored(project: Project, target: Target) -> Callable[[str, str], bool]:
    """Tells of an entry of a tracked directory whether no rule leaves it out."""
    ignored = {name.rstrip("/") for name in scan_target(project, target).ignored}

    def counts(directory: str, name: str) -> bool:
        path = join_path(directory, name)
        return not any(path[:at] in ignored for at in range(1, len(path) + 1) if path[at : at + 1] in ("", "/"))

    return counts


# --- carrying out ---


def carry_out(
    project: Project, plans: Mapping[str, Plan], absent: Sequence[str] = (), options: CheckoutOptions = _PLAINLY
) -> CheckoutResult:
    """Do what ``plans`` (by tracked path) say, after the bytes that force replaces are safe in the store.

    Of ``options`` only ``link`` and ``dry_run`` count.
    """
    if options.dry_run:
        steps = plans.values()
        files, size = sum(plan.files for plan in steps), sum(plan.size for plan in steps)
        removed, unchanged = sum(plan.removed for plan in steps), sum(plan.unchanged for plan in steps)
        return CheckoutResult(tuple(plans), files, removed, unchanged, size, (), tuple(absent), dry_run=True)
    saved = save_replaced(project.store, plans)
    choice, why = settle(_choice(project, options.link), project.store, project.root)
    if why and any(plan.files for plan in plans.values()):
        project.progress.warn(why)
    note_links(project.store, project.root, plans, choice.kind)
    files = size = removed = unchanged = 0
    for path, plan in plans.items():
        reader = plan.read or manifest_reader(project.store, plan.pointer.layout if plan.pointer else None)
        done = materialize(plan, project.store, reader, project.cache, progress=project.progress, link=choice)
        files, size = files + done[0], size + done[1]
        removed, unchanged = removed + plan.removed, unchanged + plan.unchanged
        note_parts(project, plan)
        if plan.pointer is None:
            project.cache.forget(path)
    return CheckoutResult(tuple(plans), files, removed, unchanged, size, tuple(saved), tuple(absent))


def save_replaced(store: LocalStore, plans: Mapping[str, Plan]) -> list[tuple[str, str]]:
    """Put the bytes that force replaces, of a link its target, into the store, and make them durable, before anything is
    replaced; each path with the oid of what it held."""
    files = [file._replace(key=(path, file.key)) for path, plan in plans.items() for file in plan.save]
    links = [((path, key), target) for path, plan in plans.items() for key, target in plan.save_links.items()]
    if not files and not links:
        return []
    with store.writer() as writer:
        found = [(read.key, read.oid) for read in ingest(writer, files)]
        found += [(key, writer.add_object(Kind.CHUNK, target)) for key, target in links]
    saved = []
    for key, oid in found:
        path, (directory, name) = cast("tuple[str, tuple[str, str]]", key)
        saved.append((path if name == "/" else join_path(path, join_path(directory, name)), str(oid)))
    return sorted(saved)


def _choice(project: Project, link: str) -> LinkChoice:
    return LinkChoice(link or project.config.link or AUTO, project.config.link_from or LINK_FROM)
