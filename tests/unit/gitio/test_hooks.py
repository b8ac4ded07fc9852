"""Scripts of ours among the hooks of others: written, recognized, called in turn, taken away."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from weft.cli import hook
from weft.errors import HookRefused
from weft.gitio.hooks import (
    ABSENT,
    EDITED,
    FOREIGN,
    HOOKS,
    KEPT,
    OURS,
    HookPlace,
    Program,
    hook_place,
    hook_state,
    hook_text,
    install_hooks,
    uninstall_hooks,
)

PROGRAM = Program(sys.executable, hook.__file__)
GONE = Program("/nowhere/python", "/nowhere/hook.py")
PLAIN_PATH = "/usr/bin:/bin"


@pytest.fixture
def place(tmp_path):
    return HookPlace(str(tmp_path / "hooks"), own=True, in_tree=True)


def script(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


def call(path, *arguments, stdin=b"", env=None, cwd=None):
    return subprocess.run(
        [path, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env={"PATH": PLAIN_PATH, **(env or {})},
    )


def test_git_s_own_folder_is_found(work):
    place = hook_place(work.repo)
    assert place == HookPlace(os.path.join(os.path.realpath(work.path), ".git", "hooks"), own=True, in_tree=True)


def test_a_folder_in_the_work_tree_is_told_from_one_elsewhere(work, tmp_path):
    work.git("config", "core.hooksPath", ".husky")
    os.makedirs(os.path.join(work.path, "sub"))
    assert hook_place(work.repo) == HookPlace(os.path.join(os.path.realpath(work.path), ".husky"), False, True)
    work.git("config", "core.hooksPath", str(tmp_path / "shared"))
    assert hook_place(work.repo) == HookPlace(os.path.realpath(tmp_path / "shared"), False, False)


def test_a_linked_work_tree_has_the_hooks_of_its_repository(work, tmp_path, open_work):
    work.commit({"a": b"x"})
    work.git("worktree", "add", "-q", str(tmp_path / "linked"))
    assert hook_place(open_work(tmp_path / "linked").repo).path == hook_place(work.repo).path


@pytest.mark.parametrize("name", HOOKS)
def test_scripts_are_what_a_posix_shell_reads(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(hook_text(name, Program("/it's a/`python`", "/m $x/hook.py")))
    assert subprocess.run(["/bin/sh", "-n", str(path)], check=False).returncode == 0
    assert hook_state(str(path)) == OURS
    assert len(path.read_bytes()) < 2000


def test_states(tmp_path):
    path = tmp_path / "pre-push"
    assert hook_state(str(path)) == ABSENT
    path.write_bytes(hook_text("pre-push", PROGRAM))
    assert hook_state(str(path)) == OURS
    path.write_bytes(path.read_bytes() + b"echo mine\n")
    assert hook_state(str(path)) == EDITED
    for text in (b"", b"#!/bin/sh\n", b"#!/bin/sh\n# weft-hook\n", b"#!/usr/bin/env python3\n# weft-hook 1 x\n"):
        path.write_bytes(text)
        assert hook_state(str(path)) == FOREIGN
    path.unlink()
    path.symlink_to("/bin/true")
    assert hook_state(str(path)) == FOREIGN


def test_installed_once_and_executable(place):
    written, kept = install_hooks(place, HOOKS, PROGRAM)
    assert [os.path.basename(path) for path in written] == list(HOOKS)
    assert kept == []
    assert all(os.access(path, os.X_OK) for path in written)
    assert install_hooks(place, HOOKS, PROGRAM) == ([], [])


def test_another_python_is_written_over_the_old_one(place):
    install_hooks(place, HOOKS, GONE)
    written, kept = install_hooks(place, HOOKS, PROGRAM)
    assert len(written) == len(HOOKS)
    assert kept == []


def test_what_was_there_comes_back_as_it_was(place):
    path = os.path.join(place.path, "pre-commit")
    script(path, "exit 3\n")
    os.chmod(path, 0o711)
    os.symlink("../elsewhere", os.path.join(place.path, "pre-push"))
    Path(place.path, "post-merge").write_text("not executable\n")
    before = {name: os.lstat(os.path.join(place.path, name)).st_ino for name in os.listdir(place.path)}
    _, kept = install_hooks(place, HOOKS, PROGRAM)
    assert sorted(map(os.path.basename, kept)) == ["post-merge" + KEPT, "pre-commit" + KEPT, "pre-push" + KEPT]
    removed, back = uninstall_hooks(place, HOOKS)
    assert len(removed) == len(HOOKS)
    assert sorted(map(os.path.basename, back)) == ["post-merge", "pre-commit", "pre-push"]
    assert {name: os.lstat(os.path.join(place.path, name)).st_ino for name in os.listdir(place.path)} == before
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o711


def test_a_folder_that_we_made_goes_with_the_last_hook(place):
    install_hooks(place, HOOKS, PROGRAM)
    uninstall_hooks(place, HOOKS)
    assert not os.path.exists(place.path)


def test_hooks_of_others_stay(place):
    install_hooks(place, HOOKS, PROGRAM)
    script(os.path.join(place.path, "commit-msg"), "exit 0\n")
    script(os.path.join(place.path, "pre-push"), "echo replaced ours\n")
    uninstall_hooks(place, HOOKS)
    assert sorted(os.listdir(place.path)) == ["commit-msg", "pre-push"]


def test_ours_is_found_where_the_pre_commit_program_moves_it(place):
    script(os.path.join(place.path, "pre-commit"), "echo first\n")
    install_hooks(place, ["pre-commit"], PROGRAM)
    os.rename(os.path.join(place.path, "pre-commit"), os.path.join(place.path, "pre-commit.legacy"))
    script(os.path.join(place.path, "pre-commit"), "echo the program\n")
    uninstall_hooks(place, HOOKS)
    assert sorted(os.listdir(place.path)) == ["pre-commit", "pre-commit.legacy"]
    assert "echo first" in Path(place.path, "pre-commit.legacy").read_text()
    assert "the program" in Path(place.path, "pre-commit").read_text()


@pytest.mark.parametrize("change", [install_hooks, lambda place, names, program: uninstall_hooks(place, names)])
def test_an_edited_one_is_left_alone_and_nothing_else_changes(place, change):
    install_hooks(place, HOOKS, GONE)
    path = Path(place.path, "post-merge")
    path.write_bytes(path.read_bytes() + b"# mine\n")
    before = {name: Path(place.path, name).read_bytes() for name in os.listdir(place.path)}
    with pytest.raises(HookRefused, match="edited"):
        change(place, HOOKS, PROGRAM)
    assert {name: Path(place.path, name).read_bytes() for name in os.listdir(place.path)} == before


def test_two_strangers_are_too_many(place):
    script(os.path.join(place.path, "pre-push"), "echo one\n")
    script(os.path.join(place.path, "pre-push" + KEPT), "echo two\n")
    with pytest.raises(HookRefused, match="both"):
        install_hooks(place, HOOKS, PROGRAM)
    assert len(os.listdir(place.path)) == 2


def test_an_installation_that_was_killed_is_carried_on(place):
    path = os.path.join(place.path, "pre-push")
    script(path, "echo mine\n")
    os.link(path, path + KEPT)
    install_hooks(place, HOOKS, PROGRAM)
    assert "echo mine" in Path(path + KEPT).read_text()
    assert hook_state(path) == OURS


def test_where_there_are_no_hard_links_the_hook_is_renamed(place, monkeypatch):
    def no_links(*_, **__):
        raise PermissionError(errno.EPERM, "no")

    path = os.path.join(place.path, "pre-push")
    script(path, "echo mine\n")
    monkeypatch.setattr(os, "link", no_links)
    install_hooks(place, HOOKS, PROGRAM)
    assert "echo mine" in Path(path + KEPT).read_text()
    assert hook_state(path) == OURS


def test_a_directory_is_no_hook(place):
    os.makedirs(os.path.join(place.path, "pre-push"))
    with pytest.raises(HookRefused, match="directory"):
        install_hooks(place, HOOKS, PROGRAM)


def test_in_a_shared_folder_no_hook_of_others_is_moved(place):
    script(os.path.join(place.path, "pre-push"), "echo one\n")
    with pytest.raises(HookRefused) as caught:
        install_hooks(place._replace(own=False), HOOKS, PROGRAM)
    assert 'weft-hook pre-push "$@"' in caught.value.hint


# --- what the scripts do ----------------------------------------------------------------------------------------------


@pytest.fixture
def fake(tmp_path, tmp_path_factory):
    """A ``weft-hook`` on the PATH that tells what it was given, and a folder that looks like a project."""
    programs = tmp_path_factory.mktemp("bin")
    script(programs / "weft-hook", 'echo "weft: $@"\ncase $1 in pre-push|post-rewrite) cat;; esac\nexit $CODE\n')
    (tmp_path / ".weft").mkdir()
    (tmp_path / ".weft" / "config.yaml").write_text("")
    return {"PATH": f"{programs}:{PLAIN_PATH}", "CODE": "0"}


WORDS = {"post-checkout": ("a b", "*", "1"), "post-rewrite": ("rebase",)}
"""What makes weft do something, where it is not always so."""


@pytest.mark.parametrize(("name", "words"), [("post-checkout", ("a", "b", "0")), ("post-rewrite", ("amend",))])
def test_weft_is_not_started_for_nothing(name, words, place, fake, tmp_path):
    script(os.path.join(place.path, name), "echo old; exit 4\n")
    install_hooks(place, [name], GONE)
    done = call(os.path.join(place.path, name), *words, env=fake, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (4, b"old\n", b"")


@pytest.mark.parametrize("name", HOOKS)
def test_the_old_hook_is_called_first_with_the_same_words_and_input(name, place, fake, tmp_path):
    script(
        os.path.join(place.path, name), 'echo "old: $@"\n' + ("cat\n" if name in ("pre-push", "post-rewrite") else "")
    )
    install_hooks(place, [name], GONE)
    words = WORDS.get(name, ("a b", "*"))
    said = " ".join(words).encode()
    stdin = b"refs/heads/a b c\n a  line \\n with -n spaces\n" if name in ("pre-push", "post-rewrite") else b""
    done = call(os.path.join(place.path, name), *words, stdin=stdin, env=fake, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"old: " + said + b"\n" + stdin + b"weft: " + name.encode() + b" " + said + b"\n" + stdin


@pytest.mark.parametrize("name", HOOKS)
def test_a_failing_old_hook_counts(name, place, fake, tmp_path):
    script(os.path.join(place.path, name), "exit 7\n")
    install_hooks(place, [name], GONE)
    done = call(os.path.join(place.path, name), *WORDS.get(name, ()), stdin=b"x\n", env=fake, cwd=tmp_path)
    assert done.returncode == 7
    assert (b"weft: " in done.stdout) is name.startswith("post-"), "the data follows what Git has done already"


@pytest.mark.parametrize("name", HOOKS)
def test_weft_stops_what_is_to_come_and_never_what_is_done(name, place, fake, tmp_path):
    install_hooks(place, [name], GONE)
    words = WORDS.get(name, ())
    done = call(os.path.join(place.path, name), *words, stdin=b"x\n", env={**fake, "CODE": "3"}, cwd=tmp_path)
    assert done.returncode == (3 if name.startswith("pre-") else 0)


def test_an_old_hook_that_is_not_executable_stays_ignored(place, fake, tmp_path):
    Path(place.path).mkdir()
    Path(place.path, "pre-commit").write_text("#!/bin/sh\nexit 9\n")
    install_hooks(place, ["pre-commit"], GONE)
    assert call(os.path.join(place.path, "pre-commit"), env=fake, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("name", HOOKS)
def test_without_weft_a_clear_word(name, place, fake, tmp_path):
    install_hooks(place, [name], GONE)
    done = call(os.path.join(place.path, name), *WORDS.get(name, ()), cwd=tmp_path)
    assert done.returncode == (1 if name.startswith("pre-") else 0)
    said = done.stderr.decode()
    assert f"weft: the hook {name} cannot run" in said
    assert "/nowhere/python" in said
    assert "weft install" in said
    assert ("--no-verify` once" in said) is name.startswith("pre-")


def test_without_weft_other_projects_are_not_disturbed(place, tmp_path):
    install_hooks(place, ["pre-commit"], GONE)
    done = call(os.path.join(place.path, "pre-commit"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_program_in_the_repository_is_not_taken_for_weft(place, fake, tmp_path):
    script(tmp_path / "weft-hook", "echo hostile\n")
    install_hooks(place, ["pre-commit"], GONE)
    for path in (f".:{PLAIN_PATH}", f":{PLAIN_PATH}"):
        done = call(os.path.join(place.path, "pre-commit"), env={"PATH": path}, cwd=tmp_path)
        assert done.returncode == 1
        assert b"hostile" not in done.stdout


def test_the_python_that_installed_comes_before_the_path(place, fake, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "module.py").write_text("")
    script(elsewhere / "python", 'echo "python: $@"\n')
    install_hooks(place, ["pre-commit"], Program(str(elsewhere / "python"), str(elsewhere / "module.py")))
    tree = tmp_path / "tree"
    tree.mkdir()
    done = call(os.path.join(place.path, "pre-commit"), env=fake, cwd=tree)
    assert done.stdout == b"python: -E -P -m weft.cli.hook pre-commit\n"
    (elsewhere / "module.py").unlink()
    assert call(os.path.join(place.path, "pre-commit"), env=fake, cwd=tree).stdout == b"weft: pre-commit\n"


@pytest.mark.parametrize("name", ["pre-push", "post-merge"])
@pytest.mark.parametrize("what", ["python", "module", "path", "link", "interpreter", "linked-tree"])
def test_nothing_that_lies_in_the_work_tree_is_started(what, name, place, tmp_path):
    """Neither the Python of the script, nor a weft-hook on PATH, a link to one, or one whose interpreter lies there."""
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    for path in (tree / "env/bin/python", tree / "env/bin/weft-hook", outside / "bin/python"):
        script(path, "echo hostile\n")
    (tree / ".weft").mkdir()
    (tree / ".weft/config.yaml").write_text("")
    for folder in (tree, outside):
        (folder / "module.py").write_text("")
    program, path, cwd = Program("", ""), PLAIN_PATH, tree
    if what in ("python", "linked-tree"):
        program = Program(str(tree / "env/bin/python"), str(outside / "module.py"))
    elif what == "module":
        program = Program(str(outside / "bin/python"), str(tree / "module.py"))
    elif what == "path":
        path = f"{tree / 'env/bin'}:{path}"
    elif what == "link":
        (outside / "bin/weft-hook").symlink_to(tree / "env/bin/weft-hook")
        path = f"{outside / 'bin'}:{path}"
    else:
        (outside / "bin/weft-hook").write_text(f"#!{tree / 'env/bin/python'}\n")
        (outside / "bin/weft-hook").chmod(0o755)
        path = f"{outside / 'bin'}:{path}"
    if what == "linked-tree":
        cwd = tmp_path / "also"
        cwd.symlink_to(tree)
    install_hooks(place, [name], program)
    done = call(os.path.join(place.path, name), *WORDS.get(name, ()), env={"PATH": path}, cwd=cwd)
    assert done.returncode == (1 if name.startswith("pre-") else 0)
    assert b"hostile" not in done.stdout
    assert b"lies in this work tree" in done.stderr
    assert b"weft install" in done.stderr
