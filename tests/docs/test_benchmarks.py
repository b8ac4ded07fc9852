"""The benchmark reports what it measured: medians, ratios, verdicts, fitted lines, and what went over the wire."""

from __future__ import annotations

import http.client
import http.server
import importlib
import json
import os
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Modules of the benchmark, whose short names are gone again afterwards."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module
    for name, module in list(sys.modules.items()):
        if str(BENCHMARKS) in str(getattr(module, "__file__", "")):
            del sys.modules[name]


def a_row(key: str, program: str, wall: float, **more: Any) -> dict[str, Any]:
    numbers = {"cpu": wall, "rss_mib": 50.0, "stored": None, "sent": None, "received": None, "requests": None}
    return {"key": key, "step": key, "program": program, "wall": wall, "ended": False, "runs": 3} | numbers | more


def a_result(load: Load, costs: dict[str, dict[str, list[float]]], ended: set[tuple[str, str]]) -> dict[str, Any]:
    cost = load("harness").Cost
    made = {
        key: {name: [cost(wall, wall, 9) for wall in walls] for name, walls in of.items()} for key, of in costs.items()
    }
    return {
        "date": "2026-01-02",
        "command": "make bench",
        "options": {"files": 1000, "far_files": 1000, "big_mib": 32, "runs": 3},
        "note": "",
        "complete": True,
        "load": "0.00",
        "machine": {"processors": 2},
        "versions": {"weft": "weft 1"},
        "absent": {"borg": "not on the search path"},
        "failed": ["dvc, a step: no"],
        "rows": load("report").rows(made, ended),
        "growth": [],
    }


def test_a_line_through_exact_points_is_found(load: Load) -> None:
    fit = load("fit")
    slope, start = fit.line([1, 2, 4], [5, 7, 11])
    assert (slope, start) == (pytest.approx(2), pytest.approx(3))
    assert fit.exponent([10, 100, 1000], [3, 30, 300]) == pytest.approx(1)
    assert fit.exponent([10, 100], [1, 1000]) == pytest.approx(3)
    with pytest.raises(ValueError, match="two points"):
        fit.line([3, 3], [1, 2])


def test_growth_says_which_cost_grows_too_fast(load: Load) -> None:
    points = [
        {"data": "files", "step": step, "size": size, "wall": wall, "rss_mib": rss}
        for step, size, wall, rss in (
            ("add", 10_000, 1.0, 50.0),
            ("add", 100_000, 10.0, 50.0 + 90_000 * 150 / 2**20),
            ("status", 10_000, 1.0, 50.0),
            ("status", 100_000, 20.0, 50.0 + 90_000 * 300 / 2**20),
            ("pull", 10_000, 1.0, 50.0),
        )
    ]
    add, status = load("growth").fits(points)
    assert (add["time_holds"], add["memory_holds"], add["bytes_a_unit"]) == (True, True, pytest.approx(150, abs=0.1))
    assert (status["time_holds"], status["memory_holds"]) == (False, False)
    flat, slow = load("asked").growth([add, status])
    assert not flat.holds
    assert "300 bytes a file (status" in flat.measured
    assert not slow.holds


def test_memory_is_asked_of_the_most_files_and_nothing_of_a_copy(load: Load) -> None:
    points = [
        {"data": data, "step": step, "size": size, "wall": float(size), "rss_mib": rss}
        for data, sizes in (("files", (10_000, 100_000)), ("tiny files", (10_000, 100_000, 1_000_000)))
        for step in ("push", "cp -r")
        for size, rss in zip(sizes, (50.0, 100.0, 200.0), strict=False)
    ]
    push, copy, tiny_push, tiny_copy = lines = load("growth").fits(points)
    assert (push["memory_holds"], tiny_push["memory_holds"]) == (None, True)
    assert {copy[key] for key in ("time_holds", "memory_holds")} == {None}
    assert {tiny_copy[key] for key in ("time_holds", "memory_holds")} == {None}
    flat, slow = load("asked").growth(lines)
    assert flat.holds
    assert "10,000 / 100,000 / 1,000,000 files" in flat.measured
    assert slow.holds


def test_rows_are_medians_and_ratios_to_weft(load: Load) -> None:
    result = a_result(load, {"add_small": {"dvc": [9, 8, 100], "weft": [2, 3, 1]}}, set())
    weft, dvc = result["rows"]
    assert (weft["program"], weft["wall"], weft["ratio"], weft["runs"]) == ("weft", 2, 1, 3)
    assert (dvc["wall"], dvc["ratio"]) == (9, 4.5)


@pytest.mark.parametrize(
    ("theirs", "ended", "holds"), [(7.9, False, False), (8.0, False, True), (7.9, True, None), (8.0, True, True)]
)
def test_a_peer_that_was_ended_can_only_prove_that_weft_is_fast(
    load: Load, theirs: float, ended: bool, holds: bool | None
) -> None:
    rows = [a_row("add_small", "weft", 1.0), a_row("add_small", "dvc", theirs, ended=ended)]
    asked = load("asked")
    assert asked.answers(rows, [])[0].holds is holds


def test_what_was_not_measured_is_neither_yes_nor_no(load: Load) -> None:
    assert {answer.holds for answer in load("asked").answers([], [])} == {None}


def test_every_kind_of_question_can_be_answered_with_no(load: Load) -> None:
    slow = {key: a_row(key, "weft", 1000.0, sent=9 * 2**20, rss_mib=400.0) for key in all_keys(load)}
    quick = [
        a_row(key, name, 1.0)
        for key in slow
        for name in ("dvc", "git", "s5cmd", "restic", "borg", "oxen", "cp", "python")
    ]
    fits = [{"data": "files", "step": "add", "sizes": [1, 2], "exponent": 2, "bytes_a_unit": 999}]
    fits[0] |= {"time_holds": False, "memory_holds": False}
    assert {answer.holds for answer in load("asked").answers([*slow.values(), *quick], fits)} == {False}


def all_keys(load: Load) -> list[str]:
    return [step.key for step in load("steps").STEPS]


def test_the_page_and_the_chart_hold_every_row(load: Load) -> None:
    report = load("report")
    costs = {"add_small": {"weft": [2.0], "dvc": [20.0], "git": [0.02]}, "push_far": {"weft": [1.0], "dvc": [600.0]}}
    whole = report.complete(a_result(load, costs, {("push_far", "dvc")}))
    page = report.markdown(whole, "latest")
    for text in ("| Add many small files | dvc | 20.0 |", "> 600", "borg: not installed", "dvc, a step: no"):
        assert text in page
    assert "did not come to its end" not in page
    assert "did not come to its end" in report.markdown(whole | {"complete": False}, "latest")
    assert "> 600" in report.for_terminal(whole)
    drawn = ET.fromstring(load("chart").chart(whole))
    texts = [element.text or "" for element in drawn.iter() if element.tag.endswith("text")]
    assert texts.count("dvc") == 2
    assert "10.0 ×   (20.0 s)" in texts
    assert "> 600 ×   (> 600 s)" in texts


def test_no_bar_leaves_the_picture_and_longer_is_slower(load: Load) -> None:
    chart = load("chart")
    scale = chart.Scale([0.003, 5, 700])
    places = [scale.at(ratio) for ratio in (0.003, 1, 5, 700)]
    assert places == sorted(places)
    assert places[0] >= chart.LEFT
    assert places[-1] <= chart.RIGHT


def test_a_run_that_is_published_is_listed(load: Load, tmp_path: Path) -> None:
    report = load("report")
    source, target = tmp_path / "from", tmp_path / "to"
    report.write(source, "full", a_result(load, {"add_small": {"weft": [2.0]}}, set()))
    target.mkdir()
    (target / "README.md").write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.publish(source, target, "full")
    text = (target / "README.md").read_text()
    assert "- [full](full.md): 1,000 files, 32 MiB, 2026-01-02\n" in text
    assert "old" not in text
    assert text.endswith("after\n")
    assert {path.name for path in target.iterdir()} == {"README.md", "full.json", "full.md", "full.svg"}


def test_every_step_belongs_to_a_program_and_every_method_to_a_step(load: Load) -> None:
    programs = load("run").PROGRAMS
    methods = {name.removeprefix("do_") for kind in programs for name in dir(kind) if name.startswith("do_")}
    assert methods == set(all_keys(load))


def test_an_edit_keeps_all_bytes_but_its_own(load: Load, tmp_path: Path) -> None:
    data = load("data")
    old, new = tmp_path / "old", tmp_path / "new"
    data.make_big(old, 6)
    data.make_edited(old, new)
    third, edit = 6 * 2**20 // 3, data.EDIT
    before, first = old.read_bytes(), new.read_bytes()
    data.edit_again(new, 1)
    second = new.read_bytes()
    for after in (first, second):
        assert after[:third] == before[:third]
        assert after[third + edit : 2 * third + edit] == before[third : 2 * third]
        assert after[2 * third + 2 * edit :] == before[2 * third + edit :]
    assert first[third : third + edit] != second[third : third + edit]
    assert first[2 * third + edit : 2 * third + 2 * edit] != second[2 * third + edit : 2 * third + 2 * edit]


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers every POST with as many bytes as it got."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def test_the_proxy_counts_requests_and_bytes_and_holds_requests_back() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    proxy = subprocess.Popen(
        [sys.executable, str(BENCHMARKS / "proxy.py"), str(server.server_address[1]), "50"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert proxy.stdin is not None
        assert proxy.stdout is not None
        client = http.client.HTTPConnection("127.0.0.1", json.loads(proxy.stdout.readline()), timeout=30)
        begin = time.monotonic()
        for _ in range(3):
            client.request("POST", "/", body=b"x" * 2_000_000)
            assert client.getresponse().read() == b"x" * 2_000_000
        assert time.monotonic() - begin >= 3 * 0.05
        client.close()
        proxy.stdin.write("count\n")
        proxy.stdin.flush()
        count = json.loads(proxy.stdout.readline())
        assert count["requests"] == 3
        assert 6_000_000 < count["sent"] < 6_002_000
        assert 6_000_000 < count["received"] < 6_002_000
    finally:
        proxy.communicate(timeout=30)
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def runner() -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", str(BENCHMARKS / "runner.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield child
    if not child.stdin or not child.stdin.closed:
        child.communicate(timeout=30)


def ask(runner: subprocess.Popen[str], folder: Path, *argv: str) -> int:
    """Start a job; its process id."""
    assert runner.stdin is not None
    assert runner.stdout is not None
    job = {"folder": str(folder), "output": str(folder / "out"), "argv": argv, "env": dict(os.environ), "seconds": 60}
    runner.stdin.write(json.dumps(job) + "\n")
    runner.stdin.flush()
    return int(json.loads(runner.stdout.readline())["pid"])


def test_the_runner_tells_code_and_memory_of_children_too(runner: subprocess.Popen[str], tmp_path: Path) -> None:
    assert runner.stdout is not None
    ask(runner, tmp_path, "/bin/sh", "-c", "echo said; exit 3")
    small = json.loads(runner.stdout.readline())
    assert (small["code"], small["killed"]) == (3, False)
    assert (tmp_path / "out").read_text() == "said\n"
    hungry = f"{sys.executable} -c 'x = bytes(90 << 20).upper(); import time; time.sleep(0.5)'"
    ask(runner, tmp_path, "/bin/sh", "-c", f"{hungry} & {hungry} & wait")
    large = json.loads(runner.stdout.readline())
    assert small["rss"] < 50 << 20
    assert large["rss"] > 180 << 20


def alive(group: int) -> list[str]:
    """Processes of a group that still run; one that only waits to be collected does not."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(of_group) == group and state not in "ZX":
            found.append(path.parent.name)
    return found


def test_the_runner_leaves_nothing_behind_when_the_benchmark_ends(
    runner: subprocess.Popen[str], tmp_path: Path
) -> None:
    pid = ask(runner, tmp_path, "/bin/sh", "-c", "sleep 600 & wait")
    assert alive(pid)
    runner.communicate(timeout=30)
    assert not alive(pid)
