"""The short run of ``stress.py``; ``make stress`` is the long one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"concurrency_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_six_processes_and_every_answer_is_one_of_some_order(tmp_path: Path) -> None:
    stress = _module("stress")
    site = stress.stress(tmp_path, 6, 0.0, 7, least=12)
    assert site.findings == [], stress.report(site)
    assert sum(site.ran.values()) > 6 * 12
    assert {"add", "checkout", "gc", "push", "verify"} <= {verb for verb, _ in site.ran}
