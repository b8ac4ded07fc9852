"""The data of the demo: scikit-learn's handwritten digits as files, and a second version of them.

The digits are the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, UCI Machine Learning
Repository), 1,797 images of 8 x 8 pixels. They come inside scikit-learn, so nothing is downloaded.
"""

from __future__ import annotations

import csv
import struct
import zlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

ENLARGED = 40
RENAMED, REDRAWN, RETOUCHED = 3, 12, 40


def png(pixels: np.ndarray) -> bytes:
    """A grey 8-bit PNG (W3C PNG specification, third edition) of a two-dimensional array with values 0 to 255."""

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = pixels.shape
    lines = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(lines)) + part(b"IEND", b"")


def write_first_version(folder: Path) -> None:
    """Write one PNG per digit in a folder per class, ``labels.csv``, and ``enlarged.npy`` of about 11 MiB."""
    digits = load_digits()
    rows = []
    for number, (image, target) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / "images" / str(target) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(np.rint(image * 255 / 16)))
        rows.append((f"images/{target}/{number:04}.png", int(target)))
    write_labels(folder, rows)
    np.save(folder / "enlarged.npy", enlarge(digits.images))


def enlarge(images: np.ndarray) -> np.ndarray:
    """The images at 40 x 40 with a little noise, as a training set of a real project would be: it compresses badly."""
    steps = np.arange(ENLARGED) * images.shape[1] // ENLARGED
    noise = np.random.default_rng(7).normal(0, 0.5, (len(images), ENLARGED, ENLARGED))
    return (images[:, steps][:, :, steps] + noise).astype(np.float32)


def write_labels(folder: Path, rows: list[tuple[str, int]]) -> None:
    """Write ``labels.csv``."""
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("file", "digit"), *rows])


def change_to_second_version(folder: Path) -> list[str]:
    """Change a few files as a day of work on the data would, and say in sentences what was changed."""
    rows = [
        (name, int(digit)) for name, digit in list(csv.reader((folder / "labels.csv").read_text().splitlines()))[1:]
    ]
    images = sorted((folder / "images").rglob("*.png"))
    for path in images[:REDRAWN]:
        path.write_bytes(png(255 - np.rint(load_digits().images[int(path.stem)] * 255 / 16)))
    images[-1].unlink()
    new_names = {str(images[-1].relative_to(folder)): ""}
    for path in images[100 : 100 + RENAMED]:
        reviewed = path.rename(path.with_name("reviewed-" + path.name))
        new_names[str(path.relative_to(folder))] = str(reviewed.relative_to(folder))
    renamed = [(new_names.get(name, name), digit) for name, digit in rows]
    write_labels(folder, [row for row in renamed if row[0]])
    enlarged = np.load(folder / "enlarged.npy")
    enlarged[1000 : 1000 + RETOUCHED] *= 0.5
    np.save(folder / "enlarged.npy", enlarged)
    return [
        f"{REDRAWN} images are inverted, {RENAMED} are renamed, 1 is deleted",
        "labels.csv follows: new names, and one line less",
        f"{RETOUCHED} of {len(enlarged):,} images within enlarged.npy are made darker",
    ]
