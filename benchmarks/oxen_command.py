"""A small command around Oxen's library, run by the Python of Oxen's environment.

The library is loaded from its file: the package around it would import pandas first, which the command of Oxen does not
do either.

    python benchmarks/oxen_command.py init | add PATH | status | commit | version
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path


def library():
    """The compiled module of the package oxen."""
    path = next(Path(sysconfig.get_path("platlib"), "oxen").glob("oxen_py*.so"))
    spec = importlib.util.spec_from_file_location("oxen_py", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Carry out one command in the current folder."""
    oxen = library()
    verb = sys.argv[1]
    if verb == "version":
        print(oxen.__version__)
        return
    repository = oxen.PyRepo(os.getcwd())
    if verb == "init":
        config = Path(os.environ["HOME"], ".config", "oxen", "user_config.toml")
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text('name = "Bench"\nemail = "bench@example.com"\n', encoding="utf-8")
        repository.init()
    elif verb == "add":
        repository.add(os.path.abspath(sys.argv[2]))
    elif verb == "status":
        print(repository.status())
    elif verb == "commit":
        repository.commit("next")


if __name__ == "__main__":
    main()
