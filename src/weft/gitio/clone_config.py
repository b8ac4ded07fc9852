"""Settings of this clone in Git's own configuration, which is never committed and may therefore name programs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from weft.gitio.repo import GitRepo, git_failed


def set_section(repo: GitRepo, section: str, values: Mapping[str, str]) -> bool:
    """Give the local ``section`` (``merge.NAME``) these ``values``; True when something changed. Raises ``GitFailed``."""
    known = section_values(repo, section)
    changed = {key: value for key, value in values.items() if known.get(key) != value}
    for key, value in changed.items():
        repo.git("config", "--local", "--replace-all", f"{section}.{key}", value)
    return bool(changed)


def section_values(repo: GitRepo, section: str) -> dict[str, str]:
    """The local values of ``section`` by key."""
    done = repo.run("config", "--local", "-z", "--list")
    if done.returncode != 0:
        raise git_failed(["config"], done)
    found = {}
    for row in done.stdout.split(b"\0"):
        key, _, value = os.fsdecode(row).partition("\n")
        if key.startswith(section + "."):
            found[key[len(section) + 1 :]] = value
    return found


def add_value(repo: GitRepo, key: str, value: str) -> bool:
    """Let the local setting ``key``, which may have many values, have ``value`` too; True when it had not. Raises
    ``GitFailed``."""
    if value in _values(repo, key):
        return False
    repo.git("config", "--local", "--add", key, value)
    return True


def drop_value(repo: GitRepo, key: str, value: str) -> bool:
    """Take one of the values of the local setting ``key`` away; False when it is none of them. Raises ``GitFailed``."""
    if value not in _values(repo, key):
        return False
    repo.git("config", "--local", "--fixed-value", "--unset-all", key, value)
    return True


def _values(repo: GitRepo, key: str) -> list[str]:
    return os.fsdecode(repo.git("config", "--local", "-z", "--get-all", key, check=False)).split("\0")


def drop_section(repo: GitRepo, section: str) -> bool:
    """Remove the local ``section`` with all its values; False when there is none. Raises ``GitFailed``."""
    if not section_values(repo, section):
        return False
    repo.git("config", "--local", "--remove-section", section)
    return True
