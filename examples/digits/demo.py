"""A walk through weft on real data: two versions of a dataset, shared, lost, and brought back to the last byte; then a
model that is trained on it, and a commit that says something false about it.

Every line that starts with ``$`` is a command as you would type it; nothing but ``weft`` and ``git`` does the work.
Run it with ``make demo``, or as ``python demo.py FOLDER``: FOLDER is replaced by the result.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dataset import change_to_second_version, write_first_version

HERE = Path(__file__).resolve().parent
MARK = ".made-by-the-weft-demo"


def main(arguments: list[str]) -> int:
    """Build the demo beside FOLDER, then put it in its place, so that a failure leaves the earlier result alone."""
    if len(arguments) != 1:
        print("usage: python demo.py FOLDER", file=sys.stderr)
        return 2
    target = Path(arguments[0]).resolve()
    if target.exists() and not (target / MARK).exists():
        print(f"{target} is there and was not made by this demo; name another folder", file=sys.stderr)
        return 2
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo-", dir=target.parent) as scratch:
        place = Path(scratch) / "demo"
        place.mkdir()
        (place / MARK).touch()
        Walk(place).run()
        shutil.rmtree(target, ignore_errors=True)
        place.rename(target)
    where_things_are(target)
    return 0


class Walk:
    """The story. ``place`` holds the project, the remote, the Git server's repository, and copies to compare with."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.project = place / "project"
        self.data = self.project / "digits"
        self.environment = quiet_environment(place)

    def run(self) -> None:
        """Tell the whole story; raises SystemExit as soon as a command fails or a byte differs."""
        self.start()
        self.first_version()
        self.second_version()
        self.lose_everything()
        self.old_version_by_path()
        self.old_version_by_commit()
        self.look_without_checkout()
        self.train_a_model()
        self.try_to_cheat()
        self.old_model()

    def start(self) -> None:
        """Make a Git repository with an ordinary Git remote, and a weft project with a directory as remote."""
        say("A project is a Git repository. Commits go to a Git server, here a bare repository beside it.")
        self.at(self.place, "git init -q --bare -b main server.git")
        self.at(self.place, "git init -q -b main project")
        self.type("git config user.name 'Demo User'", "git config user.email demo@example.com")
        self.type("git remote add origin ../server.git")
        say("Data goes to a weft remote, here a plain directory. A bucket works the same way: s3://BUCKET/PREFIX.")
        self.type("weft init --remote ../remote", "git commit -q -m 'Start to use weft'")

    def first_version(self) -> None:
        """Add, commit, tag and push version 1."""
        say("Version 1 of the data: the handwritten digits of scikit-learn as files.")
        write_first_version(self.data)
        files, size = measure(self.data)
        print(f"  digits/ now holds {files:,} files, {size:,} bytes")
        self.type("weft add digits", "git status --short", "cat digits.weft")
        say("Git has a small pointer; the bytes are in the local store. Commit, tag, and push both halves.")
        self.type("git commit -q -m 'Add the digits'", "git tag v1")
        self.push_and_measure("git push -q origin main v1")
        shutil.copytree(self.data, self.place / "kept-aside" / "v1")

    def second_version(self) -> None:
        """Change a little, see what changed, and push only that."""
        say("A day of work on the data:")
        for sentence in change_to_second_version(self.data):
            print(f"  {sentence}")
        self.type("weft status", "weft diff", "weft add digits")
        self.type("git commit -q -m 'Review the digits'", "git tag v2")
        say("Push again. Only what is new goes over the wire.")
        self.push_and_measure("git push -q origin main v2")
        shutil.copytree(self.data, self.place / "kept-aside" / "v2")

    def lose_everything(self) -> None:
        """Delete the project with its store, clone, pull, and compare."""
        say("The laptop is lost: the project is deleted, its local store too.")
        self.at(self.place, "rm -rf project", "git clone -q server.git project")
        say("A clone has the pointers. weft pull brings the data.")
        self.type("weft status", "weft pull")
        self.compare("v2")

    def old_version_by_path(self) -> None:
        """Take the data of version 1 into the work tree of today."""
        say("A pull brings what the current commit needs; fetch --all makes sure of every other commit too.")
        self.type("weft fetch --all")
        say("The data of version 1 with the code of today, as `git checkout v1 -- PATH` does for code:")
        self.type("weft checkout v1 digits")
        self.compare("v1")
        say("And back:")
        self.type("weft checkout main digits")
        self.compare("v2")

    def old_version_by_commit(self) -> None:
        """Go to the commit of version 1 and let the data follow."""
        say("The whole project as it was at version 1: Git moves the pointers, weft makes the data follow.")
        self.type("git checkout -q v1", "weft checkout")
        self.compare("v1")
        say("And back:")
        self.type("git checkout -q main", "weft checkout")
        self.compare("v2")

    def look_without_checkout(self) -> None:
        """Read an old file without touching the work tree, and verify the store."""
        say("A look at version 1 without checking it out, and a check of every stored byte:")
        self.type("weft ls v1:digits", "weft cat v1:digits/labels.csv | head -n 3", "weft verify --full")

    def train_a_model(self) -> None:
        """Declare three stages, run them, change a parameter, and run what is stale."""
        say(
            "A model is made from the data: three stages in weft.yaml, with their code in Git. The hooks guard the commits."
        )
        shutil.copytree(HERE / "pipeline", self.project, dirs_exist_ok=True)
        self.type("git config user.name 'Demo User'", "git config user.email demo@example.com")
        self.type(
            "weft install", "cat weft.yaml", "git add weft.yaml params.yaml src", "git commit -q -m 'Declare stages'"
        )
        self.type("weft repro", "git add -A", "git commit -q -m 'Train a model'", "git tag model-1", "cat metrics.json")
        say("Another parameter: only what depends on it is run again.")
        self.type("sed -i 's/c: 0.01/c: 1.0/' params.yaml", "weft repro --dry-run", "weft repro")
        self.type("git commit -q -a -m 'Count each mistake more'", "git tag model-2")
        say("What changed between the two commits, and where the model comes from:")
        self.type("weft compare model-1 model-2", "weft lineage why work/classifier.joblib")

    def try_to_cheat(self) -> None:
        """Edit a metric by hand: the hook refuses that commit and lets the honest one pass."""
        say(
            "A better number, typed by hand. The hook compares it with what the run has recorded, and refuses the commit:"
        )
        self.type('sed -i \'s/"accuracy": 0.9[0-9]*/"accuracy": 0.9999/\' metrics.json')
        self.refused("git commit -q -a -m 'A better model'")
        say("The honest way is to put it back, or to run the stage. Then the commit passes:")
        self.type(
            "git checkout -q HEAD -- metrics.json", "echo 'All numbers are measured.' > NOTES.md", "git add NOTES.md"
        )
        self.type("git commit -q -m 'Say where the numbers come from'", "weft validate --range v2..HEAD")
        say("A clone sends data only to a place that you have accepted in it. This shows the place and accepts it:")
        self.type("weft remote trust origin")
        say("A push sends the data first, then the commits:")
        self.type("git push -q origin main model-1 model-2")

    def old_model(self) -> None:
        """Go back to the first model: code, data, params and metrics belong together, so nothing is stale."""
        say("The commit of the first model, with its data. Nothing has to run: all that it says still holds.")
        self.type("git checkout -q model-1", "cat metrics.json")
        if "0 of 3 stages stale" not in self.type("weft repro --dry-run"):
            raise SystemExit("the old commit does not hold")
        self.type("git checkout -q main", "weft status")

    def push_and_measure(self, git_push: str) -> None:
        """Push data, then commits, and print how many bytes the remote grew by."""
        remote = self.place / "remote"
        before = measure(remote)[1]
        self.type("weft push", git_push)
        grown, (files, size) = measure(remote)[1] - before, measure(self.data)
        print(f"  the data is {size:,} bytes in {files:,} files; the remote grew by {grown:,} bytes")

    def compare(self, version: str) -> None:
        """Compare the data with the copy kept aside, file by file and byte by byte."""
        files, size = differ_or_measure(self.place / "kept-aside" / version, self.data)
        print(f"  compared with the copy of {version}: all {files:,} files, {size:,} bytes, are equal")

    def type(self, *commands: str) -> str:
        """Run commands in the project; returns what the last one printed."""
        return self.at(self.project, *commands)

    def at(self, folder: Path, *commands: str) -> str:
        """Show and run commands in a folder, with their output, and stop at the first that fails."""
        printed = ""
        for command in commands:
            code, printed = self.execute(folder, command)
            if code:
                raise SystemExit(f"the command failed with exit code {code}: {command}")
        return printed

    def refused(self, command: str) -> None:
        """Show and run a command in the project that must fail."""
        code, _ = self.execute(self.project, command)
        if not code:
            raise SystemExit(f"the command should have been refused: {command}")
        print(f"  refused, exit code {code}")

    def execute(self, folder: Path, command: str) -> tuple[int, str]:
        """Show and run one command, with its output."""
        print(f"  $ {command}", flush=True)
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print("".join(f"    {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
        return done.returncode, done.stdout


def quiet_environment(place: Path) -> dict[str, str]:
    """The caller's environment with this Python's ``weft`` first on PATH and without the user's own Git settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return environment | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        # A project that the demo failed to make must not be mistaken for the repository around it.
        "GIT_CEILING_DIRECTORIES": str(place),
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def measure(folder: Path) -> tuple[int, int]:
    """Number of files and of bytes below a folder."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def differ_or_measure(expected: Path, actual: Path) -> tuple[int, int]:
    """Number of files and bytes when both folders hold the same; raises SystemExit naming the first difference."""
    left, right = contents(expected), contents(actual)
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            raise SystemExit(f"{name} is not what was added: compare {expected} with {actual}")
    return len(left), sum(map(len, left.values()))


def say(sentence: str) -> None:
    """Print one step of the story."""
    print(f"\n{sentence}", flush=True)


def where_things_are(target: Path) -> None:
    """Print where to look."""
    shown = shlex.quote(os.path.relpath(target))
    say("All comparisons held. For a look around:")
    print(f"  {shown}/project      the clone, at main; its local store is in .git/weft")
    print(f"  {shown}/remote       what `weft push` wrote: packs, segments, roots")
    print(f"  {shown}/server.git   what `git push` wrote")
    print(f"  {shown}/kept-aside   plain copies of both versions, made before anything was pushed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
