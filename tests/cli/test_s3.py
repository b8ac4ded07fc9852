"""The main job on a real S3 server, and the server dying in the middle of a push."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from kit import Repo, environment, pseudo_random, snapshot


def test_round_trip_on_s3(tmp_path: Path, seaweed: Any) -> None:
    url = seaweed.fresh_url()
    repo = Repo.make(tmp_path / "repo", url, "--endpoint", seaweed.endpoint, env=seaweed.env)
    repo.write({f"data/{n}.bin": pseudo_random(3000, n) for n in range(50)})
    repo.write({"data/big.bin": pseudo_random(5_000_000, 1)})
    repo.weft("add", "data")
    repo.commit("one")
    pushed = repo.weft("push", "--json").json["data"]
    assert pushed["requests"] < 25
    clone = repo.clone(tmp_path / "clone")
    clone.env = dict(seaweed.env)
    clone.weft("pull")
    assert snapshot(clone.root / "data") == snapshot(repo.root / "data")
    assert clone.weft("verify", "--level", "remote").code == 0
    assert clone.weft("remote", "check").code == 0


def test_wrong_credentials_and_missing_bucket_say_what_to_do(tmp_path: Path, seaweed: Any) -> None:
    repo = Repo.make(tmp_path / "repo", env=seaweed.env)
    url = seaweed.fresh_url()
    bad = {**seaweed.env, "AWS_SECRET_ACCESS_KEY": "not-the-secret"}
    refused = repo.weft("remote", "add", "origin", url, "--endpoint", seaweed.endpoint, code=6, env=bad)
    assert "E_CREDENTIALS" in refused.err
    assert "AWS_ACCESS_KEY_ID" in refused.err
    assert "not-the-secret" not in refused.err + refused.out
    gone = repo.weft("remote", "add", "origin", "s3://no-such-bucket-here/x", "--endpoint", seaweed.endpoint, code=6)
    assert "E_BUCKET" in gone.err
    assert "origin" not in repo.weft("remote", "list").out
    dead = repo.weft("remote", "add", "origin", url, "--endpoint", "http://127.0.0.1:9", code=6)
    assert "E_NETWORK" in dead.err


def test_a_server_killed_in_mid_push_leaves_no_root_and_the_next_push_completes(
    tmp_path: Path, own_seaweed: Any
) -> None:
    server = own_seaweed
    repo = Repo.make(tmp_path / "repo", server.fresh_url(), "--endpoint", server.endpoint, env=server.env)
    repo.write({f"data/{n}.bin": pseudo_random(4_000_000, n) for n in range(60)})
    repo.weft("add", "data")
    repo.commit("one")
    before = server.keys()
    pushing = subprocess.Popen(
        [sys.executable, "-m", "weft", "push"],
        cwd=repo.root,
        env=environment(server.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not [k for k in set(server.keys()) - set(before) if k.endswith(".pack")]:
        time.sleep(0.02)
    server.kill()
    out, err = pushing.communicate(timeout=240)
    assert pushing.returncode == 6, (out, err)
    assert b"E_NETWORK" in err
    server.start()
    keys = server.keys()
    assert not [key for key in keys if "/roots/" in key]
    sent = [key for key in keys if key.endswith(".pack")]
    assert sent, "the kill came before any pack was up: the test proves nothing"
    repo.weft("push")
    assert [key for key in server.keys() if "/roots/" in key]  # noqa: SIM118 (a method of the server)
    clone = repo.clone(tmp_path / "clone")
    clone.env = dict(server.env)
    clone.weft("pull")
    assert snapshot(clone.root / "data") == snapshot(repo.root / "data")
    assert os.environ.get("AWS_SECRET_ACCESS_KEY", "") == ""
