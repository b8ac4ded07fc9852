"""Options that the verbs which run stages share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import click

from weft.cli.context import Session
from weft.workflows.stage_results import Listener, RunOptions

Function = Callable[..., Any]


def declaring_options(function: Function) -> Function:
    """``-d``, ``-o``, ``--persist``, ``-m``, ``-P``, ``-p`` and ``--wdir``: what a stage reads and writes."""
    for option in (
        click.option("--wdir", default=None, metavar="DIR", help="Start the command in DIR (default: where you are)."),
        click.option(
            "-p", "--param", "params", multiple=True, metavar="[FILE:]KEYS", help="Keys that it reads, with commas."
        ),
        click.option("-P", "--plots", multiple=True, metavar="PATH", help="Plots that it writes; they stay in Git."),
        click.option(
            "-m", "--metrics", multiple=True, metavar="FILE", help="Metrics that it writes; they stay in Git."
        ),
        click.option(
            "--persist", multiple=True, metavar="PATH", help="The same, but left in place before the command runs."
        ),
        click.option(
            "-o", "--out", "outs", multiple=True, metavar="PATH", help="What it writes, to be tracked by weft."
        ),
        click.option(
            "-d", "--dep", "deps", multiple=True, metavar="PATH", help="What it reads: tracked data, or code in Git."
        ),
    ):
        function = option(function)
    return function


def stage_options(function: Function) -> Function:
    """``-S``, ``--force``, ``--reuse-accepted``, ``--no-reuse``, ``--runs`` and ``--pull``."""
    for option in (
        click.option("--pull", is_flag=True, help="Fetch data that is not here."),
        click.option(
            "--runs", is_flag=True, help="Take outs of runs that others share, by reuse.runs; without it, of everybody."
        ),
        click.option("--no-reuse", is_flag=True, help="Take no outs of earlier runs: run what is stale."),
        click.option("--reuse-accepted", is_flag=True, help="Take outs, too, that were only accepted by hand."),
        click.option("-f", "--force", is_flag=True, help="Run even what is up to date; take no outs of earlier runs."),
        click.option(
            "-S",
            "settings",
            multiple=True,
            metavar="[FILE:]KEY=VALUE",
            help="Write a value into a params file first.",
        ),
    ):
        function = option(function)
    return function


def run_options(session: Session, listener: Listener, chosen: Mapping[str, Any]) -> RunOptions:
    """The options of a run as the command line gives them. From here on SIGTERM stops what runs, as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    return RunOptions(quiet=session.json, environment=session.environment, listener=listener, **chosen)
