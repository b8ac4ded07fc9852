"""The graph of stages as a drawing: in Mermaid's language, which forges show, and in Graphviz's."""

from __future__ import annotations

from collections.abc import Iterator

from weft.cli.text import escape
from weft.workflows.lineage import DATA, PARAMS, GraphResult, Use

# What Mermaid, or the HTML it makes, would read as more than itself; its own notation for characters by number.
_MERMAID = {character: f"#{ord(character)};" for character in '#&<>"`\\[]{}()|*_~;'}
_SHAPES = {DATA: ("[(", ")]"), PARAMS: ("[/", "/]"), "stage": ("[", "]")}
_DOT_SHAPES = {DATA: "cylinder", PARAMS: "note", "stage": "box"}


def mermaid(result: GraphResult) -> list[str]:
    """A flowchart from left to right: stages are boxes, data are drums, stale stages have a dashed line."""
    lines = ["flowchart LR"]
    names: dict[str, str] = {}
    for kind, label, stale in _nodes(result):
        names[_key(kind, label)] = f"n{len(names)}"
        left, right = _SHAPES.get(kind, ("(", ")"))
        text = "".join(_MERMAID.get(character, character) for character in escape(label))
        lines.append(f'  n{len(names) - 1}{left}"{text}"{right}' + (":::stale" if stale else ""))
    lines += [f"  {names[one]} --> {names[other]}" for one, other in _edges(result)]
    return [*lines, "  classDef stale stroke-dasharray: 5 5"] if any(step.stale for step in result.steps) else lines


def dot(result: GraphResult) -> list[str]:
    """A directed graph for Graphviz, drawn as ``mermaid`` does."""
    lines = ["digraph lineage {", "  rankdir=LR;"]
    names: dict[str, str] = {}
    for kind, label, stale in _nodes(result):
        names[_key(kind, label)] = f"n{len(names)}"
        text = escape(label).replace("\\", "\\\\").replace('"', '\\"')
        style = ", style=dashed" if stale else ""
        lines.append(f'  n{len(names) - 1} [label="{text}", shape={_DOT_SHAPES.get(kind, "oval")}{style}];')
    lines += [f"  {names[one]} -> {names[other]};" for one, other in _edges(result)]
    return [*lines, "}"]


def _nodes(result: GraphResult) -> Iterator[tuple[str, str, bool]]:
    """Kind, label and staleness: every stage, and every path once."""
    seen: set[str] = set()
    for step in result.steps:
        yield "stage", step.stage, bool(step.stale)
        for use in (*step.reads, *step.writes):
            if use.path not in seen:
                seen.add(use.path)
                yield use.kind, use.path, False


def _edges(result: GraphResult) -> Iterator[tuple[str, str]]:
    outs = sorted({use.path for step in result.steps for use in step.writes})
    for step in result.steps:
        stage = _key("stage", step.stage)
        yield from ((_key("", use.path), stage) for use in _once(step.reads))
        yield from ((stage, _key("", use.path)) for use in step.writes)
        # A stage may read a part of what another one writes, or the directory above: that is no node of its own.
        for use in _once(step.reads):
            if use.step and use.path not in outs:
                yield from ((_key("", out), _key("", use.path)) for out in outs if _related(out, use.path))


def _once(uses: tuple[Use, ...]) -> list[Use]:
    return list({use.path: use for use in uses}.values())


def _related(one: str, other: str) -> bool:
    return one.startswith(other + "/") or other.startswith(one + "/")


def _key(kind: str, label: str) -> str:
    return f"stage {label}" if kind == "stage" else f"path {label}"
