"""What the project's own files must hold, and what none of them may name."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# Spelled in pieces, so that this file does not name what it looks for.
REGISTRY = re.compile(
    "|".join(
        ["pypi" + r"\.org", "python" + r"hosted\.org", "extra-" + "index-url", "--index" + "-url", "find-" + "links"]
    )
)
# A home folder, or a folder that exists on one machine only. "alice" is the made-up user of examples, and root/of
# begins a made-up path.
MACHINE = re.compile(r"(?<![\w.}$])/(?:home/(?!alice\b)\w+|Users/(?!alice\b)\w+|" + r"root(?!/of/)|work|opt|mnt)/[\w.]")

# On the public index the name belongs to a program of others: no hint and no page may tell somebody to fetch that.
BY_NAME = re.compile(
    r"\b(?:pip3?|pipx|uvx?|conda|mamba)\s[^`,;]*\b(?:install|add|run|from)\b[^`,;]*[\s'\"]weft(?!'s|[\w./-])(?:$|\[|[\s'\"`=<>~!@,)])"
)


def project_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    for path in project_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        if pattern.search(text):
            hits = [
                f"{number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)
            ]
            found += [f"{path.relative_to(ROOT)}:{hit}" for hit in hits]
    return found


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert not lines_with(MACHINE)


def test_no_file_names_where_this_checkout_is() -> None:
    # A checkout at /src or /app could not be told from a path within a project.
    if len(ROOT.parts) > 2:
        assert not lines_with(re.compile(r"(?<![\w.}$])" + re.escape(str(ROOT)) + r"(?!\w)"))


@pytest.mark.parametrize("text", ["pip install weft", "`pip install 'weft[s3]'`", "uv tool install weft==1\n"])
def test_advice_to_install_by_name_is_noticed(text: str) -> None:
    assert BY_NAME.search(text)


def test_no_file_says_to_install_weft_by_name() -> None:
    assert not [hit for hit in lines_with(BY_NAME) if "tests/docs/test_project_files.py" not in hit]


def test_no_file_names_a_package_registry() -> None:
    assert not lines_with(REGISTRY)


@pytest.mark.parametrize("text", ["/home/" + "somebody/data", "cd /work" + "/main", "(/root" + "/.cache)"])
def test_a_folder_of_one_machine_is_noticed(text: str) -> None:
    assert MACHINE.search(text)


@pytest.mark.parametrize(
    "text", ["/home/alice/data", "PREFIX/roots/x", "$HOME/work/x", "a/work/b", "https://host/work"]
)
def test_other_paths_are_not_taken_for_one(text: str) -> None:
    assert not MACHINE.search(text)


def test_ci_runs_what_a_contributor_runs() -> None:
    commands = [
        line
        for line in (ROOT / ".ci" / "run").read_text().splitlines()
        if line and not line.startswith(("#", "set ", "cd "))
    ]
    assert commands == ["exec make test"]


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench", "bench-full", "docs", "clean"])
def test_make_knows_its_targets(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert f"make {target}" in makefile


def test_pyproject_keeps_its_promises() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"s3", "gcs", "dev", "demo"} <= project["optional-dependencies"].keys()
    assert not [name for name in project["dependencies"] if re.match("dulwich|s3fs|gcsfs|scikit", name)]
    assert (ROOT / project["readme"]).is_file()


def test_licence_is_the_one_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "LICENSE").read_text()
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert len(text.splitlines()) > 200


def test_changelog_speaks_of_this_version() -> None:
    """By the number of the release: one that is still developed stands there as unreleased."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"].partition(".dev")[0]
    assert re.search(rf"^## .*\b{re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_what_development_installs_fits_what_the_package_asks_for() -> None:
    """`make lock` was run after the last change of a dependency; every line has a version and hashes, and no address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    base = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    everything = [*extras["s3"], *extras["gcs"], *extras["demo"], *extras["dev"][1:]]
    for name, wanted in {"dev": everything, "demo": extras["demo"], "fuzz": extras["fuzz"]}.items():
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        assert not re.search(r"^-|://|^[^#\s][^=]*$", text, re.MULTILINE)
        pinned = re.findall(
            r"^([a-z0-9-]+)==([0-9][\w.]*)[^\\\n]* \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE
        )
        assert len(pinned) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
        for asked in map(Requirement, [*base, *wanted]):
            versions = [version for known, version in pinned if known == canonicalize_name(asked.name)]
            assert versions, f"{asked} is not in requirements/{name}.txt: run make lock"
            assert all(version in asked.specifier for version in versions), f"{asked}: run make lock"
