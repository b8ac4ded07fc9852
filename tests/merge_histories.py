"""Random histories of merges, rebases, cherry-picks and octopus merges by the real Git, beside an oracle on trees.

The oracle knows what the tracked directory ``data`` and the tracked file ``one`` hold at every commit, as plain nested
dictionaries, and merges those by the rules of ``docs/guide/merging.md``. Git is asked for what is Git's own (which commits
are the merge bases, at which commit a rebase stops). After each step the pointers of HEAD, the work tree and every conflict
that is named must be the oracle's. Each conflict is settled by ``weft resolve``, file by file or at once, and nothing of
what one side alone did may be lost by that.

Use: ``python tests/merge_histories.py COUNT [FIRST_SEED] [WORKERS]``. It ends with 1 on a finding.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from kit import BASE_ENV, Ran, Repo
from weft.errors import WeftError
from weft.formats import pointer as pointer_format
from weft.model.entry import DIR, EXEC
from weft.model.oid import Oid
from weft.workflows.add import add
from weft.workflows.checkout import checkout
from weft.workflows.options import AddOptions, CheckoutOptions
from weft.workflows.project import Project, open_project
from weft.workflows.resolve import Left, resolve
from weft.workspace.walk import manifest_reader

NAMES = ("a", "b", "c", "sub/a", "sub/b", "sub/deep/a", "sub/deep/b", "c/under")
"""The last one meets the file ``c``."""
WORDS = tuple(f"{word}\n".encode() for word in ("zero", "red", "green", "blue", "white", "black"))
STEPS = 14

# --- trees -----------------------------------------------------------------------------------------------------------

File = tuple[bytes, bool]
"""Bytes, and whether it is executable."""
Dict = dict[str, Any]
Node = File | Dict | None
OPEN: File = (b"?", False)
"""In a base that is itself a merge: what no side has."""
Conflicts = dict[str, str]
Settle = Mapping[str, str]
"""Sides by path in conflict."""


@dataclass(frozen=True)
class Tree:
    """What a commit holds: the directory ``data``, and the file ``one`` (None: not tracked)."""

    data: Dict
    one: File | None


def merge_node(
    base: Node, ours: Node, theirs: Node, place: str, open_at: list[str], settle: Settle, virtual: bool
) -> Node:
    """Merge one place of three trees. Conflicts go to ``open_at`` and hold our version, or ``OPEN`` when ``virtual``."""
    if all(isinstance(side, dict) or side is None for side in (ours, theirs)) and not (ours is None and theirs is None):
        if ours == theirs or theirs == base:
            return ours
        if ours == base:
            return theirs
        sides = [side if isinstance(side, dict) else {} for side in (base, ours, theirs)]
        made: Dict = {}
        for name in sorted(set(sides[1]) | set(sides[2])):
            below = f"{place}/{name}" if place else name
            found = merge_node(*[side.get(name) for side in sides], below, open_at, settle, virtual)
            if found is not None:
                made[name] = found
        return None if not made and place and None in (ours, theirs) else made
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        old = base if isinstance(base, tuple) else None
        if old is not None:
            mode = theirs[1] if ours[1] == old[1] else ours[1]
            if ours[0] in (theirs[0], old[0]):
                return theirs[0], mode
            if theirs[0] == old[0]:
                return ours[0], mode
    if place in settle:
        return {"base": base, "ours": ours, "theirs": theirs}[settle[place]]
    open_at.append(place)
    return OPEN if virtual else ours


def flat(node: Node, place: str = "") -> dict[str, File]:
    """The files of a tree by path."""
    if isinstance(node, tuple):
        return {place: node}
    found: dict[str, File] = {}
    for name, below in (node or {}).items():
        found.update(flat(below, f"{place}/{name}" if place else name))
    return found


def at(node: Node, place: str) -> Node:
    for name in place.split("/"):
        node = node.get(name) if isinstance(node, dict) else None
    return node


def put(tree: Dict, place: str, what: Node) -> Dict:
    """A copy of ``tree`` with ``what`` (None: nothing) at ``place``; directories above it are made as needed."""
    name, _, rest = place.partition("/")
    made = dict(tree)
    if rest:
        inner = made.get(name)
        if what is None and not isinstance(inner, dict):
            return made
        made[name] = put(inner if isinstance(inner, dict) else {}, rest, what)
    elif what is None:
        made.pop(name, None)
    else:
        made[name] = what
    return made


def moves(base: Dict, ours: Dict, theirs: Dict, conflicts: Sequence[str]) -> dict[str, Node]:
    """Where files in conflict belong that one side moved and the other changed: nothing at the old place, all at the new."""
    found: dict[str, Node] = {}
    old = flat(base)
    for mover, changer in ((ours, theirs), (theirs, ours)):
        here = flat(mover)
        gone, come = Counter(), Counter()
        for place in old.keys() - here.keys():
            gone[old[place][0]] += 1
        for place in here.keys() - old.keys():
            come[here[place][0]] += 1
        for place in conflicts:
            before, after = at(base, place), at(changer, place)
            if not (isinstance(before, tuple) and isinstance(after, tuple)) or at(mover, place) is not None:
                continue
            if OPEN in (before, after) or gone[before[0]] != 1 or come[before[0]] != 1:
                continue
            [new] = [name for name in here.keys() - old.keys() if here[name][0] == before[0]]
            if not is_free(changer, new):
                continue
            mode = after[1] if here[new][1] == before[1] else here[new][1]
            found.update({place: None, new: (after[0], mode)})
    return found


def is_free(tree: Node, place: str) -> bool:
    for name in place.split("/"):
        if not isinstance(tree, dict):
            return tree is None
        tree = tree.get(name)
    return tree is None


def merge_data(base: Dict | None, ours: Dict, theirs: Dict, settle: Settle, virtual: bool) -> tuple[Dict, list[str]]:
    conflicts: list[str] = []
    first = merge_node(base, ours, theirs, "", conflicts, {}, virtual)
    moved = moves(base or {}, ours, theirs, conflicts)
    if moved or settle:
        conflicts = []
        free = [put_all(side or {}, moved) for side in (base, ours, theirs)]
        first = merge_node(*free, "", conflicts, settle, virtual)
    assert isinstance(first, dict)
    return first, conflicts


def put_all(tree: Dict, places: Mapping[str, Node]) -> Dict:
    for place, what in places.items():
        tree = put(tree, place, what)
    return tree


def merge(
    base: Tree | None, ours: Tree, theirs: Tree, settle: Settle | None = None, virtual: bool = False
) -> tuple[Tree, dict[str, tuple[str, ...]]]:
    """The merged tree, and the places in conflict by tracked path."""
    chosen = settle or {}
    below = {place.removeprefix("data/"): side for place, side in chosen.items() if place.startswith("data/")}
    data, conflicts = merge_data(base.data if base else None, ours.data, theirs.data, below, virtual)
    mine: list[str] = []
    own = {"": chosen["one"]} if "one" in chosen else {}
    one = merge_node(base.one if base else None, ours.one, theirs.one, "", mine, own, virtual)
    left = {"data": tuple(conflicts), "one": tuple(mine)}
    assert not isinstance(one, dict)
    return Tree(data, one), {path: places for path, places in left.items() if places}


# --- the history ------------------------------------------------------------------------------------------------------


class Difference(Exception):
    """Weft and the oracle disagree."""


@dataclass
class History:
    """One repository with what the oracle knows of each of its commits."""

    repo: Repo
    random: Random
    hooks: bool
    known: dict[str, Tree] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    # --- asking Git ---

    def git(self, *args: str, code: int | None = None) -> Ran:
        off = () if self.hooks else ("-c", "core.hooksPath=/dev/null")
        return self.repo.git(*off, "-c", "rerere.enabled=false", *args, code=code)

    def rev(self, name: str = "HEAD") -> str:
        return self.git("rev-parse", name, code=0).out.strip()

    def here(self) -> Tree:
        return self.known[self.rev()]

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads", code=0).out.split()

    # --- the user ---

    def edit(self) -> None:
        """Change a few files, add, commit."""
        now = self.here()
        data, one = now.data, now.one
        for _ in range(self.random.randint(1, 3)):
            place, word = self.random.choice(NAMES), self.random.choice(WORDS)
            what = self.random.randrange(10)
            files = sorted(flat(data))
            if what < 2 and len(files) > 1:
                data = put(data, self.random.choice(files), None)
            elif what < 4 and files:
                old = self.random.choice(files)
                if is_free(put(data, old, None), place):
                    kept = at(data, old)
                    data = put(put(data, old, None), place, kept)
            elif what == 4 and files:
                old = self.random.choice(files)
                content, mode = at(data, old)  # type: ignore[misc]
                data = put(data, old, (content, not mode))
            elif what == 5:
                one = (word, self.random.random() < 0.2)
            else:
                if isinstance(at(data, place), dict):
                    data = put(data, place, None)
                top = place.partition("/")[0]
                if "/" in place and isinstance(at(data, top), tuple):
                    data = put(data, top, None)
                data = put(data, place, (word, False))
        if not flat(data) or Tree(data, one) == now:
            return
        self.lay(Tree(data, one))
        with self.project() as project:
            add(project, ("data", "one"), AddOptions(missing="delete", force=True))
        if self.git("diff", "--cached", "--quiet").code:
            self.git("commit", "-q", "-m", f"edit {len(self.known)}", code=0)
            self.known[self.rev()] = Tree(data, one)
            self.did.append(f"{self.rev()[:8]} edit: {sorted(flat(data).items())} {one}")

    def lay(self, tree: Tree) -> None:
        """Make the work tree hold ``tree``, as a user's own programs would."""
        shutil.rmtree(self.repo.root / "data", ignore_errors=True)
        write_tree(self.repo.root / "data", tree.data)
        (self.repo.root / "one").unlink(missing_ok=True)
        if tree.one is not None:
            write_tree(self.repo.root / "one", tree.one)

    def switch(self) -> None:
        names = self.branches()
        if len(names) < 4 and self.random.random() < 0.2:
            self.git("switch", "-q", "-c", f"b{len(names)}", code=0)
        else:
            self.git("switch", "-q", self.random.choice(names), code=0)
            self.follow()
        self.edit()

    def merge(self) -> None:
        others = self.git("branch", "--no-merged", "HEAD", "--format=%(refname:short)", code=0).out.split()
        if not others:
            return
        # An older commit of a branch is what makes histories cross.
        other = self.random.choice(others) + self.random.choice(("", "", "", "~1"))
        if self.git("merge-base", "--is-ancestor", other, "HEAD").code != 1:
            return
        ours, theirs = self.rev(), self.rev(other)
        expected = self.merged(ours, theirs)
        ran = self.git("merge", "-q", "--no-edit", *self.random.choice(([], ["--no-ff"])), other)
        self.did.append(f"{ours[:8]} merge {theirs[:8]}: {ran.code}")
        if self.rev() == theirs:
            self.follow()
            return
        self.after(ran, expected, ("commit", "-q", "--no-edit"), self.base(ours, theirs), ours, theirs)

    def pick(self) -> None:
        listed = self.git("rev-list", "--no-merges", "--branches", "--not", "HEAD", code=0).out.split()
        picks = [name for name in listed if self.follows_known(name)]
        if not picks:
            return
        ours, theirs = self.rev(), self.random.choice(picks)
        base = self.known[self.parents(theirs)[0]]
        expected = merge(base, self.known[ours], self.known[theirs])
        ran = self.git("cherry-pick", "--empty=drop" if NEW_GIT else "--keep-redundant-commits", theirs)
        self.did.append(f"{ours[:8]} pick {theirs[:8]}: {ran.code}")
        self.after(ran, expected, ("commit", "-q", "--no-edit", "--allow-empty"), base, ours, theirs)

    def revert(self) -> None:
        listed = self.git("rev-list", "--no-merges", "HEAD", code=0).out.split()
        theirs = self.random.choice([name for name in listed if self.follows_known(name)] or [""])
        if not theirs:
            return
        ours, base = self.rev(), self.known[theirs]
        before = self.known[self.parents(theirs)[0]]
        expected = merge(base, self.known[ours], before)
        ran = self.git("revert", "--no-edit", theirs)
        self.did.append(f"{ours[:8]} revert {theirs[:8]}: {ran.code}")
        if ran.code and expected[0] == self.known[ours] and not expected[1]:
            self.git("revert", "--abort")
            return
        self.after(ran, expected, ("commit", "-q", "--no-edit", "--allow-empty"), base, ours, "", before)

    def rebase(self) -> None:
        others = [name for name in self.branches() if self.rev(name) != self.rev()]
        current = self.git("branch", "--show-current", code=0).out.strip()
        if not others or not current:
            return
        onto = self.rev(self.random.choice(others))
        picks = self.git(
            "rev-list", "--reverse", "--topo-order", "--no-merges", "--cherry-pick", "--right-only", f"{onto}...HEAD",
            code=0,
        ).out.split()  # fmt: skip
        if self.git("rev-list", "--merges", f"{onto}..HEAD", code=0).out.strip() or not picks:
            return
        self.did.append(f"{self.rev()[:8]} rebase on {onto[:8]}")
        self.counts["rebase"] += 1
        ran = self.git("rebase", "-q", "--empty=drop", onto)
        now = self.known[onto]
        for picked in picks:
            base = self.known[self.parents(picked)[0]]
            merged, left = merge(base, now, self.known[picked])
            if left:
                stopped = self.git("rev-parse", "-q", "--verify", "REBASE_HEAD").out.strip()
                if ran.code == 0 or stopped != picked:
                    raise Difference(f"rebase: no stop at {picked[:8]}, but {ran.code} at {stopped[:8]}: {left}")
                merged = self.settle(left, base, now, self.known[picked])
                self.counts["rebase, stopped"] += 1
                self.known[self.rev()] = now
                ran = self.git("-c", "core.editor=true", "rebase", "--continue")
            now = merged
        if ran.code:
            raise Difference(f"rebase stopped: {ran.out}{ran.err}")
        self.know(onto, now)

    def octopus(self) -> None:
        names = [name for name in self.branches() if self.rev(name) != self.rev()]
        if len(names) < 2:
            return
        two = self.random.sample(names, 2)
        ours = self.rev()
        now, clean = self.known[ours], True
        # What another of them holds already takes no part; two that are left are merged as any two, by a virtual base.
        apart = self.git("merge-base", "--independent", ours, *two, code=0).out.split()
        for name in two:
            theirs = self.rev(name)
            if theirs not in apart:
                continue
            base = self.base(ours, theirs) if len(apart) == 2 else self.known[self.bases(ours, theirs)[0]]
            merged, left = merge(base, now, self.known[theirs])
            clean = clean and not left
            now = merged
        ran = self.git("merge", "-q", "--no-edit", *two)
        self.did.append(f"{ours[:8]} octopus {two}: {ran.code}")
        if ran.code:  # Git's octopus refuses what it cannot do alone, which is no loss
            self.counts["octopus refused"] += 1
            self.git("merge", "--abort")
            self.git("reset", "-q", "--hard", ours, code=0)
            self.follow()
            return
        if self.rev() in self.known:
            self.follow()
            return
        self.counts["octopus"] += 1
        if not clean:
            raise Difference(f"octopus of {two} went through, and it has conflicts")
        self.know(ours, now)

    # --- comparing ---

    def know(self, before: str, tree: Tree) -> None:
        """HEAD is new and must hold ``tree``; what a rebase made between is learnt from its parents' differences."""
        for made in self.git("rev-list", "--reverse", "HEAD", f"^{before}", code=0).out.split():
            self.known.setdefault(made, self.read(made))
        self.known[self.rev()] = tree
        self.follow()

    def after(
        self,
        ran: Ran,
        expected: tuple[Tree, dict[str, tuple[str, ...]]],
        finish: Sequence[str],
        base: Tree | None,
        ours: str,
        theirs: str,
        other: Tree | None = None,
    ) -> None:
        """What Git left after one step: a commit that must be the expected one, or conflicts, to be named and settled."""
        tree, left = expected
        if bool(left) != bool(ran.code):
            raise Difference(f"expected conflicts {left}, Git ended with {ran.code}\n{ran.out}{ran.err}")
        if left:
            there = other if other is not None else self.known[theirs]
            tree = self.settle(left, base, self.known[ours], there)
            self.git(*finish, code=0)
        kind = self.did[-1].split()[1] if not self.did[-1].startswith(" ") else self.did[-2].split()[1]
        self.counts[f"{kind}, {'in conflict' if left else 'clean'}"] += 1
        self.known[self.rev()] = tree
        self.follow()

    def settle(self, left: Mapping[str, Sequence[str]], base: Tree | None, ours: Tree, theirs: Tree) -> Tree:
        """Settle what is in conflict at random, and see that exactly this was named."""
        named = self.named(left)
        if named != {path: sorted(places) for path, places in left.items()}:
            raise Difference(f"named as in conflict: {named}\nexpected: {left}")
        chosen: dict[str, str] = {}
        for path, places in left.items():
            full = [f"{path}/{place}" if place else path for place in places]
            if self.random.random() < 0.4:
                side = self.random.choice(("ours", "theirs"))
                self.choose(path, side)
                chosen.update(dict.fromkeys(full, side))
                continue
            self.random.shuffle(full)
            for place in full:
                side = self.random.choice(("ours", "theirs"))
                self.choose(place, side)
                chosen[place] = side
        self.did.append(f"  settled {chosen}")
        unmerged = self.git("ls-files", "-u", code=0).out
        if unmerged:
            raise Difference(f"settled {chosen}, and Git still has conflicts:\n{unmerged}")
        tree, more = merge(base, ours, theirs, chosen)
        assert not more, more
        return tree

    def named(self, left: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        with self.project() as project:
            try:
                found: Sequence[Left] = resolve(project, tuple(left)).left
            except WeftError as error:
                raise Difference(f"resolve {tuple(left)}: {error.code} {error.message}") from error
        return {one.path: sorted(conflict.path for conflict in one.conflicts) for one in found}

    def choose(self, path: str, side: str) -> None:
        with self.project() as project:
            try:
                resolve(project, (path,), side)
            except WeftError as error:
                raise Difference(f"resolve --{side} {path}: {error.code} {error.message}") from error

    def follow(self) -> None:
        """HEAD's pointers are those of the oracle, and the work tree follows them."""
        head = self.rev()
        expected = self.known[head]
        found = self.read(head)
        if found != expected:
            raise Difference(f"{head[:8]} holds\n {found}\nexpected\n {expected}")
        with self.project() as project:
            checkout(project, None, (), CheckoutOptions())
        there = Tree(read_tree(self.repo.root / "data") or {}, read_tree(self.repo.root / "one"))  # type: ignore[arg-type]
        if flat(there.data) != flat(expected.data) or there.one != expected.one:
            raise Difference(f"the work tree of {head[:8]} holds\n {there}\nexpected\n {expected}")

    def read(self, rev: str) -> Tree:
        with self.project() as project:
            return Tree(self.tracked(project, rev, "data") or {}, self.tracked(project, rev, "one"))  # type: ignore[arg-type]

    def tracked(self, project: Project, rev: str, path: str) -> Node:
        shown = self.git("show", f"{rev}:{path}.weft")
        if shown.code:
            return None
        pointer = pointer_format.decode(shown.out.encode(), name=f"{path}.weft")
        if not pointer.is_dir:
            return BY_OID[pointer.oid], pointer.executable
        return self.listing(manifest_reader(project.store, pointer.layout), pointer.oid)

    def listing(self, read: Callable, oid: Oid) -> Dict:
        found: Dict = {}
        for entry in read(oid).entries:
            found[entry.name] = (
                self.listing(read, entry.oid) if entry.type == DIR else (BY_OID[entry.oid], entry.type == EXEC)
            )
        return found

    # --- bases ---

    def follows_known(self, rev: str) -> bool:
        return rev in self.known and all(parent in self.known for parent in self.parents(rev))

    def parents(self, rev: str) -> list[str]:
        return self.git("rev-list", "--parents", "-n", "1", rev, code=0).out.split()[1:]

    def bases(self, one: str, other: str) -> list[str]:
        return self.git("merge-base", "--all", one, other).out.split()

    def base(self, one: str, other: str) -> Tree | None:
        bases = self.bases(one, other)
        return self.virtual([self.known[base] for base in bases], bases)

    def virtual(self, trees: Sequence[Tree], revs: Sequence[str]) -> Tree | None:
        """What several merge bases have in common, as Git's recursive merge makes it of them, the oldest first."""
        if not trees:
            return None
        merged, seen = trees[-1], [revs[-1]]
        for tree, rev in zip(reversed(trees[:-1]), reversed(revs[:-1]), strict=True):
            below = self.base(seen[0], rev) if len(seen) == 1 else self.common(seen, rev)
            merged, left = merge(below, merged, tree, virtual=True)
            self.counts["virtual base in conflict" if left else "virtual base"] += 1
            seen.append(rev)
        return merged

    def common(self, seen: Sequence[str], rev: str) -> Tree | None:
        """The base of a virtual commit, whose parents are ``seen``, and ``rev``."""
        every = {base for one in seen for base in self.bases(one, rev)}
        best = self.git("merge-base", "--independent", *sorted(every), code=0).out.split() if every else []
        return self.virtual([self.known[base] for base in best], best)

    def merged(self, ours: str, theirs: str) -> tuple[Tree, dict[str, tuple[str, ...]]]:
        return merge(self.base(ours, theirs), self.known[ours], self.known[theirs])

    def project(self) -> AbstractContextManager[Project]:
        return open_project(str(self.repo.root))


BY_OID = {Oid.of(word): word for word in WORDS}
NEW_GIT = tuple(map(int, re.findall(r"\d+", subprocess.check_output(["git", "--version"], text=True))[:2])) >= (2, 45)


def write_tree(path: Path, node: Node) -> None:
    if isinstance(node, tuple):
        path.write_bytes(node[0])
        path.chmod(0o755 if node[1] else 0o644)
        return
    path.mkdir(exist_ok=True)
    for name, below in (node or {}).items():
        write_tree(path / name, below)


def read_tree(path: Path) -> Node:
    if path.is_dir():
        return {found.name: read_tree(found) for found in path.iterdir()}
    return (
        (path.read_bytes(), os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100)) if path.exists() else None
    )


FIRST = Tree(
    {"a": (WORDS[1], False), "b": (WORDS[2], False), "sub": {"a": (WORDS[3], False), "b": (WORDS[4], False)}},
    (WORDS[0], False),
)


def template(root: Path) -> None:
    """The repository that every history begins with."""
    repo = Repo.make(root / "repo", str(root / "remote"))
    History(repo, Random(0), False).lay(FIRST)
    repo.weft("add", "data", "one")
    repo.commit("data")
    repo.weft("install")


WEIGHTS = {"edit": 3, "switch": 6, "merge": 7, "pick": 2, "revert": 1, "rebase": 2, "octopus": 1}


def run(seed: int, template: Path, top: Path) -> tuple[Counter[str], str]:
    """One history; what was counted, and what is wrong, or nothing."""
    os.environ.update(BASE_ENV)
    random = Random(seed)
    root = Path(tempfile.mkdtemp(prefix=f"history-{seed}-", dir=top))
    shutil.copytree(template, root, dirs_exist_ok=True, symlinks=True)
    history = History(Repo(root / "repo"), random, hooks=random.random() < 0.1)
    history.known[history.rev()] = FIRST
    try:
        for name in ("left", "right"):
            history.git("switch", "-q", "-c", name, "main", code=0)
            history.follow()
            history.edit()
        for _ in range(STEPS):
            step = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            getattr(history, step)()
    except Exception as error:
        steps = "\n".join(history.did)
        return history.counts, f"seed {seed}, kept at {root}\n{steps}\n{type(error).__name__}: {error}"
    shutil.rmtree(root)
    return history.counts, ""


def many(seeds: Sequence[int], workers: int, top: Path) -> Iterator[tuple[Counter[str], str]]:
    os.environ.update(BASE_ENV)
    begin = top / "template"
    template(begin)
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(run, template=begin, top=top), seeds)


def main() -> int:
    """Run and print."""
    count, first, workers = [int(word) for word in (sys.argv[1:] + ["1000", "0", "2"][len(sys.argv) - 1 :])[:3]]
    counts: Counter[str] = Counter()
    wrong = 0
    top = Path(tempfile.mkdtemp(prefix="weft-histories-"))
    for more, problem in many(range(first, first + count), workers, top):
        counts += more
        if problem:
            wrong += 1
            print(problem, "\n", flush=True)
    if not wrong:
        shutil.rmtree(top)
    print(f"{count} histories, {wrong} that differ: {dict(sorted(counts.items()))}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
