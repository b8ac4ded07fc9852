from weft.cli.render.checks import quarantine_page, verify_page
from weft.workflows.results import Finding, QuarantineFile, QuarantineResult, VerifyResult


def test_damage_is_named_with_the_paths_it_touches(view):
    finding = Finding("E_HASH_MISMATCH", "bad frame", "blake3:aa", ("data/x\x07", "data/y"), "weft fetch data")
    page = verify_page(VerifyResult("scrub", 2, 30, 4096, 1, (finding,), ("one note",), repaired=1), view)
    assert page.data == (
        "E_HASH_MISMATCH  blake3:aa  bad frame",
        "    damages data/x\\x07",
        "    damages data/y",
        "    hint: weft fetch data",
    )
    assert page.report == (
        "scrub: checksums of stored frames; 1 pointer, 2 packs, 30 objects, 4.0 KiB read",
        "one note",
        "repaired: 1 pack or object brought back",
        "1 finding",
    )


def test_no_damage(view):
    page = verify_page(VerifyResult("quick", checked_pointers=3), view)
    assert page.data == ()
    assert page.report[-1] == "no damage found"


def test_what_was_mended_and_what_is_left_to_prove(view):
    finding = Finding("E_MISSING_OBJECT", "a pack is not there", "packs/aa", ("data\x07",))
    page = verify_page(VerifyResult("remote", repaired=2, healed=(finding,), left=3, before=1), view)
    assert page.report[1:] == (
        "1 pack proved by earlier runs; 3 packs left: the same command goes on with them",
        "mended a pack is not there (it touched data\\x07)",
        "repaired: 2 packs or objects brought back",
        "no damage so far",
    )


def test_the_quarantine_is_told_with_reasons(view):
    files = (
        QuarantineFile("ab.pack", 2048, "a bit\x07", 0.0, 2),
        QuarantineFile("cd.pack", 1, "", 0.0, 0, "objects restored", 1),
    )
    page = quarantine_page(QuarantineResult("/store/quarantine", files), view)
    assert page.data == (
        "ab.pack  2.0 KiB  1970-01-01 00:00 UTC  kept",
        "    a bit\\x07",
        "    2 objects of it lost here: weft verify --repair",
        "cd.pack  1 B  1970-01-01 00:00 UTC  objects restored (1 object)",
        "    nothing tells why",
    )
    assert page.report == ("2 files (2.0 KiB) in /store/quarantine",)
