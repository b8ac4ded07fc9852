"""Pages of ``weft stage``."""

from __future__ import annotations

from weft.cli.context import View
from weft.cli.render.stages import edit_page, stages_page
from weft.cli.text import Paint
from weft.workflows.stage_declare import FRESH, STALE, ListedStage, StageEdit, StageList
from weft.workflows.stage_results import Reason


def test_the_list_of_stages() -> None:
    stages = (
        ListedStage("a", ("x", "y"), ("o", "p\n"), STALE, (Reason("always"),)),
        ListedStage("long", "z", (), FRESH, accepted=True),
    )
    page = stages_page(StageList(stages, ("note",)), View(Paint(False), verbose=True))
    assert page.data == (
        "a     stale                    o, p\\n",
        "  it is declared to be always stale",
        "  x y",
        "long  fresh, accepted by hand",
        "  z",
    )
    assert page.notes == ("note",)
    assert stages_page(StageList(()), View(Paint(False))).notes == ("no stages are declared",)


def test_what_was_done() -> None:
    page = edit_page(StageEdit("removed", ("a@1", "a@2"), ("o",), staged=False), View(Paint(False)))
    assert page.report == ("a@1: removed", "a@2: removed", "  o is no longer tracked; its files stay")
    assert page.notes == ("next: git add weft.yaml lineage and the pointers, git commit",)
    assert edit_page(StageEdit("added", ("a",), staged=True), View(Paint(False))).notes == ("next: weft repro a",)
