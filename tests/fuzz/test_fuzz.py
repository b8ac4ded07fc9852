"""The short run: every target with its seeds, with some thousand changes of them, and with bytes that Hypothesis finds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


targets, mutate = _module("targets"), _module("mutate")
NAMES = sorted(targets.TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_the_seeds_are_taken(name: str) -> None:
    assert targets.SEEDS[name]
    for seed in targets.SEEDS[name]:
        assert targets.run(name, seed), "a seed that is refused at once tests nothing behind that"


@pytest.mark.parametrize("name", NAMES)
def test_changed_seeds(name: str) -> None:
    random, seeds = Random(name), targets.SEEDS[name]
    refused = 0
    for _ in range(400):
        data = mutate.mutate(random, random.choice(seeds), random.choice(seeds))
        refused += not targets.run(name, data)
    assert refused > 100


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(data=b"")
def test_bytes_from_nowhere(name: str, data: bytes) -> None:
    targets.run(name, data)
