"""Our ignore lines mean exactly their name to Git, and the user's bytes stay."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from weft.errors import FileTypeRefused, LimitExceeded, PathChars, PathEscape, PathSyntax, SymlinkRefused, WeftError
from weft.gitio import lines
from weft.gitio.ignore import drop_ignored, ensure_excluded, ensure_ignored, ignore_pattern
from weft.gitio.repo import GitRepo
from weft.model.paths import check_component

TRAPS = "*?[]\\!#/ -~^{}$'\"`()&;:,ab.é"


def at(root):
    """A repository at ``root``, of which nothing but the files is looked at."""
    return GitRepo(str(root), f"{root}/.git", f"{root}/.git", "git")


def _safe(name):
    try:
        check_component(name)
        name.encode()
    except (WeftError, UnicodeEncodeError):
        return False
    return len(name.encode()) < 120 and name != ".gitignore"


NAMES = st.one_of(st.text(TRAPS, min_size=1, max_size=12), st.text(min_size=1, max_size=20)).filter(_safe)


@pytest.fixture(scope="module")
def shared_repo():
    with tempfile.TemporaryDirectory() as path:
        subprocess.run(["git", "init", "-q", path], check=True)
        yield path


@settings(max_examples=120, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.lists(NAMES, max_size=6))
@example(["two  "], ["two", "two ", "two   "])
@example(["[a-c]", "*", "?"], ["a", "x"])
@example(["!x", "#y", " lead", "-r"], ["x", "y", "lead"])
@example(["a~b", "é", "12:30:00.png"], ["ab", "e"])
def test_git_ignores_exactly_the_names(shared_repo, names, others):
    path = os.path.join(shared_repo, ".gitignore")
    if os.path.exists(path):
        os.unlink(path)
    assert ensure_ignored(at(shared_repo), "", names) == ".gitignore"
    asked = [*names, *others, *(f"sub/{name}" for name in names)]
    done = subprocess.run(
        ["git", "check-ignore", "-z", "--stdin", "--no-index"],
        cwd=shared_repo,
        input=b"".join(b"./" + name.encode() + b"\0" for name in asked),
        capture_output=True,
        check=True,
    )
    assert {name.decode().removeprefix("./") for name in done.stdout.split(b"\0") if name} == set(names)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60) | st.text("ab/\r\n #!", max_size=30).map(str.encode), st.lists(NAMES, min_size=1, max_size=3)
)
@example(b"\xef\xbb\xbf/a\r\n", ["a"])
def test_user_bytes_are_kept_and_every_call_is_idempotent(shared_repo, before, names):
    assume(not any(line.strip(b"\r") == ignore_pattern(name) for name in names for line in before.split(b"\n")))
    path = os.path.join(shared_repo, ".gitignore")
    if before:
        with open(path, "wb") as file:
            file.write(before)
    elif os.path.exists(path):
        os.unlink(path)
    changed = ensure_ignored(at(shared_repo), "", names)
    with open(path, "rb") as file:
        after = file.read()
    assert after.startswith(before)
    if changed:
        assert ensure_ignored(at(shared_repo), "", names) is None
    if changed and before.removeprefix(b"\xef\xbb\xbf") == before:
        assert drop_ignored(at(shared_repo), "", names) == ".gitignore"
        assert drop_ignored(at(shared_repo), "", names) is None
        if not before:
            assert not os.path.exists(path)
        else:
            with open(path, "rb") as file:
                assert file.read() == (before if before.endswith(b"\n") else before + b"\n")


def _ignore_file(directory, data):
    (directory / ".gitignore").write_bytes(data)
    return directory / ".gitignore"


@pytest.mark.parametrize("present", [b"/data\n", b"/data", b"x\r\n/data\r\ny", b"\xef\xbb\xbf/data\n"])
def test_a_line_that_is_there_in_any_style_is_not_doubled(tmp_path, present):
    path = _ignore_file(tmp_path, present)
    before = path.stat().st_ino
    assert ensure_ignored(at(tmp_path), "", ["data"]) is None
    assert (path.read_bytes(), path.stat().st_ino) == (present, before)


def test_similar_lines_are_not_ours(tmp_path):
    path = _ignore_file(tmp_path, b"data\n/data/\n!/data\n# /data\n /data\n")
    assert ensure_ignored(at(tmp_path), "", ["data"]) == ".gitignore"
    assert path.read_bytes() == b"data\n/data/\n!/data\n# /data\n /data\n/data\n"
    assert drop_ignored(at(tmp_path), "", ["data"]) == ".gitignore"
    assert path.read_bytes() == b"data\n/data/\n!/data\n# /data\n /data\n"


def test_line_is_not_glued_to_an_unfinished_one(tmp_path):
    path = _ignore_file(tmp_path, b"*.log")
    ensure_ignored(at(tmp_path), "", ["data", "data", "b"])
    assert path.read_bytes() == b"*.log\n/data\n/b\n"


def test_drop_takes_doubled_lines_and_crlf_and_leaves_the_rest(tmp_path):
    path = _ignore_file(tmp_path, b"a\r\n/data\r\nb\n/data\n\n/data")
    assert drop_ignored(at(tmp_path), "", ["data"]) == ".gitignore"
    assert path.read_bytes() == b"a\r\nb\n\n"


def test_drop_without_a_file_or_line(tmp_path):
    assert drop_ignored(at(tmp_path), "", ["data"]) is None
    path = _ignore_file(tmp_path, b"other\n")
    assert drop_ignored(at(tmp_path), "", ["data"]) is None
    assert path.read_bytes() == b"other\n"


def test_permissions_stay(tmp_path):
    path = _ignore_file(tmp_path, b"x\n")
    path.chmod(0o600)
    ensure_ignored(at(tmp_path), "", ["data"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_symbolic_link_is_refused_and_its_target_untouched(tmp_path):
    (tmp_path / "outside").write_bytes(b"/data\nprecious\n")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / ".gitignore").symlink_to(tmp_path / "outside")
    for call in (ensure_ignored, drop_ignored):
        with pytest.raises(SymlinkRefused):
            call(at(tmp_path), "dir", ["data"])
    assert (tmp_path / "outside").read_bytes() == b"/data\nprecious\n"
    assert (tmp_path / "dir" / ".gitignore").is_symlink()


def test_a_directory_that_is_a_symbolic_link_is_refused(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / ".gitignore").write_bytes(b"/data\n")
    (tmp_path / "dir").symlink_to("outside")
    for call in (ensure_ignored, drop_ignored):
        with pytest.raises(SymlinkRefused):
            call(at(tmp_path), "dir", ["data", "more"])
    assert (tmp_path / "outside" / ".gitignore").read_bytes() == b"/data\n"


def test_a_fifo_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / ".gitignore")
    with pytest.raises(FileTypeRefused):
        ensure_ignored(at(tmp_path), "", ["data"])


def test_an_endless_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_LIMIT", 10)
    _ignore_file(tmp_path, b"x" * 11)
    with pytest.raises(LimitExceeded):
        ensure_ignored(at(tmp_path), "", ["data"])


@pytest.mark.parametrize(
    ("name", "error"),
    [("a/b", PathEscape), ("a\nb", PathChars), ("", PathSyntax), ("..", PathEscape), ("a\r", PathChars)],
)
def test_names_that_are_no_names_write_nothing(tmp_path, name, error):
    with pytest.raises(error):
        ensure_ignored(at(tmp_path), "", ["fine", name])
    assert os.listdir(tmp_path) == []


def _untracked(work):
    return work.git("status", "--porcelain", "-uall").decode().split("\n")[:-1]


def test_excluded_patterns_hold_at_every_depth_and_in_every_work_tree(work, open_work):
    work.commit({"a": b"1"})
    other = os.path.join(os.path.dirname(work.path), "other")
    work.git("worktree", "add", "-q", other)
    for tree in (work, open_work(other)):
        for name in (".weft-tmp-1-2", "sub/dir/.weft-tmp-x", "sub/mine", ".weft-tmp"):
            tree.write(name)
    assert ensure_excluded(open_work(other).repo, [".weft-tmp-*"]) is True
    for tree in (work, open_work(other)):
        assert _untracked(tree) == ["?? .weft-tmp", "?? sub/mine"]


def test_excluding_keeps_the_users_lines_and_does_nothing_twice(work):
    path = os.path.join(work.repo.common_dir, "info", "exclude")
    with open(path, "wb") as file:
        file.write(b"# mine\n*.log")
    assert ensure_excluded(work.repo, [".weft-tmp-*", "b"]) is True
    inode = os.stat(path).st_ino
    assert ensure_excluded(work.repo, ["b", ".weft-tmp-*"]) is False
    with open(path, "rb") as file:
        assert file.read() == b"# mine\n*.log\n.weft-tmp-*\nb\n"
    assert os.stat(path).st_ino == inode


def test_excluding_in_a_repository_made_without_a_template(new_work):
    work = new_work("bare", "--template=")
    assert not os.path.exists(os.path.join(work.repo.common_dir, "info"))
    work.write(".weft-tmp-1")
    assert ensure_excluded(work.repo, [".weft-tmp-*"]) is True
    assert _untracked(work) == []


def test_excluding_through_a_link_is_refused(work, tmp_path):
    path = os.path.join(work.repo.common_dir, "info", "exclude")
    os.unlink(path)
    (tmp_path / "shared").write_bytes(b"theirs\n")
    os.symlink(tmp_path / "shared", path)
    with pytest.raises(SymlinkRefused):
        ensure_excluded(work.repo, [".weft-tmp-*"])
    assert (tmp_path / "shared").read_bytes() == b"theirs\n"


@pytest.mark.parametrize("pattern", ["", "a\nb"])
def test_a_pattern_is_one_line(work, pattern):
    with pytest.raises(ValueError, match="one line"):
        ensure_excluded(work.repo, ["fine", pattern])
