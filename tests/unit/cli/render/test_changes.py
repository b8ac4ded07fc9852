import pytest

from weft.cli.context import View
from weft.cli.render.changes import LETTERS, diff_page, status_page
from weft.cli.text import Paint
from weft.workflows.results import DiffResult
from weft.workflows.results_status import Change, PathStatus, StatusResult

CHANGES = (
    Change("modified", "data/a", 1024, 2048),
    Change("added", "data/b\n", 0, 10),
    Change("deleted", "data/c", 20, 0),
    Change("renamed", "data/e", 5, 5, "data/d"),
    Change("mode", "data/f", 7, 7),
)


def test_status_looks_like_that_of_git(view):
    result = StatusResult(
        (
            PathStatus("data", "dir", "modified", CHANGES),
            PathStatus("model", "file", "clean"),
            PathStatus("far", "dir", "not-here"),
            PathStatus("half", "dir", "partial", absent=3),
            PathStatus("gone", "file", "missing", message="it was here"),
            PathStatus("bad", "file", "error", message="E\x07"),
            PathStatus("kept", "file", "clean", remote="not-pushed"),
            PathStatus("part", "file", "clean", remote="incomplete"),
        ),
        remote="origin",
        uncommitted=("data.weft",),
    )
    page = status_page(result, view)
    assert page.data == (
        "M data/a",
        "A data/b\\n",
        "D data/c",
        "R data/d -> data/e",
        "X data/f",
        "- far  (not here)",
        "~ half  (3 files not here)",
        "D gone  it was here",
        "! bad  E\\x07",
        "^ kept  (not pushed)",
        "^ part  (incomplete)",
    )
    assert page.report == (
        "8 tracked paths: 1 added, 1 modified, 1 deleted, 1 renamed, 1 changed in mode, 1 not here, 1 partly here, "
        "1 missing, 1 in error, 1 not pushed to origin, 1 incomplete on origin",
    )
    assert page.notes == (
        "next: weft add PATH to record, weft checkout --force --delete PATH to undo",
        "next: weft pull, to bring what is not here",
        "next: git commit (1 pointer not committed)",
        "next: weft push",
        "next: weft verify --remote origin --repair",
    )


def test_a_clean_status_is_one_note(view, details):
    result = StatusResult((PathStatus("model", "file", "clean"),))
    assert status_page(result, view).data == ()
    assert status_page(result, view).report == ("1 tracked path, all as recorded",)
    assert status_page(result, details).data == ("= model",)


def test_a_status_that_asked_the_remote_says_that_all_is_there(view):
    result = StatusResult((PathStatus("model", "file", "clean", remote="pushed"),), remote="origin")
    assert status_page(result, view).report == ("1 tracked path: all pushed to origin",)


def test_status_of_an_empty_project_says_how_to_begin(view):
    empty = status_page(StatusResult(()), view)
    assert (empty.report, empty.notes) == (("nothing is tracked yet",), ("next: weft add PATH",))


def test_a_modified_path_without_files_still_has_its_line(view):
    assert status_page(StatusResult((PathStatus("f", "file", "modified"),)), view).data == ("M f",)


def test_diff_tells_sizes(view):
    page = diff_page(DiffResult("v1", "workspace", CHANGES), view)
    assert page.data == (
        "M data/a  (1.0 KiB -> 2.0 KiB)",
        "A data/b\\n  (10 B)",
        "D data/c  (20 B)",
        "R data/d -> data/e  (5 B)",
        "X data/f  (7 B)",
    )
    assert page.notes == ("v1 -> workspace: 1 added, 1 modified, 1 deleted, 1 renamed, 1 changed in mode, +1014 B",)
    assert diff_page(DiffResult("a", "b", ()), view).notes == ("a -> b: no differences",)
    shrunk = diff_page(DiffResult("a", "b", (CHANGES[2],)), view)
    assert shrunk.notes == ("a -> b: 1 deleted, -20 B",)


@pytest.mark.parametrize("kind", LETTERS)
def test_the_letter_stays_when_colour_goes(kind):
    change = DiffResult("a", "b", (Change(kind, "p"),))
    plain, coloured = diff_page(change, View(Paint(False))).data[0], diff_page(change, View(Paint(True))).data[0]
    assert plain.startswith(LETTERS[kind] + " ")
    assert "\x1b[" in coloured
    assert f"m{LETTERS[kind]}\x1b" in coloured
