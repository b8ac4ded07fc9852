"""What ``weft doctor`` sees of a project in Git: a merge half done, hooks, attributes, the clock, pointers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

from weft.errors import WeftError, quoted
from weft.gitio import trees
from weft.gitio.clone_config import section_values
from weft.gitio.halfway import halfway
from weft.gitio.hooks import EDITED, HOOKS, hook_place, hook_state, our_hook
from weft.gitio.repo import GitRepo
from weft.model.pointer import Pointer
from weft.util.humanize import count_text, duration_text
from weft.util.progress import SilentProgress
from weft.workflows.attributes import ATTRIBUTES
from weft.workflows.files import read_small
from weft.workflows.next_step import following
from weft.workflows.old_hooks import read_hook
from weft.workflows.others_hooks import entries_run, folder_of_user, lines_to_add
from weft.workflows.own_code import first_inside
from weft.workflows.project import Project
from weft.workflows.results import Probe
from weft.workflows.targets import data_path, overlaps, read_pointer

_LIMIT = 1 << 20
_AHEAD = 300.0


def merge(git: GitRepo) -> Iterator[Probe]:
    """Work of Git's that is half done; nothing when there is none."""
    if now := halfway(git):
        hint = f"{following(git, SilentProgress())}; or {now.abort}"
        yield Probe("merge", "warn", f"{now.words} is in progress: pointers may hold conflicts until it is done", hint)


def attributes(git: GitRepo) -> Iterator[Probe]:
    """The lines of ``.gitattributes`` that are missing; nothing when none is."""
    data = read_small(os.path.join(git.root, ".gitattributes"), _LIMIT) or b""
    there = {line.strip() for line in data.decode("utf-8", "replace").splitlines()}
    missing = [line for line in ATTRIBUTES if line not in there]
    if missing:
        what = "Git may change line ends of pointers, and merges and shows them as plain text"
        lines = f".gitattributes lacks {count_text(len(missing), 'line')} of weft's ({missing[0]}): {what}"
        yield Probe("attributes", "warn", lines, "weft install, or weft init")


def hooks(git: GitRepo) -> Iterator[Probe]:
    """Whether Git's hooks and drivers are there and call a weft that is there."""
    place = hook_place(git)
    ours = [path for path in (our_hook(place, name) for name in HOOKS) if path]
    edited = [name for name in HOOKS if hook_state(os.path.join(place.path, name)) == EDITED]
    through, absent = entries_run(git.root, place)
    to_add = [] if place.own else lines_to_add(place)
    if through:
        how, hint = "through the pre-commit program", "weft install --pre-commit-tool"
        bad = [f"the pre-commit program is not installed for {', '.join(absent)}"] if absent else []
        hint = f"pre-commit install{''.join(f' -t {name}' for name in absent)}" if absent else hint
    elif not place.own and len(to_add) < len(HOOKS):
        how, hint = f"those in {folder_of_user(place)} run weft", "weft install"
        bad = [f"they do not run weft: {', '.join(one.path for one in to_add)}"] if to_add else []
    elif ours or edited:
        how, hint = (
            f"{count_text(len(ours), 'hook')} installed",
            "weft install (an edited hook has to be deleted first)",
        )
        missing = [name for name in HOOKS if name not in edited and not our_hook(place, name)]
        bad = [f"not installed: {', '.join(missing)}"] if missing else []
    else:
        yield Probe("hooks", "note", "not installed: data does not follow Git by itself here", "weft install")
        return
    bad += [f"edited: {', '.join(edited)}"] if edited else []
    bad += _bad_programs(git, ours)
    if not section_values(git, "merge.weft-pointer"):
        bad.append("the merge drivers are not configured")
    yield Probe("hooks", "warn", "; ".join(bad), hint) if bad else Probe("hooks", "ok", how)


def _bad_programs(git: GitRepo, ours: Sequence[str]) -> list[str]:
    """The first thing that is wrong with what our hooks start."""
    for path in ours:
        program, old = read_hook(path)
        gone = [one for one in program if one and not os.path.exists(one)]
        if gone:
            return [f"they call a weft that is not there any more: {gone[0]}"]
        if inside := first_inside(git, filter(None, program)):
            return [f"they run what lies in a work tree, where a branch can put other code: {inside}"]
        if old:
            return [old]
    return []


def clock(git: GitRepo) -> Iterator[Probe]:
    """A clock that is behind the last commit; nothing when it is not."""
    done = git.run("log", "-1", "--format=%ct")
    text = done.stdout.strip()
    ahead = int(text) - time.time() if done.returncode == 0 and text.isdigit() else 0.0
    if ahead > _AHEAD:
        words = f"the last commit is {duration_text(ahead)} in the future: this clock is wrong, or its author's was"
        yield Probe("clock", "warn", words, "set this machine's clock; weft goes by ages when it cleans up")


def pointers(project: Project) -> tuple[dict[str, Pointer], list[Probe]]:
    """The pointers that can be read, and a probe for each that cannot."""
    found: dict[str, Pointer] = {}
    probes: list[Probe] = []
    strange: set[str] = set()
    for name, how in trees.pointer_files(project.git).items():
        if how == trees.UNKNOWN:
            strange.add(data_path(name))
        try:
            pointer = read_pointer(project, data_path(name))
            if pointer is not None:
                found[data_path(name)] = pointer
            elif how != trees.LEFT_OUT and not os.path.lexists(os.path.join(project.root, name)):
                probes.append(
                    Probe(
                        "pointers",
                        "warn",
                        f"{name} is deleted, and Git still has it",
                        f"git restore {quoted(name)}, or weft rm",
                    )
                )
        except WeftError as error:
            hint = error.hint or f"git restore {quoted(name)}, or git log -- {quoted(name)} for an older one"
            probes.append(Probe("pointers", "fail", f"{name} cannot be read: {error.message} ({error.code})", hint))
    for overlap in dict.fromkeys(overlaps(found, strange).values()):
        probes.append(Probe("pointers", "fail", f"{overlap.message} ({overlap.code})", overlap.hint))
    return found, probes or [Probe("pointers", "ok", count_text(len(found), "pointer"))]
