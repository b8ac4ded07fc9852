"""The graph of stages: edges, order, and what is no graph."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import GraphFault, NoSuchStage
from weft.formats import stagefile
from weft.model.stage import Out, Stage
from weft.pipeline.graph import Graph


def stages(**lines: str) -> dict[str, Stage]:
    """Each ``"a b > c d"``: a stage that reads a and b, and writes c and d."""
    text = "stages:\n"
    for name, line in lines.items():
        deps, _, outs = line.partition(">")
        text += f"  {name}: {{cmd: x, deps: {deps.split()}, outs: {outs.split()}}}\n"
    return stagefile.decode(text.encode())


def graph(**lines: str) -> Graph:
    return Graph.build(stages(**lines))


def test_edges_by_equal_paths_and_by_places() -> None:
    found = graph(
        part="raw/a > data/part/a",
        whole="raw > data/whole",
        exact="data/whole > e",
        inside="data/whole/x/y > i",
        around="data > r",
        none="data/whol > n",
    )
    assert found.upstream("exact") == ("whole",)
    assert found.upstream("inside") == ("whole",)
    assert found.upstream("around") == ("part", "whole")
    assert found.upstream("none") == found.upstream("part") == ()
    assert found.downstream("whole") == ("exact", "inside", "around")
    assert found.producer == {
        "data/part/a": "part",
        "data/whole": "whole",
        "e": "exact",
        "i": "inside",
        "r": "around",
        "n": "none",
    }
    assert found.producer_of("data/whole/deep/er") == "whole"
    assert found.producer_of("data/part") == "part"
    assert found.producers_of("data") == ("part", "whole")
    assert found.producer_of("data/wholes") == found.producer_of("raw") == found.producer_of("") == ""


def test_params_and_lock_files_are_read_too() -> None:
    text = b"""
stages:
  use: {cmd: x, params: [a]}
  lock: {cmd: x, env: {lockfile: l}}
  make: {cmd: x, outs: [params.yaml: {cache: false}], plots: [l]}
"""
    found = Graph.build(stagefile.decode(text))
    assert found.upstream("use") == found.upstream("lock") == ("make",)
    assert found.order() == ("make", "use", "lock")


def test_order() -> None:
    found = graph(d="c > d", b="a > b", c="b > c", x="> x", y="x d > y")
    assert found.order() == ("b", "c", "d", "x", "y")
    assert found.order(["c"]) == ("b", "c")
    assert found.order(["x"]) == ("x",)
    assert found.ancestors(["y"]) == {"b", "c", "d", "x"}
    assert found.descendants(["b"]) == {"c", "d", "y"}
    assert found.ancestors(["x"]) == found.descendants(["y"]) == frozenset()
    with pytest.raises(NoSuchStage) as caught:
        found.order(["z"])
    assert "d, b, c" in caught.value.hint


def test_members_of_foreach_are_found_by_its_name() -> None:
    found = Graph.build(stagefile.decode(b"stages:\n  a:\n    foreach: [x, y]\n    do: {cmd: c}\n  ab: {cmd: c}\n"))
    assert found.find("a") == ("a@x", "a@y")
    assert found.find("a@y") == ("a@y",)
    assert found.order(["a"]) == ("a@x", "a@y")
    with pytest.raises(NoSuchStage):
        found.find("b")


def test_a_pattern_means_all_that_match_it() -> None:
    found = graph(ax="> x", ay="> y", b="x > z")
    assert found.find("a*") == ("ax", "ay")
    assert found.find("a[y]") == ("ay",)
    assert found.find("?x") == ("ax",)
    with pytest.raises(NoSuchStage):
        found.find("c*")


def test_onward_is_a_stage_and_what_depends_on_it() -> None:
    found = graph(d="c > d", b="a > b", c="b > c", x="> x", y="x d > y")
    assert found.onward(["c"]) == ("c", "d", "y")
    assert found.onward(["x", "d"]) == ("d", "x", "y")


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ({"a": "> x", "b": "> x"}, 3, r"'x' is written by a \(line 2\) and by b"),
        ({"a": "> x", "b": "> x/y"}, 3, r"a \(line 2\) writes 'x', and b writes 'x/y' inside it"),
        ({"a": "> x/y/z", "b": "> x"}, 2, r"b \(line 3\) writes 'x', and a writes 'x/y/z' inside it"),
        ({"a": "> x x/y"}, 2, "a writes 'x' and, inside it, 'x/y'"),
        ({"a": "x > x"}, 2, "the stage a reads what it writes: a -> a"),
        ({"a": "x/y > x"}, 2, "a -> a"),
        ({"a": "x > x/y"}, 2, "a -> a"),
        ({"a": "y > x", "b": "x > y"}, 2, "cycle: a -> b -> a"),
        ({"s": "> q", "a": "z q > x", "b": "x > y", "c": "y > z", "t": "z > t"}, 3, "cycle: a -> b -> c -> a"),
        ({"t": "z > t", "c": "y > z", "b": "x > y", "a": "z > x"}, 3, "cycle: c -> a -> b -> c"),
    ],
)
def test_what_is_no_graph(lines: dict[str, str], line: int, said: str) -> None:
    with pytest.raises(GraphFault, match=said) as caught:
        graph(**lines)
    assert (caught.value.path, caught.value.line) == ("weft.yaml", line)
    assert caught.value.message.startswith(f"weft.yaml, line {line}: ")


def test_similar_names_do_not_overlap() -> None:
    assert graph(a="> x", b="> x2", c="> x-y", d="x.z > d").order() == ("a", "b", "c", "d")


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = {f"s{n}": Stage(f"s{n}", "x", deps=(f"o{n + 1}",), outs=(Out(f"o{n}"),)) for n in range(5000)}
    assert Graph.build(chain).order() == tuple(reversed(chain))


@given(st.lists(st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
def test_an_order_or_a_true_cycle(reads: list[set[int]]) -> None:
    lines = {f"s{n}": " ".join(f"o{d}" for d in sorted(deps)) + f" > o{n}" for n, deps in enumerate(reads)}
    try:
        found = graph(**lines)
    except GraphFault as fault:
        loop = fault.message.rpartition(": ")[2].split(" -> ")
        assert loop[0] == loop[-1]
        for writer, reader in pairwise(loop):
            assert int(writer[1:]) in reads[int(reader[1:])]
        return
    order = found.order()
    assert sorted(order) == sorted(lines)
    for name in order:
        for source in found.upstream(name):
            assert order.index(source) < order.index(name)
