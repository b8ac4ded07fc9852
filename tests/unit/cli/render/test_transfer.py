from dataclasses import replace

from weft.cli.render.transfer import checkout_page, fetch_page, pull_page, push_page
from weft.workflows.results import CheckoutResult, FetchResult, PullResult, PushedRoot, PushResult

ROOTS = (
    PushedRoot("data/train", "blake3:aa", "pushed", 100),
    PushedRoot("model", "blake3:bb", "up-to-date", 100),
    PushedRoot("test", "blake3:cc", "up-to-date", 100),
)
PUSHED = PushResult("origin", "s3://b/p", ROOTS, packs=2, objects=17, sent_bytes=5 << 20, requests=9)
FETCHED = FetchResult("origin", ("data", "model"), packs=1, objects=4, received_bytes=2048, requests=3)


def test_push_tells_what_went_and_what_was_there(view):
    page = push_page(PUSHED, view)
    assert page.report == (
        "pushed 1 path to origin (s3://b/p): 5.0 MiB, 17 objects in 2 packs",
        "2 paths already on origin",
    )
    assert page.notes == ("next: git push",)
    assert push_page(replace(PUSHED, git_remote=False), view).notes == (), "there is nowhere to push to"


def test_push_in_detail(details):
    lines = push_page(PUSHED, details).report
    assert "pushed  data/train  100 B  blake3:aa" in lines
    assert "9 requests to s3://b/p" in lines


def test_a_push_with_nothing_to_do(view):
    there = replace(PUSHED, roots=ROOTS[1:], packs=0, objects=0, sent_bytes=0)
    assert push_page(there, view).report == ("2 paths already on origin",)
    assert push_page(there, view).notes == ()
    lacked = replace(there, objects=3, packs=1, sent_bytes=2048, repaired=1)
    assert push_page(lacked, view).report == (
        "sent what origin (s3://b/p) lacked: 2.0 KiB, 3 objects in 1 pack",
        "2 paths already on origin",
        "repaired: 1 pack that origin had lost",
    )
    assert push_page(replace(there, roots=()), view).report == ("nothing to push: no data is tracked there",)


def test_versions_of_a_path_are_not_counted_as_paths(view):
    versions = (*ROOTS, PushedRoot("data/train (0123456789ab)", "blake3:dd", "pushed", 100))
    assert (
        push_page(replace(PUSHED, roots=versions), view).report[0].startswith("pushed 2 versions of 1 path to origin")
    )
    named = (*ROOTS, PushedRoot("data (old)", "blake3:dd", "pushed", 100))
    assert push_page(replace(PUSHED, roots=named), view).report[0].startswith("pushed 2 paths to origin")


def test_a_dry_push_says_that_nothing_was_sent(view):
    page = push_page(replace(PUSHED, dry_run=True), view)
    assert page.data[0].startswith("would push 1 path")
    assert page.notes == ("nothing was sent; next: weft push",)


def test_a_repair_is_told(view):
    page = push_page(replace(PUSHED, repaired=1), view)
    assert page.report[-1] == "repaired: 1 pack that origin had lost"


def test_fetch(view, details):
    assert fetch_page(FETCHED, view).report == ("fetched 2 paths from origin: 2.0 KiB, 4 objects from 1 pack",)
    assert fetch_page(FETCHED, view).notes == ("next: weft checkout",)
    assert fetch_page(FETCHED, details).report[1:] == ("fetched  data", "fetched  model", "3 requests")
    here = FetchResult("origin", ("data",))
    assert fetch_page(here, view).report == ("1 path already in the local store",)
    assert fetch_page(FetchResult("origin", ()), view).report == ("nothing to fetch: no data is tracked there",)


def test_checkout(view, details):
    done = CheckoutResult(("data",), written=3, removed=1, unchanged=2, written_bytes=2048)
    assert checkout_page(done, view).report == ("wrote 3 files (2.0 KiB), removed 1 file, 2 files unchanged",)
    assert checkout_page(done, details).report[1:] == ("checked out  data",)
    assert checkout_page(CheckoutResult(("data",), unchanged=1), view).report == ("1 file unchanged",)
    assert checkout_page(CheckoutResult(()), view).report == ("0 files unchanged",)


def test_what_force_replaced_can_be_had_back(view):
    page = checkout_page(CheckoutResult(("d",), written=1, saved=(("d/a\x07", "blake3:aa"),)), view)
    assert page.cautions == ("saved d/a\\x07; to have it back: weft cat blake3:aa > FILE",)


def test_what_is_not_here_is_named_with_the_command(view):
    page = checkout_page(CheckoutResult(("d",), absent=("d/x",)), view)
    assert page.report == ("not here  d/x",)
    assert page.notes == ("next: weft pull, to bring what is not here",)


def test_pull_is_both(view):
    page = pull_page(PullResult(FETCHED, CheckoutResult(("d",), written=1, saved=(("d", "o"),), absent=("x",))), view)
    assert page.report[0].startswith("fetched 2 paths")
    assert page.report[1].startswith("wrote 1 file")
    assert page.cautions
    assert page.notes == ("next: weft pull, to bring what is not here",)
