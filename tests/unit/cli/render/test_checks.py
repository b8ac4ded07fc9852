from weft.cli.render.checks import verify_page
from weft.workflows.results import Finding, VerifyResult


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
        "repaired: 1 pack",
        "1 finding",
    )


def test_no_damage(view):
    page = verify_page(VerifyResult("quick", checked_pointers=3), view)
    assert page.data == ()
    assert page.report[-1] == "no damage found"
