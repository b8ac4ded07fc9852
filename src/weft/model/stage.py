"""A stage: one declared step of a pipeline, as ``weft.yaml`` says it (``docs/spec/lineage.md``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from weft.errors import SchemaError

STAGE_FILE = "weft.yaml"
PARAMS_FILE = "params.yaml"
EQUALITIES = ("exact", "close", "none")
"""What a second run may promise: the same bytes, nearly the same values, or nothing."""

_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.+=-]{0,98}[A-Za-z0-9_+=-])?"
_NAME = re.compile(rf"{_WORD}(?:@{_WORD})?", re.ASCII)
_FOLDER = re.compile(rf"{_WORD}(?:/{_WORD})*", re.ASCII)
_LONGEST_FOLDER = 200
_NO_FOLDER = (".yaml", ".weft")  # the folder of its records would have the name of a record, or of a pointer

_CODE = """
.bash .c .cc .cfg .clj .conf .cpp .cu .do .ex .f90 .fs .go .h .hpp .hs .ini .ipynb .java .jl .js .json .kt .lock .lua .m .md
.ml .php .pl .py .pyi .pyx .r .rb .rmd .rs .rst .scala .sh .sql .swift .toml .ts .yaml .yml .zsh
"""

OutKind = Literal["out", "metrics", "plots"]


class Out(NamedTuple):
    """A path that a stage writes.

    ``cache`` says who keeps it: weft behind a pointer (True), or Git itself (False: metrics, plots and small outs).
    ``persist`` leaves what is there in place before the command runs; otherwise it is moved away first.
    """

    path: str
    kind: OutKind = "out"
    cache: bool = True
    persist: bool = False


class ParamSet(NamedTuple):
    """Keys (dotted, in the order of ``weft.yaml``) of one params file; no keys: all of it."""

    file: str
    keys: tuple[str, ...] = ()


class StageEnv(NamedTuple):
    """What of the surroundings belongs to a stage: a lock file in Git, an image digest, environment variables by name."""

    lockfile: str = ""
    image: str = ""
    vars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. All paths are relative to the root of the repository, with forward slashes.

    ``cmd`` is a string for the shell or a tuple of words to be run as they are. ``wdir`` is the directory that the command
    starts in. ``equal`` is the equality that a second run promises: exact, close or none; ``seed`` its seed. ``frozen``
    stages are never run by ``repro``, ``always`` ones are always stale. ``file`` is the stage file that declares it, and
    ``line`` where it stands there (1-based). ``unresolved`` is the first ``${name}`` of the command that names no value and
    is no variable by its look.
    """

    name: str
    cmd: str | tuple[str, ...]
    wdir: str = ""
    deps: tuple[str, ...] = ()
    params: tuple[ParamSet, ...] = ()
    outs: tuple[Out, ...] = ()
    env: StageEnv = StageEnv()  # noqa: RUF009
    seed: int | None = None
    equal: str = ""
    desc: str = ""
    rationale: str = ""
    frozen: bool = False
    always: bool = False
    line: int = 0
    unresolved: str = ""
    file: str = STAGE_FILE

    @property
    def folder(self) -> str:
        """The folder project that declares it; empty for the repository itself."""
        return self.file.rpartition("/")[0]

    @property
    def own_name(self) -> str:
        """Its name in the file that declares it."""
        return self.name.removeprefix(f"{self.folder}/")

    def paths(self, kind: OutKind) -> tuple[str, ...]:
        """The paths of the outs of one kind."""
        return tuple(out.path for out in self.outs if out.kind == kind)


@dataclass(frozen=True, slots=True)
class Ignore:
    """A rule of ``validate`` that does not hold for the paths that a pattern matches, and why. ``line`` is 1-based."""

    rule: str
    path: str
    reason: str
    line: int = 0


Stages = Mapping[str, Stage]
"""All stages of a ``weft.yaml`` by name, in its order; ``foreach`` is expanded to ``name@key``."""

Values = Mapping[str, Any]
"""Values of a params or metrics file by dotted key; each value is a YAML scalar or a list of them."""


def is_code_name(path: str) -> bool:
    """True for names that code, its settings and its documentation have; what they name belongs into Git, not to weft."""
    name = path.rpartition("/")[2]
    return name in ("Makefile", "Dockerfile") or "." + name.lower().rpartition(".")[2] in _CODE.split()


def is_stage_file(path: str) -> bool:
    """Whether ``path`` has the name of a stage file, in whatever folder."""
    return path.rpartition("/")[2] == STAGE_FILE


def stage_file_of(folder: str) -> str:
    """The stage file of the folder project ``folder``; of the repository itself where that is empty."""
    return full_name(folder, STAGE_FILE)


def full_name(folder: str, name: str) -> str:
    """How the stage ``name`` of the folder project ``folder`` (empty: of the repository itself) is known elsewhere."""
    return f"{folder}/{name}" if folder else name


def check_project(folder: str) -> str:
    """Return ``folder`` if it may be a folder project: it is the first part of the names of stages and of their records.

    Raises ``SchemaError``.
    """
    parts = folder.casefold().split("/")
    if not _FOLDER.fullmatch(folder) or len(folder) > _LONGEST_FOLDER:
        problem = f"its names are of letters, digits and any of _ . + = -, all of it up to {_LONGEST_FOLDER} characters"
    elif parts[0] == "lineage" or any(part.endswith(_NO_FOLDER) for part in parts):
        problem = "records lie there, or one of its names ends as those of records and pointers do"
    else:
        return folder
    raise SchemaError(
        f"{folder[:120]!a} cannot be a project, the folder in the name of a stage: {problem}",
        hint="name it from the top, as projects/nlp",
    )


def check_full_name(name: str) -> str:
    """Return ``name`` if a stage of the repository or of a folder project may have it. Raises ``SchemaError``."""
    folder, slash, own = name.rpartition("/")
    if slash:
        check_project(folder)
    check_stage_name(own)
    return name


def check_stage_name(name: str) -> str:
    """Return ``name`` if a stage may have it: it is also a name of a file, and a word of a command line.

    Raises ``SchemaError``.
    """
    if not _NAME.fullmatch(name):
        near = re.sub(r"[^A-Za-z0-9_.+=-]+", "-", name[:100]).strip("-.+=") or "train"
        raise SchemaError(
            f"{name[:120]!a} cannot be the name of a stage: up to 100 letters, digits and any of _ . + = -, not starting "
            "with a sign or a dot, and with one @ and the same again for a member of foreach",
            hint=f"name it {near}, for example",
        )
    return name
