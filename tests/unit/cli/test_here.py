"""Paths as seen from where the user stands."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from weft.cli import render
from weft.cli.here import COMMANDS, KEYS, OTHER, PATHS, TEXTS, Here
from weft.errors import NotTracked
from weft.pipeline.plan import Reason
from weft.workflows.facts import FactRow
from weft.workflows.lineage import ImpactResult
from weft.workflows.log import LogEntry
from weft.workflows.log_changes import DataChange
from weft.workflows.results import AddResult, CheckoutResult, Finding, MoveResult, QuarantineFile
from weft.workflows.results_status import Change, PathStatus, StaleStage, StatusResult
from weft.workflows.stage_declare import StageEdit


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


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("git restore --staged --worktree m.json", "git restore --staged --worktree ../../m.json"),
        ("git add 'projects/vision/a b' 'c d', then: weft repro x", "git add 'a b' '../../c d', then: weft repro x"),
        ("git checkout HEAD -- raw.weft, or: weft add raw", "git checkout HEAD -- ../../raw.weft, or: weft add ../../raw"),
        ("weft add raw to take it, weft checkout --force raw to drop it",
         "weft add ../../raw to take it, weft checkout --force ../../raw to drop it"),
        ("weft resolve --ours raw, or --theirs, or --base", "weft resolve --ours ../../raw, or --theirs, or --base"),
        ("write it as NAME, or weft add PATH", "write it as NAME, or weft add PATH"),
        ("git add 'it'\\''s'", "git add '../../it'\\''s'"),
        ("edit projects/vision/x, then git add projects/vision/x", "edit x, then git add x"),
        ("weft repro raw", "weft repro raw"),
    ],
)  # fmt: skip
def test_a_command(here: Here, text: str, seen: str) -> None:
    assert here.commands(text) == seen


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
    assert here.record(StageEdit("removed", ("raw",), ("raw",))) == StageEdit("removed", ("raw",), ("../../raw",))
    stale = StaleStage("train", ("projects/vision/data", "lr of projects/vision/params.yaml"))
    assert here.record(stale).causes == ("data", "lr of params.yaml")
    why = Reason("data changed", "projects/vision/data")
    impact = ImpactResult("data", (), "", "", (), stale=("train",), why_stale={"train": (why,)})
    assert here.record(impact).why_stale["train"][0].subject == "data"
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


# --- the records that are shown -------------------------------------------------------------------------------------------

_WORDS = """
above action after author base branch cmd code commit commits date determinism drivers elsewhere env explanation finished
found_in id key keys kind kept_by level line name object of oid old ours theirs new owner parents pattern project rationale
remote resources reused reused_author reused_commit revision revisions rule run runs scope section snapshot snapshots
source stage stages stale_above started state step stored subject time title type usual values version what why why_stale
"""
_PLACES = """
aside before copy destination endpoint entries folder location place python record repo result root roots script sent
shared shell store url
"""
AS_THEY_ARE = frozenset((_WORDS + _PLACES).split())
"""Fields of texts that are the same wherever one stands, as no path from the top of the work tree is in them."""


def _records(kind: Any, found: dict[type, dict[str, Any]]) -> None:
    for inner in get_args(kind):
        _records(inner, found)
    named = getattr(kind, "_fields", ()) or ([one.name for one in fields(kind)] if is_dataclass(kind) else ())
    if named and kind not in found:
        hints = get_type_hints(kind, localns={**ALL, **vars(importlib.import_module(kind.__module__))})
        found[kind] = {name: hints[name] for name in named}
        for name in named:
            _records(hints[name], found)


def _has_text(kind: Any) -> bool:
    return kind is str or any(_has_text(inner) for inner in get_args(kind) if inner is not kind)


def _shown() -> dict[type, dict[str, Any]]:
    """All records that pages show, and those in them, with their fields."""
    found: dict[type, dict[str, Any]] = {}
    for module in pkgutil.iter_modules(render.__path__, f"{render.__name__}."):
        for name, page in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            if name.endswith("_page") and page.__module__ == module.name:
                _records(_first(page), found)
    return found


def _first(page: Any) -> Any:
    """The type of the first argument."""
    text = next(iter(inspect.signature(page).parameters.values())).annotation
    return vars(importlib.import_module(page.__module__)).get(text) or ALL[text]


def _kinds() -> Iterator[tuple[str, Any]]:
    for package in ("weft.workflows", "weft.pipeline.validate"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            yield from vars(importlib.import_module(module.name)).items()


ALL = dict(_kinds())
"""What a module may import for the type checker alone."""
SHOWN = _shown()
NAMES = frozenset(name for held in SHOWN.values() for name, kind in held.items() if _has_text(kind))


def test_each_text_of_a_record_is_a_path_or_names_one_or_is_the_same_everywhere() -> None:
    """A field that is added or renamed, and is in none of the sets, would be printed from the top of the work tree."""
    assert sorted(NAMES - PATHS - KEYS - TEXTS - COMMANDS - AS_THEY_ARE) == []


def test_the_sets_name_only_what_records_have() -> None:
    assert sorted((PATHS | KEYS | TEXTS | COMMANDS | AS_THEY_ARE) - NAMES) == []
    kinds = {kind.__name__: held for kind, held in SHOWN.items()}
    assert sorted(OTHER.keys() - kinds.keys()) == []
    assert [name for name, left in OTHER.items() if not left & kinds[name].keys()] == []
    assert {"key", "section"} <= kinds["FactRow"].keys()
    assert "subject" in kinds["Reason"]
