"""Trees and drawings of lineage."""

from __future__ import annotations

from weft.cli.context import View
from weft.cli.render.drawings import dot, mermaid
from weft.cli.render.lineage import graph_page, impact_page, show_page
from weft.cli.text import Paint
from weft.workflows.lineage import DATA, FILE, GraphResult, ImpactResult, Reached, Reason, ShowResult, Step, Use

VIEW = View(Paint(False))
STALE = (Reason("never-run", "b"),)


def step(name: str, reads: list[tuple[str, str]], writes: list[str], stale: tuple[Reason, ...] = ()) -> Step:
    uses = tuple(Use(path, DATA, step=by) for path, by in reads)
    return Step(name, name, f"run {name}\nagain", uses, tuple(Use(path, FILE) for path in writes), stale=stale)


def test_a_step_is_told_once_and_a_long_chain_is_no_recursion() -> None:
    chain = [step(f"s{n}", [(f"d{n + 1}", f"s{n + 1}"), (f"e{n}", f"s{n + 1}")], [f"d{n}"]) for n in range(2000)]
    item = Use("d0", DATA, step="s0")
    page = show_page(ShowResult("d0", "", "", item, (*chain, step("s2000", [], ["d2000"]))), VIEW)
    assert sum("s2000:" in line for line in page.data) == 2
    assert sum("(see above)" in line for line in page.data) == 2000
    assert page.data[1] == "`- s0: run s0..."


def test_the_graph_has_each_stage_once_below_the_last_it_waits_for() -> None:
    stages = (
        step("a", [("raw", "")], ["x"]),
        step("b", [("x", "a")], ["y"], STALE),
        step("c", [("x", "a"), ("y", "b")], ["z"]),
        step("d", [], ["w"]),
    )
    assert graph_page(GraphResult("", "", "", stages), VIEW).data == (
        "a: raw -> x",
        "`- b: x -> y  (stale)",
        "   `- c: x, y -> z",
        "d: nothing -> w",
    )


def test_names_are_quoted_in_drawings() -> None:
    result = GraphResult("", "", "", (step("a", [('x"<b>\\', "")], ["y"], STALE),))
    assert '  n1[("x#34;#60;b#62;#92;")]' in mermaid(result)
    assert "  classDef stale stroke-dasharray: 5 5" in mermaid(result)
    assert '  n1 [label="x\\"<b>\\\\", shape=cylinder];' in dot(result)
    assert '  n0 [label="a", shape=box, style=dashed];' in dot(result)


def test_a_part_of_an_out_hangs_on_the_out() -> None:
    result = GraphResult("", "", "", (step("a", [], ["x"]), step("b", [("x/part", "a")], ["y"])))
    arrows = {line for line in mermaid(result) if "-->" in line}
    assert arrows == {"  n0 --> n1", "  n1 --> n3", "  n3 --> n2", "  n2 --> n4"}


def test_frozen_stages_are_listed_and_not_counted() -> None:
    stages = (Reached("a", 1, ("raw",), (), ("x", "y")), Reached("b", 2, (), ("a",), ("z",), True))
    page = impact_page(ImpactResult("raw", (), "", "", stages, ("a",)), VIEW)
    assert page.data == ("a  reads raw  writes x, y  stale already", "b  after a    writes z  frozen")
    assert page.report == ("raw: 1 stage would be stale, 2 outs with them",)
