import pytest

from weft.cli.render.content import (
    CONTENT_LIMIT,
    ContentDocument,
    Kept,
    add_page,
    get_page,
    init_page,
    ls_page,
    move_page,
    remove_page,
)
from weft.errors import LimitExceeded
from weft.workflows.results import (
    Added,
    AddResult,
    GetResult,
    InitResult,
    Listed,
    ListResult,
    MoveResult,
    PushedRoot,
    PushResult,
)

DIRECTORY = Added("data", "data.weft", "blake3:aa", "dir", 3 << 20, 12, True, 5, 1 << 20)
FILE = Added("net\x1b.bin", "net.bin.weft", "blake3:bb", "file", 10, 1, False)


def test_init_says_what_it_wrote_and_what_comes_next(view):
    page = init_page(InitResult("/alice/p", "ab", (".weft/config.yaml", ".gitattributes"), "../r"), view)
    assert page.report == (
        "weft is ready in /alice/p",
        "created .weft/config.yaml",
        "created .gitattributes",
        "remote origin: ../r",
    )
    assert page.notes == ("next: git commit, then weft add PATH",)
    again = init_page(InitResult("/alice/p", "ab", ()), view)
    assert again.report == ("weft is ready in /alice/p",)
    assert again.notes == ("next: weft add PATH",)


def test_add_tells_sizes_and_the_next_commands(view):
    page = add_page(AddResult((DIRECTORY, FILE), staged=True, stored_bytes=1 << 20), view)
    assert page.report == (
        "added      data  (12 files, 3.0 MiB)",
        "unchanged  net\\x1b.bin  (10 B)",
        "1.0 MiB new in the store",
    )
    assert page.notes == ("next: git commit, then weft push",)


def test_add_without_staging_names_git_add_first(view):
    result = AddResult((DIRECTORY,), staged=False)
    assert add_page(result, view).notes == ("next: git add data.weft, then git commit, then weft push",)
    many = AddResult((DIRECTORY,) * 5, staged=False)
    assert "git add data.weft data.weft data.weft ..., then" in add_page(many, view).notes[0]


def test_add_that_pushed_tells_so_and_does_not_name_push(view):
    pushed = PushResult("origin", "../r", (PushedRoot("data", "blake3:aa", "pushed", 3),), 1, 5, 1000)
    page = add_page(AddResult((DIRECTORY,), staged=True, pushed=pushed), view)
    assert page.report[-1] == "pushed 1 path to origin (../r): 1000 B, 5 objects in 1 pack"
    assert page.notes == ("next: git commit",)


def test_add_of_nothing_new(view):
    page = add_page(AddResult((FILE,), staged=True), view)
    assert page.report == ("unchanged  net\\x1b.bin  (10 B)",)
    assert page.notes == ("next: nothing to commit",)


def test_add_in_detail(details):
    assert add_page(AddResult((DIRECTORY,), staged=True), details).report[0].endswith("5 new objects, blake3:aa)")


def test_mv_and_rm(view):
    assert move_page(MoveResult((("a", "b\u202e"),)), view).report == ("moved  a -> b\\u202e",)
    removed = remove_page(MoveResult((("a", ""),)), view)
    assert removed.report == ("removed  a",)
    assert "stay in the store" in removed.notes[0]


LISTING = ListResult(
    "v1",
    (
        Listed("data/sub", "dir", "blake3:aa", 3000, 2),
        Listed("data/x.png", "file", "blake3:bb", 20, 1, True),
        Listed("data/run", "exec", "blake3:cc", 5, 1, False),
    ),
)


def test_ls_in_columns(view):
    page = ls_page(LISTING, view)
    assert page.data == (
        "dir   2.9 KiB  2  data/sub/",
        "file     20 B     data/x.png",
        "exec      5 B     data/run",
    )
    assert page.report == ()
    assert page.notes == ("3 entries, 3.0 KiB at v1",)


def test_ls_of_nothing(view):
    assert ls_page(ListResult("", ()), view).notes == ("nothing is tracked there; next: weft add PATH",)


def test_ls_in_detail(details):
    lines = ls_page(LISTING, details).data
    assert "blake3:bb  here" in lines[1]
    assert "blake3:cc  not here" in lines[2]


def test_a_recursive_listing_counts_no_byte_twice(view):
    listing = ListResult("", (Listed("d", "dir", "x", 10, 1), Listed("d/f", "file", "y", 10, 1)))
    assert ls_page(listing, view).notes == ("2 entries, 10 B",)


def test_get(view):
    page = get_page(GetResult("https://host/r", "abc", "train", 3, 2048), view)
    assert page.report == ("wrote  train  (3 files, 2.0 KiB, https://host/r at abc)",)


def test_content_as_a_document(view):
    kept = Kept()
    kept.write(b"ab")
    kept.write(memoryview(b"c"))
    assert ContentDocument.of("p", "v1", 7, kept) == ContentDocument("p", "v1", 7, 3, "YWJj")
    assert ContentDocument.of("p", "v1", 7, kept).page(view).data == ()


def test_a_document_holds_only_so_much():
    kept = Kept()
    kept.write(bytes(CONTENT_LIMIT))
    with pytest.raises(LimitExceeded) as caught:
        kept.write(b"x")
    assert "--start" in caught.value.hint
