"""One target under atheris, which sees the lines that run and keeps inputs that reach new ones.

Use: ``python tests/fuzz/guided.py TARGET SECONDS CORPUS ARTIFACTS``. Ends with another code than 0 on a finding, which is
then a file that begins with ``ARTIFACTS``. What it kept stays in ``CORPUS``, and the next run begins with it.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["weft"]):
    from targets import SEEDS, run  # type: ignore[import-not-found]


def main(name: str, seconds: str, corpus: str, artifacts: str) -> None:
    """Fuzz one target; does not return."""
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS[name]:
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    options = [
        f"-max_total_time={float(seconds):.0f}",
        f"-artifact_prefix={artifacts}",
        "-rss_limit_mb=2048",
        "-timeout=20",
    ]
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", "-print_final_stats=1", corpus], lambda data: run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:5])
