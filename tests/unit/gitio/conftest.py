"""Real repositories, made by the real Git, with no configuration of the machine in them."""

from __future__ import annotations

import os
import subprocess

import pytest

from weft.gitio.repo import discover


class Work:
    """A work tree under test: commands run straight through Git, not through the code under test."""

    def __init__(self, path):
        self.path = str(path)

    def git(self, *args, stdin=b"", check=True):
        done = subprocess.run(["git", *args], cwd=self.path, input=stdin, capture_output=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def write(self, name, data=b"x"):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def commit(self, files=None, message="change"):
        for name, data in (files or {}).items():
            self.write(name, data)
            self.git("--literal-pathspecs", "add", "-f", "--", name)
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").decode().strip()

    @property
    def repo(self):
        return discover(self.path)


@pytest.fixture(autouse=True)
def plain_git(tmp_path_factory, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("xdg")))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")


@pytest.fixture
def new_work(tmp_path):
    def make(name="work", *options):
        subprocess.run(["git", "init", "-q", "-b", "main", *options, str(tmp_path / name)], check=True)
        return Work(tmp_path / name)

    return make


@pytest.fixture(params=["sha1", "sha256"])
def any_work(request, new_work):
    """A repository of either object format."""
    return new_work("work", f"--object-format={request.param}")


@pytest.fixture
def work(new_work):
    return new_work()


@pytest.fixture
def open_work():
    return Work
