"""``weft run``: execute one command once, and write down the stage and how its outs came to be."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from weft.errors import UsageFault
from weft.formats import stagefile
from weft.model.stage import PARAMS_FILE, Out, ParamSet, Stage
from weft.workflows.old_hooks import warn_of_old_hooks
from weft.workflows.project import Project
from weft.workflows.repro import Drive
from weft.workflows.stage_results import ReproResult, RunOptions
from weft.workflows.stage_run import Runner
from weft.workflows.stage_settings import apply_settings
from weft.workflows.stages import Pipeline, choose_stages, load_pipeline, stage_file
from weft.workflows.targets import repo_path


@dataclass(frozen=True, slots=True)
class Declaration:
    """A stage as the command line gives it. Paths are relative to where the user stands; ``wdir`` None is that place.

    ``params`` are ``FILE:KEY,KEY``, ``FILE`` (all of it) or ``KEY,KEY`` of ``params.yaml``. ``words`` are the command:
    a single one goes to the shell as it is.
    """

    name: str
    words: tuple[str, ...]
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    persist: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    wdir: str | None = None


def run_stage(project: Project, name: str, options: RunOptions) -> ReproResult:
    """Run one declared stage if it is stale; nothing above it is looked at.

    Raises ``NoSuchStage``, ``StageFailed``, ``InputChanged``, ``MissingDependency``, ``StaleWorkspace`` and refusals.
    """
    pipeline = load_pipeline(project)
    chosen = choose_stages(pipeline, [name])
    return _run(project, pipeline, chosen, options)


def run_declaration(project: Project, declaration: Declaration, options: RunOptions) -> ReproResult:
    """Run a command and declare it as a stage of ``weft.yaml``, whose other bytes stay as they are.

    The stage is written with its record: a run that fails declares nothing. Raises as ``run_stage``.
    """
    stage = make_stage(project, declaration)
    pipeline = load_pipeline(project, stagefile.upsert(stage_file(project), stage))
    return _run(project, pipeline, (stage.name,), options, declared=stage.name)


def _run(
    project: Project, pipeline: Pipeline, names: Sequence[str], options: RunOptions, declared: str = ""
) -> ReproResult:
    warn_of_old_hooks(project)
    apply_settings(project, options.settings, [pipeline.stages[name] for name in names])
    runner = Runner(project, pipeline, options, names, declared)
    drive = Drive(project, pipeline, options, runner)
    results = drive.run(tuple(names))
    if drive.errors:
        raise drive.errors[0]
    return ReproResult(results, False, project.config.stages)


def make_stage(project: Project, given: Declaration) -> Stage:
    """The stage that the command line describes. Raises ``UsageFault`` and the refusals of paths."""
    if not given.words:
        raise UsageFault("no command is given", hint=f"weft run -n {given.name} -d DEP -o OUT -- COMMAND")

    def paths(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_inside(project, text) for text in texts))

    outs = [Out(path) for path in paths(given.outs)]
    outs += [Out(path, persist=True) for path in paths(given.persist)]
    outs += [Out(path, "metrics", cache=False) for path in paths(given.metrics)]
    outs += [Out(path, "plots", cache=False) for path in paths(given.plots)]
    return Stage(
        given.name,
        given.words[0] if len(given.words) == 1 else shlex.join(given.words),
        repo_path(project, "." if given.wdir is None else given.wdir),
        paths(given.deps),
        _params(project, given.params),
        tuple(outs),
    )


def _inside(project: Project, text: str) -> str:
    path = repo_path(project, text)
    if not path:
        raise UsageFault("the whole repository can be neither a dependency nor an out", hint="name what is meant")
    return path


def _params(project: Project, texts: Sequence[str]) -> tuple[ParamSet, ...]:
    found: dict[str, list[str]] = {}
    whole: set[str] = set()
    for text in texts:
        file, colon, keys = text.rpartition(":")
        if not colon and os.path.isfile(os.path.join(project.cwd, text)):
            file, keys = text, ""
        name = repo_path(project, file) if file else PARAMS_FILE
        chosen = [key.strip() for key in keys.split(",") if key.strip()]
        found.setdefault(name, []).extend(chosen)
        if not chosen:
            whole.add(name)
    return tuple(
        ParamSet(name, () if name in whole else tuple(dict.fromkeys(keys))) for name, keys in found.items()
    )  # fmt: skip
