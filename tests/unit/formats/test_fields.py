"""Fields: absent, empty and wrong are told apart."""

from __future__ import annotations

import pytest

from weft.errors import OidSyntax, SchemaError, WeakHash
from weft.formats.fields import Fields

EMPTY = Fields({}, "f.json")
NULLS = Fields({"a": None}, "f.json")


@pytest.mark.parametrize("method", ["text", "number", "oid"])
def test_absent_and_null(method: str) -> None:
    with pytest.raises(SchemaError, match=r"f\.json: the key 'a' is missing"):
        getattr(EMPTY, method)("a")
    with pytest.raises(SchemaError, match=r"f\.json: 'a' must be"):
        getattr(NULLS, method)("a")


def test_defaults() -> None:
    assert (EMPTY.text("a", "x"), EMPTY.number("a", 5), EMPTY.flag("a"), EMPTY.texts("a")) == ("x", 5, None, ())
    assert EMPTY.below("a").values == {}


def test_wrong_values() -> None:
    with pytest.raises(SchemaError, match="mapping"):
        Fields([], "f.json")
    with pytest.raises(SchemaError, match="not a string"):
        Fields({1: 2}, "f.json")
    with pytest.raises(SchemaError, match="object id in a string, not int"):
        Fields({"a": 5}, "f.json").oid("a")
    with pytest.raises(SchemaError, match="true or false"):
        NULLS.flag("a")
    with pytest.raises(SchemaError, match="list of strings"):
        Fields({"a": ["x", 1]}, "f.json").texts("a")
    with pytest.raises(OidSyntax, match=r"f\.json: 'a'"):
        Fields({"a": "x"}, "f.json").oid("a")
    with pytest.raises(WeakHash, match=r"f\.json: 'a'"):
        Fields({"a": "md5:0"}, "f.json").oid("a")
