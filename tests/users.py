"""Commands of other users of this machine, for what depends on who owns a file.

The tests have to run as root for this, or in a user namespace with several ids. Another user has none of root's rights but
one: to read, so that the interpreter is found wherever it is installed. What may be read is told by permission bits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit import Ran, Repo, environment

GROUP = 54_320


@dataclass(frozen=True)
class User:
    """A user id of its own, a member of ``groups``; ``home`` is a directory that belongs to it."""

    uid: int
    home: Path
    groups: tuple[int, ...] = (GROUP,)

    def prefix(self) -> list[str]:
        """What has to stand before a command so that this user runs it."""
        setpriv = shutil.which("setpriv")
        if os.geteuid() != 0 or setpriv is None:
            pytest.fail("these tests need another user id: run them as root, with setpriv (util-linux)")
        return [
            setpriv,
            f"--reuid={self.uid}",
            f"--regid={self.uid}",
            f"--groups={','.join(map(str, self.groups))}",
            "--inh-caps=-all,+dac_read_search",
            "--ambient-caps=-all,+dac_read_search",
            "--bounding-set=-all,+dac_read_search",
            "--",
        ]


def user(uid: int, home: Path, *groups: int) -> User:
    """A user whose home is made at ``home``."""
    home.mkdir(mode=0o755)
    os.chown(home, uid, uid)
    return User(uid, home, groups or (GROUP,))


def mounts() -> list[str]:
    """What has to stand before a command that mounts something, which nobody else sees: as root, or in a user namespace."""
    for prefix in (["unshare", "-m"], ["unshare", "-rm"]):
        probe = [*prefix, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return prefix
    return pytest.fail(
        "this test mounts file systems: run it as root, or allow user namespaces (unshare of util-linux)"
    )


class UserRepo(Repo):
    """A work tree that belongs to a user, who runs all commands there."""

    def __init__(self, root: Path, owner: User, umask: int = 0o022) -> None:
        super().__init__(root, {"HOME": str(owner.home), "PYTHONDONTWRITEBYTECODE": "1"})
        self.owner = owner
        self.umask = umask

    def run(self, *argv: str, code: int | None = 0, env: Mapping[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [*self.owner.prefix(), *argv],
            cwd=self.root if self.root.exists() else self.owner.home,
            env=environment({**self.env, **(env or {})}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=300,
            umask=self.umask,
        )
        ran = Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if code is not None:
            assert ran.code == code, f"{argv} gave {ran.code}, not {code}\n{ran.out}\n{ran.err}"
        assert "Traceback" not in ran.err, ran.err
        return ran
