"""Every setting by its dotted name: its kind, its default, the files that may hold it, and what it does.

The one list of them: `weft config`, its completion and docs/reference/settings.md are made from it.
"""

from __future__ import annotations

from typing import NamedTuple

from weft.model.config import AUTO, GC_GRACE, LINK_FROM, LINKS, SHARED, STRICT, WARN
from weft.model.remote import DEFAULT_CHUNKER

BOTH, COMMITTED, PRIVATE = "both", "committed", "private"


class Setting(NamedTuple):
    """One setting. ``name`` has a star for the name of a remote; ``default`` is text, "" where nothing is the default.

    ``where`` says which file may hold it: the committed .weft/config.yaml, the private one of a clone, or both.
    """

    name: str
    kind: type
    default: str
    where: str
    what: str

    def allowed(self, *, committed: bool) -> bool:
        """Whether the committed file, or the private one, may hold it."""
        return self.where in (BOTH, COMMITTED if committed else PRIVATE)


_CHUNKER = {
    "name": "How files are cut into chunks; fixed once there is data.",
    "version": "The version of that.",
    "normalization": "How much the sizes of chunks are drawn to the average.",
    "minimum": "The least bytes of a chunk, but for the last one.",
    "average": "The bytes that chunks have on average.",
    "maximum": "The most bytes of a chunk.",
}

SETTINGS = (
    Setting("remote", str, "", BOTH, "The remote that is used when none is named."),
    Setting(
        "remotes.*.url", str, "", BOTH, "Where the remote is: a directory, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, ..."
    ),
    Setting("remotes.*.endpoint", str, "", BOTH, "The endpoint of an S3 service other than Amazon's."),
    Setting("remotes.*.region", str, "", BOTH, "The region of its bucket."),
    Setting("remotes.*.store", str, "", BOTH, "The id of the store that must be there; set when it is first reached."),
    Setting("remotes.*.key_file", str, "", PRIVATE, "Of sftp://: the file of the private key, if not in ~/.ssh."),
    Setting("remotes.*.known_hosts", str, "", PRIVATE, "Of sftp://: the file of keys of servers, if not in ~/.ssh."),
    Setting(
        "remotes.*.account", str, "", PRIVATE, "Of az://: the storage account, if the environment does not name it."
    ),
    Setting("stage", bool, "true", BOTH, "Whether commands `git add` the pointers that they write."),
    Setting(
        "portable", str, WARN, COMMITTED, f"What to do about names that some systems cannot hold: {WARN} or {STRICT}."
    ),
    Setting(
        "checkout.link",
        str,
        AUTO,
        BOTH,
        f"How a checkout makes files: {', '.join(LINKS)}; hard and symlink only in the private file.",
    ),
    Setting("checkout.link_from", str, str(LINK_FROM), PRIVATE, "Files of fewer bytes are copied, never linked."),
    Setting("store.dir", str, "", PRIVATE, "Where the local store is; without it, in the Git directory."),
    Setting(
        "store.shared", str, "", PRIVATE, f"With whom the store is shared: {' or '.join(SHARED)}; without it, nobody."
    ),
    Setting("store.limit", str, "", PRIVATE, "The size that `weft gc` brings the local store to, such as 20GiB."),
    Setting("gc.grace", int, str(GC_GRACE), PRIVATE, "Days for which unreachable data stays in the local store."),
    Setting("jobs", int, "0", PRIVATE, "How many threads work at a time; 0: weft chooses."),
    Setting(
        "hooks.quiet",
        bool,
        "false",
        PRIVATE,
        "Git hooks say only what is wrong or left to do; Git tells them of no -q.",
    ),
    Setting(
        "reuse.runs", str, "", PRIVATE, "Addresses of authors, with commas, or *, whose shared runs may be reused."
    ),
    Setting(
        "reuse.share", bool, "false", PRIVATE, "Whether `weft push` shares the runs of this clone, as with --runs."
    ),
    Setting("reuse.from", str, "", PRIVATE, "Branches, with commas, whose runs may be reused besides those of HEAD."),
    *(
        Setting(f"chunker.{name}", type(value), str(value), COMMITTED, _CHUNKER[name])
        for name, value in DEFAULT_CHUNKER._asdict().items()
    ),
    Setting("repo", str, "", COMMITTED, "The id of the project, made by `weft init`; it cannot be changed."),
)


def find(key: str) -> Setting | None:
    """The setting that ``key`` names, ``remotes.origin.url`` for one; None when there is none."""
    parts = key.split(".")
    if len(parts) == 3 and parts[0] == "remotes":
        parts[1] = "*"
    name = ".".join(parts)
    return next((one for one in SETTINGS if one.name == name), None)
