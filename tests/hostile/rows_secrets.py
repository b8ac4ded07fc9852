"""Secrets in what runs and in what is recorded: nothing of them is written, and nothing is said of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kit import Repo
from stagekit import Project, empty

# Not of a shape that scanners of other people's repositories look for, but of those that weft knows.
CANARY = "sk-" + "Canary0Canary1Canary2Canary3"
KEY = "wJalrXUtnFEMI/" + "K7MDENG/bPxRfiCYzEXAMPLEKE"


def _project(tmp_path: Path) -> Project:
    return empty(tmp_path)


def _traces(repo: Repo, canary: str) -> list[str]:
    """Files below the repository, Git's objects included, that hold ``canary``; Git's own copies are looked into by Git."""
    found = [
        str(path.relative_to(repo.root))
        for path in repo.root.rglob("*")
        if path.is_file() and canary.encode() in path.read_bytes()
    ]
    listed = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").out.split("\n")
    blobs = [row.split()[0] for row in listed if row.endswith("blob")]
    return found + [blob for blob in blobs if canary in repo.git("cat-file", "blob", blob).out]


def secret_argument(tmp_path: Path) -> None:
    repo = _project(tmp_path)
    for words in (
        ("train", "--api-key", CANARY),
        (f"echo {CANARY} > out.txt",),
        (f"API_TOKEN={CANARY} ./train",),
        (f"export A_SECRET_KEY={KEY}; ./train",),
        (f"(TOKEN={KEY})",),
    ):
        ran = repo.weft("run", "-v", "-n", "train", "-o", "out.txt", "--", *words, code=3)
        assert "E_SECRET" in ran.err
        assert "environment" in ran.err
        assert CANARY not in ran.err + ran.out
        assert KEY not in ran.err + ran.out
        assert not (repo.root / "weft.yaml").exists()
        assert not (repo.root / "out.txt").exists()
        assert _traces(repo, CANARY) == []
    repo.write({"weft.yaml": f"stages:\n  s:\n    cmd: echo --password {CANARY} > o\n    outs: [o]\n".encode()})
    ran = repo.weft("repro", "--json", "-v", code=3)
    assert "E_SECRET" in ran.out + ran.err
    assert CANARY not in ran.err + ran.out
    assert _traces(repo, CANARY) == ["weft.yaml"], "what the user wrote there, and nothing else"
    (repo.root / "weft.yaml").unlink()
    repo.weft("run", "-n", "fine", "-o", "o", "--", 'echo "--api-key $API_KEY" > o', env={"API_KEY": "k"})


def secret_parameter(tmp_path: Path) -> None:
    repo = _project(tmp_path)
    repo.write({"params.yaml": f"lr: 0.1\ndb:\n  password: {CANARY}\n".encode()})
    stage = "stages:\n  s:\n    cmd: echo 1 > o\n    params: [{}]\n    outs: [o]\n"
    repo.write({"weft.yaml": stage.format("{params.yaml: []}").encode()})
    ran = repo.weft("repro", "-v", code=3)
    assert "E_SECRET" in ran.err
    assert "params.yaml" in ran.err
    assert CANARY not in ran.err + ran.out
    assert _traces(repo, CANARY) == ["params.yaml"]
    assert not (repo.root / "lineage").exists()
    repo.write({"weft.yaml": stage.format("lr").encode()})
    repo.weft("repro")
    # The snapshot of a run that was not committed holds the user's own files, as a commit would; nothing else has it.
    own = repo.git("hash-object", "params.yaml").out.strip()
    assert set(_traces(repo, CANARY)) <= {"params.yaml", own}
    ignore = "validate:\n  - {rule: WEFT021, path: params.yaml, reason: made up for a test}\n"
    repo.write({"weft.yaml": (stage.format("db.password") + ignore).encode()})
    ran = repo.weft("repro", code=None)
    assert ran.code == 0, ran.err


def secret_variable(tmp_path: Path) -> None:
    repo = _project(tmp_path)
    env = {"AWS_SECRET_ACCESS_KEY": CANARY, "WEFT_TEST_PASSWORD": CANARY}
    repo.weft("run", "-v", "-n", "s", "-o", "o", "--", "echo 1 > o", env=env)
    assert _traces(repo, CANARY) == []
    text = "stages:\n  s:\n    cmd: echo 1 > o\n    outs: [o]\n    env: {vars: [AWS_SECRET_ACCESS_KEY]}\n"
    repo.write({"weft.yaml": text.encode()})
    ran = repo.weft("repro", "-v", code=3, env=env)
    assert "E_SECRET" in ran.err
    assert CANARY not in ran.err + ran.out
    assert _traces(repo, CANARY) == []


def signed_source(tmp_path: Path) -> None:
    repo = _project(tmp_path)
    url = f"https://data.example.org/a.csv?X-Amz-Credential=x&X-Amz-Signature={'0a' * 32}"
    ran = repo.weft("run", "-n", "s", "-o", "o", "--", f"echo '{url}' > o", code=3)
    assert "E_SECRET" in ran.err
    assert "0a0a0a" not in ran.err + ran.out
    assert _traces(repo, "0a0a0a") == []
    repo.write({"data.txt": b"1"})
    repo.weft("add", "data.txt")
    with open(repo.root / "data.txt.weft", "a") as pointer:
        pointer.write(f"source:\n  url: {url}\n")
    repo.weft("install")
    repo.git("add", "-A")
    refused = repo.git("commit", "-m", "source", code=1)
    assert "WEFT021" in refused.err
    assert "0a0a0a" not in refused.err + refused.out


def home_in_lineage(tmp_path: Path) -> None:
    repo = _project(tmp_path)
    home = tmp_path / "home" / "alice"
    home.mkdir(parents=True)
    repo.weft("run", "-n", "s", "-o", "o", "--", "echo $HOME > /dev/null; echo 1 > o", env={"HOME": str(home)})
    for path in (repo.root / "lineage").iterdir():
        assert str(home) not in path.read_text()
        assert str(repo.root) not in path.read_text()
        assert os.uname().nodename not in path.read_text()
    repo.weft("install")
    assert "E_STAGE" in repo.weft("run", "-fn", "s", "-o", "o", "--", f"ls {home} > o", code=3).err
    path = repo.root / "lineage/s.yaml"
    path.write_text(path.read_text().replace("echo 1 > o", f"ls {home} > o"))
    refused = repo.git("commit", "-a", "-m", "home", code=1)
    assert "WEFT012" in refused.err


def snapshots_and_mirrors(tmp_path: Path) -> None:
    repo = _project(tmp_path)
    repo.weft("install")
    repo.write({"src/t.py": b"print(1)\n", ".env": f"API_KEY={CANARY}\n".encode(), "id_rsa": CANARY.encode()})
    repo.git("add", "src")
    repo.git("commit", "-q", "-m", "code")
    repo.write({"src/t.py": f"key = '{CANARY}'\n".encode(), "src/more.py": f"token = '{CANARY}'\n".encode()})
    said = repo.weft("run", "-n", "a", "-d", "src", "-o", "out", "--", "echo 1 > out").err
    assert "looks like a secret" in said
    assert CANARY not in said
    blobs = [place for place in _traces(repo, CANARY) if "/" not in place and "." not in place and place != "id_rsa"]
    assert blobs == [], "Git has no object that holds it"
    repo.git("checkout", "-q", "src/t.py")
    Repo(tmp_path).git("init", "-q", "--bare", "hub.git")
    assert "E_HOOK" in repo.git("push", "--mirror", str(tmp_path / "hub.git"), code=1).err
    assert Repo(tmp_path / "hub.git").git("for-each-ref").out == ""
    assert "refs/weft" in repo.git("for-each-ref").out
    assert "refs/weft" not in Repo(tmp_path).git("ls-remote", str(repo.root)).out


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (70, "secret-argument", secret_argument),
    (71, "secret-parameter", secret_parameter),
    (72, "secret-variable", secret_variable),
    (73, "signed-source", signed_source),
    (74, "home-in-lineage", home_in_lineage),
    (104, "snapshots-and-mirrors", snapshots_and_mirrors),
]
