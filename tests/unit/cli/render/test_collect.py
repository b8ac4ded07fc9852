from weft.cli.render.collect import gc_page, remote_gc_page
from weft.workflows.gc_results import Dropped, GcResult, RemoteGcResult


def test_a_local_collection_tells_sums_and_what_stays(view):
    dropped = (Dropped("ab", 1024, "unreachable"), Dropped("cd", 2048, "on-remote"), Dropped("ef", 1, "on-remote"))
    page = gc_page(GcResult(dropped, 5, 8192, 14, young=1, limit=10, over=4096, notes=("a\x1b note",)), view)
    assert page.data == ()
    assert page.report == (
        "dropped 1 pack (1.0 KiB) that nothing leads to any more",
        "dropped 2 packs (2.0 KiB) that a remote is proved to hold",
        "2 packs (5.0 KiB) stay",
    )
    assert [note.split(" ")[0] for note in page.notes] == ["a\\x1b", "1", "the"]
    assert "4.0 KiB over its limit" in page.notes[2]


def test_a_dry_run_lists_each_pack_with_bytes_and_reason(view):
    page = gc_page(GcResult((Dropped("ab", 1024, "unreachable"),), 1, 1024, 14, dry_run=True), view)
    assert page.data[0] == "unreachable  1.0 KiB  ab"
    assert page.data[1].startswith("would drop 1 pack")
    assert page.report == ()
    assert gc_page(GcResult((), 0, 0, 14), view).report[0] == "nothing to drop"


def test_a_remote_collection_tells_the_fate_of_each(view):
    packs = tuple(Dropped(name, 1024, fate) for name, fate in zip("abcd", FATES, strict=True))
    done = RemoteGcResult("origin", "x", packs, ("roots/r/1",), 9, 9216, 1, 2, 48)
    page = remote_gc_page(done, view)
    assert page.data == ("root  roots/r/1",)
    text = "\n".join(page.report)
    for words in ("dropped 1 root", "deleted 1 pack", "condemned 1 pack (1.0 KiB), to be deleted by a run 48 hours"):
        assert words in text
    assert "origin held 9 packs, 9.0 KiB" in text
    assert page.notes == ("2 pushes may still be going on",)
    assert remote_gc_page(RemoteGcResult("o", "x", (), (), 0, 0, 0, 0, 48), view).report[0] == "nothing to collect"


FATES = ("deleted", "condemned", "waiting", "needed-again")
