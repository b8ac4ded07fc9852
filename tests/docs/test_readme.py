"""The command blocks of README.md and docs/guide are executed as a reader would, and their output is compared.

In a ``console`` block, a line ``$ command`` is a command (``> `` continues it) and the lines below it are all that it
prints; ``...`` stands for any text, and sizes need to be only nearly right. A ``bash`` block is run as it is and may print
what it likes. The blocks of one page run in one shell, in an empty folder. ``<!-- not run: reason -->`` above a block
excepts it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
MOST_BLOCKS_NOT_RUN = 11
GIT_CONFIG = "[user]\n name = A Reader\n email = reader@example.com\n"
RUNNABLE = ("console", "bash")


@dataclass(frozen=True)
class Block:
    """One fenced block. ``line`` is where its fence stands; ``excuse`` is the reason of a "not run" comment."""

    language: str
    line: int
    lines: tuple[str, ...]
    excuse: str


@dataclass(frozen=True)
class Step:
    """One command, and what it should print (None: anything)."""

    line: int
    command: str
    expected: str | None


def blocks(text: str) -> list[Block]:
    found: list[Block] = []
    lines = text.splitlines()
    start: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
            continue
        above = lines[start - 1] if start else ""
        excuse = re.fullmatch(r"<!-- not run: (.+) -->", above)
        found.append(
            Block(lines[start][3:], start + 1, tuple(lines[start + 1 : number]), excuse.group(1) if excuse else "")
        )
        start = None
    assert start is None, f"the fence in line {start} is never closed"
    return found


def steps(block: Block) -> list[Step]:
    if block.language == "bash":
        return [Step(block.line, "\n".join(block.lines), None)]
    found: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith("$ "):
            found.append((number, [line[2:]], []))
        elif line.startswith("> ") and found and not found[-1][2]:
            found[-1][1].append(line[2:])
        else:
            assert found, f"line {number}: output without a command above it"
            found[-1][2].append(line)
    return [Step(number, "\n".join(command), "\n".join(output)) for number, command, output in found]


def run(work: list[Step], folder: Path) -> list[tuple[int, str]]:
    """Run all steps in one shell; exit code and output (both streams) of each."""
    home = folder / "home"
    scratch = folder / "scratch"
    home.mkdir()
    scratch.mkdir()
    (home / ".gitconfig").write_text(GIT_CONFIG)
    script = folder / "script"
    script.write_text(
        "".join(f"echo '@@begin'\n{step.command}\nprintf '\\n@@end %d\\n' $?\n" for step in work), encoding="utf-8"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "AWS_", "WEFT_"))}
    environment = kept | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(folder),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["/bin/bash", str(script)],
        cwd=scratch,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    text = done.stdout.decode()
    found = re.findall(r"^@@begin\n(.*?)\n?^@@end (\d+)\n", text, re.DOTALL | re.MULTILINE)
    assert len(found) == len(work), f"the shell stopped early:\n{text}"
    return [(int(code), output.rstrip("\n")) for output, code in found]


def matches(expected: str, printed: str) -> bool:
    """Equal but for ``...``; a size counts as equal when it has the same unit and is a tenth off at most."""
    pattern, sizes = "", []
    for part in re.split(r"(\.\.\.|\b[0-9.]+ (?:[KMG]i)?B\b)", expected):
        if part == "...":
            pattern += ".*?"
        elif re.fullmatch(r"[0-9.]+ (?:[KMG]i)?B", part):
            number, unit = part.split()
            pattern += rf"([0-9.]+) {unit}"
            sizes.append(float(number))
        else:
            pattern += re.escape(part)
    found = re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.splitlines()), re.DOTALL)
    if found is None:
        return False
    return all(abs(float(got) - size) <= size / 10 for got, size in zip(found.groups(), sizes, strict=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    work = [
        step
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.language in RUNNABLE and not block.excuse
        for step in steps(block)
    ]
    results = run(work, tmp_path)
    wrong = [
        f"{page.name}:{step.line}: $ {step.command}\nexit code {code}, printed:\n{printed}\nthe page says:\n{step.expected}"
        for step, (code, printed) in zip(work, results, strict=True)
        if code or (step.expected is not None and not matches(step.expected, printed))
    ]
    assert not wrong, "\n\n".join(wrong)


def test_first_pages_hold_commands_to_run() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "guide" / "getting-started.md"):
        runnable = [block for block in blocks(page.read_text()) if block.language in RUNNABLE and not block.excuse]
        assert sum(line.startswith("$ weft ") for block in runnable for line in block.lines) >= 5, page.name


def test_few_blocks_are_excepted() -> None:
    excepted = [(page.name, block.line) for page in PAGES for block in blocks(page.read_text()) if block.excuse]
    assert len(excepted) <= MOST_BLOCKS_NOT_RUN, excepted


def test_commands_stand_in_blocks_that_are_run() -> None:
    hidden = [
        (page.name, block.line)
        for page in PAGES
        for block in blocks(page.read_text())
        if block.language not in RUNNABLE and any(line.startswith(("$ ", "weft ")) for line in block.lines)
    ]
    assert not hidden


def test_every_excuse_stands_above_a_block() -> None:
    for page in PAGES:
        text = page.read_text()
        assert text.count("<!-- not run:") == sum(bool(block.excuse) for block in blocks(text)), page.name


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("sent 1.5 MiB, ...", "sent 1.6 MiB, 3 objects", True),
        ("sent 1.5 MiB, ...", "sent 2.5 MiB, 3 objects", False),
        ("sent 1.5 MiB", "sent 1.5 KiB", False),
        ("sent 1.5 MiB", "sent 1.5 MiB\nand more", False),
        ("3 objects", "4 objects", False),
        ("one\n...", "two\nthree", False),
    ],
)
def test_output_is_compared(expected: str, printed: str, same: bool) -> None:
    assert matches(expected, printed) is same


def test_a_wrong_page_is_noticed(tmp_path: Path) -> None:
    page = "```console\n$ printf 'a\\nb'\na\n...\n$ echo c; false\nc\n$ echo ignored > file\n$ cat file\nelse\n```\n"
    work = [step for block in blocks(page) for step in steps(block)]
    results = run(work, tmp_path)
    assert results == [(0, "a\nb"), (1, "c"), (0, ""), (0, "ignored")]
    assert [matches(step.expected or "", out) for step, (_, out) in zip(work, results, strict=True)] == [
        True,
        True,
        True,
        False,
    ]
