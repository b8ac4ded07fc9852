"""Paths as seen from where the user stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.cli.here import Here
from weft.errors import NotTracked
from weft.workflows.facts import FactRow
from weft.workflows.log import LogEntry
from weft.workflows.log_changes import DataChange
from weft.workflows.results import AddResult, CheckoutResult, Finding, MoveResult, QuarantineFile
from weft.workflows.results_status import Change, PathStatus, StatusResult


@pytest.fixture
def here(tmp_path: Path) -> Here:
    (tmp_path / ".git").mkdir()
    (tmp_path / "projects/vision/data").mkdir(parents=True)
    (tmp_path / "raw.weft").write_text("")
    return Here.find(str(tmp_path / "projects" / "vision"), {})


def test_it_is_found_without_git(here: Here, tmp_path: Path) -> None:
    assert here.below == "projects/vision"
    assert Here.find(str(tmp_path), {}).below == ""
    assert Here.find(str(tmp_path / "projects"), {"GIT_WORK_TREE": ".."}).below == "projects"
    assert Here.find("/", {}).below == ""


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("projects/vision/data", "data"),
        ("projects/vision/data/", "data/"),
        ("projects/vision", "."),
        ("projects/visions/data", "../visions/data"),
        ("projects", ".."),
        ("raw", "../../raw"),
        ("projects/vision/projects/vision/x", "projects/vision/x"),
        ("/absolute", "/absolute"),
        ("", ""),
    ],
)
def test_a_path(here: Here, tmp_path: Path, path: str, seen: str) -> None:
    assert here.path(path) == seen
    assert Here(str(tmp_path), "").path(path) == path


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("weft add projects/vision/data", "weft add data"),
        ("weft ls v1:projects/vision/data", "weft ls v1:projects/vision/data"),
        ("projects/vision, and more", "., and more"),
        ("other/projects/vision/data", "other/projects/vision/data"),
        ("projects/vision-2/data", "projects/vision-2/data"),
    ],
)
def test_a_sentence(here: Here, text: str, seen: str) -> None:
    assert here.text(text) == seen


def test_an_error_names_what_it_is_about_from_here(here: Here) -> None:
    error = NotTracked("raw lies there", hint="weft rm raw; weft add projects/vision/data", path="raw")
    here.error(error)
    assert error.message == "../../raw lies there"
    assert error.hint == "weft rm ../../raw; weft add data"
    typed = NotTracked("weft does not track data", hint="weft add data", path="data")
    here.error(typed)
    assert typed.hint == "weft add data", "what was typed is from here already"


def test_records_and_those_in_them(here: Here) -> None:
    status = StatusResult((PathStatus("raw", "dir", "modified", (Change("renamed", "raw/b", old_path="raw/a"),)),))
    changed = here.record(status)
    assert changed.paths[0].path == "../../raw"
    assert (changed.paths[0].changes[0].path, changed.paths[0].changes[0].old_path) == ("../../raw/b", "../../raw/a")
    assert status.paths[0].path == "raw"
    moved = here.record(MoveResult((("raw", "projects/vision/raw"), ("raw", ""))))
    assert moved.moved == (("../../raw", "raw"), ("../../raw", ""))
    assert here.record(CheckoutResult(("raw",), saved=(("raw", "blake3:1"),))).saved == (("../../raw", "blake3:1"),)
    assert here.record(AddResult((), True, left_out=("raw/",))).left_out == ("../../raw/",)
    assert here.record(FactRow("params", "params.yaml:lr", (1,))).key == "../../params.yaml:lr"
    assert here.record(FactRow("stages", "train", ("a",))).key == "train"
    finding = here.record(
        Finding("E_X", "projects/vision/data is wrong", "", ("raw",), "weft pull projects/vision/data")
    )
    assert (finding.code, finding.message, finding.hint) == ("E_X", "data is wrong", "weft pull data")
    entry = LogEntry("1", (), "", "", "raw", (DataChange("raw", "dir", "added"),), left_out={"raw": "why"})
    assert here.record(entry).left_out == {"../../raw": "why"}
    assert here.record(entry).subject == "raw", "what people wrote stays"
    aside = QuarantineFile("0a.pack", 1, 1, "why", "state")
    assert here.record(aside) is aside
