"""Rules of .weftignore."""

import os

import pytest

from weft.errors import LimitExceeded, SchemaError, SymlinkRefused
from weft.workspace.ignore import Ignore, load_ignore


@pytest.mark.parametrize(
    ("rules", "directory", "name", "is_dir", "ignored"),
    [
        ("*.tmp", "", "a.tmp", False, True),
        ("*.tmp", "x/y", "a.tmp", False, True),
        ("*.tmp", "", "a.tmp.txt", False, False),
        ("cache/", "", "cache", True, True),
        ("cache/", "", "cache", False, False),
        ("/top", "", "top", False, True),
        ("/top", "sub", "top", False, False),
        ("a/b", "a", "b", False, True),
        ("a/b", "x/a", "b", False, False),
        ("a/*", "a/b", "c", False, False),
        ("**/b", "", "b", False, True),
        ("**/b", "x/y", "b", False, True),
        ("a/**", "a/b", "c", False, True),
        ("a/**", "", "a", True, False),
        ("a/**/z", "a", "z", False, True),
        ("a/**/z", "a/b/c", "z", False, True),
        ("?at", "", "cat", False, True),
        ("[ch]at", "", "hat", False, True),
        ("[!c]at", "", "cat", False, False),
        ("[a-c]x", "", "bx", False, True),
        ("*.log\n!keep.log", "", "keep.log", False, False),
        ("!keep.log\n*.log", "", "keep.log", False, True),
        ("# a.txt\n\n", "", "# a.txt", False, False),
        ("\\#a", "", "#a", False, True),
        ("\\*", "", "*", False, True),
        ("\\*", "", "b", False, False),
        ("trail  ", "", "trail", False, True),
        ("a.b", "", "axb", False, False),
        ("", "", ".weft-tmp-123", False, True),
    ],
)
def test_rules_decide_as_git_does(rules, directory, name, is_dir, ignored):
    assert Ignore.parse(rules).match(directory, name, is_dir) is ignored


def test_many_stars_do_not_take_exponential_time():
    assert not Ignore.parse("*a" * 12 + "b").match("", "a" * 60, False)
    assert not Ignore.parse("/".join(["**"] * 8) + "/q").match("/".join("a" * 30), "z", False)


def test_an_open_class_is_a_named_error():
    with pytest.raises(SchemaError) as caught:
        Ignore.parse("fine\n[oops")
    assert caught.value.line == 2


def test_no_file_means_no_rules(tmp_path):
    assert load_ignore(str(tmp_path), "d").empty


def test_the_file_is_read(tmp_path):
    (tmp_path / ".weftignore").write_text("*.bak\n")
    assert load_ignore(str(tmp_path), "d").match("", "x.bak", False)


def test_a_link_in_its_place_is_refused(tmp_path):
    os.symlink("/etc/hostname", tmp_path / ".weftignore")
    with pytest.raises(SymlinkRefused):
        load_ignore(str(tmp_path), "d")


def test_a_fifo_in_its_place_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / ".weftignore")
    with pytest.raises(SchemaError):
        load_ignore(str(tmp_path), "d")


def test_a_huge_file_is_refused(tmp_path):
    (tmp_path / ".weftignore").write_bytes(b"#" * 70_000)
    with pytest.raises(LimitExceeded):
        load_ignore(str(tmp_path), "d")
