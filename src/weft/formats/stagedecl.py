"""One stage of a stage file: from YAML, and back (``docs/spec/stagefile.md``)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from weft.errors import LimitExceeded, SchemaError, SecretRefused
from weft.formats import sortedyaml
from weft.formats.located import Node
from weft.formats.templates import Used
from weft.model.stage import (
    EQUALITIES,
    PARAMS_FILE,
    STAGE_FILE,
    Out,
    OutKind,
    ParamSet,
    Stage,
    StageEnv,
    check_project,
    full_name,
    stage_file_of,
)

KEYS = ("cmd", "wdir", "deps", "params", "outs", "metrics", "plots", "env", "determinism")
"""What a run depends on: the canonical text holds these."""
NOTES = ("desc", "rationale", "frozen", "always_changed")
"""What may be changed without another run."""
_OUT_KEYS: tuple[tuple[str, OutKind], ...] = (("outs", "out"), ("metrics", "metrics"), ("plots", "plots"))
MAX_PROJECTS = 100
"""Most folder projects of a repository."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_SECRET = re.compile(
    r"(?:^|_)(?:secrets?|tokens?|passwd|password|passphrase|credentials?|(?:api|access|private|account|signing)_?key)(?:_|$)"
    r"|_(?:pwd|key)$",
    re.IGNORECASE,
)


# --- reading ---------------------------------------------------------------------------------------------------------


def read_stage(name: str, node: Node, line: int, used: Used, folder: str = "") -> Stage:
    """Read the declaration of the stage ``name`` of the project ``folder``, its name being on ``line``. The values that its
    templates ``used`` are params of it.

    Raises ``SchemaError``, ``SecretRefused`` (the variable of a secret), and the path errors.
    """
    fields = node.fields((*KEYS, *NOTES))
    if "cmd" not in fields:
        raise node.error("the key 'cmd' is missing")
    wdir = _wdir(fields["wdir"], folder) if "wdir" in fields else folder
    determinism = fields["determinism"].fields(("seed", "equal")) if "determinism" in fields else {}
    return Stage(
        name=full_name(folder, name),
        cmd=_command(fields["cmd"]),
        wdir=wdir,
        deps=_distinct(fields["deps"], wdir) if "deps" in fields else (),
        params=_params(fields.get("params"), wdir, used),
        outs=_outs(fields, wdir),
        env=_env(fields["env"], wdir) if "env" in fields else StageEnv(),
        seed=determinism["seed"].number() if "seed" in determinism else None,
        equal=_equality(determinism["equal"]) if "equal" in determinism else "",
        desc=fields["desc"].text() if "desc" in fields else "",
        rationale=fields["rationale"].text() if "rationale" in fields else "",
        frozen="frozen" in fields and fields["frozen"].flag(),
        always="always_changed" in fields and fields["always_changed"].flag(),
        line=line,
        unresolved=used.unresolved,
        file=stage_file_of(folder),
    )


def _command(node: Node) -> str | tuple[str, ...]:
    if isinstance(node.value, list) and node.value:
        words = tuple(item.value for item in node.items())
        for item in node.items():
            if not isinstance(item.value, str):
                raise item.error("a word of a command must be a string: put it in quotes")
        if not words[0]:
            raise node.error("the first word of a command is a program")
        return words
    text = node.text()
    if not text.strip():
        raise node.error("must not be empty")
    if "\0" in text:
        raise node.error("a command cannot hold NUL")
    return text


def _wdir(node: Node, folder: str) -> str:
    text = posixpath.join(folder, node.text())
    return "" if posixpath.normpath(text) == "." else _joined(node, text, "")


def _joined(node: Node, text: str, wdir: str) -> str:
    """The path ``text``, which starts in ``wdir``, from the root of the repository."""
    path = posixpath.normpath(posixpath.join(wdir, text))
    if path == ".":
        raise node.error("the root of the repository itself cannot be named here")
    return node.checked_path(path)


def _distinct(node: Node, wdir: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in node.items():
        path = _joined(item, item.text(), wdir)
        if path in found:
            raise item.error(f"{path!a} is there twice")
        found[path] = None
    return tuple(found)


def _params(node: Node | None, wdir: str, used: Used) -> tuple[ParamSet, ...]:
    """Keys by file; whole files win over keys of them."""
    found: dict[str, tuple[str, ...]] = {}
    default = posixpath.join(wdir, PARAMS_FILE)
    for item in () if node is None else [node] if isinstance(node.value, dict) else node.items():
        if not isinstance(item.value, dict):
            found[default] = _more_keys(found.get(default), (item.text(),))
            continue
        for name, keys in item.entries():
            file = _joined(keys, name, wdir)
            named = () if keys.value is None else tuple(key.text() for key in keys.items())
            found[file] = _more_keys(found.get(file), named)
    for file, more in used.keys.items():
        found[file] = _more_keys(found.get(file), tuple(more))
    return tuple(ParamSet(file, keys) for file, keys in found.items())


def _more_keys(known: tuple[str, ...] | None, more: tuple[str, ...]) -> tuple[str, ...]:
    if known == () or not more:
        return ()
    return tuple(dict.fromkeys((*(known or ()), *more)))


def _outs(fields: dict[str, Node], wdir: str) -> tuple[Out, ...]:
    found: dict[str, Out] = {}
    for key, sort in _OUT_KEYS:
        if key not in fields:
            continue
        for item in fields[key].items():
            for out, node in _out(item, sort, wdir):
                if out.path in found:
                    raise node.error(f"{out.path!a} is there twice")
                found[out.path] = out
    return tuple(found.values())


def _out(item: Node, sort: OutKind, wdir: str) -> Iterator[tuple[Out, Node]]:
    cache = sort == "out"
    if not isinstance(item.value, dict):
        yield Out(_joined(item, item.text(), wdir), sort, cache), item
        return
    for name, node in item.entries():
        options = {} if node.value is None else node.fields(("cache", "persist"))
        yield (
            Out(
                path=_joined(node, name, wdir),
                kind=sort,
                cache=options["cache"].flag() if "cache" in options else cache,
                persist="persist" in options and options["persist"].flag(),
            ),
            node,
        )


def _env(node: Node, wdir: str) -> StageEnv:
    fields = node.fields(("lockfile", "image", "vars"))
    return StageEnv(
        lockfile=_joined(fields["lockfile"], fields["lockfile"].text(), wdir) if "lockfile" in fields else "",
        image=fields["image"].text() if "image" in fields else "",
        vars=tuple(dict.fromkeys(_variable(item) for item in fields["vars"].items())) if "vars" in fields else (),
    )


def _variable(node: Node) -> str:
    name = node.text()
    if not _VARIABLE.fullmatch(name):
        raise node.error(f"{name[:80]!a} is not the name of a variable")
    if _SECRET.search(name):
        raise node.placed(
            SecretRefused(
                f"the value of {name} would stand in the record, for all to read", hint="leave it out of env.vars"
            )
        )
    return name


def _equality(node: Node) -> str:
    if node.value not in EQUALITIES:
        raise node.error(f"must be one of {', '.join(EQUALITIES)}")
    return str(node.value)


def project_folders(named: Node | None) -> Iterator[tuple[str, Node]]:
    """The folders that ``projects`` names: each once, none inside another one, and none that differs in case alone."""
    nodes = [] if named is None else list(named.items())
    if named is not None and len(nodes) > MAX_PROJECTS:
        raise named.placed(LimitExceeded(f"more than {MAX_PROJECTS} projects"))
    known: list[str] = []
    folded: dict[str, str] = {}
    for node in nodes:
        try:
            folder = check_project(node.text())
        except SchemaError as error:
            raise error if error.line else node.placed(error) from None
        for other in known:
            if f"{folder}/".startswith(f"{other}/") or other.startswith(f"{folder}/"):
                raise node.error(f"{folder} is there twice, or one of {other} and {folder} lies inside the other")
        parts = folder.split("/")
        for place in ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1)):
            if folded.setdefault(place.casefold(), place) != place:
                raise node.error(f"{place} differs from {folded[place.casefold()]} in case alone")
        known.append(folder)
        yield folder, node


# --- writing ---------------------------------------------------------------------------------------------------------


def stage_text(stage: Stage) -> bytes:
    """The canonical text of what ``stage`` says about a run: paths from the root, all sorted, defaults left out."""
    value = declaration(replace(stage, wdir="", file=STAGE_FILE), notes=False)
    if stage.wdir:
        value["wdir"] = stage.wdir
    for key in ("deps", "outs", "metrics", "plots"):
        if key in value:
            value[key] = sorted(value[key], key=lambda item: next(iter(item)) if isinstance(item, dict) else item)
    if stage.params:
        value["params"] = {params.file: sorted(params.keys) or None for params in stage.params}
    if "vars" in value.get("env", {}):
        value["env"]["vars"] = sorted(value["env"]["vars"])
    return sortedyaml.encode(value)


def declaration(stage: Stage, *, notes: bool = True) -> dict[str, Any]:
    """The value that stands under the name of ``stage`` in its stage file, its keys in the order people write them."""
    near = _Near(stage.wdir)
    determinism = {"seed": stage.seed, "equal": stage.equal or None}
    env: dict[str, Any] = {
        "lockfile": near(stage.env.lockfile) if stage.env.lockfile else "",
        "image": stage.env.image,
        "vars": list(stage.env.vars),
    }
    value: dict[str, Any] = {
        "desc": stage.desc if notes else "",
        "cmd": stage.cmd if isinstance(stage.cmd, str) else list(stage.cmd),
        "wdir": "" if stage.wdir == stage.folder else _Near(stage.folder)(stage.wdir),
        "deps": [near(path) for path in stage.deps],
        "params": list(_params_value(stage, near)),
        **{key: [_out_value(out, near) for out in stage.outs if out.kind == sort] for key, sort in _OUT_KEYS},
        "env": {key: item for key, item in env.items() if item},
        "determinism": {key: item for key, item in determinism.items() if item is not None},
        "rationale": stage.rationale if notes else "",
        "frozen": stage.frozen and notes,
        "always_changed": stage.always and notes,
    }
    return {key: item for key, item in value.items() if item}


class _Near:
    """Writes paths as they are seen from a directory."""

    def __init__(self, wdir: str) -> None:
        self._wdir = wdir

    def __call__(self, path: str) -> str:
        return posixpath.relpath("/" + path, "/" + self._wdir) if self._wdir else path


def _params_value(stage: Stage, near: _Near) -> Iterator[Any]:
    for params in stage.params:
        file = near(params.file)
        if file == PARAMS_FILE and params.keys:
            yield from params.keys
        else:
            yield {file: list(params.keys) or None}


def _out_value(out: Out, near: _Near) -> Any:
    options = {}
    if out.cache != (out.kind == "out"):
        options["cache"] = out.cache
    if out.persist:
        options["persist"] = True
    return {near(out.path): options} if options else near(out.path)
