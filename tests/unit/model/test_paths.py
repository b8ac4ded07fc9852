"""The path type: what is safe everywhere, and what every system can hold."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import LimitExceeded, PathChars, PathEscape, PathReserved, PathSyntax, WeftError
from weft.model.paths import (
    RepoPath,
    all_plain,
    all_portable,
    check_component,
    check_data_name,
    check_link_target,
    collisions,
    fold_key,
    is_plain_data_name,
    portable_problem,
)

SAFE = ["a", "-rf", "a b", ".hidden", "..a", "a..", "...", "12:30:00.png", "a<b", "é", "e\u0301", "文", "x.weft.txt", "ab:c",
        "git", "weft", "~", "a~1",
        " a", "con", "name ", ".gitignore", ".gitkeep", "\U0001f600", "n" * 255, "-", "#", "a'b"]  # fmt: skip
UNSAFE = [
    ("", PathSyntax),
    (".", PathSyntax),
    ("..", PathEscape),
    ("a/b", PathEscape),
    ("/a", PathEscape),
    ("\\a", PathEscape),
    ("\\\\host\\x", PathEscape),
    ("C:x", PathEscape),
    ("c:", PathEscape),
    ("C:a:b", PathEscape),
    ("a\\b", PathChars),
    ("a\nb", PathChars),
    ("a\r", PathChars),
    ("a\0b", PathChars),
    ("\x1b[31m", PathChars),
    ("a\x7f", PathChars),
    ("a\x85", PathChars),
    ("a\u202eb", PathChars),
    ("a\u2066b", PathChars),
    ("a\u2028b", PathChars),
    ("a\ud800", PathChars),
    ("n" * 256, LimitExceeded),
    ("é" * 128, LimitExceeded),
    (".git", PathReserved),
    (".GIT", PathReserved),
    (".gIt", PathReserved),
    (".git.", PathReserved),
    (".git ", PathReserved),
    (".git. .", PathReserved),
    (".git::$INDEX_ALLOCATION", PathReserved),
    (".g\u200cit", PathReserved),
    (".g\ufeffit", PathReserved),
    ("git~1", PathReserved),
    ("GIT~12", PathReserved),
    ("gi7eba~1", PathReserved),
    (".weft", PathReserved),
    (".WEFT", PathReserved),
    ("weft~1", PathReserved),
    ("．git", PathReserved),
]
UNSAFE_DATA = [
    ".gitattributes",
    ".gitmodules",
    ".GitAttributes",
    ".gitmodules ",
    "x.weft",
    "X.WEFT",
    "é.weft",
    "a.weft:s",
    ".g\u200citmodules",
]


@pytest.mark.parametrize("name", SAFE)
def test_safe_names(name: str) -> None:
    assert check_component(name) == name
    assert check_data_name(name) == name
    assert RepoPath.parse(f"dir/{name}").name == name


@pytest.mark.parametrize(("name", "error"), UNSAFE)
def test_unsafe_names(name: str, error: type[WeftError]) -> None:
    for check in (check_component, check_data_name):
        with pytest.raises(error) as caught:
            check(name)
        assert type(caught.value) is error
        assert str(caught.value).isascii()


@pytest.mark.parametrize("name", UNSAFE_DATA)
def test_names_that_are_no_data(name: str) -> None:
    assert check_component(name) == name
    with pytest.raises(PathReserved):
        check_data_name(name)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("../x", PathEscape),
        ("a/../../x", PathEscape),
        ("a/..", PathEscape),
        ("/abs", PathEscape),
        ("C:x", PathEscape),
        ("C:\\x", PathEscape),
        ("\\\\host\\share\\x", PathEscape),
        ("\\x", PathEscape),
        ("a/C:x", PathEscape),
        ("a\\..\\..\\x", PathChars),
        (".git/hooks/post-checkout", PathReserved),
        ("a/.GIT/config", PathReserved),
        ("git~1/config", PathReserved),
        (".g\u200cit/config", PathReserved),
        (".weft/config", PathReserved),
        ("a//b", PathSyntax),
        ("./a", PathSyntax),
        ("a/.", PathSyntax),
        ("a/", PathSyntax),
        ("", PathSyntax),
        ("a/" * 2048 + "a", LimitExceeded),
        ("x/" + "n" * 256, LimitExceeded),
        ("a/\ud800", PathChars),
    ],
)
def test_unsafe_paths(path: str, error: type[WeftError]) -> None:
    with pytest.raises(error) as caught:
        RepoPath.parse(path)
    assert type(caught.value) is error


@given(st.text("aG.i t~1:\\/é\u200c\u202e\nwef", max_size=14))
def test_whatever_parses_is_safe_to_join(text: str) -> None:
    try:
        path = RepoPath.parse(text)
    except WeftError:
        return
    assert not path.startswith("/")
    for part in path.split("/"):
        assert part not in ("", ".", "..")
        assert not re.search(r"[\\\x00-\x1f]", part)
        assert part.lower().rstrip(". ") not in (".git", ".weft")


@given(st.text("aZ09_-.wefWEFT~: é", min_size=1, max_size=12))
def test_the_fast_way_takes_nothing_that_the_slow_way_refuses(name: str) -> None:
    if is_plain_data_name(name):
        # A leading space keeps the meaning of all rules but takes the slow way.
        assert check_data_name(" " + name)[1:] == name
        assert name not in ("", ".", "..")


@given(st.lists(st.text("aZ09_-. \0/é", max_size=6), max_size=4))
def test_a_look_at_all_names_together_takes_nothing_that_a_look_at_each_refuses(names: list[str]) -> None:
    plain = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
    assert all_plain(names) == all(plain.fullmatch(name) for name in names)
    assert not (all_portable(names) and any(map(portable_problem, names)))


def test_parts_of_a_path() -> None:
    path = RepoPath.parse("a/b/c.txt")
    assert (path.name, path.parent, RepoPath.parse("x").parent) == ("c.txt", "a/b", "")


@pytest.mark.parametrize(
    ("target", "depth", "fine"),
    [
        ("x", 0, True),
        ("sub/x", 0, True),
        ("../x", 1, True),
        ("../x", 0, False),
        ("a/../../x", 0, False),
        ("./../x", 1, True),
        ("a/../x", 0, False),
        ("a/..", 2, False),
        ("../a/../b", 3, False),
        ("../../x", 1, False),
        (".", 0, True),
        ("/etc/passwd", 3, False),
        ("", 0, False),
        ("C:x", 2, False),
        ("\\x", 2, False),
        ("a/.git/config", 0, False),
        ("a\nb", 0, False),
        ("a/" * 2050, 0, False),
    ],
)
def test_link_targets(target: str, depth: int, fine: bool) -> None:
    if fine:
        assert check_link_target(target, depth) == target
        return
    with pytest.raises(WeftError):
        check_link_target(target, depth)


@pytest.mark.parametrize(
    "name",
    [
        "con",
        "AUX.txt",
        "nul.tar.gz",
        "COM¹",
        "com1.x",
        "LPT9",
        "CONIN$",
        "file.",
        "file ",
        "12:30:00.png",
        "a<b",
        'a"b',
        "a|b",
        "a?",
        "e\u0301",
        "con .txt",
    ],
)
def test_names_that_some_system_cannot_hold(name: str) -> None:
    assert portable_problem(name)


@pytest.mark.parametrize("name", ["a", "console", "com", "a.con", "é", "x y", ".hidden", "COM10", "文"])
def test_portable_names(name: str) -> None:
    assert portable_problem(name) == ""


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("README", "readme"),
        ("é", "e\u0301"),
        ("ſ", "s"),
        ("\u212a", "k"),
        ("ß", "ss"),
        ("É", "e\u0301"),
    ],
)
def test_names_that_collide(one: str, two: str) -> None:
    assert fold_key(one) == fold_key(two)
    assert collisions([one, "other", two]) == [(one, two)]
    assert collisions([one, "other"]) == []


@given(st.text("aAſKßéE\u0301İı", max_size=5))
def test_folding_is_stable(name: str) -> None:
    assert fold_key(fold_key(name)) == fold_key(name)
    assert fold_key(unicodedata.normalize("NFD", name)) == fold_key(name)
