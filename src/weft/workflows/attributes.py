"""The ``.gitattributes`` lines of a project: what keeps line ends, and which driver merges and shows what."""

from __future__ import annotations

STAGE_FILE_LINE = "/{} text eol=lf merge=weft-stagefile"
"""The line of one stage file: only those that are named as such are merged as ones."""
OF_PROJECTS = (".gitattributes merge=union",)
"""What is there where folders are projects: each has a line of its own, which every two branches could add."""
ATTRIBUTES = (
    "*.weft text eol=lf",
    ".weft/config.yaml text eol=lf",
    "*.weft merge=weft-pointer diff=weft-pointer",
    "/lineage/**/*.yaml text eol=lf merge=weft-record",
    STAGE_FILE_LINE.format("weft.yaml"),
    ".gitignore merge=union",
)
"""Committed, so the same for everybody. A clone without the drivers of these names merges and shows plain text.

``union`` is Git's own: each new pointer adds a line at the end of the ``.gitignore`` beside it, so without it every two
branches that add data would conflict there. At worst a line comes back that one side took away.
"""
