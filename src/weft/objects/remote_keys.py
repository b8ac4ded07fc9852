"""The keys of a remote store (``docs/spec/remote.md``). They come from object ids and UUIDs only, never from file names."""

from __future__ import annotations

import re

from weft.model.oid import Oid

FORMAT = "weft.json"
PACKS = "packs/"
SEGMENTS = "index/"
ROOTS = "roots/"
SESSIONS = "sessions/"
TOMBS = "tombs/"

_PACK = re.compile(r"packs/([0-9a-f]{2})/([0-9a-f]{64})\.pack", re.ASCII)
_SEGMENT = re.compile(r"index/([0-9a-f]{64})\.idx", re.ASCII)
_ROOT = re.compile(r"[0-9a-f]{64}(?:\.[0-9a-f]{64})?", re.ASCII)
_REPO_ROOT = re.compile(r"roots/[0-9a-f]{32}/([0-9a-f]{64}(?:\.[0-9a-f]{64})?)", re.ASCII)
_TOMB = re.compile(r"tombs/[0-9A-Za-z_-]{1,64}/[0-9A-Za-z_-]{1,64}", re.ASCII)


def pack_key(name: Oid) -> str:
    """Where the pack called ``name`` is."""
    digits = name.hex()
    return f"{PACKS}{digits[:2]}/{digits}.pack"


def segment_key(name: Oid) -> str:
    """Where the index segment called ``name`` is."""
    return f"{SEGMENTS}{name.hex()}.idx"


def pack_of(key: str) -> Oid | None:
    """The pack that ``key`` names, None when the key is not one of ours."""
    found = _PACK.fullmatch(key)
    return Oid.parse_hex(found.group(2)) if found and found.group(2).startswith(found.group(1)) else None


def segment_of(key: str) -> Oid | None:
    """The index segment that ``key`` names, None when the key is not one of ours."""
    found = _SEGMENT.fullmatch(key)
    return Oid.parse_hex(found.group(1)) if found else None


def is_root_name(name: str) -> bool:
    """True for an oid in hex, with or without a dot and a layout's oid in hex."""
    return _ROOT.fullmatch(name) is not None


def root_of(key: str) -> str:
    """The name of the root that ``key`` stands for, of whichever repository; empty when the key is not one of ours."""
    found = _REPO_ROOT.fullmatch(key)
    return found.group(1) if found else ""


def is_tomb(key: str) -> bool:
    """True for the key of a list of deletion candidates."""
    return _TOMB.fullmatch(key) is not None
