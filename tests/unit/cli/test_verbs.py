import json

import click
import pytest

from weft.cli.verbs import SplitVerb, Verb, verb
from weft.cli.words import AFTER_DASHES


def test_a_directory_is_entered_as_git_does(run_boom, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    code = "print(session.start)"
    for arguments in (
        ["-C", "a/b", "boom"],
        ["boom", "-C", "a/b"],
        ["-C", "a", "boom", "-C", "b"],
        ["-C", "a", "-C", "b", "boom"],
    ):
        done = run_boom(*arguments, code, cwd=tmp_path)
        assert done.stdout == f"{tmp_path / 'a' / 'b'}\n"


@pytest.mark.parametrize("name", ["nosuch", "file"])
def test_a_directory_that_is_none(run_boom, tmp_path, name):
    (tmp_path / "file").write_text("")
    done = run_boom("-C", name, "boom", "pass", cwd=tmp_path)
    assert done.returncode == 3
    assert "E_NO_PATH" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--json", "-q", "-v", "boom"], ["boom", "--json", "--quiet", "--verbose"], ["-qv", "boom", "--json"]]
)
def test_common_options_stand_before_or_after_the_verb(run_boom, arguments):
    done = run_boom(*arguments, "import json; print(json.dumps([session.json, session.quiet, session.verbose]))")
    assert json.loads(done.stdout) == [True, True, True]


def test_exit_codes_may_be_told_more_precisely():
    @verb("x", example="weft x", codes={4: "damage"})
    def plain():
        """X."""

    @verb("y", example="weft y", codes={1: "differs"}, split=True)
    def split():
        """Y."""

    assert type(plain) is Verb
    assert plain.codes[4] == "damage"
    assert 1 not in plain.codes
    assert type(split) is SplitVerb
    assert split.codes[1] == "differs"


def test_words_after_dashes_are_kept_apart():
    @verb("y", example="weft y", split=True)
    @click.argument("words", nargs=-1)
    @click.pass_context
    def command(context, words):
        """Y."""
        return words, context.meta.get(AFTER_DASHES)

    assert command.main(["a", "--", "-b", "c"], standalone_mode=False, obj=None) == (("a",), ["-b", "c"])
    assert command.main(["a"], standalone_mode=False, obj=None) == (("a",), None)


def test_names_with_a_leading_dash_follow_dashes(run_boom):
    assert run_boom("boom", "--", "-1; print('ran')").stdout == "ran\n"
    assert run_boom("boom", "-1; print('ran')").returncode == 2
