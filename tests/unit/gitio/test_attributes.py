"""Attribute lines are added once, after the user's own."""

from __future__ import annotations

import pytest

from weft.errors import SymlinkRefused
from weft.gitio.attributes import ensure_attributes

LINES = ["*.weft text eol=lf", ".weft/** text eol=lf"]


def test_created_once(tmp_path):
    assert ensure_attributes(str(tmp_path), LINES) is True
    assert (tmp_path / ".gitattributes").read_bytes() == b"*.weft text eol=lf\n.weft/** text eol=lf\n"
    assert ensure_attributes(str(tmp_path), LINES) is False


def test_user_lines_stay_and_only_the_missing_is_added(tmp_path):
    path = tmp_path / ".gitattributes"
    path.write_bytes(b"*.png binary\r\n.weft/** text eol=lf")
    assert ensure_attributes(str(tmp_path), LINES) is True
    assert path.read_bytes() == b"*.png binary\r\n.weft/** text eol=lf\n*.weft text eol=lf\n"


def test_git_understands_them(work):
    ensure_attributes(work.path, LINES)
    for name in ("a.weft", "d/a.weft", ".weft/config.yaml", ".weft/a/b.yaml"):
        assert work.git("check-attr", "eol", "--", name).endswith(b"eol: lf\n")
    assert work.git("check-attr", "eol", "--", "other.yaml").endswith(b"eol: unspecified\n")


def test_symbolic_link_is_refused(tmp_path):
    (tmp_path / ".gitattributes").symlink_to(tmp_path / "target")
    with pytest.raises(SymlinkRefused):
        ensure_attributes(str(tmp_path), LINES)
    assert not (tmp_path / "target").exists()
