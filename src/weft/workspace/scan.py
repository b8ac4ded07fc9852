"""Listing a tracked path: names, types and status of everything in it, without following links."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from weft.errors import FileChanged, FileTypeRefused, LimitExceeded, NoSuchPath, quoted
from weft.model.manifest import MAX_DEPTH
from weft.model.oid import Oid
from weft.model.paths import MAX_PATH
from weft.objects.copies import copy_oid
from weft.util.atomic import TEMP_PREFIX, translate_os_error
from weft.util.dirfd import open_at, open_below
from weft.workspace.ignore import EVERYTHING, FILE_NAME, NOTHING, Ignore, load_ignore, read_ignore
from weft.workspace.names import NamePolicy, check_link, check_names, encode_names, join_path
from weft.workspace.statcache import SINGLE_FILE, DirRow, PathState, now_ns
from weft.workspace.stats import (
    BROKEN,
    DIR_CODE,
    DIR_STAT,
    LINK_CODE,
    WIDTH,
    pack_stat,
    split_fixed,
    split_names,
)

IsTracked = Callable[[str, str], bool]
"""Tells of a directory, relative to the tracked path, and a name in it whether the pointer holds it."""


@dataclass(slots=True)
class DirScan:
    """One directory as it is on disk: ``names`` joined by NUL and sorted by bytes, ``stats`` packed in their order.

    ``row`` is what the stat cache holds of it; ``same`` tells that the row has these very names and stats. ``links``
    gives the checked targets of links; it is left empty when ``same``. ``copies`` gives what links into the store lead
    to: such a name has the status of the file there, or it is ``BROKEN`` and leads to "".
    """

    path: str
    names: bytes
    stats: bytes
    row: DirRow | None = None
    same: bool = False
    links: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)

    def name_list(self) -> list[str]:
        """The names."""
        return split_names(self.names)

    def stat_list(self) -> list[bytes]:
        """The packed status of each name."""
        return split_fixed(self.stats, WIDTH)

    def known(self) -> list[Oid | None]:
        """The oid of each name as the stat cache knows it; for a directory, that of its manifest in the pointer."""
        if self.row is None:
            return [None] * (len(self.stats) // WIDTH)
        if self.same:
            return [self.row.oid_at(at) for at in range(len(self.stats) // WIDTH)]
        return self.row.known(self.name_list(), self.stat_list())

    def items(self) -> Iterator[tuple[str, bytes, Oid | None]]:
        """Name, packed status and known oid of each entry."""
        return zip(self.name_list(), self.stat_list(), self.known(), strict=True)

    def subdirs(self) -> list[str]:
        """Names of the sub-directories."""
        codes = self.stats[WIDTH - 1 :: WIDTH]
        if DIR_CODE not in codes:
            return []
        return [name for name, code in zip(self.name_list(), codes, strict=True) if code == DIR_CODE]


@dataclass(slots=True)
class TreeScan:
    """A tracked path as it is on disk.

    ``type`` is the manifest letter of what stands at the path, empty when nothing does. ``dirs`` holds the directories by
    their path relative to it, parents first; a file is one directory that holds the single name ``/``. ``started`` (ns)
    is when the scan began, ``leftovers`` are temporary files of ours relative to the tracked path. ``ignored`` is what rules
    left out (directories end in a slash), ``special`` what is neither file, directory nor link. ``depth`` is how many
    directories the path lies below the tracked one, so many may a link climb: 0 unless a part is scanned alone.
    """

    top: str
    path: str
    type: str
    started: int
    state: PathState
    dirs: dict[str, DirScan] = field(default_factory=dict)
    files: int = 0
    leftovers: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    depth: int = 0

    @property
    def root(self) -> str:
        """Absolute path of what is tracked."""
        return os.path.join(self.top, self.path)

    def absolute(self, directory: str, name: str) -> str:
        """Absolute path of an entry."""
        return self.root if name == "/" else os.path.join(self.root, join_path(directory, name))

    def source(self, directory: str, name: str) -> str:
        """Absolute path that the bytes of an entry are read from: its own, or that of the store's copy it is a link to.

        Raises ``NoSuchPath`` when that copy is gone.
        """
        found = self.dirs[directory].copies.get(name)
        if found == "":
            path = self.path if name == "/" else join_path(self.path, join_path(directory, name))
            raise NoSuchPath(
                f"{path!a} is a link to a file of the store that is not there any more",
                hint=f"weft checkout {quoted(self.path)}, which makes it again",
                path=path,
            )
        return found or self.absolute(directory, name)

    def link_target(self, directory: str, name: str) -> str:
        """Checked target of a link, read now if the scan did not need it. Raises ``SymlinkRefused``, ``FileChanged``."""
        known = self.dirs[directory].links.get(name)
        if known is not None:
            return known
        path = self.absolute(directory, name)
        try:
            target = os.readlink(path)
        except OSError as error:
            raise FileChanged(f"{path!a} changed while it was read", hint="run the command again", path=path) from error
        return check_link(target, join_path(directory, name), self.depth + _depth(directory))


def scan_tree(
    top: str,
    path: str,
    *,
    state: PathState | None = None,
    tracked: IsTracked | None = None,
    names: NamePolicy | None = None,
    depth: int = 0,
) -> TreeScan:
    """List the tracked path ``path`` below the work tree's top directory ``top``.

    ``depth`` is given for a part of a tracked directory: how far below it lies. ``state`` is what the stat cache holds:
    directories that are as recorded are not checked again. With ``tracked`` what ``.weftignore`` files name is left out, but
    for what is tracked already. FIFOs, sockets and devices are only noted. ``names`` collects what is not portable. Raises
    ``SymlinkRefused`` (a parent is a link, or a link leaves the tracked directory),
    ``FileTypeRefused``, ``PermissionFault``, the errors of ``check_data_name``, ``LimitExceeded``, and ``FileChanged``
    when a directory is replaced meanwhile.
    """
    scan = TreeScan(top, path, "", now_ns(), state or PathState(), depth=depth)
    parent, _, name = path.rpartition("/")
    try:
        top_fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise translate_os_error(error, "open", top) from error
    try:
        try:
            parent_fd = open_below(top_fd, parent)
        except (FileNotFoundError, NotADirectoryError):
            return scan
    finally:
        os.close(top_fd)
    try:
        _scan_at(scan, parent_fd, name, tracked, names or NamePolicy())
    finally:
        os.close(parent_fd)
    return scan


def _scan_at(scan: TreeScan, parent_fd: int, name: str, tracked: IsTracked | None, names: NamePolicy) -> None:
    try:
        info = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as error:
        raise translate_os_error(error, "read", scan.path) from error
    packed = pack_stat(info, scan.path)
    copy = _copy_at(name, parent_fd, scan.state.copies) if packed[-1] == LINK_CODE else None
    packed = copy[1] if copy else packed
    scan.type = chr(packed[-1])
    if packed[-1] != DIR_CODE:
        row = scan.state.rows.get("")
        same = row is not None and row.names == SINGLE_FILE and row.stats == packed
        scan.dirs[""] = DirScan("", SINGLE_FILE, packed, row if row and row.names == SINGLE_FILE else None, same)
        scan.dirs[""].copies = {"/": copy[0]} if copy else {}
        scan.files = 1
        return
    try:
        root_fd = open_at(name, parent_fd, scan.path)
    except OSError as error:
        raise _replaced(scan.path) from error
    try:
        _Walk(scan, root_fd, tracked, names).run((info.st_dev, info.st_ino))
    finally:
        os.close(root_fd)


_Children = dict[str, tuple[tuple[int, int], bool]]
"""Sub-directories by name: device and inode, and whether a rule names the directory, so that only what is tracked counts."""


class _Walk:
    """The loop over the directories. A stack, not recursion: depth is the user's."""

    def __init__(self, scan: TreeScan, root_fd: int, tracked: IsTracked | None, names: NamePolicy) -> None:
        self._scan = scan
        self._root_fd = root_fd
        self._tracked = tracked
        self._names = names

    def run(self, identity: tuple[int, int]) -> None:
        rules = load_ignore(self._scan.top, self._scan.path) if self._tracked is not None else NOTHING
        stack = [("", identity, rules)]
        while stack:
            directory, identity, rules = stack.pop()
            shown = join_path(self._scan.path, directory)
            if len(os.fsencode(shown)) > MAX_PATH or _depth(directory) >= MAX_DEPTH:
                raise LimitExceeded(
                    f"a path is longer than {MAX_PATH} bytes or {MAX_DEPTH} directories: {shown[:80]!a}...", path=shown
                )
            fd = self._open(directory, identity, shown)
            try:
                children, rules = self._read(directory, fd, shown, rules)
            except OSError as error:
                raise translate_os_error(error, "read", shown) from error
            finally:
                os.close(fd)
            for name, (identity, hidden) in sorted(children.items(), reverse=True):
                stack.append((join_path(directory, name), identity, EVERYTHING if hidden else rules))

    def _open(self, directory: str, identity: tuple[int, int], shown: str) -> int:
        """Open a directory and make sure that it is the one its parent listed: a component may have become a link."""
        try:
            fd = open_at(directory or ".", self._root_fd, shown)
        except OSError as error:
            raise _replaced(shown) from error
        info = os.fstat(fd)
        if (info.st_dev, info.st_ino) != identity:
            os.close(fd)
            raise _replaced(shown)
        return fd

    def _read(self, directory: str, fd: int, shown: str, rules: Ignore) -> tuple[_Children, Ignore]:
        """Read one directory; its sub-directories, and the rules that hold below it."""
        skipped = (self._scan.leftovers, self._scan.ignored, self._scan.special)
        before = [len(names) for names in skipped]
        found, children = self._list(directory, fd, shown, rules)
        own = None
        if self._tracked is not None and rules is not EVERYTHING:
            ignored = self._scan.ignored[before[1] :]
            if any(name == FILE_NAME for name, _ in found) or join_path(directory, FILE_NAME) in ignored:
                own = read_ignore(FILE_NAME, fd, shown)
        if own is not None:
            # Its rules may take back in what those from above leave out.
            rules = rules.then(own)
            for names, count in zip(skipped, before, strict=True):
                del names[count:]
            found, children = self._list(directory, fd, shown, rules)
        found.sort()
        self._add(directory, fd, found, shown)
        self._scan.files += len(found) - len(children)
        return children, rules

    def _list(self, directory: str, fd: int, shown: str, rules: Ignore) -> tuple[list[tuple[str, bytes]], _Children]:
        """Names and packed status of what counts in one directory, and what of it are directories."""
        found: list[tuple[str, bytes]] = []
        children: _Children = {}
        tracked = self._tracked
        ruled = tracked is not None and not rules.empty
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(TEMP_PREFIX):
                    self._scan.leftovers.append(join_path(directory, name))
                    continue
                try:
                    info = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                is_dir = info.st_mode & 0o170000 == 0o040000
                hidden = ruled and rules.match(shown, name, is_dir)
                if hidden and tracked is not None and not tracked(directory, name):
                    self._scan.ignored.append(join_path(directory, name) + ("/" if is_dir else ""))
                    continue
                if is_dir:
                    children[name] = (info.st_dev, info.st_ino), hidden
                    found.append((name, DIR_STAT))
                    continue
                try:
                    found.append((name, pack_stat(info)))
                except FileTypeRefused:
                    self._scan.special.append(join_path(directory, name))
        return found, children

    def _through_links(self, fd: int, found: list[tuple[str, bytes]]) -> dict[str, str]:
        """Give the links into the store among ``found`` the status of what they lead to; the paths there, by name."""
        copies: dict[str, str] = {}
        for at, (name, packed) in enumerate(found):
            if packed[-1] == LINK_CODE and (copy := _copy_at(name, fd, self._scan.state.copies)):
                copies[name], found[at] = copy[0], (name, copy[1])
        return copies

    def _add(self, directory: str, fd: int, found: list[tuple[str, bytes]], shown: str) -> None:
        names = [name for name, _ in found]
        blob = encode_names(names, shown)
        stats = b"".join([packed for _, packed in found])
        copies: dict[str, str] = {}
        if LINK_CODE in stats[WIDTH - 1 :: WIDTH] and (copies := self._through_links(fd, found)):
            stats = b"".join([packed for _, packed in found])
        row = self._scan.state.rows.get(directory)
        if row is not None and row.stats == stats and row.names == blob:
            # The row's own bytes are kept, so that a big tree is in memory once.
            self._scan.dirs[directory] = DirScan(directory, row.names, row.stats, row, True, copies=copies)
            return
        check_names(names, shown, self._names)
        links = {}
        for name, packed in found:
            if packed[-1] == LINK_CODE:
                path = join_path(shown, name)
                try:
                    target = os.readlink(name, dir_fd=fd)
                except FileNotFoundError as error:
                    raise _replaced(path) from error
                links[name] = check_link(target, path, self._scan.depth + _depth(directory))
        self._scan.dirs[directory] = DirScan(directory, blob, stats, row, False, links, copies)


def _copy_at(name: str, dir_fd: int, folder: str) -> tuple[str, bytes] | None:
    """The path and the status of the store's copy in ``folder`` that ``name`` is a link to; None for any other file.

    A link that looks like one into another store is broken: the clone was moved, or uses another store now.
    """
    try:
        target = os.readlink(name, dir_fd=dir_fd)
    except OSError:
        return None
    if not folder or copy_oid(os.path.dirname(os.path.dirname(target)), target) is None or not target.startswith("/"):
        return None
    if copy_oid(folder, target) is not None:
        with suppress(FileNotFoundError):
            info = os.lstat(target)
            if stat.S_ISREG(info.st_mode):
                return target, pack_stat(info)
    return "", BROKEN


def _depth(directory: str) -> int:
    return directory.count("/") + 1 if directory else 0


def _replaced(path: str) -> FileChanged:
    return FileChanged(f"{path!a} was replaced while it was read", hint="run the command again", path=path)
