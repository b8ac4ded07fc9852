"""Whatever a stage reads is in its record: a change of any of it is refused by the rules, and seen by the plan alike."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import environment
from stagekit import Project, empty
from weft.workflows.project import open_project
from weft.workflows.repro import repro
from weft.workflows.stage_results import RunOptions
from weft.workflows.validate import validate_staged

STAGES = b"""\
stages:
  look:
    cmd: [sh, lib/look.sh]
    deps: [lib, data/plain, big/part]
    params: [list, zero, flags, unread, {plain.yaml: [lr]}, {settings.py: [rate]}]
    plots: [plots]
    metrics: [m.json]
  each:
    foreach: [a]
    do: {cmd: "echo ${item} > out.txt", wdir: lib, deps: [inner], outs: [{out.txt: {cache: false}}]}
"""
FILES = {
    "weft.yaml": STAGES,
    "lib/look.sh": b"mkdir -p plots && echo 1 > plots/a.csv && cp shared/real.py plots/text && echo '{\"a\": 1}' > m.json\n",
    "lib/run.sh": b"exit\n",
    "lib/name.txt": b"inner/deep.sh",
    "lib/inner/deep.sh": b"true\n",
    "lib/.gitignore": b"*.hid\n",
    "shared/real.py": b"SCALE = 1\n",
    "shared/pkg/one.py": b"1\n",
    "params.yaml": b"list: [1, 2]\nzero: 0.0\nflags: {a: 1}\nunread: no\n",
    "plain.yaml": b"# the rate\nlr: 0.1\nn: 3\n",
    "settings.py": b"from math import pi as rate\n",
    "data/plain/a.csv": b"1\n",
    "big/part/x": b"1\n",
    "big/other/y": b"1\n",
}


def git(folder: Path, *args: str) -> str:
    argv = ["git", "-c", "protocol.file.allow=always", *args]
    done = subprocess.run(argv, cwd=folder, env=environment(), capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def module(folder: Path, object_format: str) -> Path:
    """A repository of two commits, the first of which is to be read."""
    git(folder.parent, "init", "-q", f"--object-format={object_format}", folder.name)
    for text in ("1\n", "2\n"):
        (folder / "lib.py").write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", text)
    return folder


def scene(tmp_path: Path, object_format: str = "sha1") -> Project:
    """A stage that reads all sorts of things, run and committed."""
    git(tmp_path, "init", "-q", "-b", "main", f"--object-format={object_format}", "repo")
    repo = empty(tmp_path)
    repo.write(FILES)
    for name, target in {"helper.py": "../alias/real.py", "pkg": "../shared/pkg", "self": "inner"}.items():
        (repo.root / "lib" / name).symlink_to(target)
    (repo.root / "alias").symlink_to("shared")
    (repo.root / "lib/run.sh").chmod(0o755)
    repo.weft("add", "data/plain/a.csv", "big")
    inner = module(tmp_path / "inner", object_format)
    outer = module(tmp_path / "outer", object_format)
    git(outer, "submodule", "add", "-q", str(inner), "inner")
    git(outer, "commit", "-q", "-m", "3")
    git(repo.root, "submodule", "add", "-q", str(outer), "lib/vendor")
    git(repo.root, "submodule", "update", "-q", "--init", "--recursive")
    repo.commit("code")
    repo.weft("repro")
    repo.commit("results")
    return repo


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scene(tmp_path_factory.mktemp("read")).root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(base, tmp_path / "repo", symlinks=True)))


def judged(repo: Project) -> set[str]:
    """The rules that find something in the work tree, staged as a whole."""
    repo.git("add", "-A")
    return {one.rule for one in validate_staged(str(repo.root)).violations if one.severity != "warn"}


def stale(repo: Project) -> set[str]:
    """The stages that the plan finds stale."""
    with open_project(str(repo.root)) as project:
        result = repro(project, [], RunOptions(dry_run=True))
    return {one.stage for one in result.stages if one.action != "up-to-date"}


def replaced(name: str, old: str, new: str) -> Callable[[Project], None]:
    def change(repo: Project) -> None:
        text = (repo.root / name).read_text()
        assert old in text
        (repo.root / name).write_text(text.replace(old, new))

    return change


def linked(name: str, target: str) -> Callable[[Project], None]:
    def change(repo: Project) -> None:
        (repo.root / name).unlink()
        (repo.root / name).symlink_to(target)

    return change


def written(name: str, text: str = "x\n") -> Callable[[Project], None]:
    return lambda repo: repo.write({name: text.encode()})


def new_pointer(name: str, tracked: str = "") -> Callable[[Project], None]:
    def change(repo: Project) -> None:
        repo.write({name: b"new\n"})
        repo.weft("add", tracked or name)

    return change


def other_commit(repo: Project) -> None:
    git(repo.root / "lib/vendor", "checkout", "-q", "HEAD~1")


def other_nested_commit(repo: Project) -> None:
    git(repo.root / "lib/vendor/inner", "checkout", "-q", "HEAD~1")
    git(repo.root / "lib/vendor", "commit", "-q", "-a", "-m", "nested")


def compiled(repo: Project) -> None:
    repo.write({"lib/inner/__pycache__/deep.cpython-311.pyc": b"x"})
    repo.git("add", "-f", "lib/inner/__pycache__")


def ignored(repo: Project) -> None:
    repo.write({"lib/x.hid": b"x"})
    repo.git("add", "-f", "lib/x.hid")


CHANGES: dict[str, tuple[str, Callable[[Project], None]]] = {
    "list-of-other-types": ("WEFT009", replaced("params.yaml", "[1, 2]", "[true, 2.0]")),
    "negative-zero": ("WEFT009", replaced("params.yaml", "0.0", "-0.0")),
    "true-for-one": ("WEFT009", replaced("params.yaml", "a: 1", "a: true")),
    "no-and-its-text": ("WEFT009", replaced("params.yaml", "no", '"no"')),
    "exponent": ("WEFT009", replaced("plain.yaml", "0.1", "1e-1")),
    "pointer-below": ("WEFT011", new_pointer("data/plain/sub/b.csv")),
    "plot": ("WEFT010", written("plots/sub/fake.csv")),
    "plot-as-link": ("WEFT010", linked("plots/a.csv", "text")),
    "executable-plot": ("WEFT010", lambda repo: (repo.root / "plots/a.csv").chmod(0o755)),
    "target-of-a-link": ("WEFT013", written("shared/real.py")),
    "below-the-target": ("WEFT013", written("shared/pkg/deep/two.py")),
    "link-to-another": ("WEFT013", linked("lib/helper.py", "../shared/pkg/one.py")),
    "link-on-the-way": ("WEFT013", linked("alias", "shared/../shared")),
    "submodule": ("WEFT013", other_commit),
    "submodule-in-submodule": ("WEFT013", other_nested_commit),
    "compiled": ("WEFT013", compiled),
    "not-executable": ("WEFT013", lambda repo: (repo.root / "lib/run.sh").chmod(0o644)),
    "executable": ("WEFT013", lambda repo: (repo.root / "lib/look.sh").chmod(0o755)),
    "link-of-the-same-blob": ("WEFT013", linked("lib/name.txt", "inner/deep.sh")),
    "module-of-params": ("WEFT013", replaced("settings.py", "pi", "e")),
    "ignored-and-forced": (
        "WEFT013",
        ignored,
    ),
    "link-out": ("WEFT013", linked("lib/helper.py", "/etc/hostname")),
    "link-up-and-out": ("WEFT013", linked("lib/helper.py", "../../x")),
    "link-around": ("WEFT013", linked("lib/helper.py", "helper.py")),
    "link-to-data": ("WEFT013", linked("lib/helper.py", "../big/other")),
    "link-to-all": ("WEFT013", linked("lib/helper.py", "..")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_and_makes_the_stage_stale(name: str, repo: Project) -> None:
    rule, change = CHANGES[name]
    change(repo)
    assert rule in judged(repo)
    assert "look" in stale(repo)


def test_an_honest_run_is_taken_and_other_bytes_of_equal_params_too(repo: Project) -> None:
    assert (judged(repo), stale(repo)) == (set(), set())
    replaced("plain.yaml", "# the rate\nlr: 0.1", "lr:   0.10  # small")(repo)
    assert (judged(repo), stale(repo)) == (set(), set())


def test_a_change_beside_the_part_that_was_read_is_written_down_without_a_run(repo: Project) -> None:
    repo.write({"big/other/y": b"2\n"})
    repo.weft("add", "big")
    assert judged(repo) == set(), "the listings are here, and tell that the part is the same"
    assert repo.actions("look")["look"] == "refreshed"
    assert judged(repo) == set()
    repo.write({"big/part/x": b"2\n"})
    repo.weft("add", "big")
    assert (judged(repo), "look" in stale(repo)) == ({"WEFT011"}, True)


def test_a_run_is_refused_where_a_link_or_a_submodule_leads_to_what_nobody_keeps(repo: Project) -> None:
    written("lib/vendor/lib.py", "changed\n")(repo)
    assert "lib/vendor" in repo.weft("repro", "look", code=3).err
    git(repo.root / "lib/vendor", "checkout", "-q", ".")
    for target, said in (("../x.hid", "neither Git nor weft keeps"), ("/etc", "out of the repository")):
        linked("lib/helper.py", target)(repo)
        repo.write({"x.hid": b"1", ".gitignore": b"*.hid\n"})
        assert said in repo.weft("repro", "look", code=3).err


def test_the_record_names_what_is_read(base: Path) -> None:
    record = Project(base).record("look")
    assert {"alias", "lib/helper.py", "lib/vendor", "settings.py", "shared/pkg/one.py", "shared/real.py"} <= set(
        record.code
    )
    assert "lib/.gitignore" not in record.code
    kinds = {"alias": "link", "lib/helper.py": "link", "lib/pkg": "link", "lib/self": "link", "lib/run.sh": "x"}
    assert record.modes == {**kinds, "lib/vendor": "submodule"}
    assert record.params["settings.py"] == {}
    assert record.params_files["params.yaml"].unsure == ("unread",)
    assert [ref.whole is not None for ref in record.deps] == [ref.inside == "big" for ref in record.deps]


def test_what_ignore_files_hide_is_named_and_warned_of(repo: Project) -> None:
    hidden = [
        "big/part/a.tmp",
        "big/part/y.tmp",
        "lib/inner/x.hid",
        "lib/tools",
        "lib/vendor/v.hid",
        "shared/pkg/s.hid",
    ]
    files = [*hidden[:3], "lib/tools/a", "lib/tools/b", *hidden[4:], "big/other/w.tmp", "lib/inner/__pycache__/c.hid"]
    kept = (repo.root / ".gitignore").read_bytes()
    repo.write(dict.fromkeys(files, b"1") | {".weftignore": b"*.tmp\n", ".gitignore": kept + b"/lib/tools/\n*.hid\n"})
    (repo.root / ".git/modules/lib/vendor/info/exclude").write_text("*.hid\n")
    ran = repo.weft("repro", "--force", "look")
    assert f"neither Git nor weft keeps: {', '.join(hidden[:5])} and 1 more" in ran.err
    assert "in another way than weft: unread of params.yaml" in ran.err
    found = repo.record("look").hidden
    assert found is not None
    assert (found.count, list(found.paths)) == (6, hidden)
    repo.git("add", "-A")
    result = validate_staged(str(repo.root))
    assert {(one.rule, one.severity) for one in result.violations} == {("WEFT033", "warn")}
    repo.commit("run")
    assert not validate_staged(str(repo.root)).violations


def test_bytes_that_git_would_not_bring_back_are_named_and_warned_of(repo: Project) -> None:
    repo.git("config", "filter.clean.clean", "sed s/evil/good/")
    repo.git("config", "filter.whole.clean", "tr a-z A-Z")
    repo.git("config", "filter.whole.smudge", "tr A-Z a-z")
    attributes = b"one.py filter=clean\nreal.py ident\ntwo.py filter=whole\nlook.sh text eol=crlf\nutf.py encoding\n"
    repo.write(
        {
            ".gitattributes": attributes.replace(b"encoding", b"working-tree-encoding=UTF-16LE"),
            "shared/pkg/one.py": b"evil\n",
            "shared/real.py": b"x = '$Id: evil $'\n",
            "shared/pkg/two.py": b"lower\n",
            "shared/pkg/utf.py": "good\n".encode("utf-16-le"),
        }
    )
    repo.git("add", "-A")
    ran = repo.weft("repro", "--force", "look")
    changed = ["shared/pkg/one.py", "shared/real.py"]
    said = "reads other bytes than Git keeps, for a filter, ident or an encoding of .gitattributes changes them: "
    assert said + ", ".join(changed) in " ".join(ran.err.split()), ran.err
    found = repo.record("look").hidden
    assert found is not None
    assert list(found.paths) == changed
    repo.git("add", "-A")
    assert {(one.rule, one.severity) for one in validate_staged(str(repo.root)).violations} == {("WEFT033", "warn")}
    # What Git writes in the place of these files it would write again.
    repo.commit("run")
    for name in changed:
        (repo.root / name).unlink()
    repo.git("checkout", "-q", ".")
    repo.weft("repro", "--force", "look")
    assert repo.record("look").hidden is None


def test_sha256(tmp_path: Path) -> None:
    repo = scene(tmp_path, "sha256")
    assert (judged(repo), stale(repo)) == (set(), set())
    assert {len(blob) for blob in repo.record("look").code.values()} == {64}
    other_commit(repo)
    assert (judged(repo), stale(repo)) == ({"WEFT013"}, {"look"})


def test_line_ends_are_those_that_git_keeps(repo: Project) -> None:
    repo.write({".gitattributes": b"*.py text eol=crlf\n"})
    repo.git("add", "-A")
    for name in ("shared/real.py", "settings.py"):
        path = repo.root / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert (judged(repo), stale(repo)) == (set(), set())
