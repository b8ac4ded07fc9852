import subprocess
import sys

import pytest

from weft.util.later import later


def test_a_name_comes_from_the_module():
    textwrap = later("textwrap")
    assert textwrap.dedent("  a") == "a"
    assert textwrap.__dict__["dedent"] is textwrap.dedent


def test_the_module_is_imported_at_the_first_use_and_not_before():
    code = (
        "import sys; from weft.util.later import later; wave = later('wave'); before = 'wave' in sys.modules;"
        " wave.Error; print(before, 'wave' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nosuch"):
        _ = later("textwrap").nosuch


def test_a_class_serves_in_an_except_clause():
    json = later("json")
    with pytest.raises(json.JSONDecodeError):
        json.loads("{")
