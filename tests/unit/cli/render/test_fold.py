from weft.cli.render.changes import MOST
from weft.cli.render.fold import fold
from weft.workflows.results_status import Change


def lines(changes, top="data"):
    return [(change.kind, change.old_path, change.path, files) for change, files in fold(changes, MOST, top)]


def deleted(directory, number):
    return [Change("deleted", f"{directory}/{at:05}.png", 10, 0) for at in range(number)]


def test_few_changes_stay_as_they_are():
    changes = deleted("data/images", MOST)
    assert [change for change, _ in fold(changes, MOST, "data")] == changes


def test_a_directory_of_which_much_changed_is_one_line_with_the_sum():
    ((change, files),) = fold(deleted("data/images", 1003), MOST, "data")
    assert change == Change("deleted", "data/images/", 10_030, 0)
    assert files == 1003


def test_kinds_are_folded_apart_and_few_of_a_kind_are_named():
    changes = [*deleted("data/a", 20), Change("modified", "data/a/x", 1, 2), Change("added", "data/b", 0, 1)]
    assert lines(changes) == [
        ("deleted", "", "data/a/", 20),
        ("modified", "", "data/a/x", 1),
        ("added", "", "data/b", 1),
    ]


def test_what_is_behind_is_no_edit():
    changes = [Change("modified", f"data/{at}", 1, 2, "", at % 2 == 0) for at in range(40)]
    assert [(change.behind, files) for change, files in fold(changes, MOST, "data")] == [(True, 20), (False, 20)]


def test_few_directories_are_lines_of_their_own_and_many_are_not():
    some = [change for name in "abc" for change in deleted(f"data/{name}", 30)]
    assert lines(some) == [("deleted", "", f"data/{name}/", 30) for name in "abc"]
    many = [change for at in range(MOST + 1) for change in deleted(f"data/{at}", 30)]
    assert lines(many) == [("deleted", "", "data/", 30 * (MOST + 1))]
    deep = [change for at in range(100) for change in deleted(f"data/x/{at}/y", 1)]
    assert lines([*deep, *deleted("data/z", 2)]) == [
        ("deleted", "", "data/x/", 100),
        ("deleted", "", "data/z/00000.png", 1),
        ("deleted", "", "data/z/00001.png", 1),
    ]


def test_a_renamed_directory_is_one_line():
    changes = [Change("renamed", f"data/new/s{at % 5}/{at}", 3, 3, f"data/old/s{at % 5}/{at}") for at in range(1003)]
    assert lines(changes) == [("renamed", "data/old/", "data/new/", 1003)]
    assert lines([Change("renamed", "data/z", 1, 1, "data/y"), *changes])[1] == ("renamed", "data/y", "data/z", 1)


def test_tracked_paths_at_the_top_of_the_work_tree():
    changes = [Change("added", f"file{at}", 0, 1) for at in range(30)]
    assert lines(changes, "") == [("added", "", "", 30)]
    several = [*changes[:3], *deleted("data/a", 20), *deleted("other", 20)]
    assert [line[2:] for line in lines(several, "")] == [
        ("data/a/", 20),
        ("file0", 1),
        ("file1", 1),
        ("file2", 1),
        ("other/", 20),
    ]


def test_no_file_is_lost():
    changes = [Change("modified", f"data/{at % 13}/{at % 7}/{at}", 1, 1) for at in range(5000)]
    assert sum(files for _, files in fold(changes, MOST, "data")) == 5000
