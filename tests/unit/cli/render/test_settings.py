import weft
from weft.cli.completion import Script
from weft.cli.render.settings import (
    Version,
    check_page,
    completion_page,
    config_page,
    remotes_page,
    trust_page,
    value_page,
    version_page,
)
from weft.workflows.results import CheckResult, ConfigResult, Probe, RemoteInfo, RemoteList, TrustResult

REMOTES = RemoteList(
    (
        RemoteInfo("origin", "s3://b/p", "http://e", "ab", default=True),
        RemoteInfo("b", "../x\x1b", accepted=True),
    )
)


def test_remotes(view, details):
    assert remotes_page(REMOTES, view).data == (
        "*  origin  s3://b/p  at http://e  not accepted in this clone",
        "   b       ../x\\x1b",
    )
    assert remotes_page(REMOTES, details).data[0].endswith("  not accepted in this clone  ab")
    assert remotes_page(RemoteList((), "pinned"), view).notes == ("pinned",)
    assert "weft remote add" in remotes_page(RemoteList(()), view).notes[0]


def test_trust(view):
    result = TrustResult("origin", "s3://b/p", "https://e", "", "the data", before="s3://old")
    assert trust_page(result, view).report == (
        "this clone accepts the remote origin",
        "  url       s3://b/p",
        "  endpoint  https://e",
        "  before    s3://old",
        "  is sent   the data",
    )


def test_config(view, details):
    result = ConfigResult((("jobs", "8", "private"), ("remote", "origin\n", "committed")))
    assert config_page(result, view).data == ("jobs = 8", "remote = origin\\n")
    assert config_page(result, details).data[0] == "jobs = 8  (private)"
    assert value_page(result, view).data == ("8", "origin\\n")


def test_checks(view):
    result = CheckResult(
        "/alice/p",
        (
            Probe("git", "ok", "2.43"),
            Probe("disk", "warn", "low", "free some"),
            Probe("clock", "fail", "off", "set it"),
        ),
    )
    page = check_page(result, view)
    assert page.data == (
        "ok    git: 2.43",
        "warn  disk: low",
        "      hint: free some",
        "fail  clock: off",
        "      hint: set it",
    )
    assert page.report == ("/alice/p: 1 check failed",)
    quiet = check_page(result, view._replace(quiet=True)).data
    assert [line[:4] for line in quiet if not line.startswith("      ")] == ["warn", "fail"]
    assert check_page(CheckResult("x", result.probes[:1]), view).report == ("x: 1 check, none failed",)


def test_completion_keeps_the_script(view):
    assert completion_page(Script("bash", "a() {\n\tb\n}\n"), view).data == ("a() {", "\tb", "}")


def test_version(view, details):
    version = Version.of_this_process()
    assert version_page(version, view).data == (f"weft {weft.__version__}",)
    assert version_page(version, details).data[1].startswith("Python 3.")
