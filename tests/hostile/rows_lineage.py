"""Commits whose records tell of other inputs than the ones that they are committed with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lineagekit import Lineage, make
from weft.formats import lineage
from weft.model.lineage import DataRef, record_path
from weft.model.oid import Oid
from weft.workflows.validate import hook_validate, validate_revision, validate_staged

STAGE = """\
  look:
    cmd: [python, src/look.py]
    deps: {deps}
    params: [used, {{settings.py: [lr]}}]
    plots: [plots]
"""
PARAMS = "used: [1, 2]\n"


def ran(tmp_path: Path, *deps: str, params: str = PARAMS, settings: str = "lr = 0.1\n", **files: str) -> Lineage:
    """A repository with a stage that ran, all of it committed."""
    repo = make(tmp_path / "repo")
    for name, text in {"code/look.py": "1\n", "plots/a.csv": "1\n", "settings.py": settings, **files}.items():
        repo.write(name, text)
    repo.write("params.yaml", repo.read("params.yaml") + params.encode())
    repo.write("weft.yaml", repo.read("weft.yaml") + STAGE.format(deps=f"[{', '.join(deps or ('code',))}]").encode())
    return repo


def honest(repo: Lineage, **changes: object) -> Lineage:
    """Commit the record of what is there."""
    repo.record("look", **changes)
    assert not repo.git("add", "-A")
    assert not validate_staged(str(repo.root)).violations
    repo.git("commit", "-q", "--no-verify", "-m", "honest")
    return repo


def refused(repo: Lineage, *rules: str) -> None:
    """What is there now is refused by ``rules`` alone, staged and committed."""
    repo.git("add", "-A")
    assert not hook_validate(str(repo.root)).passed
    found(repo, *rules)


def stale(repo: Lineage, *rules: str) -> None:
    """What is there now is marked as stale by ``rules`` alone, which --strict refuses: an input is another one."""
    repo.git("add", "-A")
    assert hook_validate(str(repo.root)).passed
    found(repo, *rules)


def found(repo: Lineage, *rules: str) -> None:
    assert {one.rule for one in validate_staged(str(repo.root)).violations} == set(rules)
    assert not hook_validate(str(repo.root), strict=True).passed
    repo.git("commit", "-q", "--no-verify", "-m", "hostile")
    assert {one.rule for one in validate_revision(str(repo.root), "HEAD").violations} == set(rules)
    repo.git("reset", "-q", "--hard", "HEAD~1")


def other_types(tmp_path: Path) -> None:
    repo = honest(ran(tmp_path, params="used: {a: [1, 2], b: 0.0, c: [[1]]}\n"))
    for old, new in (("[1, 2]", "[true, 2.0]"), ("0.0", "-0.0"), ("[[1]]", "[[1.0]]")):
        repo.replace("params.yaml", old, new)
        stale(repo, "WEFT009")


def two_dialects(tmp_path: Path) -> None:
    texts = {"a": "no", "b": "012", "c": "0.1", "d": "0o1", "e": "1_000", "f": "1:30", "g": "2026-01-01", "h": "{1: x}"}
    params = "used:\n" + "".join(f"  {key}: {text}\n" for key, text in texts.items())
    repo = honest(ran(tmp_path, params=params, settings="lr = (1, 2)\n"))
    repo.write("settings.py", "lr = [1, 2]\n")
    stale(repo, "WEFT009")
    twins = {
        "a": '"no"',
        "b": "12",
        "c": "1e-1",
        "d": "1",
        "e": '"1_000"',
        "f": '"1:30"',
        "g": '"2026-01-01"',
        "h": '{"1": x}',
    }
    for key, text in twins.items():
        repo.replace("params.yaml", f"  {key}: {texts[key]}\n", f"  {key}: {text}\n")
        stale(repo, "WEFT009")


def a_module_that_is_more(tmp_path: Path) -> None:
    repo = honest(ran(tmp_path))
    for more in (
        "from other import lr",
        "exec('lr = 0.9')",
        "(lr := 0.9)",
        "def lr(): pass",
        "globals().update(lr=0.9)",
    ):
        repo.write("settings.py", f"lr = 0.1\n{more}\n")
        stale(repo, "WEFT009", "WEFT013")
    repo.write("settings.py", "from other import lr\n")
    code = {**repo.record_of("look").code, "settings.py": repo.blob("settings.py")}
    honest(repo, code=code)
    repo.write("settings.py", "from another import lr\n")
    stale(repo, "WEFT013")


def new_files(tmp_path: Path) -> None:
    repo = honest(ran(tmp_path))
    repo.point("code/deep/data.csv")
    stale(repo, "WEFT011")
    repo.write("plots/deep/fake.csv", "2\n")
    refused(repo, "WEFT010")


def links(tmp_path: Path) -> None:
    repo = ran(tmp_path, **{"shared/real.py": "1\n", "shared/pkg/one.py": "1\n", "other/real.py": "1\n"})
    for name, target in {"code/real.py": "../alias/real.py", "code/pkg": "../shared/pkg", "alias": "shared"}.items():
        (repo.root / name).symlink_to(target)
    found = repo.record_of("look")
    names = ["alias", "code/look.py", "code/pkg", "code/real.py", "shared/pkg/one.py", "shared/real.py"]
    modes = dict.fromkeys(("alias", "code/pkg", "code/real.py"), "link")
    honest(repo, code={name: repo.blob(name) for name in names}, modes={**found.modes, **modes})
    for name in ("shared/real.py", "shared/pkg/two.py"):
        repo.write(name, "2\n")
        stale(repo, "WEFT013")
    (repo.root / "alias").unlink()
    (repo.root / "alias").symlink_to("other")
    stale(repo, "WEFT013")
    for target in ("/etc/hostname", "../../x"):
        (repo.root / "code/real.py").unlink()
        (repo.root / "code/real.py").symlink_to(target)
        refused(repo, "WEFT013")
    # A record that tells of such a link does not tell what the run read.
    (repo.root / "code/out.py").symlink_to("/etc/hostname")
    found = repo.record_of("look")
    code = {**{name: repo.blob(name) for name in names}, "code/out.py": repo.blob("code/out.py")}
    repo.record("look", code=code, modes={**found.modes, **modes, "code/out.py": "link"})
    refused(repo, "WEFT013")


def submodule(tmp_path: Path) -> None:
    repo = ran(tmp_path)
    inner = Lineage(tmp_path / "inner")
    inner.root.mkdir()
    inner.git("init", "-q")
    for text in ("1", "2"):
        inner.write("lib.py", text)
        inner.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.root), "code/lib")
    code = {"code/look.py": repo.blob("code/look.py"), "code/lib": inner.git("rev-parse", "HEAD").strip()}
    honest(repo, code=code, modes={"code/lib": "submodule"})
    repo.git("-C", "code/lib", "checkout", "-q", "HEAD~1")
    stale(repo, "WEFT013")


def compiled(tmp_path: Path) -> None:
    repo = honest(ran(tmp_path))
    repo.write("code/deep/__pycache__/look.cpython-311.pyc", "x")
    repo.git("add", "-f", "code")
    stale(repo, "WEFT013")


def other_modes(tmp_path: Path) -> None:
    repo = honest(ran(tmp_path, **{"code/name": "look.py"}))
    (repo.root / "code/look.py").chmod(0o755)
    stale(repo, "WEFT013")
    (repo.root / "code/name").unlink()
    (repo.root / "code/name").symlink_to("look.py")
    stale(repo, "WEFT013")


def part_of_a_directory(tmp_path: Path) -> None:
    repo = ran(tmp_path, "code", "data/raw/part")
    top = repo.point("data/raw").oid
    part = DataRef("data/raw/part", "file", Oid.of(b"part"), 4, inside="data/raw", whole=top)
    honest(repo, deps=(part,))
    repo.point("data/raw", "2")
    repo.record("prepare")
    repo.record("look", deps=(part,))
    stale(repo, "WEFT011")


def false_runs(tmp_path: Path) -> None:
    repo = honest(ran(tmp_path))
    run = repo.record_of("look").run
    assert run is not None
    repo.record("look", run=replace(run, exit=137))
    refused(repo, "WEFT020")
    for old, new in (("  id: r1\n", "  id: r2\n"), ("  duration: 2.0\n", "  duration: 3.0\n")):
        repo.replace(record_path("look"), old, new)
        refused(repo, "WEFT008")
    repo.record("look", schema=1, params_files={}, rationale="new")
    assert lineage.decode(repo.read(record_path("look")), what="x").schema == 1
    refused(repo, "WEFT006")


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (116, "other-types", other_types),
    (117, "two-dialects", two_dialects),
    (118, "a-module-that-is-more", a_module_that_is_more),
    (119, "new-files", new_files),
    (120, "links", links),
    (121, "submodule", submodule),
    (122, "compiled", compiled),
    (123, "other-modes", other_modes),
    (124, "part-of-a-directory", part_of_a_directory),
    (125, "false-runs", false_runs),
]
