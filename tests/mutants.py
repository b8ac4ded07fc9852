"""The weft command with a piece of its code taken out, to prove that a test would notice: ``mutants.py SPEC ARGUMENTS...``.

``SPEC`` is JSON: ``replace`` is a list of [module, old text, new text], and ``before`` is Python that runs before any of
weft is imported, for what a test cannot bring about from outside (a write that takes less than it was given, a clock that
went on, somebody else's deletion at one moment). The old text must stand in the module exactly once, so that a test of a
guard fails when the guard is no longer where it was.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kit import Ran, Repo


class Mutation(NamedTuple):
    """Code of ``module`` to be taken out: ``old`` gives way to ``new``."""

    module: str
    old: str
    new: str


class Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from its source with replacements, and leaves no compiled file behind."""

    def __init__(self, name: str, path: str, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(name, path)
        self._pairs = pairs

    def get_code(self, fullname: str) -> types.CodeType:
        text = Path(self.path).read_text(encoding="utf-8")
        for old, new in self._pairs:
            if text.count(old) != 1:
                raise SystemExit(f"{fullname} holds {text.count(old)} times what is to be replaced: {old!r}")
            text = text.replace(old, new)
        return compile(text, self.path, "exec", dont_inherit=True)


class Finder(importlib.abc.MetaPathFinder):
    """Gives the changed modules, before Python looks for them itself."""

    def __init__(self, mutations: Sequence[Mutation]) -> None:
        self._mutations = mutations

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        pairs = [(one.old, one.new) for one in self._mutations if one.module == fullname]
        found = importlib.machinery.PathFinder.find_spec(fullname, path) if pairs else None
        if found is None or found.origin is None:
            return None
        return importlib.util.spec_from_file_location(
            fullname, found.origin, loader=Changed(fullname, found.origin, pairs)
        )


class MutantRepo(Repo):
    """A work tree whose ``mutant`` runs weft with ``mutations``, which may be none."""

    mutations: Sequence[Mutation] = ()

    def mutant(self, *arguments: str, before: str = "", code: int | None = None) -> Ran:
        """Run a command. What it returns is for the scene to judge."""
        done = self.run(*self.argv(*arguments, before=before), code=code, env=plain())
        assert "what is to be replaced" not in done.err, done.err
        return done

    def argv(self, *arguments: str, before: str = "") -> list[str]:
        """The command line of a mutant."""
        spec = json.dumps({"replace": self.mutations, "before": before})
        return [sys.executable, __file__, spec, *arguments]


def plain() -> dict[str, str]:
    """Variables that keep the measuring of coverage out of a child whose code is not what its file says."""
    return {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}


def main() -> None:
    spec = json.loads(sys.argv[1])
    exec(spec["before"], {"__name__": "before"})
    sys.meta_path.insert(0, Finder([Mutation(*one) for one in spec["replace"]]))
    sys.argv[1:2] = []
    from weft.cli.main import entry

    entry()


if __name__ == "__main__":
    main()
