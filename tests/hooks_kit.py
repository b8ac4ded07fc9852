"""What the tests of hooks share: a repository with hooks, the Git remote and the remote of its data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kit import Ran, Repo
from weft.cli import hook


class Hooked(Repo):
    """A repository with hooks; ``hub`` is its Git remote and ``store`` the remote of its data."""

    hub: Path
    store: Path

    def data(self, files: dict[str, str], message: str = "data", path: str = "data") -> str:
        """Write files below ``path``, record and commit them; the commit's id."""
        self.write({f"{path}/{name}": text.encode() for name, text in files.items()})
        self.weft("add", path)
        self.git("commit", "-q", "-a", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").out.strip()

    def there(self, ref: str) -> str:
        """The commit that the Git remote has for ``ref``; empty when it has none."""
        return self.git("--git-dir", str(self.hub), "rev-parse", "--verify", "-q", ref, code=None).out.strip()

    def read(self, name: str) -> str:
        path = self.root / name
        return path.read_text() if path.exists() else ""

    def refused(self, *args: str) -> Ran:
        """Run ``git push ARGS``, which must be stopped by the hook."""
        ran = self.git("push", *args, code=1)
        assert "this git push is stopped" in ran.err
        return ran


def hooked(root: Path, hub: Path, store: Path) -> Hooked:
    repo = Hooked(root)
    repo.hub, repo.store = hub, store
    return repo


def environment_in(folder: Path) -> Path:
    """An environment with this weft in it; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    own = [entry for entry in sys.path if entry.endswith("-packages")]
    packages = next(folder.glob("lib/python*/site-packages"))
    own.append(str(Path(hook.__file__).parents[2]))
    (packages / "weft.pth").write_text("\n".join(own) + "\n")
    return folder / "bin" / "python"
