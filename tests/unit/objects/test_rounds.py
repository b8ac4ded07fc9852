"""A round that stops goes on where it stopped, comes back to what was bad, and begins anew when its note is no good."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.model.oid import Oid
from weft.objects.rounds import Round

NAMES = sorted(Oid.of(b"%d" % number) for number in range(5))


def run(path: Path, *, bad: set[Oid] = frozenset(), seconds: float | None = 0.0, restart: bool = False) -> list[Oid]:  # type: ignore[assignment]
    seen = []
    with Round(str(path), "full", seconds=seconds, restart=restart) as one:
        for name in one.choose(reversed(NAMES)):
            seen.append(name)
            one.done(name, name not in bad)
    return seen


def test_each_run_goes_on_and_proves_at_least_one_pack(tmp_path: Path) -> None:
    path = tmp_path / "verify.json"
    assert [run(path) for _ in NAMES] == [[name] for name in NAMES]
    assert run(path) == NAMES[:1]  # the round was complete: a new one
    assert run(path, seconds=None) == NAMES[1:]
    assert run(path, seconds=None) == NAMES


def test_what_was_bad_is_looked_at_again_until_it_is_good(tmp_path: Path) -> None:
    path = tmp_path / "verify.json"
    assert run(path, bad={NAMES[0]}) == [NAMES[0]]
    assert run(path, bad={NAMES[0]}) == [NAMES[0], NAMES[1]]
    assert run(path) == [NAMES[0], NAMES[2]]
    assert run(path) == [NAMES[3]]


def test_restart_and_other_rounds(tmp_path: Path) -> None:
    path = tmp_path / "verify.json"
    run(path)
    with Round(str(path), "scrub", seconds=0.0) as other:
        assert list(other.choose(NAMES)) == NAMES[:1]
        other.done(NAMES[0], True)
        assert (other.left, other.before) == (4, 0)
    assert run(path) == NAMES[1:2]
    assert run(path, restart=True) == NAMES[:1]


def test_an_interrupted_run_keeps_what_it_did(tmp_path: Path) -> None:
    path = tmp_path / "verify.json"

    def broken_off() -> None:
        with Round(str(path), "full") as one:
            for name in one.choose(NAMES):
                one.done(name, True)
                if name == NAMES[2]:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert run(path, seconds=None) == NAMES[3:]


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b'{"full": 3}', b'{"full": {"after": "zz", "bad": ["q"], "begun": []}}']
)
def test_a_damaged_note_only_begins_anew(tmp_path: Path, note: bytes) -> None:
    path = tmp_path / "verify.json"
    path.write_bytes(note)
    assert run(path, seconds=None) == NAMES
