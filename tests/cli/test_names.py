"""Names, modes and shapes that must survive add, push, clone and pull."""

from __future__ import annotations

import os
from pathlib import Path

from kit import Repo, snapshot


def _odd_tree(root: Path) -> None:
    data = root / "data"
    (data / "empty" / "nested").mkdir(parents=True)
    (data / "deep" / "er").mkdir(parents=True)
    names = [
        "plain.txt",
        "with space.txt",
        "trailing space ",
        "ünïcödé-日本語-🧵.bin",
        "e\u0301-decomposed",
        "12:30:00.png",
        "-leading-dash",
        "--help",
        "n" * 200,
        "é" * 100,
        "a<b>|c?d*e\"f'g",
        "$(touch pwned)",
        "#hash",
        "!bang",
        "glob[a-z]*",
        ".hidden",
        "CON",
        "con.txt",
    ]
    for number, name in enumerate(names):
        (data / name).write_bytes(f"{number} {name}".encode())
    (data / "deep" / "er" / "run.sh").write_bytes(b"#!/bin/sh\n")
    os.chmod(data / "deep" / "er" / "run.sh", 0o755)
    (data / "zero").write_bytes(b"")
    os.symlink("../plain.txt", data / "deep" / "link")
    os.symlink("er", data / "deep" / "dirlink")
    os.symlink("nowhere", data / "dangling")
    (root / "-file").write_bytes(b"a file whose name starts with a dash")
    (root / "run me").write_bytes(b"#!/bin/sh\necho")
    os.chmod(root / "run me", 0o755)


def test_every_odd_name_survives_the_round_trip(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    _odd_tree(repo.root)
    before = snapshot(repo.root / "data")
    # Whatever encoding the locale and Python's own variables ask for, names are UTF-8.
    warned = repo.weft("add", "--", "data", "-file", "run me", env={"PYTHONUTF8": "0", "LC_ALL": "C"})
    assert "12:30:00.png" in warned.err, "names that not every system can hold are named once"
    repo.commit("odd names")
    repo.weft("push")

    clone = repo.clone(tmp_path / "clone")
    assert not (clone.root / "data").exists()
    clone.weft("pull")
    assert snapshot(clone.root / "data") == before
    assert (clone.root / "-file").read_bytes() == b"a file whose name starts with a dash"
    assert os.access(clone.root / "run me", os.X_OK)
    assert not os.access(clone.root / "-file", os.X_OK)
    assert not (clone.root / "pwned").exists()
    assert clone.weft("status", "--json").json["data"]["clean"] is True
    assert clone.git("status", "--porcelain").out == ""


def test_ignore_lines_hide_odd_names_from_git(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    names = ["#hash", "!bang", "glob[a-z]*", "trailing ", "with space", "-dash", "ünï"]
    repo.write({name: b"x" + name.encode() for name in names})
    repo.weft("add", "--", *names)
    repo.commit("files with odd names")
    tracked = repo.git("-c", "core.quotePath=false", "ls-files", "-z").out.split("\0")
    assert not set(names) & set(tracked)
    assert {name + ".weft" for name in names} <= set(tracked)
    assert repo.git("status", "--porcelain").out == ""


def test_strict_portability_refuses_what_windows_cannot_hold(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.weft("config", "portable", "strict")
    repo.write({"data/12:30:00.png": b"x", "data/ok": b"y"})
    refused = repo.weft("add", "data", code=3)
    assert "E_PATH_RESERVED" in refused.err
    assert not (repo.root / "data.weft").exists()
    repo.write({"twins/README": b"x", "twins/readme": b"y"})
    assert "E_PATH_COLLISION" in repo.weft("add", "twins", code=3).err
