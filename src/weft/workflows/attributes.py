"""The ``.gitattributes`` lines of a project: what keeps line ends, and which driver merges and shows what."""

from __future__ import annotations

ATTRIBUTES = (
    "*.weft text eol=lf",
    ".weft/config.yaml text eol=lf",
    "*.weft merge=weft-pointer diff=weft-pointer",
    "/lineage/*.yaml text eol=lf merge=weft-record",
    "/weft.yaml text eol=lf merge=weft-stagefile",
    ".gitignore merge=union",
)
"""Committed, so the same for everybody. A clone without the drivers of these names merges and shows plain text.

``union`` is Git's own: each new pointer adds a line at the end of the ``.gitignore`` beside it, so without it every two
branches that add data would conflict there. At worst a line comes back that one side took away.
"""
