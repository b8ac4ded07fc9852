"""``weft config``: read and change settings, the committed ones and this clone's own."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator

from weft.errors import ConfigError, UntrustedConfig
from weft.formats import config as config_format
from weft.gitio.repo import GitRepo
from weft.gitio.staging import stage
from weft.gitio.trees import left_out
from weft.model.config import Config
from weft.model.paths import CONFIG_PATH
from weft.model.settings import PRIVATE, SETTINGS
from weft.storage.places import private_only
from weft.util.dirfd import write_below
from weft.util.locks import FileLock
from weft.workflows.directories import check_remote, check_store, refuse_overlap
from weft.workflows.files import tidy
from weft.workflows.project import Project, alone, committed_config, config_place, private_config, state_dir
from weft.workflows.results import ConfigResult

DEFAULT = "default"
"""Where a value comes from that nobody has set."""


def read_one(git: GitRepo, *, private: bool) -> Config:
    """The committed or the private file alone; an empty configuration when the private one is not there."""
    data = private_config(git) if private else committed_config(git)
    return Config() if data is None else config_format.decode(data, committed=not private)


def update(project: Project, change: Callable[[Config], Config], *, private: bool) -> bool:
    """Rewrite one file with ``change`` applied, and stage it when it is the committed one. False when nothing changed.

    Raises ``ConfigError`` when a sparse checkout leaves that file out, ``DirectoryRefused``.
    """
    if private:
        return update_private(project.git, change)
    if left_out(project.git, CONFIG_PATH):
        raise ConfigError(
            f"a sparse checkout leaves {CONFIG_PATH} out of this work tree, so it cannot be changed here",
            hint="git sparse-checkout add .weft",
        )
    with alone(project, "weft config"):
        changed = _rewrite(project.git, change, private=False)
        if changed and project.config.stages:
            stage(project.git, [CONFIG_PATH])
    return changed


def update_private(git: GitRepo, change: Callable[[Config], Config]) -> bool:
    """Rewrite the private file with ``change`` applied; its lock is one that nobody holds for long."""
    with FileLock(os.path.join(state_dir(git), "config.lock"), purpose="weft config"):
        return _rewrite(git, change, private=True)


def _rewrite(git: GitRepo, change: Callable[[Config], Config], *, private: bool) -> bool:
    old = read_one(git, private=private)
    new = change(old)
    if new == old:
        return False
    _check_directories(git, old, new)
    if (new.store_dir, new.remotes) != (old.store_dir, old.remotes):
        _check_apart(git, old, new, read_one(git, private=not private))
    top, path = config_place(git, private=private)
    write_below(top, path, config_format.encode(new, committed=not private))
    tidy([os.path.join(top, path)])
    return True


def _check_directories(git: GitRepo, old: Config, new: Config) -> None:
    """Refuse a store, or a remote, at a directory that cannot become one."""
    if new.store_dir and new.store_dir != old.store_dir:
        check_store(git, git.root, new.store_dir)
    for name, spec in new.remotes.items():
        if spec.url and (name not in old.remotes or old.remotes[name].url != spec.url):
            check_remote(git, spec.url)


def _check_apart(git: GitRepo, old: Config, new: Config, other: Config) -> None:
    """Refuse a store and a remote in one place, where one of them is new. ``other`` is the file that does not change."""
    store = new.store_dir or other.store_dir
    moved = new.store_dir != old.store_dir
    if not store:
        return
    specs = [*new.remotes.values(), *(other.remotes.values() if moved else ())]
    for spec in specs:
        known = old.remotes.get(spec.name)
        if spec.url and (moved or known is None or known.url != spec.url):
            refuse_overlap(git.root, store, spec)


def config_list(project: Project, *, everything: bool = False) -> ConfigResult:
    """All settings that differ from their defaults, each with the file that decides it; with ``everything``
    all there are."""
    found = tuple(_entries(project))
    if not everything:
        return ConfigResult(found)
    known = {entry[0] for entry in found}
    names = (one for one in SETTINGS if "*" not in one.name and one.name not in known)
    return ConfigResult((*found, *((one.name, one.default, DEFAULT) for one in names)))


def config_get(project: Project, key: str) -> ConfigResult:
    """The value in force of one setting, its default too. Raises ``ConfigError`` when there is none of either."""
    setting = config_format.setting(key)
    if config_format.get_key(project.config, key) is not None:
        return ConfigResult(tuple(entry for entry in _entries(project) if entry[0] == key))
    if not setting.default:
        private = "--private " if setting.where == PRIVATE else ""
        raise ConfigError(f"{key} is not set, and has no default", hint=f"weft config set {private}{key} VALUE")
    return ConfigResult(((key, setting.default, DEFAULT),))


def config_set(project: Project, key: str, value: str, *, private: bool = False) -> ConfigResult:
    """Change one setting in one of the two files.

    Raises ``ConfigError``, the refusals of ``decode``, and ``UntrustedConfig`` for a place that no commit may name.
    """

    def change(old: Config) -> Config:
        new = config_format.set_key(old, key, value, committed=not private)
        if not private and key.startswith("remotes.") and key.endswith((".url", ".endpoint")):
            spec = new.remotes[key.split(".")[1]]
            why = private_only(spec.url, spec.endpoint)
            if why:
                raise UntrustedConfig(f"{key} is not set: {why}")
        return new

    try:
        update(project, change, private=private)
    except UntrustedConfig as error:
        error.hint = f"weft config set --private {key} {shlex.quote(value)}"
        raise
    return ConfigResult(((key, value, _name(private)),))


def config_unset(project: Project, key: str, *, private: bool = False) -> ConfigResult:
    """Remove one setting from one of the two files. Raises ``ConfigError`` when it is not set there."""

    def change(old: Config) -> Config:
        name = key.removeprefix("remotes.").removesuffix(".url")
        if not private and key == f"remotes.{name}.url" and name in old.remotes:
            raise ConfigError(f"{key} stays: a committed remote has a url", hint=f"weft remote remove {name}")
        return config_format.unset_key(old, key, committed=not private)

    update(project, change, private=private)
    return ConfigResult()


def _entries(project: Project) -> Iterator[tuple[str, str, str]]:
    mine = {key for key, _ in config_format.items(read_one(project.git, private=True))}
    for key, value in config_format.items(project.config):
        yield key, value, _name(key in mine)


def _name(private: bool) -> str:
    return "private" if private else "committed"
