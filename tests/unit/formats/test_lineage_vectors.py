"""The test vectors of records and stage files, which are put together without weft, against weft."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from weft.errors import GraphFault, WeftError
from weft.formats import lineage, stagefile
from weft.gitio.blobs import blob_id
from weft.pipeline.graph import Graph

SPEC = Path(__file__).resolve().parents[3] / "docs" / "spec"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_lineage_vectors", SPEC / "make_lineage_vectors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = maker()


def vectors(title: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SPEC / "vectors" / f"{title}.json").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("title", MAKER.ALL)
def test_the_files_are_what_the_script_writes(title: str) -> None:
    assert (SPEC / "vectors" / f"{title}.json").read_text(encoding="utf-8") == MAKER.text(title)


def test_records() -> None:
    for row in vectors("records")["valid"]:
        data = row["text"].encode()
        record = lineage.decode(data, what="lineage/a.yaml")
        assert lineage.encode(record) == data
        assert str(record.digest) == str(lineage.digest(record)) == str(lineage.digest_of_text(data)) == row["digest"]


@pytest.mark.parametrize("row", vectors("records")["invalid"], ids=lambda row: row["name"])
def test_invalid_records(row: dict[str, Any]) -> None:
    with pytest.raises(WeftError) as caught:
        lineage.decode(row["text"].encode(), what="lineage/a.yaml")
    assert caught.value.code == row["code"]
    assert caught.value.path == "lineage/a.yaml"


def test_stage_files() -> None:
    for row in vectors("stagefiles")["valid"]:
        found = stagefile.decode(row["text"].encode())
        assert {name: stagefile.stage_text(stage).decode() for name, stage in found.items()} == {
            name: told["text"] for name, told in row["stages"].items()
        }
        assert [blob_id(stagefile.stage_text(stage)) for stage in found.values()] == [
            told["blob"] for told in row["stages"].values()
        ]
        assert set(Graph.build(found).order()) == set(found)


@pytest.mark.parametrize("row", vectors("stagefiles")["invalid"], ids=lambda row: ascii(row["text"])[:60])
def test_invalid_stage_files(row: dict[str, Any]) -> None:
    with pytest.raises(WeftError) as caught:
        stagefile.decode(row["text"].encode())
    assert caught.value.code == row["code"]


@pytest.mark.parametrize("text", vectors("stagefiles")["graph"])
def test_stages_that_are_no_graph(text: str) -> None:
    with pytest.raises(GraphFault):
        Graph.build(stagefile.decode(text.encode()))
