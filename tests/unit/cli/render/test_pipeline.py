import io

from weft.cli.render.pipeline import Teller, reason_text, repro_page
from weft.pipeline.plan import KINDS, Reason
from weft.workflows.stage_results import ReproResult, StageResult, Written

OUTS = (Written("model", "weft", "blake3:aa", 2048, 3), Written("m.json", "git", "1" * 40))
RAN = StageResult("train", "ran", (Reason("param-changed", "params.yaml:lr", "1 -> 2"),), OUTS, duration=1.25)


def test_a_stage_that_ran_shows_what_it_wrote(view, details):
    page = repro_page(ReproResult((RAN,), staged=True), view)
    assert page.report == ("train: ran in 1.2 s", "  wrote model: 2.0 KiB, 3 files", "  wrote m.json, kept by Git")
    assert page.data == ()
    assert page.notes == ("next: git commit",)
    assert "  a param changed: params.yaml:lr (1 -> 2)" in repro_page(ReproResult((RAN,)), details).report


def test_the_other_outcomes(view):
    stages = (
        StageResult("a", "up-to-date"),
        StageResult("b", "reused", reused="r1", snapshot="refs/weft/runs/r2", uncommitted=True),
        StageResult("c", "restored"),
        StageResult("d", "frozen"),
        StageResult("e", "skipped", message="d\x07 failed"),
    )
    page = repro_page(ReproResult(stages), view)
    assert page.report == (
        "a: up to date",
        "b: reused the outs of run r1",
        "c: restored",
        "d: frozen",
        "e: skipped: d\\x07 failed",
    )
    assert "refs/weft/runs/r2" in page.notes[0]
    assert page.notes[1].startswith("next: git add")
    assert repro_page(ReproResult(stages[:1]), view).notes == ("nothing to run",)
    assert repro_page(ReproResult(()), view).report == ("no stages are declared",)


def test_a_failure_is_told_even_when_quiet(view):
    failed = StageResult("a", "failed", code="E_RUN", message="it\x1b failed", hint="mend it", exit_code=6)
    result = ReproResult((StageResult("z", "ran"), failed, StageResult("b", "skipped")))
    assert repro_page(result, view).cautions == ("error: a: it\\x1b failed [E_RUN]", "hint: mend it")
    assert result.exit_code == 6
    assert ReproResult((RAN,)).exit_code == 0


def test_a_dry_run_is_data_with_its_reasons(view):
    stale = StageResult("a", "stale", (Reason("never-run", "a"), Reason("upstream-stale", "z")))
    page = repro_page(ReproResult((StageResult("z", "up-to-date"), stale), dry_run=True), view)
    assert page.data == ("z: up to date", "a: stale", "  it never ran", "  it reads from a stage that is stale: z")
    assert page.notes == ("1 of 2 stages stale; nothing was run",)


def test_every_kind_of_reason_has_words():
    assert all(reason_text(Reason(kind, "s")) != kind for kind in KINDS)


class _Session:
    def __init__(self, quiet):
        self.quiet = quiet
        self.err = self
        self.text = io.StringIO()

    def line(self, text):
        self.text.write(text + "\n")

    def flush(self):
        self.text.write("|")


def test_what_happens_is_told_at_once_and_bytes_put_away_in_any_case():
    for quiet in (False, True):
        session = _Session(quiet)
        teller = Teller(session)
        teller.starting("a", "cmd\x1b", ())
        teller.waiting("a", "process 1")
        teller.said("a", "kept")
        shown = "" if quiet else "running a: cmd\\x1b\n|a waits for process 1\n|"
        assert session.text.getvalue() == shown + "a: kept\n|"
