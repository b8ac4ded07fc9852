"""The reference is generated from the code, complete and current."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import weft
from weft.cli import registry
from weft.errors import ExitCode, WeftError

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("weft_reference_generator", REFERENCE / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "errors.md", "rules.md", "settings.md"])
def test_the_page_is_current(generate: ModuleType, name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == generate.pages()[name], "run `make docs`"


def test_every_command_and_option_is_on_the_page(generate: ModuleType) -> None:
    text = generate.pages()["cli.md"]
    sections = {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)}
    common = sections["Options of every command"]
    assert {name.split()[0] for name, _ in generate.verbs()} == set(registry.COMMANDS)
    for name, command in generate.verbs():
        section = sections[f"weft {name}"]
        assert command.example.splitlines()[0] in section
        for parameter in command.params:
            if getattr(parameter, "hidden", False):
                continue
            for option in [*parameter.opts, *parameter.secondary_opts]:
                if option.startswith("-"):
                    assert f"`{option}`" in section + common, (name, option)


def test_every_error_that_exists_is_on_the_page(generate: ModuleType) -> None:
    for module in pkgutil.walk_packages(weft.__path__, "weft."):
        importlib.import_module(module.name)
    waiting, found = [WeftError], set()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("weft.") and kind is not WeftError:
            found.add(kind)
    assert found == set(generate.error_classes()) - {WeftError}
    text = generate.pages()["errors.md"]
    for kind in found:
        assert text.count(f"| `{kind.code}` |") == 1, "a code belongs to one class"
        assert kind.__doc__


def test_every_exit_code_is_on_the_page(generate: ModuleType) -> None:
    text = generate.pages()["cli.md"].split("## Exit codes\n", 1)[1]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == [int(code) for code in ExitCode]


def test_a_stale_page_would_be_noticed(generate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    before = generate.pages()
    monkeypatch.setattr(registry.load("version"), "help", "Print something else.")
    assert generate.pages()["cli.md"] != before["cli.md"]
    assert generate.pages()["errors.md"] == before["errors.md"]


def test_the_script_writes_where_it_stands(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "HERE", tmp_path)
    generate.main()
    assert {path.name for path in tmp_path.iterdir()} == {"cli.md", "errors.md", "rules.md", "settings.md"}
    assert sys.modules.get("generate") is None
