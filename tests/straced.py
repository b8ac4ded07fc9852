"""System calls of a command, counted by strace: the cost of a command as a number that is the same on every machine."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from kit import environment


class Calls:
    """The calls that a command and its children made, one line of strace each."""

    def __init__(self, text: str) -> None:
        # "123 openat(...) = 3", and "123 <... openat resumed>) = 3" for one that was under way when another was told.
        self.lines = [line.partition(" ")[2].lstrip() for line in text.splitlines()]

    def count(self, *names: str, about: str = "") -> int:
        """Calls of one of ``names`` whose line holds ``about``."""
        return sum(self.by_name(about)[name] for name in names)

    def by_name(self, about: str = "") -> Counter[str]:
        """Calls by name, of those whose line holds ``about``."""
        return Counter(line.partition("(")[0] for line in self.lines if about in line and line[:1].isalpha())


def straced(cwd: Path, *arguments: str, calls: str = "all", env: Mapping[str, str] | None = None) -> Calls:
    """Run ``weft ARGUMENTS`` in ``cwd`` and return its system calls of the kinds ``calls`` (as strace names them).

    Paths of descriptors are told, so ``about`` finds what is done to an open file or in an open directory as well.
    """
    log = cwd.parent / "strace.log"
    argv = ["strace", "-f", "-y", "-s", "300", "-o", str(log), f"--trace={calls}"]
    # Measuring coverage makes system calls of its own in every child.
    plain = {key: value for key, value in environment(env).items() if not key.startswith("COV")}
    done = subprocess.run(
        [*argv, sys.executable, "-m", "weft", *arguments],
        cwd=cwd,
        env=plain,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    text = log.read_text(errors="replace")
    log.unlink()
    return Calls(text)
