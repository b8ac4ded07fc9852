import click
import pytest

from weft.cli.words import AFTER_DASHES, split_revision, split_words


@pytest.fixture(autouse=True)
def _workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "train.weft").write_text("")
    (tmp_path / "12:30.png").write_text("")


def context(after=None):
    made = click.Context(click.Command("diff"))
    if after is not None:
        made.meta[AFTER_DASHES] = after
    return made


@pytest.mark.parametrize(
    ("words", "most", "revisions", "paths"),
    [
        ([], 2, [], []),
        (["v1"], 2, ["v1"], []),
        (["v1", "v2"], 2, ["v1", "v2"], []),
        (["v1", "v2", "v3"], 2, ["v1", "v2"], ["v3"]),
        (["data"], 2, [], ["data"]),
        (["v1", "data"], 2, ["v1"], ["data"]),
        (["train"], 1, [], ["train"]),
        (["train/0/1.png"], 1, [], ["train/0/1.png"]),
        (["v1", "train/0"], 1, ["v1"], ["train/0"]),
        (["data", "v1"], 2, [], ["data", "v1"]),
        (["feature/data"], 1, ["feature/data"], []),
    ],
)
def test_words_without_dashes(words, most, revisions, paths):
    assert split_words(context(), words, most) == (revisions, paths)


def test_dashes_leave_no_doubt():
    assert split_words(context(["v1", "-x"]), ["data"], 2) == (["data"], ["v1", "-x"])
    assert split_words(context([]), ["data"], 1) == (["data"], [])
    with pytest.raises(click.UsageError):
        split_words(context(["p"]), ["a", "b"], 1)


@pytest.mark.parametrize(
    ("text", "revision", "path"),
    [
        ("data", "", "data"),
        ("v1:data/x", "v1", ":/data/x"),
        ("v1:12:30.png", "v1", ":/12:30.png"),
        ("v1:./x", "v1", "./x"),
        ("v1:../x", "v1", "../x"),
        (":/data/x", "", ":/data/x"),
        ("12:30.png", "", "12:30.png"),
        ("HEAD~1:", "HEAD~1", ":/"),
        ("blake3:" + "0" * 64, "", "blake3:" + "0" * 64),
        ("blake3:data", "blake3", ":/data"),
    ],
)
def test_revision_and_path(text, revision, path):
    assert split_revision(text) == (revision, path)
