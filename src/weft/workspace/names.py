"""Checks of the names met in a directory: the safe rules always, the portable ones counted or enforced."""

from __future__ import annotations

from collections.abc import Sequence

from weft.errors import PathChars, PathCollision, PathEscape, PathReserved, RefusedInput, SymlinkRefused
from weft.model.paths import all_plain, all_portable, check_data_name, check_link_target, collisions, portable_problem
from weft.util.humanize import count_text
from weft.util.progress import Progress

_SHOWN = 3


class NamePolicy:
    """Collects names that some operating system cannot hold; ``strict`` makes the first of them an error."""

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.count = 0
        self.examples: list[str] = []

    def problem(self, path: str, why: str) -> None:
        """Note that ``path`` is not portable. Raises ``PathReserved`` when strict."""
        if self.strict:
            raise PathReserved(
                f"the name of {path!a} {why}, and the configuration asks for portable names",
                hint="rename it, or `weft config set portable warn`",
                path=path,
            )
        self._note(path)

    def collision(self, path: str, other: str) -> None:
        """Note two names that differ only in case or normalization. Raises ``PathCollision`` when strict."""
        if self.strict:
            raise PathCollision(
                f"{path!a} and {other!a} are one name on file systems that ignore case or normalization",
                hint="rename one of them, or `weft config set portable warn`",
                path=path,
            )
        self._note(path)

    def _note(self, path: str) -> None:
        self.count += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(path)

    def warn(self, progress: Progress) -> None:
        """Give the one warning that counts and names them, if there are any."""
        if self.count:
            more = ", ..." if self.count > len(self.examples) else ""
            shown = ", ".join(ascii(path) for path in self.examples)
            progress.warn(
                f"{count_text(self.count, 'name')} cannot be used on every operating system: {shown}{more}",
                "`portable: strict` in .weft/config.yaml refuses such names",
            )


def join_path(directory: str, name: str) -> str:
    """A path from a directory and what is below it; either may be empty."""
    return f"{directory}/{name}" if directory and name else directory or name


def encode_names(names: Sequence[str], directory: str) -> bytes:
    """The names joined by NUL. Raises ``PathChars`` for one that is not UTF-8."""
    try:
        return "\0".join(names).encode("utf-8")
    except UnicodeEncodeError:
        bad = next(name for name in names if not _is_utf8(name))
        path = join_path(directory, bad)
        raise PathChars(f"the name {path!a} is not UTF-8", hint="rename it", path=path) from None


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_names(names: Sequence[str], directory: str, policy: NamePolicy) -> None:
    """Check the names of one directory. Raises the errors of ``check_data_name`` with the whole path, and the policy's."""
    if not names:
        return
    pointers = ".weft\0" in "\0".join([*names, ""]).lower()
    if pointers or not all_plain(names) or max(map(len, names)) > 255:
        for name in names:
            _check_one(name, directory)
    for name in () if all_portable(names) else names:
        why = portable_problem(name)
        if why:
            policy.problem(join_path(directory, name), why)
    for first, second in collisions(names):
        policy.collision(join_path(directory, second), first)


def _check_one(name: str, directory: str) -> None:
    try:
        check_data_name(name)
    except RefusedInput as error:
        path = join_path(directory, name)
        raise type(error)(f"{path!a}: {error.message}", hint=error.hint, path=path) from None


def check_link(target: str, path: str, depth: int) -> str:
    """Return the target of the link ``path``, which lies ``depth`` directories below the top of its tracked directory.

    Raises ``SymlinkRefused`` when ``check_link_target`` refuses it.
    """
    try:
        return check_link_target(target, depth)
    except (PathEscape, PathChars, PathReserved, UnicodeEncodeError) as error:
        raise _bad_link(path, target) from error
    except RefusedInput as error:
        raise SymlinkRefused(f"the link {path!a}: {error.message}", path=path) from error


def _bad_link(path: str, target: str) -> SymlinkRefused:
    return SymlinkRefused(
        f"the link {path!a} points to {target[:200]!a}, which is not surely inside its tracked directory",
        hint="make it a relative link inside, with '..' at the start only, or name it in .weftignore",
        path=path,
    )
