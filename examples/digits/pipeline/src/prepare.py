"""Read the images that labels.csv names, and split them into a part to learn from and a part to be asked about."""

import csv
import pathlib
import zlib

import numpy as np
import yaml
from sklearn.model_selection import train_test_split

SIDE = 8
DATA = pathlib.Path("digits")


def pixels(path):
    """The pixels of one of the demo's PNG files: 8 x 8, grey, 8 bits, lines without a filter."""
    data = path.read_bytes()
    start = data.index(b"IDAT") + 4
    lines = np.frombuffer(zlib.decompress(data[start:]), np.uint8).reshape(SIDE, SIDE + 1)
    return lines[:, 1:].ravel()


params = yaml.safe_load(pathlib.Path("params.yaml").read_text())["prepare"]
rows = list(csv.DictReader((DATA / "labels.csv").read_text().splitlines()))
images = np.array([pixels(DATA / row["file"]) for row in rows]) / 255
labels = np.array([int(row["digit"]) for row in rows])
learn, ask, learn_labels, ask_labels = train_test_split(
    images, labels, test_size=params["test_share"], random_state=params["seed"], stratify=labels
)
pathlib.Path("work").mkdir(exist_ok=True)
np.savez("work/prepared.npz", learn=learn, ask=ask, learn_labels=learn_labels, ask_labels=ask_labels)
