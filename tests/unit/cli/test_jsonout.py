import json
from dataclasses import dataclass

import pytest

from weft.cli import jsonout
from weft.errors import SchemaError
from weft.model.oid import Oid
from weft.model.paths import RepoPath
from weft.workflows.results_status import PathStatus, StatusResult


def test_a_document_names_its_schema_and_holds_the_record():
    record = StatusResult((PathStatus("a", "file", "clean"),), remote="origin")
    document = jsonout.document("status", record, [{"message": "m", "hint": ""}])
    assert document["schema"] == "weft/status/1"
    assert document["warnings"] == [{"message": "m", "hint": ""}]
    assert document["data"]["paths"][0]["state"] == "clean"
    assert document["data"]["paths"][0]["changes"] == []
    assert document["data"]["clean"] is True, "properties are part of the document"
    assert json.loads(jsonout.dumps(document)) == document


def test_values_of_the_model_have_one_spelling():
    oid = Oid.of(b"x")
    assert jsonout.plain({"oid": oid, "path": RepoPath("a/b")}) == {"oid": str(oid), "path": "a/b"}
    assert type(jsonout.plain(RepoPath("a"))) is str


@dataclass(frozen=True)
class Odd:
    value: object


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), Odd(b"x")])
def test_what_has_no_place_in_json_is_refused(value):
    with pytest.raises(TypeError):
        jsonout.plain(value)


def test_only_ascii_is_written():
    assert jsonout.dumps({"name": "\u202e\x1bé\udcff"}) == '{"name": "\\u202e\\u001b\\u00e9\\udcff"}'


def test_an_error_has_all_that_the_text_has():
    error = SchemaError("bad key", hint="weft doctor", path="a.weft", line=3)
    document = jsonout.error_document(error)
    assert document == {
        "schema": "weft/error/1",
        "code": "E_SCHEMA",
        "message": "bad key",
        "hint": "weft doctor",
        "exit_code": 3,
        "path": "a.weft",
        "line": 3,
        "warnings": [],
    }
