"""What a stage reads of that which Git keeps: files below its dependencies, what links lead to, submodules.

One answer for the work tree before a run, for a commit that is judged, and for one that is asked about: they differ only in
the files that they list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from weft.gitio.index import LINK, SUBMODULE
from weft.gitio.trees import is_pointer
from weft.model.pointer import SUFFIX
from weft.model.stage import Stage
from weft.pipeline.fingerprint import is_at_or_below

_NOT_CODE = (".gitignore", ".weftignore")
_MODES = {"100755": "x", LINK: "link", SUBMODULE: "submodule"}
_MOST_LINKS = 40


class Listing(Protocol):
    """The files of one state of a repository, by path from its root."""

    def at_or_below(self, top: str) -> Iterable[str]:
        """The files, links and submodules at ``top`` or inside it, sorted."""

    def mode(self, path: str) -> str:
        """The mode of what Git has at ``path``, six octal digits; empty when there is nothing."""

    def link(self, path: str) -> str:
        """What the link at ``path`` holds."""


class Leads(NamedTuple):
    """A link among the code, and where it leads: to ``target``, where nobody keeps anything, or, with ``fault``, to where no
    link of a dependency may lead."""

    link: str
    target: str
    fault: str = ""


class Reading(NamedTuple):
    """What is read: ``code`` are paths that Git keeps, ``data`` tracked paths below plain directories; ``leads`` are links
    that lead to neither, ``tops`` the paths at or below which all this lies."""

    code: set[str]
    data: set[str]
    leads: list[Leads]
    tops: list[str]


def kept_text(mode: str, blob: str) -> str:
    """What Git keeps at a path, in one word or two: its id, and before that what it is if it is no plain file."""
    word = _MODES.get(mode, "")
    return f"{word} {blob}" if word else blob


def is_no_code(path: str) -> bool:
    """True for what says what Git and weft keep; a dependency only where it is named by itself."""
    return path.rpartition("/")[2] in _NOT_CODE or is_pointer(path)


def read_by(stage: Stage, files: Listing, owner: Callable[[str], str], more: Sequence[str] = ()) -> Reading:
    """What ``stage`` reads of ``files``; ``more`` are files that count as its code without being among its dependencies.

    ``owner`` gives the tracked path that a path is or lies in, empty when there is none.
    """
    found = Reading(set(), set(), [], [])
    queue = [(path, "") for path in (*stage.deps, *more) if not owner(path)]
    tops: set[str] = set()
    listed: set[str] = set()
    for top, link in queue:
        if top in tops:
            continue
        tops.add(top)
        names = list(files.at_or_below(top))
        if link and not names:
            found.leads.append(Leads(link, top))
        for name in names:
            if name in listed:
                continue
            if name != top and is_pointer(name):
                path = name.removesuffix(SUFFIX)
                if link and not _declared(stage, path):
                    found.leads.append(Leads(link, top, f"to {path}, tracked data that is no dependency of the stage"))
                found.data.add(path)
            elif name == top or not is_no_code(name):
                listed.add(name)
                if files.mode(name) == LINK:
                    queue += [(target, name) for target in _followed(name, stage, files, owner, found)]
    found.code.update(listed)
    found.tops.extend(tops)
    found.data.intersection_update([path for path in found.data if _declared(stage, path)])
    return found


def _declared(stage: Stage, path: str) -> bool:
    return any(is_at_or_below(path, dep) for dep in stage.deps)


def _followed(link: str, stage: Stage, files: Listing, owner: Callable[[str], str], found: Reading) -> list[str]:
    """Where the ``link`` leads, if that is to be listed as well; the links on the way there are code too."""
    at = link.split("/")[:-1]
    left = files.link(link).split("/")
    if left[0] == "":
        found.leads.append(Leads(link, "", "out of the repository"))
        return []
    hops = 0
    while left:
        part = left.pop(0)
        if part == ".." and not at:
            found.leads.append(Leads(link, "", "out of the repository"))
            return []
        if part == "..":
            at.pop()
        elif part not in ("", "."):
            at.append(part)
            here = "/".join(at)
            mode = files.mode(here)
            if mode == SUBMODULE:
                return [here]
            if mode == LINK:
                found.code.add(here)
                at.pop()
                left = [*files.link(here).split("/"), *left]
                hops += 1
                if hops > _MOST_LINKS or left[0] == "":
                    fault = "around in a circle" if left[0] else "out of the repository"
                    found.leads.append(Leads(link, "", fault))
                    return []
    target = "/".join(at)
    if any(is_at_or_below(target, dep) for dep in stage.deps):
        return []  # listed anyway
    known = owner(target) if target else ""
    if known:
        found.leads.append(Leads(link, target, f"to {known}, tracked data that is no dependency of the stage"))
    elif not target or is_at_or_below(link, target):
        found.leads.append(Leads(link, target, "to a directory that it lies in itself"))
    else:
        return [target]
    return []
