"""What is asked of weft, each as one line that a run answers with yes or no."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from growth import COPY

MB = 1_000_000
MIB = 2**20
NOT_MEASURED = "not measured in this run"


@dataclass(frozen=True)
class Answer:
    """One line of the table; ``holds`` is None when the run cannot tell."""

    asked: str
    measured: str
    holds: bool | None


class Rows:
    """The rows of a run, by step and program."""

    def __init__(self, rows: Iterable[dict]) -> None:
        self.by_name = {(row["key"], row["program"]): row for row in rows}

    def get(self, key: str, program: str, field: str) -> float | None:
        """A number of a row, or None."""
        row = self.by_name.get((key, program))
        return None if row is None else row[field]


def times_faster(rows: Rows, key: str, peer: str, least: float, what: str) -> Answer:
    """``peer`` must take at least ``least`` times as long as weft."""
    return _ratio(rows, key, peer, f"{what}: at least {least:g} × as fast as {peer}", lambda ratio: ratio >= least)


def at_most(rows: Rows, key: str, peer: str, most: float, what: str) -> Answer:
    """weft must take at most ``most`` times as long as ``peer``."""
    ours, theirs = rows.get(key, "weft", "wall"), rows.get(key, peer, "wall")
    asked = f"{what}: at most {most:g} × the time of {peer}"
    if not ours or not theirs:
        return Answer(asked, NOT_MEASURED, None)
    return _bounded(rows, key, peer, asked, (f"{ours / theirs:.2f} ×", "below"), ours / theirs <= most)


def _ratio(rows: Rows, key: str, peer: str, asked: str, good: Callable[[float], bool]) -> Answer:
    ours, theirs = rows.get(key, "weft", "wall"), rows.get(key, peer, "wall")
    if not ours or not theirs:
        return Answer(asked, NOT_MEASURED, None)
    return _bounded(rows, key, peer, asked, (f"{theirs / ours:.2f} ×", "more than"), good(theirs / ours))


def _bounded(rows: Rows, key: str, peer: str, asked: str, words: tuple[str, str], good: bool) -> Answer:
    """Of a peer that was ended only a bound is known: it can say yes, but not no."""
    if rows.get(key, peer, "ended"):
        return Answer(asked, f"{words[1]} {words[0]}", good or None)
    return Answer(asked, words[0], good)


def on_tmpfs(rows: Rows) -> Answer:
    """A pull on tmpfs beside a copy there."""
    asked = "pull small on tmpfs: at most 1.5 × cp -r plus 3 s"
    ours, copy = rows.get("pull_small_tmpfs", "weft", "wall"), rows.get("pull_small_tmpfs", "cp", "wall")
    if ours is None or copy is None:
        return Answer(asked, NOT_MEASURED, None)
    return Answer(asked, f"{ours:.2f} s, allowed {1.5 * copy + 3:.2f} s", ours <= 1.5 * copy + 3)


def bytes_sent(rows: Rows) -> Answer:
    """A push of the edited file."""
    asked = "push edited big: at most 8 MiB sent"
    sent = rows.get("push_big2_s3", "weft", "sent")
    if sent is None:
        return Answer(asked, NOT_MEASURED, None)
    return Answer(asked, f"{sent / MIB:.2f} MiB", sent <= 8 * MIB)


def peak(rows: Rows) -> Answer:
    """Peak memory over all steps of weft."""
    found = [(row["rss_mib"] * MIB, row["step"]) for (_, name), row in rows.by_name.items() if name == "weft"]
    asked = "peak memory under 300 MB in every row"
    if not found:
        return Answer(asked, NOT_MEASURED, None)
    most, step = max(found)
    return Answer(asked, f"{most / MB:.0f} MB ({step})", most < 300 * MB)


def growth(fits: list[dict]) -> list[Answer]:
    """The fitted lines: the worst of each kind."""
    flat = "memory flat from 10 k to 1 M files but for 200 bytes a file"
    slow = "no cost that grows faster than the data (exponent at most 1.1)"
    fits = [fit for fit in fits if fit["step"] != COPY]
    files = [fit for fit in fits if fit["memory_holds"] is not None]
    if not files:
        return [Answer(flat, NOT_MEASURED, None), Answer(slow, NOT_MEASURED, None)]
    hungry = max(files, key=lambda fit: fit["bytes_a_unit"])
    steep = max(fits, key=lambda fit: fit["exponent"])
    sizes = " / ".join(f"{size:,}" for size in files[0]["sizes"])
    return [
        Answer(
            flat,
            f"{hungry['bytes_a_unit']:.0f} bytes a file ({hungry['step']}; {sizes} files)",
            all(fit["memory_holds"] for fit in files),
        ),
        Answer(
            slow,
            f"exponent {steep['exponent']:.2f} ({steep['step']} by {steep['data']})",
            all(fit["time_holds"] for fit in fits),
        ),
    ]


def answers(rows: list[dict], fits: list[dict]) -> list[Answer]:
    """All lines, in the order in which they are asked."""
    found = Rows(rows)
    return [
        times_faster(found, "add_small", "dvc", 8, "add small"),
        times_faster(found, "add_small", "restic", 2, "add small"),
        at_most(found, "status_small", "dvc", 0.2, "status, nothing changed"),
        at_most(found, "status_small", "git", 3, "status, nothing changed"),
        times_faster(found, "readd_small", "dvc", 8, "add again after one change"),
        times_faster(found, "push_small_s3", "dvc", 15, "push small to S3"),
        times_faster(found, "push_small_s3", "s5cmd", 4, "push small to S3"),
        times_faster(found, "pull_small_s3", "dvc", 3, "pull small from S3"),
        on_tmpfs(found),
        times_faster(found, "push_big2_s3", "dvc", 20, "push edited big to S3"),
        bytes_sent(found),
        times_faster(found, "add_big", "dvc", 3, "add big"),
        times_faster(found, "add_big", "oxen", 1, "add big"),
        times_faster(found, "add_big", "borg", 1, "add big"),
        at_most(found, "push_big_s3", "s5cmd", 1.15, "push big to S3"),
        peak(found),
        *growth(fits),
        at_most(found, "version", "python", 3, "start-up (weft --version, python -c 'import click')"),
    ]
