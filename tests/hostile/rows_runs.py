"""Runs that others share: what is claimed there stands in for a run only where it holds together and was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stagekit import FIGURE, Project, shared, two
from weft.formats import lineage
from weft.model.lineage import Accepted, Record, Reused

HOSTILE: dict[str, tuple[dict[str, object], str]] = {
    "command": ({"cmd": "true"}, "its record is that of another run than its name says"),
    "params": ({"params": {"params.yaml": {"train.lr": 0.3}}}, "its record is that of another run than its name says"),
    "outs": ({"files": {"params.yaml": "0" * 40}}, "its outs are not those that the stage declares"),
    "no-outs": ({"files": {}}, "its outs are not those that the stage declares"),
    "author": ({"author": "Alice\x1b[2J <alice@example.invalid>"}, "characters that cannot be shown"),
    "hidden-author": ({"author": "Alice\u202e <a@b.invalid>"}, "characters that cannot be shown"),
    "endless-author": ({"author": "A" * 300}, "is too long"),
    "changed": ({"changed": ("params.yaml",)}, "tells of no run that ended well"),
    "another-author": (
        {"reused": Reused("r1", author="Carol <carol@example.invalid>")},
        "tells of no run that ended well",
    ),
}


def forge(alice: Project, record: Record | bytes, run: str) -> None:
    """Let the Git remote have a run of that name with this record."""
    key = shared(alice)[0].split("/")[3]
    data = record if isinstance(record, bytes) else lineage.encode(record)
    alice.write({"forged.yaml": data})
    blob = alice.git("hash-object", "-w", "forged.yaml").out.strip()
    tree = alice.run("sh", "-c", f"printf '100644 blob {blob}\\tscore.yaml\\n' | git mktree").out.strip()
    top = alice.run("sh", "-c", f"printf '040000 tree {tree}\\tlineage\\n' | git mktree").out.strip()
    commit = alice.git("commit-tree", top, "-m", "x").out.strip()
    alice.git("push", "-q", "--force", "origin", f"{commit}:refs/weft/shared/{key}/{run}")


def records_of_no_such_run(tmp_path: Path) -> None:
    alice, bob = two(tmp_path, FIGURE)
    alice.weft("push", "--runs")
    (ref,) = shared(alice)
    good = lineage.decode(alice.git("show", f"{ref}:lineage/score.yaml").out.encode(), what="x")
    assert good.run is not None
    said: dict[str, str] = {}

    def name() -> str:
        return f"{good.run.id[:16] if good.run else ''}-{len(said):08x}"

    for changes, reason in HOSTILE.values():
        run = replace(good.run, id=name())
        forge(alice, lineage.with_digest(replace(good, run=run, **changes)), name())  # type: ignore[arg-type]
        said[name()] = reason
    by_hand = replace(good.run, id=name(), accepted=Accepted("I say so", "Eve"))
    forge(alice, lineage.with_digest(replace(good, run=by_hand)), name())
    said[name()] = "tells of no run that ended well"
    forge(alice, good, name())
    said[name()] = "its record is that of another run than its name says"
    forge(alice, replace(good, author="Eve <alice@example.invalid>"), name())
    said[name()] = "the digest of its record does not fit"
    forge(alice, b"#" * (5 << 20), name())
    said[name()] = "over the limit"
    forge(alice, b"schema: [", name())
    said[name()] = ""
    alice.git("push", "-q", "origin", "main:" + ref.rpartition("/")[0] + "/" + name())
    said[name()] = ""  # the record of a branch is that of another run
    alice.git("push", "-q", "origin", f":{ref}", "main:refs/weft/shared/x/" + name(), "main:refs/weft/shared/" + name())
    told = bob.weft("repro", "--runs", "-S", "train.lr=0.2").err
    for run_id, reason in said.items():
        (row,) = (line for line in told.splitlines() if f"the shared run {run_id} of origin was refused: " in line)
        assert reason in row
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert bob.ran() == ["score"]


def sizes_that_lie(tmp_path: Path) -> None:
    alice, bob = two(tmp_path)
    alice.weft("push", "--runs")
    (ref,) = (name for name in shared(alice) if "lineage/train.yaml" in alice.git("ls-tree", "-r", name).out)
    text = alice.git("show", f"{ref}:model.weft").out
    good = lineage.decode(alice.git("show", f"{ref}:lineage/train.yaml").out.encode(), what="x")
    (out,) = good.outs
    for lie in ("pointer", "both"):
        false = text.replace(f"size: {out.size}", f"size: {out.size + 7}")
        assert false != text
        outs = (replace(out, size=out.size + 7),) if lie == "both" else good.outs
        record = lineage.with_digest(replace(good, outs=outs))
        index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
        alice.write({"forged.yaml": lineage.encode(record), "forged.weft": false.encode()})
        for path, name in (("lineage/train.yaml", "forged.yaml"), ("model.weft", "forged.weft")):
            blob = alice.git("hash-object", "-w", name).out.strip()
            alice.run("git", "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
        tree = alice.run("git", "write-tree", env=index).out.strip()
        commit = alice.git("commit-tree", tree, "-m", "x").out.strip()
        alice.git("push", "-q", "--force", "origin", f"{commit}:{ref}")
        bob.git("reset", "-q", "--hard")
        (bob.root / ".git/weft/own-runs").unlink(missing_ok=True)
        told = bob.weft("repro", "train", "--runs", "-S", "train.lr=0.2")
        assert "train: ran" in told.out
        assert {"pointer": "was refused: its pointers", "both": "the outs of an earlier run"}[lie] in told.err
        assert bob.ran() == ["train"]


def nobody_asked(tmp_path: Path) -> None:
    alice, bob = two(tmp_path, FIGURE)
    alice.weft("push", "--runs")
    bob.weft("fetch", "--runs")
    assert bob.actions("-S", "train.lr=0.2") == {"score": "ran"}
    with (bob.root / ".weft/config.yaml").open("a") as file:
        file.write("reuse: {runs: '*'}\n")
    assert "E_UNTRUSTED_CONFIG" in bob.weft("repro", code=3).err


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (140, "a-shared-run-that-nobody-asked-for", nobody_asked),
    (141, "records-of-no-such-run", records_of_no_such_run),
    (142, "sizes-that-lie", sizes_that_lie),
]
