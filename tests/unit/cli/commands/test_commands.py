"""Every verb with the real parts below it: what it hands down, what it prints, how it exits."""

import json
import os
import shutil
import subprocess

import pytest

from weft.cli import candidates
from weft.cli.commands import (
    add,
    cat,
    check_ignore,
    checkout,
    compare,
    completion,
    config,
    diff,
    doctor,
    drop,
    du,
    fetch,
    gc,
    get,
    help,
    init,
    install,
    lineage,
    lock,
    locks,
    log,
    ls,
    mv,
    pull,
    push,
    remote,
    repro,
    resolve,
    rm,
    run,
    show,
    stage,
    status,
    uninstall,
    unlock,
    validate,
    verify,
    version,
)
from weft.cli.registry import COMMANDS

MODULES = [
    add,
    cat,
    check_ignore,
    checkout,
    compare,
    completion,
    config,
    diff,
    doctor,
    drop,
    du,
    fetch,
    gc,
    get,
    help,
    init,
    install,
]
MODULES += [
    lineage,
    lock,
    locks,
    log,
    ls,
    mv,
    pull,
    push,
    remote,
    repro,
    resolve,
    rm,
    run,
    show,
    stage,
    status,
    uninstall,
    unlock,
    validate,
    verify,
    version,
]


def test_all_verbs_are_here():
    assert {module.command.name for module in MODULES} == set(COMMANDS)


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


# --- init, add, status, diff -----------------------------------------------------------------------------------------


def test_init_twice_changes_nothing(project, cli):
    again = cli("init")
    assert again.out == f"weft is ready in {project}\n"
    assert git("status", "--porcelain") == ""


def test_add_prints_and_hands_on_its_options(project, cli):
    (project / "data" / "a").write_text("beta")
    ran = cli("add", "--no-stage", "data", "model")
    assert ran.out.splitlines()[:2] == ["updated    data  (2 files, 250.0 KiB: +0 ~1 -0)", "unchanged  model  (7 B)"]
    assert ran.err.endswith("next: git add data.weft, then git commit, then weft push\n")
    assert git("diff", "--cached", "--name-only") == ""
    assert cli("add", "model", "--json").data["added"][0]["changed"] is False


def test_add_to_the_remote_at_once(project, cli):
    (project / "new").write_text("n" * 1000)
    (project / "other").write_text("o" * 1000)
    assert "pushed 1 path to origin" in cli("add", "new", "--to-remote").out
    assert "pushed 1 path to origin" in cli("add", "other", "-r", "origin").out
    assert cli("add", "new", "-r", "nosuch", code=3).err.startswith("error: ")


def test_add_refuses_what_is_too_large(project, cli):
    (project / "new").write_bytes(bytes(2048))
    said = cli("add", "--max-size", "1K", "new", code=3).err
    assert "E_LIMIT" in said
    assert "hint: weft add --max-size 2048 new\n" in said
    cli("add", "--max-size", "2048", "new")
    (project / "in it").mkdir()
    (project / "in it/new").write_bytes(bytes(3000))
    said = cli("add", "--max-size", "1K", "in it", code=3).err
    assert "hint: weft add --max-size 3000 'in it'\n" in said
    cli("add", "--max-size", "3000", "in it")


def test_names_after_dashes(project, cli):
    (project / "-x").write_text("dash")
    (project / "--json").write_text("dash")
    cli("add", "--", "-x", "--json")
    assert cli("cat", "--", "-x").out == "dash"
    cli("mv", "--", "-x", "-y")
    cli("rm", "--force", "--", "-y", "--json")
    assert not (project / "-y.weft").exists()


def test_status_lines_and_exit_codes(project, cli):
    clean = cli("status", "--exit-code")
    assert (clean.out, clean.err) == ("2 tracked paths, all as recorded\n", "")
    (project / "data" / "a").write_text("changed")
    (project / "data" / "n\u202ew").write_text("new")
    (project / "model").unlink()
    (project / "data" / "n\u202ew").rename(project / "data" / "new")
    ran = cli("status")
    assert ran.out.splitlines() == [
        "M data/a",
        "A data/new",
        "D model",
        "2 tracked paths: 1 added, 1 modified, 1 deleted",
    ]
    assert "next: weft add PATH" in ran.err
    assert cli("status", "--exit-code", code=1).out == ran.out
    quiet = cli("status", "-q")
    assert (quiet.out.splitlines(), quiet.err) == (["M data/a", "A data/new", "D model"], "")


def test_status_ends_with_the_code_of_a_path_in_error(project, cli):
    (project / "data" / ".weftignore").write_text("[oops")
    ran = cli("status", code=3)
    assert "! data" in ran.out
    assert "E_SCHEMA" in ran.out
    assert cli("status", "--json", code=3).data["paths"][0]["exit_code"] == 3
    os.unlink(project / "data" / ".weftignore")
    (project / "data" / "more").write_bytes(b"more")
    for pack in (project / ".git/weft/store/packs").rglob("*.pack"):
        pack.unlink()
    assert "! data" in cli("status", code=4).out


def test_status_against_the_remote(project, cli):
    (project / "new").write_text("new")
    cli("add", "new")
    for arguments in (["--remote"], ["-r", "origin"]):
        ran = cli("status", *arguments)
        assert "^ new  (not pushed)" in ran.out
        assert "next: weft push" in ran.err
    states = {path["path"]: path["remote"] for path in cli("status", "--remote", "--json").data["paths"]}
    assert states == {"data": "pushed", "model": "pushed", "new": "not-pushed"}


def test_diff_between_revisions_and_the_workspace(project, cli):
    (project / "data" / "a").write_text("longer than before")
    assert cli("diff").out == "M data/a  (5 B -> 18 B)\n"
    cli("add", "data")
    git("commit", "-q", "-m", "two")
    assert cli("diff").out == ""
    for words in (["v1", "HEAD"], ["v1..HEAD"], ["v1"], ["v1", "--", "data"], ["v1", "data/a"]):
        assert cli("diff", *words).out == "M data/a  (5 B -> 18 B)\n", words
    assert cli("diff", "v1", "HEAD", "model").out == ""
    assert cli("diff", "--exit-code", "v1", code=1).err == "v1 -> workspace: 1 modified, +13 B\n"
    assert cli("diff", "--exit-code", "v1", "v1").code == 0


def test_log_tells_what_each_commit_changed(project, cli):
    (project / "data" / "a").write_text("longer than before")
    cli("add", "data")
    git("commit", "-q", "-m", "two")
    lines = cli("log").out.splitlines()
    assert lines[0].endswith("  two")
    assert lines[1].startswith("    data     M data/  (250.0 KiB, 2 files -> 250.0 KiB, 2 files)")
    assert [one["subject"] for one in cli("log", "-n", "1", "--json").data["commits"]] == ["two"]
    assert "two" not in cli("log", "v1", "--", "data").out
    assert "--format and --json" in cli("log", "--json", "--format", "md", code=2).out


def test_show_tells_what_a_commit_holds(project, cli):
    found = cli("show", "--json").data
    assert [(one["path"], one["type"], one["files"]) for one in found["data"]] == [
        ("data", "dir", 2),
        ("model", "file", 1),
    ]
    assert "model" not in cli("show", "v1", "data").out
    assert "data/" not in cli("show", "v1:model").out
    assert "all of data is shown" in cli("show", "data/a").err
    assert "E_NO_PATH" in cli("show", "HEAD", "nosuch", code=3).err


# --- checkout, mv, rm ------------------------------------------------------------------------------------------------


def test_checkout_takes_revision_and_paths(project, cli):
    (project / "data" / "a").write_text("two")
    cli("add", "data")
    git("commit", "-q", "-m", "two")
    assert cli("checkout", "v1", "data/a").out.startswith("wrote 1 file (5 B)")
    assert (project / "data" / "a").read_text() == "alpha"
    cli("checkout", "HEAD", "--", "data")
    assert (project / "data" / "a").read_text() == "two"
    cli("checkout", "v1", "--no-stage")
    assert git("diff", "--cached", "--name-only") == ""
    assert "E_NO_REVISION" in cli("checkout", "nosuch", "--", "data", code=3).err


def test_checkout_force_says_how_to_have_the_bytes_back(project, cli):
    (project / "data" / "a").write_text("precious")
    refused = cli("checkout", "--", "data", code=3)
    assert "E_UNSAVED" in refused.err
    forced = cli("checkout", "-q", "--force", "--", "data")
    assert forced.out == ""
    oid = next(word for word in forced.err.split() if word.startswith("blake3:"))
    assert cli("cat", oid).out == "precious"


def test_mv_and_rm(project, cli):
    assert cli("mv", "data", "moved").out == "moved  data -> moved\n"
    assert cli("rm", "--keep-data", "model").out == "removed  model\n"
    assert (project / "model").exists()
    (project / "moved" / "a").write_text("unsaved")
    assert "E_UNSAVED" in cli("rm", "moved", code=3).err
    cli("rm", "--force", "moved")
    assert not (project / "moved").exists()


# --- push, fetch, pull -----------------------------------------------------------------------------------------------


def test_push_tells_what_went_and_what_was_there(project, cli):
    assert cli("push").out == "2 paths already on origin\n"
    (project / "new").write_bytes(bytes(range(256)) * 8)
    cli("add", "new")
    assert cli("push", "--dry-run").out.startswith("would push 1 path to origin")
    ran = cli("push", "-j", "2", "-v")
    assert ran.out.startswith("pushed 1 path to origin (../remote): ")
    assert "2 paths already on origin\n" in ran.out
    assert ran.err == "", "there is no Git remote"
    (project / "new").write_bytes(b"new")
    cli("add", "new")
    git("remote", "add", "hub", "../hub")
    assert cli("push").err == "next: git push\n"
    assert cli("push", "--rev", "v1", "--json").data["roots"][0]["state"] == "up-to-date"
    assert cli("push", "--all", "-q").out == ""


@pytest.fixture
def clone(project, monkeypatch):
    target = project.parent / "clone"
    git("clone", "-q", str(project), str(target))
    monkeypatch.chdir(target)
    return target


def test_add_of_missing_files_keeps_or_deletes(clone, cli):
    (clone / "data").mkdir()
    (clone / "data" / "new").write_text("new")
    assert "--keep-missing" in cli("add", "data", code=3).err
    cli("add", "--keep-missing", "data")
    assert len(cli("ls", "-R", "data", "--json").data["entries"]) == 4
    cli("add", "--delete-missing", "data")
    assert [entry["path"] for entry in cli("ls", "-R", "data", "--json").data["entries"]] == ["data/new"]


def test_fetch_checkout_and_pull(clone, cli):
    assert cli("status").out.splitlines()[:2] == ["- data  (not here)", "- model  (not here)"]
    absent = cli("checkout", code=None)
    assert absent.code != 0, "asked for, and not there"
    fetched = cli("fetch", "data")
    assert fetched.out.startswith("fetched 1 path from origin: ")
    assert fetched.err == "next: weft checkout\n"
    assert not (clone / "data").exists()
    assert cli("pull").out.splitlines()[-1].startswith("wrote 3 files")
    assert (clone / "data" / "a").read_text() == "alpha"
    assert cli("pull", "--json").data["checked_out"]["written"] == 0


# --- ls, cat, get ----------------------------------------------------------------------------------------------------


def test_ls(clone, cli):
    ran = cli("ls")
    assert ran.out.splitlines() == ["dir   250.0 KiB  2  data/", "file        7 B     model"]
    assert ran.err == "2 entries, 250.0 KiB\n"
    assert cli("ls", "-R", "v1:data").out.splitlines()[-1].endswith("data/sub/b")
    assert cli("ls", "v1:").err == "2 entries, 250.0 KiB at v1\n"
    assert "E_NOT_TRACKED" in cli("ls", "nosuch", code=3).err


def test_cat(clone, cli):
    assert cli("cat", "data/a").out == "alpha"
    assert cli("cat", "v1:data/a", "--start", "1", "--length", "3").out == "lph"
    document = cli("cat", "v1:data/a", "--json", "--start", "3").data
    assert document == {"path": "data/a", "revision": "v1", "start": 3, "size": 2, "content": "aGE="}
    assert "E_USAGE" in cli("cat", "data", code=2).err


def test_get(clone, cli):
    ran = cli("get", "../project", "v1:data", "-o", "../got")
    assert ran.out.startswith("wrote  ")
    assert (clone.parent / "got" / "a").read_text() == "alpha"
    cli("get", "../project", "model", "-o", "../got-model", "--json")
    assert (clone.parent / "got-model").read_text() == "weights"
    assert cli("get", "../project", "model", "-o", "../got-model", code=None).code in (0, 3)
    cli("get", "../project", "model", "-o", "../got-model", "--force")


# --- remote, config, verify, doctor ----------------------------------------------------------------------------------


def test_remotes(project, cli):
    ran = cli("remote", "add", "backup", "../backup", "--no-check")
    assert ran.out.splitlines() == ["*  origin  ../remote", "   backup  ../backup"]
    defaults = {
        remote["name"]: remote["default"] for remote in cli("remote", "default", "backup", "--json").data["remotes"]
    }
    assert defaults == {"origin": False, "backup": True}
    assert "*  backup" in cli("remote", "list").out
    cli("remote", "remove", "backup")
    assert "backup" not in cli("remote", "list").out
    assert "E_SECRET" in cli("remote", "add", "x", "s3://KEY:SECRET@bucket", code=3).err


def test_remote_check_exits_with_6_when_a_probe_fails(project, cli):
    assert cli("remote", "check").out.startswith("ok ")
    shutil.rmtree(project.parent / "remote")
    assert "fail" in cli("remote", "check", "origin", code=6).out


def test_config_in_both_spellings(project, cli):
    cli("config", "set", "portable", "strict")
    assert cli("config", "get", "portable").out == "strict\n"
    cli("config", "stage", "false")
    assert cli("config", "stage").out == "false\n"
    cli("config", "set", "--private", "jobs", "3")
    assert "jobs = 3  (private)" in cli("config", "list", "-v").out
    cli("config", "unset", "--private", "jobs")
    assert "jobs" not in cli("config", "list").out
    assert "E_CONFIG" in cli("config", "nosuch", code=3).err


def test_hints_about_settings_work_as_they_stand(project, cli):
    refused = cli("config", "set", "gc.grace", "10", code=3).err
    assert cli("config", "get", "gc.grace").out == "14\n"
    hint = refused.split("hint: weft ")[1].split()
    assert hint == ["config", "set", "--private", "gc.grace", "10"]
    cli(*hint)
    assert cli("config", "get", "gc.grace").out == "10\n"
    linked = cli("config", "set", "checkout.link", "hard", code=3).err
    assert "hint: weft config set --private checkout.link hard" in linked
    listed = cli("config", "list", "--all").out.splitlines()
    assert "gc.grace = 10" in listed
    assert "jobs = 0  (default)" in listed
    assert cli(*cli("config", "foo.bar", code=3).err.split("hint: weft ")[1].split()).out.splitlines() == listed
    assert "hint: weft config set --private store.dir VALUE" in cli("config", "get", "store.dir", code=3).err


def test_verify_at_every_level(project, cli):
    for level, options in {
        "quick": [],
        "scrub": ["--scrub"],
        "full": ["--full", "data"],
        "remote": ["--remote", "origin", "--sample", "100%"],
    }.items():
        assert cli("verify", *options, "--json").data["level"] == level
        assert cli("verify", "--level", level).out.splitlines()[-1] == "no damage found"


def test_verify_exits_with_4_on_damage(project, cli):
    for pack in (project / ".git" / "weft" / "store" / "packs").rglob("*.pack"):
        data = bytearray(pack.read_bytes())
        data[20] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)
    ran = cli("verify", "--full", code=4)
    assert ran.out.startswith("E_")
    assert "damages " in ran.out


def test_doctor(project, cli, tmp_path, monkeypatch):
    ran = cli("doctor")
    assert "ok    git: " in ran.out
    monkeypatch.chdir(tmp_path)
    assert "fail  repository" in cli("doctor", code=1).out


def test_version_and_completion(cli):
    assert cli("version").out == cli("--version").out
    assert "python" in cli("version", "--json").data
    assert cli("--version", "--json").data == cli("--json", "--version").data == cli("version", "--json").data


def test_help_is_that_of_the_command(cli):
    assert cli("help", "push").out == cli("push", "--help").out
    assert cli("help", "lineage", "why").out == cli("lineage", "why", "--help").out
    assert cli("help", "lineage").out == cli("lineage", "--help").out
    assert cli("help").out == cli("--help").out
    assert "did you mean push" in cli("help", "pusch", code=2).err


def test_quiet_prints_nothing_but_what_was_asked_for(project, cli, tmp_path):
    for words in (
        ("remote", "add", "-q", "other", str(tmp_path / "other")),
        ("remote", "default", "-q", "other"),
        ("remote", "default", "origin", "--quiet"),
        ("remote", "remove", "-q", "other"),
        ("config", "set", "-q", "--private", "jobs", "2"),
        ("remote", "check", "-q", "origin"),
    ):
        ran = cli(*words)
        assert (ran.out, ran.err) == ("", ""), words
    wrong = cli("doctor", "-q", code=None)
    assert {line[:4] for line in wrong.out.splitlines()} <= {"warn", "fail", "    "}
    assert "nothing to drop" in cli("gc", "-q", "--dry-run").out
    cli("push", "-q")
    assert cli("push", "-q").out == ""
    assert "already on origin" in cli("push", "-q", "--dry-run").out


def test_completion_as_text_and_json(cli):
    script = json.loads(cli("completion", "zsh", "--json").out)["data"]["script"]
    assert cli("completion", "zsh").out.strip() == script.strip()


def test_names_are_offered_for_completion(project, monkeypatch):
    monkeypatch.chdir(project / "data")
    assert [item.value for item in candidates.paths("../m")] == ["../model"]
    assert [item.value for item in candidates.remote_names("or")] == ["origin"]
    assert [item.type for item in candidates.paths("nosuch")] == ["file"]
    monkeypatch.chdir(project)
    assert [item.value for item in candidates.paths("")] == ["data", "model"]
