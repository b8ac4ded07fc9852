"""Importing a module when it is first used: for what a command seldom needs and everybody would wait for.

``yaml = later("yaml")`` stands where ``import yaml`` would, at the top of a file, so every dependency is still seen there;
the test of the architecture reads it as an import, of a layer's own or of a library, and counts it in cycles.
"""

from __future__ import annotations

import importlib
from typing import Any


class Later:
    """A module that is imported when one of its names is first asked for. What was asked for once is kept."""

    def __init__(self, name: str) -> None:
        self.__dict__["_module_name"] = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(importlib.import_module(self.__dict__["_module_name"]), name)
        self.__dict__[name] = found
        return found


def later(name: str) -> Any:
    """The module ``name``, imported at its first use. Errors of the import come then: only for what is surely there."""
    return Later(name)
