"""Rows about directories that others own or prepared: remotes and stores (79 to 84), links in place of ours (85, 86)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import BASE_ENV, Repo, snapshot
from localstores import filled, opened
from weft.errors import DirectoryRefused, FileTypeRefused, SymlinkRefused, WeftError
from weft.gitio.repo import discover
from weft.objects.store import LocalStore
from weft.storage.local import STALE_AFTER, LocalStorage
from weft.util.locks import FileLock
from weft.workflows.config import config_set
from weft.workflows.directories import check_remote, check_store
from weft.workflows.init import init
from weft.workflows.project import open_project
from weft.workspace.linked import note_links, symbolic_links

OLD = (time.time() - STALE_AFTER - 60,) * 2


def leave(path: Path, *, mode: int = 0o600) -> None:
    """An old file of somebody's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"mine")
    path.chmod(mode)
    os.utime(path, OLD)


def project(folder: Path) -> Path:
    """A work tree with weft in it."""
    root = folder / "repo"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True, env={**os.environ, **BASE_ENV})
    init(str(root))
    return root


def directory_of_other_files(folder: Path) -> None:
    home = folder / "home"
    for name in ("tmp/thesis.tex", "outgoing/photos/1.jpg", "collect/x", ".bashrc"):
        leave(home / name)
    before = snapshot(home)
    git = discover(str(project(folder)))
    with pytest.raises(DirectoryRefused):
        LocalStorage(str(home)).write("weft.json", b"{}")
    (home / ".weft-tmp").mkdir()
    with pytest.raises(DirectoryRefused):
        LocalStorage(str(home)).write("weft.json", b"{}")
    (home / ".weft-tmp").rmdir()
    with pytest.raises(DirectoryRefused):
        check_store(git, git.root, str(home))
    with pytest.raises(DirectoryRefused):
        LocalStore(str(home), opened(folder).catalog)
    with pytest.raises(DirectoryRefused):
        init(git.root, store=str(home), shared="group")
    assert snapshot(home) == before


def part_of_the_work_tree(folder: Path) -> None:
    git = discover(str(project(folder)))
    for path in (".", "src", ".git", ".git/refs", "user@host:/data", "host:data"):
        for check in (lambda path=path: check_remote(git, path), lambda path=path: check_store(git, git.root, path)):
            with pytest.raises(DirectoryRefused):
                check()


def files_beside_weft_s(folder: Path) -> None:
    remote, store = folder / "remote", folder / "store"
    LocalStorage(str(remote)).write("weft.json", b"{}")
    opened(folder).close()
    odd = [remote / ".weft-tmp/a.txt", remote / "tmp/a.txt", store / "tmp/.weft-tmp-notes", store / "tmp/a.txt"]
    for path in odd:
        leave(path)
    LocalStorage(str(remote)).write("x", b"x")
    with opened(folder) as local:
        filled(local, b"x")
    assert all(path.read_bytes() == b"mine" for path in odd)


def link_in_a_store(part: str) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        home = folder / "home"
        leave(home / "thesis.tex")
        with opened(folder) as store:
            (folder / "store" / part).parent.mkdir(exist_ok=True)
            if (folder / "store" / part).exists():
                (folder / "store" / part).rmdir()
            (folder / "store" / part).symlink_to(home)
            with pytest.raises(SymlinkRefused):
                filled(store, b"new")
        with pytest.raises(SymlinkRefused), opened(folder) as store:
            filled(store, b"new")
        assert os.listdir(home) == ["thesis.tex"]

    return check


def fifos_in_a_store(folder: Path) -> None:
    with opened(folder) as store:
        filled(store, b"x")
    (folder / "store/lock").unlink()
    for mode in (0o600, 0o640, 0o444):
        os.mkfifo(folder / "store/lock", mode)
        start = time.monotonic()
        with pytest.raises(FileTypeRefused), FileLock(str(folder / "store/lock"), purpose="test"):
            pass
        assert time.monotonic() - start < 1
        (folder / "store/lock").unlink()
    # The others are met in a process that can be stopped.
    (folder / "store/links").mkdir()
    for name in ("links/00", "quarantine.log"):
        os.mkfifo(folder / "store" / name)
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; from localstores import opened;"
        "from weft.errors import FileTypeRefused; from weft.workspace.linked import symbolic_links;"
        "from weft.objects.quarantine_log import kept, note\n"
        "store = opened(Path(sys.argv[1])); assert symbolic_links(store) == set()\n"
        "for act in (lambda: kept(store.root), lambda: note(store.root, 'x', 'y')):\n"
        "    try: act()\n"
        "    except FileTypeRefused: continue\n"
        "    except Exception as error: assert 'E_ENVIRONMENT' in repr(error.code), error\n"
        "    else: sys.exit('taken')\n"
    )
    argv = [sys.executable, "-c", code, str(folder), str(Path(__file__).parents[1])]
    subprocess.run(argv, check=True, timeout=30)


def note_about_another_s_directory(folder: Path) -> None:
    home = folder / "home"
    (home / "data").mkdir(parents=True)
    (home / "data/link").symlink_to("/somewhere")
    (home / "data/away").symlink_to("/usr")
    with opened(folder) as store:
        note_links(store, str(home), ["data", "../home/data", "data/away/share", "/etc", ""], "symlink")
        assert symbolic_links(store) == {"/somewhere"}
        if os.geteuid() == 0:
            (note,) = (folder / "store/links").iterdir()
            os.chown(note, 2001, -1)
            assert symbolic_links(store) == set()


def committed_link(name: str, act: Callable[[Repo], object]) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        root = project(folder)
        outside = folder / "outside"
        if (root / name).exists():
            (root / name).rename(outside)
        else:
            outside.mkdir()
        (outside / "x").write_bytes(b"x")
        (root / name).symlink_to(outside)
        before = snapshot(outside)
        with pytest.raises(SymlinkRefused):
            act(Repo(root))
        assert snapshot(outside) == before

    return check


def _configure(repo: Repo) -> None:
    with open_project(str(repo.root)) as opened_one:
        config_set(opened_one, "portable", "strict")


def _prefer(repo: Repo) -> None:
    with open_project(str(repo.root)) as opened_one:
        config_set(opened_one, "jobs", "3", private=True)


def _told(fault: str, *words: str) -> Callable[[Repo], None]:
    """A command whose error must be ``fault``, of a link."""

    def act(repo: Repo) -> None:
        repo.write({"weft.yaml": b"stages:\n  t:\n    cmd: echo 1 > o.txt\n    outs: [o.txt]\n"})
        ran = repo.weft(*words, code=None)
        assert ran.code == 3
        assert f"[{fault}]" in ran.err, ran
        raise SymlinkRefused("as it should be")

    return act


def _init_again(repo: Repo) -> None:
    with pytest.raises(WeftError):
        init(str(repo.root))
    init(str(repo.root))


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (79, "directory-of-other-files", directory_of_other_files),
    (80, "part-of-the-work-tree", part_of_the_work_tree),
    (81, "files-beside-weft-s", files_beside_weft_s),
    *((82, f"link-in-a-store-{part}", link_in_a_store(part)) for part in ("tmp", "packs", "packs/ab")),
    (83, "fifos-in-a-store", fifos_in_a_store),
    (84, "note-about-another-s-directory", note_about_another_s_directory),
    (85, "weft-is-a-link-config", committed_link(".weft", _configure)),
    (85, "weft-is-a-link-init", committed_link(".weft", _init_again)),
    (85, "lineage-is-a-link", committed_link("lineage", _told("E_SYMLINK", "repro"))),
    (85, "directory-of-a-pointer-is-a-link", committed_link("new", _told("E_PATH_ESCAPE", "add", "new/x"))),
    (86, "state-is-a-link", committed_link(".git/weft", _configure)),
    (86, "state-is-a-link-private", committed_link(".git/weft", _prefer)),
    (86, "locks-of-stages-are-a-link", committed_link(".git/weft/stages", _told("E_SYMLINK", "repro"))),
]
