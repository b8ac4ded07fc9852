"""Nothing is ever imported from the directory that weft is run in (hostile item 77)."""

import os
import subprocess
import sys

import pytest

from weft.cli.isolation import isolate

DECOYS = (
    "click", "yaml", "rich", "fsspec", "sitecustomize", "usercustomize", "conftest", "dataclasses", "typing", "enum", "json",
    "blake3", "xxhash", "zstandard", "sqlite3", "asyncio", "difflib", "threading", "signal", "traceback", "contextlib",
    "secrets",
)  # fmt: skip
CONSOLE_SCRIPT = os.path.join(os.path.dirname(sys.executable), "weft")


@pytest.fixture
def hostile(tmp_path):
    """A folder full of modules that leave a mark when they are imported."""
    for name in DECOYS:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'a').write({name!r} + ' ')\n")
    return tmp_path


def run(command, folder, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    done = subprocess.run(command, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False)
    marks = (folder / "PWNED").read_text() if (folder / "PWNED").exists() else ""
    return done, marks


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["version", "--json"], ["nosuch"], ["status"], ["completion", "bash"]],
    ids=" ".join,
)
@pytest.mark.parametrize("start", [[sys.executable, "-m", "weft"], [CONSOLE_SCRIPT]], ids=["module", "script"])
def test_decoys_in_the_current_directory_are_not_imported(hostile, start, arguments):
    if start[1:]:
        # `python -m` reads it for itself, from the current directory, before any module that it is asked to run.
        (hostile / "contextlib.py").unlink()
    done, marks = run([*start, *arguments], hostile)
    assert marks == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("value", [".", "{here}", "{here}/.", ":", "{here}:relative"])
def test_decoys_on_the_python_path_are_not_imported_by_weft(hostile, value):
    """What Python itself imports before any program of the user's runs, it imports for every program."""
    for name in ("sitecustomize", "usercustomize", "contextlib", "enum", "typing", "threading"):
        (hostile / f"{name}.py").unlink()
    path = value.format(here=hostile)
    done, marks = run([CONSOLE_SCRIPT, "nosuch", "-v"], hostile, PYTHONPATH=path)
    assert marks == ""
    assert done.returncode == 2, done.stderr


def test_the_decoys_would_work(hostile):
    _, marks = run([sys.executable, "-c", "import click"], hostile)
    assert marks == "click "


def test_only_the_current_directory_and_relative_entries_go(tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    monkeypatch.chdir(tmp_path)
    keep = [
        str(tmp_path / "lib"),
        str(tmp_path / "missing"),
        *[entry for entry in sys.path if entry.endswith("-packages")],
    ]
    monkeypatch.setattr(sys, "path", ["", ".", "lib", str(tmp_path), str(tmp_path / "lib" / ".."), *keep])
    isolate()
    assert sys.path == keep


def test_an_installation_in_the_current_directory_stays(monkeypatch):
    site = next(entry for entry in sys.path if entry.endswith("site-packages") and entry.startswith(sys.prefix))
    monkeypatch.chdir(site)
    monkeypatch.setattr(sys, "path", ["", site])
    isolate()
    assert sys.path == [site]
