"""Golden repositories and remotes of released formats are read for ever, by weft and by the second reader."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kit import Repo, environment

HERE = Path(__file__).parent
GOLDEN = sorted(path for path in (HERE / "v1").iterdir() if path.is_dir())


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_make", HERE / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _clone(golden: Path, tmp_path: Path, tag: str) -> Repo:
    shutil.copytree(golden / "remote", tmp_path / "remote")
    subprocess.run(
        ["git", "clone", "-q", "-b", tag, str(golden / "repo.bundle"), str(tmp_path / "clone")],
        check=True,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    return Repo(tmp_path / "clone")


def test_there_is_golden_data() -> None:
    assert GOLDEN


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
@pytest.mark.parametrize("tag", ["one", "two"])
def test_weft_reads_golden_data(golden: Path, tag: str, tmp_path: Path) -> None:
    clone = _clone(golden, tmp_path, tag)
    clone.weft("pull")
    expected = json.loads((golden / "expected.json").read_text())[tag]
    assert _maker().listing(clone.root) == expected
    assert clone.weft("status", "--exit-code").code == 0
    assert clone.weft("verify", "--full").code == 0


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
@pytest.mark.parametrize("tag", ["one", "two"])
def test_the_second_reader_restores_golden_data(golden: Path, tag: str, tmp_path: Path) -> None:
    clone = _clone(golden, tmp_path, tag)
    repo_id = next((golden / "remote/roots").iterdir()).name
    out = tmp_path / "out"
    out.mkdir()
    for pointer in sorted(path for path in clone.root.glob("*.weft") if path.is_file()):
        subprocess.run(
            [sys.executable, "-I", str(HERE / "reader.py"), str(golden / "remote"), repo_id, str(pointer), str(out)],
            check=True,
        )
    expected = json.loads((golden / "expected.json").read_text())[tag]
    assert _maker().listing(out) == expected


def test_the_second_reader_knows_nothing_of_weft() -> None:
    source = (HERE / "reader.py").read_text()
    assert "import weft" not in source
    assert "from weft" not in source
