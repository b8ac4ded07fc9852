import io
import json

import pytest

from weft.cli.context import INTERRUPTED, Page, Session, View
from weft.cli.failures import Interrupted
from weft.cli.streams import Output
from weft.errors import NotTracked, SchemaError
from weft.workflows.results import MoveResult

RECORD = MoveResult((("a", ""),))


def page(record, view):
    assert isinstance(view, View)
    return Page(data=("data",), report=("report",), notes=("note",), cautions=("caution",))


def test_what_was_asked_for_goes_to_stdout_and_the_rest_to_stderr(session):
    session.show("rm", RECORD, page)
    assert session.out_text == "data\nreport\n"
    assert session.err_text == "caution\nnote\n"


def test_quiet_leaves_the_data_and_what_would_be_lost(session):
    session.quiet = True
    session.show("rm", RECORD, page)
    assert session.out_text == "data\n"
    assert session.err_text == "caution\n"


def test_json_is_one_document_and_nothing_else(session):
    session.json = True
    session.progress.warn("careful", "weft doctor")
    session.show("rm", RECORD, page)
    document = json.loads(session.out_text)
    assert document["schema"] == "weft/rm/1"
    assert document["data"] == {"moved": [["a", ""]], "broken": [], "dry_run": False, "saved": []}
    assert document["warnings"] == [{"message": "careful", "hint": "weft doctor"}]
    assert session.err_text == "warning: careful\nhint: weft doctor\n"


def test_an_error_is_one_line_a_blank_line_and_a_hint(session):
    assert session.fail(NotTracked("weft does not track a\x1b", hint="weft add a"), []) == 3
    assert session.out_text == ""
    assert session.err_text == "error: weft does not track a\\x1b [E_NOT_TRACKED]\n\nhint: weft add a\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SchemaError("doubled key", path="a.weft", line=3), "error: a.weft:3: doubled key [E_SCHEMA]\n"),
        (SchemaError("doubled key", path="a.weft"), "error: a.weft: doubled key [E_SCHEMA]\n"),
        (SchemaError("doubled key in a.weft", path="a.weft"), "error: doubled key in a.weft [E_SCHEMA]\n"),
        (
            SchemaError("doubled key in a.weft", path="a.weft", line=3),
            "error: line 3: doubled key in a.weft [E_SCHEMA]\n",
        ),
        (SchemaError("line 3 of 'caf\\xe9'", path="café", line=3), "error: line 3 of 'caf\\xe9' [E_SCHEMA]\n"),
        (SchemaError("doubled key", line=3), "error: line 3: doubled key [E_SCHEMA]\n"),
    ],
)
def test_an_error_names_its_place_once(session, error, line):
    session.fail(error, [])
    assert session.err_text == line


def test_an_error_as_json(session):
    session.json = True
    assert session.fail(NotTracked("no", hint="weft add a"), []) == 3
    assert json.loads(session.out_text)["code"] == "E_NOT_TRACKED"
    assert session.err_text == ""


def test_trace_and_causes_need_verbose(session):
    session.fail(NotTracked("no"), ["KeyError: 'x'"], "Traceback\n  here")
    assert "KeyError" not in session.err_text
    session.verbose = True
    session.fail(NotTracked("no"), ["KeyError: 'x'"], "Traceback\n  here")
    assert "caused by KeyError: 'x'\n" in session.err_text
    assert "Traceback\n  here\n" in session.err_text


def test_an_interruption_is_told_once(session):
    session.interrupted()
    assert session.fail(Interrupted(INTERRUPTED), []) == 130
    assert session.err_text == INTERRUPTED + "\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_of_an_error(environment, coloured):
    err = Terminal()
    Session(Output(io.StringIO()), Output(err), environment).fail(NotTracked("no"), [])
    assert ("\x1b[" in err.getvalue()) is coloured
    assert "error:" in err.getvalue()


def test_a_terminal_gets_its_cursor_back():
    err = Terminal()
    Session(Output(io.StringIO()), Output(err), {}).interrupted()
    assert "\x1b[?25h" in err.getvalue()
