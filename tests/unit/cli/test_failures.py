import errno

import click
import pytest

from weft.cli.failures import InternalFault, Interrupted, causes, describe, trace
from weft.cli.streams import OutputClosed
from weft.errors import (
    DiskFull,
    EnvironmentFault,
    ExitCode,
    LimitExceeded,
    NoSuchPath,
    PermissionFault,
    UsageFault,
    WeakHash,
)


@pytest.mark.parametrize(
    ("error", "kind", "exit_code"),
    [
        (WeakHash("x"), WeakHash, 3),
        (click.UsageError("Bad thing."), UsageFault, 2),
        (click.BadParameter("no"), UsageFault, 2),
        (KeyboardInterrupt(), Interrupted, 130),
        (MemoryError(), EnvironmentFault, 6),
        (RecursionError(), LimitExceeded, 3),
        (OSError(errno.ENOSPC, "full", "f"), DiskFull, 6),
        (PermissionError(errno.EACCES, "no", "f"), PermissionFault, 6),
        (FileNotFoundError(errno.ENOENT, "no", "f"), NoSuchPath, 3),
        (OSError(errno.EIO, "broken", "f"), EnvironmentFault, 6),
        (OSError("without a number"), InternalFault, 6),
        (KeyError("x"), InternalFault, 6),
        (AssertionError(), InternalFault, 6),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_error_has_a_code_and_a_sentence(error, kind, exit_code):
    described = describe(error)
    assert type(described) is kind
    assert described.exit_code == exit_code
    assert described.message
    assert "\n" not in described.message


def test_a_usage_error_names_the_help():
    context = click.Context(click.Command("add"), info_name="weft add")
    described = describe(click.UsageError("Missing argument 'PATH...'.", context))
    assert described.message == "missing argument 'PATH...'"
    assert described.hint == "weft add --help"


def test_a_usage_error_that_does_not_say_whose_it_is_names_the_help_of_the_verb():
    assert describe(click.UsageError("Option '--remote' does not take a value."), "status").hint == "weft status --help"
    assert describe(UsageFault("nothing to do"), "push").hint == "weft push --help"
    assert describe(click.UsageError("No.")).hint == "weft --help"


def test_a_refusal_without_advice_is_given_none():
    assert describe(WeakHash("x")).hint == ""
    assert describe(WeakHash("x", path="weft.yaml", line=3)).hint == "mend line 3 of weft.yaml"


def test_an_interrupt_that_knows_what_is_left_says_only_that():
    assert describe(KeyboardInterrupt("half")).message == "interrupted: half; run the same command again"


@pytest.mark.parametrize("error", [OutputClosed(), BrokenPipeError(errno.EPIPE, "gone")])
def test_a_reader_who_left_is_no_error(error):
    assert describe(error) is None


def test_an_internal_error_says_how_to_see_the_trace():
    described = describe(ValueError("two\nlines"))
    assert described.code == "E_INTERNAL"
    assert "ValueError: two" in described.message
    assert "-v" in described.hint


def _fail():
    try:
        raise KeyError("root")
    except KeyError as inner:
        raise DiskFull("full") from inner


def test_the_way_to_an_error():
    with pytest.raises(DiskFull) as caught:
        _fail()
    assert causes(caught.value) == ["KeyError: 'root'"]
    assert "KeyError" in trace(caught.value)
    assert describe(caught.value).exit_code is ExitCode.ENVIRONMENT
