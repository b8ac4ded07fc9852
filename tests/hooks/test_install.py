"""Installing into real repositories, twice, beside others' hooks, and taking it all away again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hooks_kit import environment_in
from kit import Repo, environment
from weft.cli import hook
from weft.cli.commands import install as install_command
from weft.cli.commands import uninstall as uninstall_command
from weft.cli.context import View
from weft.cli.render.hooks import install_page, uninstall_page
from weft.cli.text import Paint
from weft.gitio.hooks import HOOKS
from weft.workflows import framework
from weft.workflows.attributes import ATTRIBUTES
from weft.workflows.install import InstallOptions, InstallResult, UninstallResult, install, uninstall


def git_folder(root: Path) -> dict[str, tuple[bytes, int]]:
    """What of a Git directory a user or a hook may have written."""
    found = {}
    for name in ("config", "hooks", "info"):
        top = root / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file():
                found[str(path.relative_to(root))] = (path.read_bytes(), path.stat().st_mode)
    return found


@pytest.fixture(autouse=True)
def no_repository_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo")


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def test_installed_twice_is_installed_once(repo: Repo) -> None:
    first = repo.weft("install").out
    assert all(f"installed  .git/hooks/{name}" in first for name in HOOKS)
    before = git_folder(repo.root / ".git")
    assert repo.weft("install").out == "everything is installed already\n"
    assert git_folder(repo.root / ".git") == before
    assert repo.git("status", "--short").out == ""


def test_uninstall_leaves_no_trace(repo: Repo) -> None:
    script(repo.root / ".git/hooks/pre-commit", "exit 0\n")
    (repo.root / ".git/info/attributes").write_text("*.bin -diff\n")
    repo.git("config", "alias.x", "status")
    before = git_folder(repo.root / ".git")
    repo.weft("install")
    assert git_folder(repo.root / ".git") != before
    said = repo.weft("uninstall").out
    assert "put back   .git/hooks/pre-commit" in said
    assert git_folder(repo.root / ".git") == before
    assert repo.git("status", "--short").out == ""
    assert repo.weft("uninstall").out == "nothing of weft is installed in this clone\n"


def test_from_a_folder_below_and_as_json(repo: Repo) -> None:
    (repo.root / "sub").mkdir()
    result = repo.weft("-C", "sub", "install", "--json").json["data"]
    assert result["folder"] == ".git/hooks"
    assert len(result["hooks"]) == len(HOOKS)
    assert result["tool"] is False


def test_outside_of_a_project_nothing_is_installed(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.git("init", "-q")
    before = git_folder(tmp_path / ".git")
    assert "weft init" in repo.weft("install", code=6).err
    assert git_folder(tmp_path / ".git") == before


def test_attributes_of_an_older_project_are_completed_and_staged(repo: Repo) -> None:
    (repo.root / ".gitattributes").write_text("*.weft text eol=lf\n*.png binary\n")
    repo.commit()
    assert "git commit, for .gitattributes" in repo.weft("install").err
    text = (repo.root / ".gitattributes").read_text()
    assert text.startswith("*.weft text eol=lf\n*.png binary\n")
    assert all(line in text.splitlines() for line in ATTRIBUTES)
    assert repo.git("status", "--short").out == "M  .gitattributes\n"


@pytest.mark.parametrize(
    ("name", "merge", "diff"),
    [
        ("data.weft", "weft-pointer", "weft-pointer"),
        ("d/e.weft", "weft-pointer", "weft-pointer"),
        ("lineage/train.yaml", "weft-record", "unspecified"),
        ("weft.yaml", "weft-stagefile", "unspecified"),
        ("sub/weft.yaml", "unspecified", "unspecified"),
        ("sub/lineage/x.yaml", "unspecified", "unspecified"),
    ],
)
def test_attributes_name_the_drivers(repo: Repo, name: str, merge: str, diff: str) -> None:
    said = repo.git("check-attr", "merge", "diff", "--", name).out.splitlines()
    assert [line.rpartition(": ")[2] for line in said] == [merge, diff]


def test_hooks_of_a_linked_work_tree_are_those_of_the_repository(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    linked.weft("install")
    assert (repo.root / ".git/hooks/pre-push").exists()
    assert repo.weft("install").out == "everything is installed already\n"
    linked.weft("uninstall")
    assert not (repo.root / ".git/hooks/pre-push").exists()


def test_snapshots_are_hidden_from_those_who_fetch_and_from_a_mirror(repo: Repo, tmp_path: Path) -> None:
    repo.git("update-ref", "refs/weft/runs/r1", "HEAD")
    repo.git("config", "--add", "transfer.hideRefs", "refs/mine")
    before = git_folder(repo.root / ".git")
    assert "hidden     refs/weft/runs" in repo.weft("install").out
    refs = Repo(tmp_path).git("ls-remote", str(repo.root)).out
    assert "refs/heads/main" in refs
    assert "refs/weft" not in refs
    Repo(tmp_path).git("clone", "-q", "--mirror", str(repo.root), "mirror.git")
    assert "refs/weft" not in Repo(tmp_path / "mirror.git").git("for-each-ref").out
    Repo(tmp_path).git("init", "-q", "--bare", "hub.git")
    repo.git("remote", "add", "hub", str(tmp_path / "hub.git"))
    assert "1 snapshot of runs" in repo.git("push", "-q", "--mirror", "hub", code=1).err
    repo.git("update-ref", "-d", "refs/weft/runs/r1")
    repo.git("update-ref", "refs/weft/remotes/origin/k/r2", "HEAD")
    assert "1 snapshot of runs that others shared" in repo.git("push", "-q", "--mirror", "hub", code=1).err
    repo.git("update-ref", "-d", "refs/weft/remotes/origin/k/r2")
    repo.git("update-ref", "refs/weft/runs/r1", "HEAD")
    repo.git("push", "-q", "--all", "hub")
    hub = Repo(tmp_path / "hub.git")
    assert "refs/weft" not in hub.git("for-each-ref").out
    repo.git("push", "-q", "hub", "refs/weft/runs/r1")
    assert "refs/weft/runs/r1" in hub.git("for-each-ref").out, "somebody named it"
    repo.weft("uninstall")
    repo.git("remote", "remove", "hub")
    assert git_folder(repo.root / ".git") == before
    assert "refs/weft/runs/r1" in Repo(tmp_path).git("ls-remote", str(repo.root)).out


def test_a_submodule_has_its_own(repo: Repo, tmp_path: Path) -> None:
    outer = Repo(tmp_path / "outer")
    outer.root.mkdir()
    outer.git("init", "-q")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.root), "inner")
    inner = Repo(outer.root / "inner")
    inner.weft("install")
    assert (outer.root / ".git/modules/inner/hooks/pre-push").exists()
    assert not (outer.root / ".git/hooks/pre-push").exists()
    inner.write({"data/a": b"1"})
    inner.weft("add", "data")
    inner.git("commit", "-q", "-m", "in a submodule")
    inner.weft("uninstall")
    assert not (outer.root / ".git/modules/inner/hooks/pre-push").exists()


# --- folders of hooks that are not this repository's own --------------------------------------------------------------


def test_nothing_is_written_into_a_committed_folder_of_hooks_without_force(repo: Repo) -> None:
    repo.git("config", "core.hooksPath", ".husky")
    script(repo.root / ".husky/commit-msg", "exit 0\n")
    repo.commit()
    ran = repo.weft("install", code=3)
    assert '.husky/pre-commit: weft-hook pre-commit "$@"' in ran.out
    assert "driver     merge.weft-pointer" in ran.out
    assert ".husky is a folder in the work tree" in ran.err
    assert os.listdir(repo.root / ".husky") == ["commit-msg"]
    repo.weft("install", "--force")
    text = (repo.root / ".husky/pre-push").read_text()
    assert sys.prefix not in text, "no path of this machine in what may be committed"
    assert "python=''" in text
    repo.weft("uninstall")
    assert os.listdir(repo.root / ".husky") == ["commit-msg"]


def test_a_hook_in_a_committed_folder_is_never_moved(repo: Repo) -> None:
    repo.git("config", "core.hooksPath", ".husky")
    script(repo.root / ".husky/pre-push", "exit 0\n")
    assert 'weft-hook pre-push "$@"' in repo.weft("install", "--force", code=3).err
    assert os.listdir(repo.root / ".husky") == ["pre-push"]


def test_a_folder_shared_by_all_repositories_is_refused_without_force(repo: Repo, tmp_path: Path) -> None:
    repo.git("config", "core.hooksPath", str(tmp_path / "shared"))
    assert "a folder outside of this repository" in repo.weft("install", code=3).err
    assert not (tmp_path / "shared").exists()
    repo.weft("install", "-f")
    other = Repo(tmp_path / "other")
    other.root.mkdir()
    other.git("init", "-q")
    other.git("config", "core.hooksPath", str(tmp_path / "shared"))
    other.write({"a": b"1"})
    other.commit("weft's hooks have nothing to say here")
    assert other.git("checkout", "-q", "-b", "new").err == ""


def test_a_folder_in_the_git_directory_is_our_own(repo: Repo) -> None:
    repo.git("config", "core.hooksPath", ".git/my-hooks")
    repo.weft("install")
    assert (repo.root / ".git/my-hooks/pre-push").exists()
    repo.weft("uninstall")
    assert not (repo.root / ".git/my-hooks").exists()


def test_hooks_of_before_the_setting_are_found(repo: Repo) -> None:
    before = git_folder(repo.root / ".git")
    repo.weft("install")
    repo.git("config", "core.hooksPath", ".husky")
    repo.weft("uninstall")
    repo.git("config", "--unset", "core.hooksPath")
    assert {name: found for name, found in git_folder(repo.root / ".git").items() if name != "config"} == {
        name: found for name, found in before.items() if name != "config"
    }


# --- drivers ----------------------------------------------------------------------------------------------------------


def test_drivers_are_registered_with_the_whole_command_and_dropped_without_a_trace(repo: Repo) -> None:
    before = git_folder(repo.root / ".git")
    options = InstallOptions(sys.executable, "/nowhere", drivers=("merge-pointer", "textconv-pointer"))
    assert install(str(repo.root), options).drivers == ("merge.weft-pointer", "diff.weft-pointer")
    driver = repo.git("config", "merge.weft-pointer.driver").out
    assert driver.startswith(f"python={sys.executable}; module=/nowhere; ")
    assert driver.endswith('"$python" -E -P -m weft.cli.hook merge-pointer %O %A %B %P\n')
    assert repo.git("config", "diff.weft-pointer.textconv").out.endswith(" textconv-pointer\n")
    assert repo.git("config", "merge.weft-record.driver", code=1).out == "", "this weft has no such driver"
    assert install(str(repo.root), options).drivers == ()
    assert uninstall(str(repo.root)).drivers == ("merge.weft-pointer", "diff.weft-pointer")
    assert git_folder(repo.root / ".git") == before


def test_a_weft_in_a_work_tree_is_not_installed(repo: Repo, tmp_path: Path) -> None:
    """Git overwrites ignored files at a checkout: what hooks run must not be there, nor in a tree beside or around."""
    before = git_folder(repo.root / ".git")
    python = environment_in(repo.root / ".venv")
    (repo.root / ".gitignore").write_text(".venv/\n")

    def refused(tree: Repo, python: Path, *args: str) -> str:
        said = tree.run(str(python), "-m", "weft", "install", *args, code=3).err
        assert "E_HOOK" in said
        assert "uv tool install ." in said
        return said

    assert str(repo.root / ".venv") in refused(repo, python)
    refused(repo, python, "--force")
    refused(repo, python, "--pre-commit-tool")
    assert git_folder(repo.root / ".git") == before
    link = tmp_path / "link"
    link.symlink_to(repo.root / ".venv")
    refused(repo, link / "bin/python")
    repo.commit("ignore it")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    refused(Repo(tmp_path / "linked"), python)
    outer = Repo(tmp_path / "outer")
    outer.root.mkdir()
    outer.git("init", "-q")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.root), "inner")
    (repo.root / ".venv").rename(outer.root / ".venv")
    refused(Repo(outer.root / "inner"), environment_in(outer.root / ".venv"))
    assert not (outer.root / ".git/modules/inner/hooks/pre-push").exists()


def test_an_environment_that_imports_from_the_work_tree_is_not_installed(repo: Repo, tmp_path: Path) -> None:
    """As after `pip install -e .`: a sitecustomize.py of a branch would run with every hook."""
    python = environment_in(tmp_path / "env")
    with next((tmp_path / "env").glob("lib/python*/site-packages/weft.pth")).open("a") as file:
        file.write(f"{repo.root / 'src'}\n")
    assert "E_HOOK" not in repo.run(str(python), "-m", "weft", "install").err
    (repo.root / "src").mkdir()
    said = repo.run(str(python), "-m", "weft", "install", code=3).err
    assert f"would run from {repo.root / 'src'}" in said


def test_a_hook_of_before_stops_and_doctor_names_it(repo: Repo) -> None:
    """An environment that came to lie in the work tree after the hooks were installed."""
    repo.weft("install")
    python = environment_in(repo.root / ".venv")
    for path in [repo.root / ".git/config", *(repo.root / ".git/hooks" / name for name in HOOKS)]:
        path.write_text(path.read_text().replace(sys.executable, str(python)))
    hooks = repo.root / ".git/hooks"
    for name in HOOKS:  # written anew, so that the scripts count as weft's own
        text = (hooks / name).read_bytes()
        mark, _, body = text.partition(b"\n")[2].partition(b"\n")
        digest = hashlib.sha256(body).hexdigest().encode()
        (hooks / name).write_bytes(b"#!/bin/sh\n" + mark[: mark.rindex(b" ") + 1] + digest + b"\n" + body)
    repo.write({"data/a": b"1", ".gitignore": b".venv/\n"})
    repo.weft("add", "data")
    assert "lies in this work tree" in repo.git("commit", "-q", "-m", "x", code=1).err
    repo.git("commit", "-q", "--no-verify", "-m", "x")
    assert "lies in this work tree" in repo.git("switch", "-q", "-c", "other").err
    repo.write({"data/a": b"2"})
    repo.weft("add", "data")
    assert "lies in this work tree" in repo.git("diff", "HEAD", code=None).err
    assert "where a branch can put other code" in repo.weft("doctor", code=1).out


# --- committed files cannot make anything run -------------------------------------------------------------------------


def test_a_clone_runs_nothing_until_its_user_says_so(repo: Repo, tmp_path: Path) -> None:
    repo.weft("install")
    repo.write({"weft-hook": b"#!/bin/sh\ntouch ran\n", "data.weft": b"nonsense\n"})
    os.chmod(repo.root / "weft-hook", 0o755)
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "hostile")
    clone = repo.clone(tmp_path / "clone")
    clone.git("checkout", "-q", "-b", "new")
    clone.git("diff", "HEAD~1")
    assert "weft" not in (clone.root / ".git/config").read_text()
    assert not (clone.root / "ran").exists()


def test_a_committed_configuration_cannot_ask_for_hooks(repo: Repo) -> None:
    with (repo.root / ".weft/config.yaml").open("a") as file:
        file.write("hooks: {pre-commit: touch ran}\n")
    assert repo.weft("install", code=3).err
    assert not (repo.root / ".git/hooks/pre-push").exists()


# --- the pre-commit program's file ------------------------------------------------------------------------------------

FILE = framework.FILE


def test_entries_are_written_and_taken_away(repo: Repo) -> None:
    before = git_folder(repo.root / ".git")
    ran = repo.weft("install", "--pre-commit-tool")
    assert "pre-commit install -t pre-commit -t pre-merge-commit -t pre-push" in ran.err
    assert [path.name for path in (repo.root / ".git/hooks").glob("p*") if ".sample" not in path.name] == ["pre-push"]
    assert repo.git("status", "--short").out == f"A  {FILE}\n"
    assert valid(repo, FILE)
    assert repo.weft("install", "--pre-commit-tool").out == "everything is installed already\n"
    repo.weft("uninstall")
    assert git_folder(repo.root / ".git") == before
    assert repo.git("status", "--short").out == ""
    assert not (repo.root / FILE).exists()


USER = """\
# ours
default_stages: [pre-commit]
repos:
{indent}- repo: https://example.com/hooks  # kept
{indent}  rev: v1.0.0
{indent}  hooks:
{indent}    - id: x
ci: {{autofix_prs: false}}
"""


@pytest.mark.parametrize("indent", ["", "  ", "    "])
def test_a_users_file_keeps_every_byte(repo: Repo, indent: str) -> None:
    text = USER.format(indent=indent)
    (repo.root / FILE).write_text(text)
    repo.weft("install", "--pre-commit-tool")
    both = (repo.root / FILE).read_text()
    assert valid(repo, FILE)
    assert f"\n{indent}- repo: local\n{indent}  hooks:\n{indent}    - id: weft-validate\n" in both
    repo.weft("uninstall")
    assert (repo.root / FILE).read_text() == text


@pytest.mark.parametrize("text", ["repos: []\n", "repos: [{repo: local, hooks: []}]\n", "x: 1\n", ""])
def test_a_file_of_another_shape_is_left_to_its_user(repo: Repo, text: str) -> None:
    (repo.root / FILE).write_text(text)
    before = git_folder(repo.root / ".git")
    assert "E_HOOK" in repo.weft("install", "--pre-commit-tool", code=3).err
    assert (repo.root / FILE).read_text() == text
    assert git_folder(repo.root / ".git") == before


def valid(repo: Repo, name: str, kind: str = "config") -> bool:
    """What the pre-commit program itself says of a file."""
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", f"validate-{kind}", name],
        cwd=repo.root,
        env=environment({"PRE_COMMIT_HOME": str(repo.root.parent / "pre-commit-home")}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return "warning" not in (done.stdout + done.stderr).lower()


def test_the_tool_takes_the_place_of_our_hooks(repo: Repo) -> None:
    script(repo.root / ".git/hooks/pre-push", "exit 0\n")
    before = git_folder(repo.root / ".git")
    repo.weft("install")
    assert "removed    .git/hooks/pre-commit" in repo.weft("install", "--pre-commit-tool").out
    kept = git_folder(repo.root / ".git")["hooks/pre-push.before-weft"]
    assert kept == before["hooks/pre-push"], (
        "of a push the program is told one ref: weft's own hook stays, around this one"
    )
    assert not (repo.root / ".git/hooks/pre-commit").exists()


def test_all_entries_are_names_that_weft_hook_knows() -> None:
    manifest = (Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml").read_text()
    written = yaml.safe_load("repos:\n" + framework._ENTRIES)["repos"][0]["hooks"]
    shipped = yaml.safe_load(manifest)
    assert {one["entry"].split()[1] for one in shipped + written} <= hook.HANDLERS.keys()
    stages = {one["id"]: one["stages"] for one in shipped}
    assert all(stages[one["id"]] == one["stages"] for one in written)
    assert {stage for one in written for stage in one["stages"]} - {"manual"} == set(framework.STAGES)
    for one in shipped + written:
        assert (one["always_run"], one["pass_filenames"], one["require_serial"]) == (True, False, True)
    assert {one["minimum_pre_commit_version"] for one in shipped} == {"3.2.0"}


def test_the_manifest_is_one_that_pre_commit_takes(repo: Repo) -> None:
    manifest = Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml"
    assert valid(repo, str(manifest), "manifest")


# --- pages ------------------------------------------------------------------------------------------------------------

PLAIN = View(Paint(False))


def test_pages_name_what_comes_next() -> None:
    page = install_page(InstallResult(".git/hooks", staged=(FILE, ".gitattributes"), tool=True), PLAIN)
    assert page.notes[0].startswith(f"next: git commit, for {FILE} and .gitattributes; then pre-commit install -t pre-")
    assert install_page(InstallResult("h", ("h/a\x1b",), ("h/b",), removed=("h/c",)), PLAIN).report == (
        "installed  h/a\\x1b",
        "kept       h/b, which is called first",
        "removed    h/c",
    )
    assert uninstall_page(UninstallResult(("a", "b"), ("b",), ("merge.x",), ("f",)), PLAIN).report == (
        "removed    a",
        "put back   b",
        "driver     merge.x removed",
        "changed    f",
    )


def test_the_commands_say_what_they_do() -> None:
    for command in (install_command.command, uninstall_command.command):
        assert "clone" in (command.help or "").partition("\n")[0]
