"""One wrong byte anywhere in a remote never gives exit 0 with wrong data.

Every object of a real remote is flipped at several places, truncated, extended, emptied, replaced by HTML, and swapped
with another object of its kind; after each, a fresh clone pulls. It may fail, or succeed with exactly the right bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit import Repo, pseudo_random, snapshot

KINDS = ("packs", "index", "roots", "weft.json")


def _flip(place: float) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        at = min(int(len(data) * place), len(data) - 1)
        return data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :]

    return change


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "flip-first": _flip(0.0),
    "flip-early": _flip(0.1),
    "flip-middle": _flip(0.5),
    "flip-late": _flip(0.97),
    "flip-last": _flip(1.0),
    "truncate": lambda data: data[:-1],
    "halve": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "extend": lambda data: data + b"\0",
    "html": lambda data: b"<html><body>Please log in</body></html>",
}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repo, Path, dict[str, object]]:
    base = tmp_path_factory.mktemp("origin")
    repo = Repo.make(base / "repo", str(base / "remote"))
    repo.write({f"data/{n % 2}/{n}.bin": pseudo_random(500 + n, n) for n in range(6)})
    repo.write({"data/big.bin": pseudo_random(1_500_000, 9), "other/text.txt": b"text " * 5000})
    repo.weft("add", "data", "other")
    repo.commit("one")
    repo.weft("push")
    return repo, base / "remote", snapshot(repo.root / "data") | snapshot(repo.root / "other")


def _objects(remote: Path, kind: str) -> list[Path]:
    if kind == "weft.json":
        return [remote / kind]
    return sorted(path for path in (remote / kind).rglob("*") if path.is_file())


def _variants(remote: Path, kind: str) -> Iterator[tuple[str, Path, bytes]]:
    found = _objects(remote, kind)
    assert found, f"the remote has no {kind}"
    for path in found:
        data = path.read_bytes()
        for name, change in DAMAGE.items():
            yield name, path, change(data)
        for other in found:
            if other != path:
                yield f"swap-with-{other.name[:8]}", path, other.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_bytes_never_come_out(kind: str, origin: tuple[Repo, Path, dict[str, object]], tmp_path: Path) -> None:
    repo, remote, expected = origin
    fresh = repo.clone(tmp_path / "fresh")
    fresh.find_remote_at(remote)
    noticed = 0
    for number, (name, path, data) in enumerate(_variants(remote, kind)):
        good = path.read_bytes()
        clone = Repo(shutil.copytree(fresh.root, tmp_path / f"clone{number}", symlinks=True))
        path.chmod(0o644)
        path.write_bytes(data)
        try:
            ran = clone.weft("pull", code=None)
        finally:
            path.write_bytes(good)
        here = {}
        for top in ("data", "other"):
            if (clone.root / top).exists():
                here |= snapshot(clone.root / top)
        files = {key: value for key, value in here.items() if value[0] == "file"}
        wrong = [key for key, value in files.items() if expected.get(key) != value]
        assert not wrong, f"{kind} {path.name[:8]} {name}: wrong bytes in {wrong}"
        noticed += ran.code != 0 or "warning" in ran.err
        if ran.code == 0:
            assert here == expected, f"{kind} {path.name[:8]} {name}: exit 0 without the data"
        else:
            assert ran.code in (3, 4, 6), f"{name}: {ran.code} {ran.err}"
            assert "error" in ran.err
            assert "hint:" in ran.err, f"{name}: {ran.err}"
        shutil.rmtree(clone.root)
    assert noticed, "not one of the damages was noticed"


@pytest.mark.parametrize("verb", ["pull", "fetch"])
def test_a_wrong_byte_on_the_remote_is_mended_there(verb: str, tmp_path: Path) -> None:
    """And not in the local store, which is what a hint about damage names otherwise."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"data/a": pseudo_random(5000, 1)})
    repo.weft("add", "data")
    repo.commit("one")
    repo.weft("push")
    for pack in _objects(tmp_path / "remote", "packs"):
        pack.chmod(0o644)
        pack.write_bytes(DAMAGE["flip-early"](pack.read_bytes()))
    clone = repo.clone(tmp_path / "clone")
    clone.find_remote_at(tmp_path / "remote")
    refused = clone.weft(verb, code=4)
    assert refused.err.endswith("this mends it: weft verify --remote origin --sample 100% --repair\n")
    repo.weft("verify", "--remote", "origin", "--sample", "100%", "--repair")
    clone.weft("pull")
    assert snapshot(clone.root / "data") == snapshot(repo.root / "data")


def test_a_damaged_object_is_mended_as_the_hint_says(
    origin: tuple[Repo, Path, dict[str, object]], tmp_path: Path
) -> None:
    repo, remote, _ = origin
    for kind in ("packs", "index", "roots"):
        for path in _objects(remote, kind):
            path.unlink()
            repo.weft("push")
            clone = repo.clone(tmp_path / f"{kind}-{path.name[:8]}")
            clone.find_remote_at(remote)
            clone.weft("pull")
            assert snapshot(clone.root / "data") == snapshot(repo.root / "data")
