"""Pages of remote, config, doctor, completion and version."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

import weft
from weft.cli.completion import Script
from weft.cli.context import Page, View
from weft.cli.text import columns, escape
from weft.util.humanize import count_text
from weft.workflows.results import CheckResult, ConfigResult, Probe, RemoteInfo, RemoteList, TrustResult


def changed_remotes_page(result: RemoteList, view: View) -> Page:
    """The remotes as they are after a change."""
    page = remotes_page(result, view)
    return Page(report=page.data, notes=page.notes)


def remotes_page(result: RemoteList, view: View) -> Page:
    """One line a remote; an asterisk marks the default one."""
    notes = (escape(result.message),) if result.message else ()
    if not result.remotes and not notes:
        notes = ("no remote yet; next: weft remote add origin URL",)
    return Page(data=tuple(columns([_remote(remote, view) for remote in result.remotes])), notes=notes)


def _remote(remote: RemoteInfo, view: View) -> list[str]:
    row = ["*" if remote.default else " ", escape(remote.name), escape(remote.url)]
    row.append(escape(f"at {remote.endpoint}") if remote.endpoint else "")
    row.append("" if remote.accepted else "not accepted in this clone")
    if view.verbose:
        row.append(escape(remote.store))
    return row


def trust_page(result: TrustResult, view: View) -> Page:
    """The place that is accepted now, one thing a line."""
    rows = [("url", result.url), ("endpoint", result.endpoint), ("store", result.store), ("before", result.before)]
    lines = [f"{name:8}  {escape(text)}" for name, text in rows if text]
    lines.append(f"{'is sent':8}  {escape(result.sent)}")
    return Page(report=(f"this clone accepts the remote {escape(result.name)}", *(f"  {line}" for line in lines)))


def config_page(result: ConfigResult, view: View) -> Page:
    """``key = value`` lines; with ``-v`` also the file that sets them."""
    return Page(data=tuple(_setting(entry, view) for entry in result.entries))


def changed_setting_page(result: ConfigResult, view: View) -> Page:
    """The setting as it is after a change."""
    return Page(report=config_page(result, view).data)


def _setting(entry: tuple[str, str, str], view: View) -> str:
    key, value, origin = map(escape, entry)
    return f"{key} = {value}".rstrip() + (f"  ({origin})" if origin and (view.verbose or origin == "default") else "")


def value_page(result: ConfigResult, view: View) -> Page:
    """The bare values, for scripts."""
    return Page(data=tuple(escape(value) for _, value, _ in result.entries))


def check_page(result: CheckResult, view: View) -> Page:
    """One line a probe, and a verdict; with ``-q`` only what is wrong."""
    shown = [probe for probe in result.probes if not view.quiet or probe.state in ("warn", "fail")]
    lines = [line for probe in shown for line in _probe(probe, view)]
    bad = sum(1 for probe in result.probes if probe.state == "fail")
    verdict = f"{count_text(bad, 'check')} failed" if bad else f"{count_text(len(result.probes), 'check')}, none failed"
    return Page(data=tuple(lines), report=(f"{escape(result.subject)}: {verdict}",))


def _probe(probe: Probe, view: View) -> list[str]:
    brush = {"ok": view.paint.good, "note": view.paint.quiet, "warn": view.paint.care}.get(probe.state, view.paint.bad)
    line = f"{brush(f'{probe.state:4}')}  {escape(probe.name)}: {escape(probe.detail)}"
    return [line, f"      hint: {escape(probe.hint)}"] if probe.hint and probe.state != "ok" else [line]


def completion_page(result: Script, view: View) -> Page:
    """The script as it is."""
    return Page(data=tuple(result.script.rstrip("\n").split("\n")))


@dataclass(frozen=True, slots=True)
class Version:
    """Outcome of ``version``."""

    version: str
    python: str
    location: str

    @classmethod
    def of_this_process(cls) -> Version:
        """What is running."""
        return cls(weft.__version__, platform.python_version(), os.path.dirname(weft.__file__))


def version_page(result: Version, view: View) -> Page:
    """The same words as ``weft --version``; more with ``-v``."""
    lines = [f"weft {result.version}"]
    if view.verbose:
        lines += [f"Python {result.python}", escape(result.location)]
    return Page(data=tuple(lines))
