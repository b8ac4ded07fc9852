"""The data of the benchmark: many small files, one big one, and the changes made to them. All of it is random bytes."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import BinaryIO

FILE_SIZE = 10_000
TINY_SIZE = 100
FILES_PER_FOLDER = 100
EDIT = 1_000_000
MIB = 2**20
FIRST = "00000/0000000.bin"
"""The small file that is changed where one is changed."""


def make_small(folder: Path, files: int, first: int = 0, size: int = FILE_SIZE) -> None:
    """Files of 10 kB that do not compress, in folders of 100; ``first`` is the number of the first one."""
    source = random.Random(f"small {first}")
    for number in range(first, first + files):
        if number % FILES_PER_FOLDER == 0 or number == first:
            parent = f"{folder}/{number // FILES_PER_FOLDER:05}"
            os.makedirs(parent, exist_ok=True)
        with open(f"{parent}/{number:07}.bin", "wb") as file:
            file.write(source.randbytes(size))


def make_big(path: Path, mib: int) -> None:
    """One file that does not compress."""
    source = random.Random(2)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(source.randbytes(MIB))


def make_edited(old_path: Path, new_path: Path) -> None:
    """A copy with 1 MB inserted at one third, and 1 MB at two thirds overwritten."""
    third, source = old_path.stat().st_size // 3, random.Random(3)
    with old_path.open("rb") as old, new_path.open("wb") as new:
        copy_bytes(old, new, third)
        new.write(source.randbytes(EDIT))
        copy_bytes(old, new, third)
        new.write(source.randbytes(EDIT))
        old.seek(EDIT, os.SEEK_CUR)
        shutil.copyfileobj(old, new, MIB)


def edit_again(path: Path, number: int) -> None:
    """Give both edits of ``make_edited`` other bytes: as much is new to every store as the first time."""
    third, source = (path.stat().st_size - EDIT) // 3, random.Random(f"edit {number}")
    with path.open("r+b") as file:
        for place in (third, 2 * third + EDIT):
            file.seek(place)
            file.write(source.randbytes(EDIT))


def change_small(folder: Path, number: int, count: int = 1) -> None:
    """Write new bytes to the first files, one in each folder; a new file each, for the old one may be a hard link."""
    source = random.Random(f"change {number}")
    for parent in sorted(folder.iterdir())[:count]:
        path = min(parent.iterdir())
        path.unlink()
        path.write_bytes(source.randbytes(FILE_SIZE))


def copy_bytes(old: BinaryIO, new: BinaryIO, count: int) -> None:
    """Copy ``count`` bytes."""
    while count:
        piece = old.read(min(count, MIB))
        if not piece:
            raise EOFError(f"{count} bytes too few")
        new.write(piece)
        count -= len(piece)


def link(source: Path, target: Path) -> None:
    """Make a folder of hard links to the files of another one."""
    subprocess.run(["cp", "-al", str(source), str(target)], check=True)


def copy(source: Path, target: Path) -> None:
    """Make a real copy, for a program that changes what it is given."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def shape(folder: Path) -> tuple[int, int]:
    """Number of files below a folder, and their bytes."""
    count = total = 0
    for parent, _, names in os.walk(folder):
        count += len(names)
        total += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
    return count, total
