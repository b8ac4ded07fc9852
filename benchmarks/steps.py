"""The steps in the order in which they are run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step: its key, its heading in the report, and the kind of data that it works on."""

    key: str
    heading: str
    kind: str


STEPS = tuple(
    Step(key, heading, kind)
    for kind, key, heading in (
        ("tiny", "version", "Print the version"),
        ("tiny", "status_tiny", "Status of a repository with one small file"),
        ("small", "add_small", "Add many small files"),
        ("small", "status_small", "Status, nothing changed"),
        ("small", "readd_small", "Add again, one file changed"),
        ("small", "checkout_small", "Check out an older version, ten files differ"),
        ("small", "push_small_dir", "Push small files to a directory"),
        ("small", "push_small_s3", "Push small files to S3"),
        ("small", "push_one_s3", "Push after one changed file, S3"),
        ("small", "pull_small_s3", "Pull small files from S3 into nothing"),
        ("small", "pull_small_tmpfs", "Pull small files from S3 on tmpfs"),
        ("far", "push_far", "Push small files, S3 far away"),
        ("far", "push_one_far", "Push after one changed file, S3 far away"),
        ("far", "pull_far", "Pull small files, S3 far away"),
        ("big", "add_big", "Add one big file"),
        ("big", "add_big2", "Add the big file, edited"),
        ("big", "checkout_big", "Check out the older version of the big file"),
        ("big", "push_big_s3", "Push the big file to S3"),
        ("big", "push_big2_s3", "Push the edited file to S3"),
        ("big", "pull_big_s3", "Pull the big file from S3 into nothing"),
    )
)
KINDS = tuple(dict.fromkeys(step.kind for step in STEPS))
"""tiny: one small file. small: many. far: at most ten thousand of them, S3 behind the slow proxy. big: one big file."""

AWAY_MILLISECONDS = 30
FAR_FILES = 10_000


def heading(key: str) -> str:
    """The heading of a step."""
    return next(step.heading for step in STEPS if step.key == key)
