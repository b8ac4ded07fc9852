"""Ways around what the rows before this defend: declarations, tags, private settings of others, conversions of Git."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from kit import Repo
from lineagekit import Lineage, make
from weft.workflows.validate import validate_range

INNER = b"  split:\n    cmd: python src/prepare.py\n    outs: [data/kept/part]\n"


def _committed(repo: Lineage) -> set[str]:
    """The rules that find the commit of what is there now."""
    repo.commit("--no-verify")
    return {one.rule for one in validate_range(str(repo.root), "HEAD~1..HEAD").violations}


def out_inside_of_a_directory(tmp_path: Path) -> None:
    repo = make(tmp_path / "repo")
    repo.point("data/kept", type="dir", files=7)
    assert not _committed(repo)
    repo.write("weft.yaml", repo.read("weft.yaml") + INNER)
    assert _committed(repo) == {"WEFT015", "WEFT027"}


def private_settings_of_an_archive(tmp_path: Path) -> None:
    mine = Repo.make(tmp_path / "mine")
    mine.write({"d/x": b"mine"})
    mine.weft("add", "d")
    store = mine.root / ".git/weft/store"
    stranger = Repo.make(tmp_path / "unpacked")
    stranger.write({"d/x": b"theirs"})
    stranger.weft("add", "d")
    stranger.commit()
    private = stranger.root / ".git/weft/config.yaml"
    settings = f"store: {{dir: {store}, shared: group}}\ngc: {{grace: 0}}\ncheckout: {{links: symlink}}\n"
    private.write_text("weft: 1\n" + settings)
    before = {path: path.stat()[:9] for path in (store, *store.rglob("*"))}
    reader = Repo(tmp_path, stranger.env)
    reader.weft("get", str(stranger.root), "d", "-o", "got")
    assert (tmp_path / "got/x").read_bytes() == b"theirs"
    assert not (tmp_path / "got/x").is_symlink()
    assert {path: path.stat()[:9] for path in (store, *store.rglob("*"))} == before
    # A setting that no weft could read says nothing either.
    private.write_text("{")
    reader.weft("get", str(stranger.root), "d/x", "-o", "x")
    assert "E_SCHEMA" in reader.weft("get", "--trust", str(stranger.root), "d/x", "-o", "y", code=3).err


def git_directory_of_another(tmp_path: Path) -> None:
    mine = Repo.make(tmp_path / "mine")
    mine.write({"d/x": b"mine"})
    mine.weft("add", "d")
    mine.commit()
    for way in ("file", "link", "commondir"):
        stranger = Repo.make(mine.root / "unpacked")
        git = stranger.root / ".git"
        if way == "commondir":
            (git / "commondir").write_text("../../.git\n")
        else:
            shutil.rmtree(git)
            git.symlink_to("../.git") if way == "link" else git.write_text("gitdir: ../.git\n")
        store = mine.root / ".git/weft"
        before = {path: path.stat()[:9] for path in (store, *store.rglob("*"))}
        for reader in (mine, Repo(tmp_path, mine.env)):
            ran = reader.weft("get", str(stranger.root), "d", "-o", str(tmp_path / "got"), code=3)
            assert "E_UNTRUSTED_CONFIG" in ran.err
            assert "weft get --trust" in ran.err
        assert {path: path.stat()[:9] for path in (store, *store.rglob("*"))} == before
        shutil.rmtree(stranger.root)


def hidden_in_a_submodule(tmp_path: Path) -> None:
    inner = Repo.make(tmp_path / "inner")
    inner.write({"look.py": b"1\n"})
    inner.commit()
    repo = Repo.make(tmp_path / "repo")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "lib")
    repo.commit()
    run = ("run", "-n", "look", "-d", "lib", "-o", "out", "--", "cp", "lib/look.py", "out")
    for mark in ("--assume-unchanged", "--skip-worktree"):
        repo.git("-C", "lib", "update-index", mark, "look.py")
        repo.write({"lib/look.py": b"another\n"})
        assert not repo.git("-C", "lib", "status", "--porcelain").out
        assert "E_STALE" in repo.weft(*run, code=3).err
        repo.git("-C", "lib", "update-index", mark.replace("--", "--no-"), "look.py")
        repo.git("-C", "lib", "checkout", "-q", "look.py")
    repo.weft(*run)


def conversion(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({".gitattributes": b"look.py ident\n", "look.py": b"print('$Id: what ran $')\n"})
    repo.commit()
    assert b"what ran" not in repo.git("show", "HEAD:look.py").out.encode()
    ran = repo.weft("run", "-n", "look", "-d", "look.py", "-o", "out", "--", "cp", "look.py", "out")
    assert "reads other bytes than Git keeps" in ran.err
    repo.commit()
    assert "WEFT033" in repo.weft("validate", "--rev", "HEAD").out


def filters_of_the_user(tmp_path: Path) -> None:
    stranger = Repo.make(tmp_path / "stranger")
    stranger.write({"d/x": b"theirs", ".weft/.gitattributes": b"* filter=mine\n"})
    stranger.weft("add", "d")
    stranger.commit()
    home, ran = tmp_path / "home", tmp_path / "ran"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[filter "mine"]\n\tsmudge = "touch {ran}; cat"\n')
    reader = Repo(tmp_path, {**stranger.env, "HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig")})
    reader.git("clone", "-q", f"file://{stranger.root}/.git", "clone")
    assert ran.exists()
    ran.unlink()
    got = reader.weft("get", f"file://{stranger.root}/.git", "d", code=None)
    assert not ran.exists(), got.err
    assert got.code == 3, got.err
    assert "E_NO_REMOTE" in got.err
    assert not ran.exists()


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (134, "out-inside-of-a-directory", out_inside_of_a_directory),
    (135, "private-settings-of-an-archive", private_settings_of_an_archive),
    (136, "hidden-in-a-submodule", hidden_in_a_submodule),
    (137, "conversion", conversion),
    (139, "git-directory-of-another", git_directory_of_another),
    (138, "filters-of-the-user", filters_of_the_user),
]
