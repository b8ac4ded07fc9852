"""Import only what is installed: the repository that weft looks at must never be a place that Python imports from.

``python -m weft`` puts the current directory first on ``sys.path``, and a ``PYTHONPATH`` may name it as well; a
``yaml.py`` or ``click.py`` lying in a cloned repository would then run. This module is imported before anything that is
not part of Python's start, and imports nothing else itself. What runs before any of weft's code, a ``sitecustomize.py``
on the user's own ``PYTHONPATH``, is the user's choice; ``python -I`` switches it off.
"""

from __future__ import annotations

import os
import sys


def isolate() -> None:
    """Take the current directory, and every relative entry, off ``sys.path``.

    An entry that holds the running weft's own installation stays: without it nothing could be imported at all.
    """
    installed = _installation()
    sys.path[:] = [entry for entry in sys.path if entry in installed or not _leads_here(entry)]


def _leads_here(entry: str) -> bool:
    if not os.path.isabs(entry):
        return True
    try:
        return os.path.samefile(entry, os.curdir)
    except OSError:
        return False


def _installation() -> frozenset[str]:
    """The directories that Python itself installs packages into."""
    roots = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    return frozenset(entry for entry in sys.path if entry.endswith("-packages") and _below(entry, roots))


def _below(entry: str, roots: set[str]) -> bool:
    return any(entry.startswith(root + os.sep) for root in roots)
