"""Fitted lines: how fast a cost grows with the data, and how much memory one more file takes."""

from __future__ import annotations

import math
from collections.abc import Sequence


def line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept of the line with the least squares; ValueError for fewer than two different xs."""
    if len(set(xs)) < 2 or len(xs) != len(ys):
        raise ValueError("a line needs two points")
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    slope = over / sum((x - middle_x) ** 2 for x in xs)
    return slope, middle_y - slope * middle_x


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The e of ``cost = c * size ** e``: 1 when twice the data costs twice as much. All numbers must be above 0."""
    return line([math.log(size) for size in sizes], [math.log(cost) for cost in costs])[0]
