"""``-S [FILE:]KEY=VALUE``: values written into params files before a run, all other bytes kept."""

from __future__ import annotations

import os
from collections.abc import Sequence

from weft.errors import UsageFault, ValuesFault, quoted
from weft.formats import values
from weft.gitio.trees import left_out
from weft.model.stage import PARAMS_FILE, Stage, full_name
from weft.util.dirfd import write_below
from weft.workflows.files import read_small
from weft.workflows.project import Project
from weft.workflows.stages import VALUES_LIMIT
from weft.workflows.targets import repo_path


def apply_settings(project: Project, settings: Sequence[str], stages: Sequence[Stage]) -> tuple[str, ...]:
    """Write ``settings``; without a file the one that some of ``stages`` reads the key from, else ``params.yaml`` of their
    project. Returns the files that they are in.

    All are understood before one is written. Raises ``UsageFault`` and ``ValuesFault``.
    """
    wanted: dict[str, dict[str, str]] = {}
    for text in settings:
        place, equals, value = text.partition("=")
        file, _, key = place.rpartition(":")
        if not equals or not key:
            raise UsageFault(f"-S takes KEY=VALUE or FILE:KEY=VALUE, not {text!a}", hint="weft repro -S train.lr=0.1")
        name = repo_path(project, file) if file else _file_of(key, stages)
        wanted.setdefault(name, {})[key] = value
    changed: dict[str, bytes] = {}
    for name, chosen in wanted.items():
        data = read_small(os.path.join(project.root, name), VALUES_LIMIT)
        if data is None:
            raise ValuesFault(
                f"there is no params file {name}",
                hint=f"git sparse-checkout add {quoted(name.rpartition('/')[0] or name)}"
                if left_out(project.git, name)
                else f"write {name}, or name another: -S FILE:KEY=VALUE",
            )
        new = values.set_values(data, name, chosen)
        if new != data:
            changed[name] = new
    for name, data in changed.items():
        mode = os.stat(os.path.join(project.root, name)).st_mode & 0o777
        write_below(project.root, name, data, mode=mode)
    return tuple(wanted)


def _file_of(key: str, stages: Sequence[Stage]) -> str:
    for stage in stages:
        for wanted in stage.params:
            if any(key == known or key.startswith(known + ".") for known in wanted.keys):
                return wanted.file
    folders = {stage.folder for stage in stages}
    return full_name(folders.pop() if len(folders) == 1 else "", PARAMS_FILE)
