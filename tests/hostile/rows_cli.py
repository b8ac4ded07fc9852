"""Hostile pointers and remotes as a whole command meets them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from kit import Repo, environment, pseudo_random, snapshot
from weft.formats import pointer as pointer_format
from weft.model.oid import Oid
from weft.model.pointer import Pointer


def _pointer(name: str, kind: str = "file", oid: Oid | None = None, size: int = 3) -> bytes:
    return pointer_format.encode(Pointer(kind, name, oid or Oid.of(b"abc"), size))  # type: ignore[arg-type]


def _refused(repo: Repo, code: str, *args: str, exit_code: int = 3) -> str:
    before = snapshot(repo.root)
    ran = repo.weft(*args, code=exit_code)
    said = ran.out if args[0] == "status" else ran.err
    assert code in said, ran.out + ran.err
    after = snapshot(repo.root)
    changed = {key for key in after if after[key] != before.get(key) and not key.startswith(".git")}
    assert not changed, f"a refusal changed {changed}"
    return said


def huge_pointer(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"x.weft": _pointer("x")})
    repo.git("add", "x.weft")
    os.truncate(repo.root / "x.weft", 2 << 30)
    ran = subprocess.run(
        [sys.executable, "-m", "weft", "status"],
        cwd=repo.root,
        env=environment(),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )
    assert ran.returncode == 3, ran.stderr
    assert b"E_LIMIT" in ran.stdout


def only_called_like_a_pointer(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"x.weft": b"\x89a pattern to weave", "d": b"abc"})
    assert "x.weft is no pointer" in repo.weft("add", "d").err
    assert "1 tracked path" in repo.weft("status").out
    repo.write({"d.weft": b"\x89a pattern to weave"})
    _refused(repo, "E_SCHEMA", "status")


def pointer_is_a_link(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    (tmp_path / "elsewhere").write_bytes(_pointer("x"))
    os.symlink(tmp_path / "elsewhere", repo.root / "x.weft")
    repo.git("add", "x.weft")
    _refused(repo, "E_SYMLINK", "checkout")


def conflict_markers(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    ours, theirs = _pointer("x"), _pointer("x", oid=Oid.of(b"theirs"))
    text = b"<<<<<<< HEAD\n" + ours + b"=======\n" + theirs + b">>>>>>> feature\n"
    repo.write({"x.weft": text})
    repo.git("add", "x.weft")
    err = _refused(repo, "E_MERGE_CONFLICT", "checkout")
    assert "HEAD" in err
    assert "feature" in err


def same_output_twice(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"x.weft": _pointer("y"), "y.weft": _pointer("y")})
    repo.git("add", "x.weft")
    ran = repo.weft("status", code=3)
    assert "E_SCHEMA" in ran.out, "a pointer may only speak for the name beside it"
    assert "y" in ran.out


def pointer_inside_tracked_directory(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"d/f": b"abc"})
    repo.weft("add", "d")
    repo.write({"d/inner.weft": _pointer("inner")})
    repo.git("add", "-f", "d/inner.weft")
    _refused(repo, "E_PATH_OVERLAP", "status")


def traversal_in_a_pull_request(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"x.weft": _pointer("x").replace(b"path: x", b"path: ../../x")})
    repo.git("add", "x.weft")
    _refused(repo, "E_PATH_ESCAPE", "checkout")


def special_files(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a": b"1"})
    os.mkfifo(repo.root / "data/odd")
    assert "E_FILE_TYPE" in repo.weft("add", "data/odd", code=3).err
    assert not (repo.root / "data/odd.weft").exists()
    assert "warning: left out: 'data/odd'" in repo.weft("add", "data").err
    entries = repo.weft("ls", "--json", "data").json["data"]["entries"]
    assert [entry["path"] for entry in entries] == ["data/a"]


def damaged_remote_exit_code(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"x": pseudo_random(300_000, 1)})
    repo.weft("add", "x")
    repo.commit()
    repo.weft("push")
    for pack in (tmp_path / "remote/packs").rglob("*.pack"):
        data = bytearray(pack.read_bytes())
        data[len(data) // 3] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)
    clone = repo.clone(tmp_path / "clone")
    ran = clone.weft("pull", code=4)
    assert "E_HASH_MISMATCH" in ran.err
    assert not (clone.root / "x").exists()


def secret_in_a_url(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    for url in ("s3://AKIAKEY:SECRETVALUE@bucket/x", "https://user:SECRETVALUE@host/x"):
        ran = repo.weft("remote", "add", "origin", url, code=3)
        assert "E_SECRET" in ran.err
        assert "SECRETVALUE" not in ran.err + ran.out
    assert "SECRETVALUE" not in (repo.root / ".weft/config.yaml").read_text()


def program_in_committed_config(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    path = repo.root / ".weft/config.yaml"
    good = path.read_bytes()
    for line, code in ((b"hook: evil\n", "E_UNTRUSTED_EXEC"), (b"verify: false\n", "E_UNTRUSTED_CONFIG")):
        path.write_bytes(good + line)
        assert code in repo.weft("status", code=3).err


def decoys_in_the_current_directory(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    for name in ("git", "python", "git.exe"):
        repo.write({name: b"#!/bin/sh\ntouch PWNED\n"})
        (repo.root / name).chmod(0o755)
    for name in ("yaml.py", "click.py", "sitecustomize.py", "conftest.py"):
        repo.write({name: b"open('PWNED', 'w')\n"})
    repo.run("env", f"PATH=:.{os.environ['PATH']}", sys.executable, "-m", "weft", "status")
    assert not (repo.root / "PWNED").exists()


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (133, "only-called-like-a-pointer", only_called_like_a_pointer),
    (16, "pointer-of-2-gb", huge_pointer),
    (18, "pointer-is-a-link", pointer_is_a_link),
    (19, "conflict-markers-by-command", conflict_markers),
    (20, "two-pointers-one-output", same_output_twice),
    (21, "pointer-inside-tracked-directory", pointer_inside_tracked_directory),
    (23, "traversal-by-command", traversal_in_a_pull_request),
    (46, "damaged-remote-by-command", damaged_remote_exit_code),
    (58, "verify-false-by-command", program_in_committed_config),
    (59, "special-files-by-command", special_files),
    (69, "secret-in-url-by-command", secret_in_a_url),
    (75, "program-in-committed-config", program_in_committed_config),
    (76, "decoys-in-cwd", decoys_in_the_current_directory),
]
