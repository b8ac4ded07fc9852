"""Sizes as people write them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*(?:([KMGTP])(?:i?B)?|B)?", re.ASCII | re.IGNORECASE)


def parse_size(text: str) -> int | None:
    """A number of bytes: ``4096``, ``500M``, ``1.5GiB``; K, M, G, T and P are powers of 1024. None when it is no size."""
    match = _SIZE.fullmatch(text)
    if not match:
        return None
    scale: int = 1024 ** ("KMGTP".index(match[2].upper()) + 1) if match[2] else 1
    return int(float(match[1]) * scale) if "." in match[1] else int(match[1]) * scale
