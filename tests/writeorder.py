"""The order in which files become durable and get their names, as strace tells it.

A file must be durable before it gets its final name, and a name before anything that relies on it gets its own: a pointer,
or a root on a remote that is a directory (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

CALLS = "write,pwrite64,writev,copy_file_range,fsync,fdatasync,rename,renameat,renameat2,link,linkat"
CALL = re.compile(r"\d+ +(\w+)\((.*)")
DONE = re.compile(r"\d+ +<\.\.\. (\w+) resumed>")
FD = re.compile(r"(?:\d+|AT_FDCWD)<([^>]*)>")
TEXT = re.compile(r'"([^"]*)"')


class Order:
    """Watches that a file is durable before it gets its name, and a name before anything relies on it."""

    def __init__(self, top: Path) -> None:
        self._top = str(top)
        self._synced: set[str] = set()
        self._unsynced: set[str] = set()
        self._waiting: dict[str, str] = {}
        self.wrong: list[str] = []
        self.published: list[str] = []

    def read(self, log: str) -> None:
        """Take the lines of strace."""
        for line in log.splitlines():
            pid = line.partition(" ")[0]
            if (done := DONE.match(line)) and pid in self._waiting:
                self._finish(done[1], self._waiting.pop(pid))
            elif call := CALL.match(line):
                self._start(call[1], call[2])
                if "<unfinished" in call[2]:
                    self._waiting[pid] = call[2]
                elif not re.search(r"\) += -1", call[2]):
                    self._finish(call[1], call[2])
        self.wrong += [f"the end came before the name {name} was durable" for name in sorted(self._unsynced)]

    def _start(self, name: str, rest: str) -> None:
        if name in ("write", "pwrite64", "writev", "copy_file_range") and (found := FD.findall(rest)):
            self._synced.discard(found[-1])
        elif name.startswith(("rename", "link")):
            source, target = self._names(rest)
            if not self._ours(target):
                return
            if source not in self._synced:
                self.wrong.append(f"{target} got its name before its bytes were durable")
            if target.endswith(".weft") or "/roots/" in target:
                self.wrong += [f"{target} came before {name} was durable" for name in sorted(self._unsynced)]

    def _finish(self, name: str, rest: str) -> None:
        if name in ("fsync", "fdatasync") and (found := FD.findall(rest)):
            self._synced.add(found[0])
            self._unsynced = {path for path in self._unsynced if os.path.dirname(path) != found[0]}
        elif name.startswith(("rename", "link")):
            target = self._names(rest)[1]
            if self._ours(target):
                self._unsynced.add(target)
                self.published.append(target)

    def _names(self, rest: str) -> tuple[str, str]:
        folders = FD.findall(rest) or ["", ""]
        source, target = (os.path.join(folder, text) for folder, text in zip(folders, TEXT.findall(rest), strict=True))
        return source, target

    def _ours(self, path: str) -> bool:
        inside = path.startswith(self._top + "/") and ("/.git/" not in path or "/.git/weft/" in path)
        return inside and not path.endswith((".lock", ".sqlite"))
