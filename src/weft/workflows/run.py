"""``weft run``: execute one command once, and write down the stage and how its outs came to be."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from weft.errors import StageFault, UsageFault, quoted
from weft.formats import stagefile
from weft.model.pointer import SUFFIX
from weft.model.stage import PARAMS_FILE, STAGE_FILE, Out, ParamSet, Stage, full_name, stage_file_of
from weft.workflows.old_hooks import warn_of_old_hooks
from weft.workflows.project import Project
from weft.workflows.repro import Drive, refuse_early
from weft.workflows.stage_results import ReproResult, RunOptions
from weft.workflows.stage_run import Runner
from weft.workflows.stage_settings import apply_settings
from weft.workflows.stage_unstaged import with_unstaged
from weft.workflows.stages import (
    Pipeline,
    choose_stages,
    load_pipeline,
    place_of,
    project_here,
    stage_file,
    values_reader,
)
from weft.workflows.targets import path_in, repo_path


@dataclass(frozen=True, slots=True)
class Declaration:
    """A stage as the command line gives it. The command starts in ``wdir``, which is relative to where the user stands (None
    is that place), and all other paths start there too, as in ``weft.yaml``.

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
    return _run(project, lambda: load_pipeline(project), [name], options)


def run_declaration(project: Project, declaration: Declaration, options: RunOptions) -> ReproResult:
    """Run a command and declare it as a stage of ``weft.yaml``, whose other bytes stay as they are.

    The stage is written with its record: a run that fails declares nothing. Raises as ``run_stage``.
    """
    stage = make_stage(project, declaration)
    folder, before, read = stage.folder, stage_file(project, stage.folder), values_reader(project)
    old = None if before is None else stagefile.decode_file(before, read=read, folder=folder).get(stage.name)
    if before is not None and old is not None:
        # What the command line has no options for stays as it is declared, with its templates where it is text.
        kept = {key: getattr(old, key) for key in ("seed", "equal", "frozen", "always")}
        text = stagefile.decode_unfilled(before, folder=folder)[stage.name]
        stage = replace(stage, **kept, env=text.env, desc=text.desc, rationale=text.rationale)

    def load() -> Pipeline:
        return load_pipeline(project, stagefile.upsert(before, stage, read=read), stage.file)

    if old is not None and not options.force:
        _refuse_other(old, load().stages[stage.name])
    result = _run(project, load, [stage.name], options, declared=stage)
    if old is not None:
        _warn_of_left(project, load(), old)
    return result


def _refuse_other(old: Stage, new: Stage) -> None:
    """Raise ``StageFault`` when ``old`` is another stage than ``new``, whose name it has."""
    one, other = _declared(old), _declared(new)
    differing = [name for name in one if one[name] != other[name]]
    if differing:
        names = ", ".join(differing[:-1]) + " and " * (len(differing) > 1) + differing[-1]
        raise StageFault(
            f"the stage {new.name} is there already (line {old.line} of {old.file}), with {names} of its own",
            hint=f"weft run {new.name} runs it as it is declared; another name declares another stage; --force replaces it",
            path=old.file,
            line=old.line,
        )


def _declared(stage: Stage) -> dict[str, object]:
    return {
        "command": stage.cmd,
        "working directory": stage.wdir,
        "dependencies": set(stage.deps),
        "params": {(one.file, frozenset(one.keys)) for one in stage.params},
        "outs": set(stage.outs),
    }


def _warn_of_left(project: Project, pipeline: Pipeline, old: Stage) -> None:
    """Name the outs of the stage as it was before that no stage makes any longer."""
    for out in old.outs:
        file = out.path + SUFFIX if out.cache else out.path
        if not pipeline.graph.producer_of(out.path) and os.path.lexists(os.path.join(project.root, file)):
            remove = f"weft rm {quoted(out.path)}" if out.cache else f"git rm {quoted(out.path)}"
            project.progress.warn(
                f"{out.path} was an out of the stage {old.name} before, and no stage makes it now", hint=remove
            )


def _run(
    project: Project,
    load: Callable[[], Pipeline],
    chosen: Sequence[str],
    options: RunOptions,
    declared: Stage | None = None,
) -> ReproResult:
    warn_of_old_hooks(project)
    pipeline = load()
    names = choose_stages(pipeline, chosen) if declared is None else tuple(chosen)
    refuse_early(project, pipeline, names, options)
    ours = apply_settings(project, options.settings, [pipeline.stages[name] for name in names])
    if options.settings:
        pipeline = load()  # templates may name what was set
        names = choose_stages(pipeline, chosen) if declared is None else tuple(chosen)
    runner = Runner(project, pipeline, options, names, declared, ours)
    drive = Drive(project, pipeline, options, runner)
    results = drive.run(tuple(names))
    if drive.errors:
        raise drive.errors[0]
    return with_unstaged(project, pipeline, results)


def make_stage(project: Project, given: Declaration) -> Stage:
    """The stage that the command line describes. Raises ``UsageFault``, ``StageFault`` and the refusals of paths."""
    if not given.words:
        raise UsageFault("no command is given", hint=f"weft run -n {given.name} -d DEP -o OUT -- COMMAND")

    projects = stagefile.projects(stage_file(project) or b"")
    folder, name = place_of(given.name, projects, project_here(project.git, project.cwd, projects))
    wdir = repo_path(project, "." if given.wdir is None else given.wdir)

    def paths(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_inside(project, wdir, text) for text in texts))

    for text in given.deps:
        here, there = (
            os.path.lexists(os.path.join(top, text)) for top in (project.cwd, os.path.join(project.root, wdir))
        )
        if here and not there:
            raise UsageFault(
                f"with --wdir all paths start in {wdir or '.'}, as in {STAGE_FILE}: there is no {text} there",
                hint=f"write {os.path.relpath(os.path.join(project.cwd, text), os.path.join(project.root, wdir))}",
            )
    outs = [Out(path) for path in paths(given.outs)]
    outs += [Out(path, persist=True) for path in paths(given.persist)]
    outs += [Out(path, "metrics", cache=False) for path in paths(given.metrics)]
    outs += [Out(path, "plots", cache=False) for path in paths(given.plots)]
    return Stage(
        full_name(folder, name),
        given.words[0] if len(given.words) == 1 else shlex.join(given.words),
        wdir,
        paths(given.deps),
        _params(project, wdir, given.params),
        tuple(outs),
        file=stage_file_of(folder),
    )


def _from(project: Project, wdir: str, text: str) -> str:
    """The path ``text``, which starts in ``wdir``, from the root of the repository."""
    return path_in(project.root, os.path.join(os.path.realpath(project.root), wdir), text)


def _inside(project: Project, wdir: str, text: str) -> str:
    path = _from(project, wdir, text)
    if not path:
        raise UsageFault("the whole repository can be neither a dependency nor an out", hint="name what is meant")
    return path


def _params(project: Project, wdir: str, texts: Sequence[str]) -> tuple[ParamSet, ...]:
    found: dict[str, list[str]] = {}
    whole: set[str] = set()
    for text in texts:
        file, colon, keys = text.rpartition(":")
        if not colon and os.path.isfile(os.path.join(project.root, wdir, text)):
            file, keys = text, ""
        name = _from(project, wdir, file or PARAMS_FILE)
        chosen = [key.strip() for key in keys.split(",") if key.strip()]
        found.setdefault(name, []).extend(chosen)
        if not chosen:
            whole.add(name)
    return tuple(
        ParamSet(name, () if name in whole else tuple(dict.fromkeys(keys))) for name, keys in found.items()
    )  # fmt: skip
