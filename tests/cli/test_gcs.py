"""The main job on an emulator of Google Cloud Storage, which ignores create-only writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kit import Repo, pseudo_random, snapshot


def test_round_trip_on_gcs(tmp_path: Path, gcs: Any) -> None:
    repo = Repo.make(tmp_path / "repo", gcs.fresh_url(), "--endpoint", gcs.endpoint, env=gcs.env)
    repo.write({f"data/{n}.bin": pseudo_random(3000, n) for n in range(30)})
    repo.write({"data/big.bin": pseudo_random(3_000_000, 1)})
    repo.weft("add", "data")
    repo.commit("one")
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.env = dict(gcs.env)
    clone.weft("pull")
    assert snapshot(clone.root / "data") == snapshot(repo.root / "data")
    assert clone.weft("push", "--json").json["data"]["sent_bytes"] == 0
    checked = clone.weft("remote", "check").out
    assert "ignored by this endpoint" in checked
