"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence

_SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size_text(size: int) -> str:
    """``size`` bytes in binary units with one decimal: ``17 B``, ``1.5 MiB``."""
    if abs(size) < 1024:
        return f"{size} B"
    value = float(size)
    for unit in _SIZE_UNITS[:-1]:
        # 1023.95 would be rounded to 1024.0 of this unit
        if abs(value) < 1023.95:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_SIZE_UNITS[-1]}"


def part_text(done: int, total: int, *, growing: bool = False) -> str:
    """``done`` bytes of ``total`` in the unit of the latter: ``18.2/35.5 MiB``; a plus says that the total still grows."""
    if not total:
        return size_text(done)
    number, _, unit = size_text(total).partition(" ")
    if unit == "B":
        return f"{done}/{total}{'+' if growing else ''} B"
    return f"{done / 1024 ** _SIZE_UNITS.index(unit):.1f}/{number}{'+' if growing else ''} {unit}"


def count_text(count: int, noun: str, plural: str = "") -> str:
    """``count`` and its noun: ``1 file``, ``2 files``; ``plural`` only where an s (or ies for y) is not right."""
    if count == 1:
        return f"1 {noun}"
    if not plural:
        plural = noun[:-1] + "ies" if noun[-1:] == "y" and noun[-2:-1] not in "aeiou" else noun + "s"
    return f"{count:,} {plural}"


def few_text(items: Sequence[str], most: int = 3) -> str:
    """The first of ``items``, and how many more there are: ``a, b, c and 2 more``."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def duration_text(seconds: float) -> str:
    """``seconds`` with what matters of them: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if round(seconds, 1) < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"
