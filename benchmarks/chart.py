"""The chart: for every step one bar a program, as the ratio to weft on a logarithmic scale."""

from __future__ import annotations

import math
from html import escape

from steps import STEPS

WIDTH = 960
LEFT, RIGHT = 120, 790
"""Where the bars may stand; names are left of them, figures right of them."""
BAR, GAP = 15, 4
COLORS = {
    "dvc": "#c8553d",
    "git-lfs": "#b7791f",
    "oxen": "#7b5ea7",
    "restic": "#2f7f93",
    "borg": "#4a6fa5",
    "s5cmd": "#3d8f5f",
    "rclone": "#7a8b2e",
}
OTHER = "#8a8a8a"
WEFT = "#111111"
# Who has something to tell about start-up: the interpreter, and what is started as often as weft.
OF_VERSION = ("weft", "dvc", "python", "git")


def figure(value: float) -> str:
    """Two or three digits that mean something, however small the value."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


class Scale:
    """Ratios to places on the picture, with room for all of them and at least a factor of three on both sides of 1."""

    def __init__(self, ratios: list[float]) -> None:
        self.low = min(-0.5, math.log10(min(ratios, default=1)) - 0.05)
        self.high = max(0.5, math.log10(max(ratios, default=1)) + 0.05)

    def at(self, ratio: float) -> float:
        """The place of a ratio, counted from the left."""
        part = (math.log10(ratio) - self.low) / (self.high - self.low)
        return LEFT + part * (RIGHT - LEFT)

    def ticks(self) -> list[float]:
        """1, and every power of ten that there is room for."""
        return [10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]


def groups(rows: list[dict]) -> list[tuple[str, list[dict]]]:
    """Headings and the rows to draw: weft, then the others from fast to slow."""
    found = []
    for step in STEPS:
        mine = [row for row in rows if row["key"] == step.key and row["ratio"]]
        if step.key == "version":
            mine = [row for row in mine if row["program"] in OF_VERSION]
        if len(mine) > 1:
            found.append((step.heading, sorted(mine, key=lambda row: (row["program"] != "weft", row["ratio"]))))
    return found


def bar(scale: Scale, row: dict, y: float) -> str:
    """One program: its name, its bar, and its figures right of everything that is drawn."""
    one, end = scale.at(1), scale.at(row["ratio"])
    name = row["program"]
    if name == "weft":
        shape = f'<circle cx="{one:.1f}" cy="{y + BAR / 2:.1f}" r="5" fill="{WEFT}"/>'
        words, kind = f"{figure(row['wall'])} s", ' class="w"'
        place = one + 12
    else:
        start, length = min(one, end), max(1.5, abs(end - one))
        color = COLORS.get(name, OTHER)
        shape = f'<rect x="{start:.1f}" y="{y:.1f}" width="{length:.1f}" height="{BAR}" fill="{color}"/>'
        over = "> " if row["ended"] else ""
        words, kind = f"{over}{figure(row['ratio'])} ×   ({over}{figure(row['wall'])} s)", ""
        place = max(one, end) + 8
    middle = y + BAR - 3
    return (
        f'<text x="{LEFT - 10}" y="{middle:.1f}" text-anchor="end"{kind}>{escape(name)}</text>{shape}'
        f'<text x="{place:.1f}" y="{middle:.1f}"{kind} class="n">{escape(words)}</text>'.replace(
            ' class="w" class="n"', ' class="w"'
        )
    )


def grid(scale: Scale, top: float, bottom: float) -> list[str]:
    """Lines at the powers of ten, with their names above."""
    parts = []
    for tick in scale.ticks():
        x = scale.at(tick)
        color, width = ("#444", 1.5) if tick == 1 else ("#ddd", 1)
        name = "weft" if tick == 1 else f"{tick:g} ×"
        parts.append(
            f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{color}" stroke-width="{width}"/>'
            f'<text x="{x:.1f}" y="{top - 6:.1f}" text-anchor="middle" class="n">{name}</text>'
        )
    return parts


def chart(result: dict) -> str:
    """The whole picture."""
    found = groups(result["rows"])
    scale = Scale([row["ratio"] for _, rows in found for row in rows])
    y, top, bars = 112.0, 100.0, []
    for heading, rows in found:
        bars.append(
            f'<rect x="0" y="{y - 2:.1f}" width="{WIDTH}" height="21" fill="#f3f3f3"/>'
            f'<text x="16" y="{y + 13:.1f}" class="h">{escape(heading)}</text>'
        )
        y += 25
        for row in rows:
            bars.append(bar(scale, row, y))
            y += BAR + GAP
        y += 8
    options = result["options"]
    data = f"{options['files']:,} files of 10 kB; one file of {options['big_mib']:,} MiB; {result['date']}"
    height = round(y + 12)
    lines = "\n".join([*grid(scale, top, y), *bars])
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">
<title>Time of each program divided by the time of weft, step by step</title>
<style>text {{ font: 13px "DejaVu Sans", Verdana, sans-serif; fill: #222 }}
.w, .h, .t {{ font-weight: bold }} .n {{ font-size: 12px; stroke: #fff; stroke-width: 3px; paint-order: stroke }}
.t {{ font-size: 18px }}</style>
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="16" y="30" class="t">Time of other programs, divided by weft's</text>
<text x="16" y="52" class="n">{escape(data)}. Medians of whole processes; each step of the scale is ten times.</text>
<text x="16" y="70" class="n">Bars to the right: slower than weft. Bars to the left: faster.</text>
{lines}
</svg>
"""
