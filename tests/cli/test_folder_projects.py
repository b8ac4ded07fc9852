"""Several projects in one repository: stages of folders, by every verb that takes or prints them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kit import Ran
from stagekit import Project, empty
from weft.cli import candidates


class Mono(Project):
    """A repository with the projects `p/nlp` and `p/vision`."""

    def nlp(self, *arguments: str, code: int | None = 0) -> Ran:
        return self.weft("-C", "p/nlp", *arguments, code=code)

    def text(self, folder: str = "") -> str:
        return (self.root / folder / "weft.yaml").read_text()

    def listed(self, *names: str, at: str = ".") -> list[str]:
        found: list[dict[str, Any]] = self.weft("-C", at, "stage", "list", "--json", *names).json["data"]["stages"]
        return [one["name"] for one in found]


@pytest.fixture
def mono(tmp_path: Path) -> Mono:
    repo = Mono(empty(tmp_path).root)
    repo.write({"p/nlp/in": b"1\n", "p/nlp/src/x": b"", "p/vision/in": b"2\n", "p/nlp/params.yaml": b"lr: 1\n"})
    for folder in ("p/nlp", "p/vision"):
        repo.weft("-C", folder, "init", "--subdir")
    repo.commit("start")
    return repo


def test_init_names_the_folder_and_can_be_said_again(mono: Mono) -> None:
    assert mono.text() == "projects:\n  - p/nlp\n  - p/vision\n"
    assert mono.text("p/nlp").startswith("# Stages of p/nlp")
    again = mono.nlp("init", "--subdir", "--json").json["data"]
    assert (again["created"], again["project"]) == ([], "p/nlp")
    assert mono.git("status", "--porcelain").out == ""
    attributes = mono.git("check-attr", "merge", "--", "p/nlp/weft.yaml", "p/weft.yaml", "lineage/p/nlp/a.yaml").out
    assert [line.rpartition(": ")[2] for line in attributes.splitlines()] == [
        "weft-stagefile",
        "unspecified",
        "weft-record",
    ]


def test_init_makes_the_repository_ready_too(tmp_path: Path) -> None:
    repo = Mono(tmp_path)
    repo.git("init", "-q")
    repo.write({"a/b/weft.yaml": b"stages: {s: {cmd: 'true'}}\n"})
    made = repo.weft("-C", "a/b", "init", "--subdir", "--json").json["data"]
    assert made["created"] == [".weft/config.yaml", ".gitattributes", "weft.yaml"]
    assert repo.text("a/b") == "stages: {s: {cmd: 'true'}}\n", "what is there stays"
    assert repo.listed() == ["a/b/s"]
    assert set(repo.git("diff", "--cached", "--name-only").out.split()) == {*made["created"], "a/b/weft.yaml"}


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        (".", "this is the top"),
        ("p/nlp/src", "lies inside the other"),
        ("p", "lies inside the other"),
        ("lineage", "records lie there"),
        ("P/other", "in case alone"),
        ("a b", "cannot be a project"),
    ],
)
def test_folders_that_are_no_projects(mono: Mono, folder: str, said: str) -> None:
    (mono.root / folder).mkdir(parents=True, exist_ok=True)
    before = mono.text()
    assert said in mono.weft("-C", folder, "init", "--subdir", code=None).err
    assert mono.text() == before
    assert not (mono.root / folder / "weft.yaml").exists() or folder == "."


def test_a_name_is_that_of_the_project_one_stands_in(mono: Mono) -> None:
    mono.nlp("run", "-n", "count", "-d", "in", "-o", "out", "-p", "lr", "--", 'echo n >> "$COUNT"; cp in out')
    mono.weft(
        "-C",
        "p/vision",
        "run",
        "-n",
        "count",
        "-d",
        "../nlp/out",
        "-m",
        "m.json",
        "--",
        'echo v >> "$COUNT"; echo "{}" > m.json',
    )
    mono.nlp(
        "run",
        "-n",
        "../../count",
        "--wdir",
        "../..",
        "-d",
        "p/nlp/in",
        "-o",
        "top",
        "--",
        'echo t >> "$COUNT"; cp p/nlp/in top',
    )
    assert "count" in mono.text()
    assert "deps:\n      - in\n" in mono.text("p/nlp")
    assert '- "../nlp/out"\n' in mono.text("p/vision")
    assert mono.record("p/nlp/count").wdir == "p/nlp"
    mono.commit("all three")
    assert mono.unstaged() == []
    assert mono.ran() == ["n", "v", "t"]
    assert mono.listed() == ["count", "p/nlp/count", "p/vision/count"]
    assert mono.listed("count") == ["count"]
    assert mono.listed("count", at="p/nlp") == mono.listed("count", at="p/nlp/src") == ["p/nlp/count"]
    assert mono.listed(".", at="p/nlp") == mono.listed("p/nlp") == mono.listed("p/nlp/*") == ["p/nlp/count"]
    assert mono.listed("../../count", at="p/nlp") == ["count"]
    assert mono.listed("p/vision/count", at="p/nlp") == mono.listed("../vision/count", at="p/nlp") == ["p/vision/count"]
    mono.nlp("repro", "--force", "count")
    assert mono.ran() == ["n"]
    mono.write({"p/nlp/in": b"5\n"})
    mono.git("add", "p")
    dry = mono.weft("-C", "p/vision", "repro", "-n", "--json", "count").json["data"]["stages"]
    assert [one["stage"] for one in dry] == ["p/nlp/count", "p/vision/count"], "what it reads comes first"
    mono.weft("-C", "p/vision", "repro")
    assert mono.ran() == ["t", "n", "v"], "without names all stages of the repository"


def test_declarations_are_written_into_the_file_of_their_project(mono: Mono) -> None:
    mono.weft("stage", "add", "-n", "p/nlp/one", "--wdir", "p/nlp", "-d", "in", "-o", "o", "--", "cp in o")
    mono.nlp("stage", "add", "-n", "two", "-d", "o", "--", "true")
    assert mono.text() == "projects:\n  - p/nlp\n  - p/vision\n"
    assert mono.listed() == ["p/nlp/one", "p/nlp/two"]
    assert "wdir" not in mono.text("p/nlp")
    assert "p/nlp/two: frozen" in mono.nlp("stage", "freeze", "two").out
    mono.weft("stage", "freeze", "p/nlp/one")
    assert mono.text("p/nlp").count("frozen: true") == 2
    mono.weft("stage", "unfreeze", "p/nlp/one", "p/nlp/two")
    assert "frozen" not in mono.text("p/nlp")
    taken = mono.nlp("stage", "add", "-n", "two", "--", "false", code=3)
    assert "error: weft.yaml declares a stage two already" in taken.err, "as seen from there"
    mono.write({"p/nlp/o": b"1\n"})
    mono.nlp("stage", "accept", "one", "-m", "by hand")
    assert mono.record("p/nlp/one").accepted is not None
    mono.nlp("stage", "remove", "two")
    mono.nlp("stage", "remove", "--keep-outs", "one")
    assert not (mono.root / "lineage/p/nlp/one.yaml").exists()
    assert mono.listed() == []
    assert "there is no project 'q'" in mono.weft("stage", "add", "-n", "q/s", "--", "x", code=3).err


def test_settings_and_templates_are_those_of_the_project(mono: Mono) -> None:
    mono.write({"p/nlp/weft.yaml": b"stages:\n  s: {cmd: 'echo ${lr} > out', outs: [out]}\n"})
    mono.weft("repro", "-S", "lr=7", "p/nlp/s")
    assert (mono.root / "p/nlp/out").read_text() == "7\n"
    assert (mono.root / "p/nlp/params.yaml").read_text() == "lr: 7\n"
    assert mono.record("p/nlp/s").params == {"p/nlp/params.yaml": {"lr": 7}}


def test_history_tells_of_stages_of_folders(mono: Mono) -> None:
    command = "printf '{\"n\": %d}' $(cat in) > m.json"
    mono.nlp("run", "-n", "count", "-d", "in", "-m", "m.json", "-p", "lr", "--", command)
    mono.commit("one")
    mono.write({"p/nlp/in": b"8\n", "p/nlp/params.yaml": b"lr: 2\n"})
    mono.nlp("repro", "count")
    mono.commit("eight")
    newest = mono.weft("log", "--json").json["data"]["commits"][0]
    assert [(one["file"], one["key"]) for one in newest["metrics"]] == [("p/nlp/m.json", "n")]
    assert [(one["file"], one["key"]) for one in newest["params"]] == [("p/nlp/params.yaml", "lr")]
    assert [one["stage"] for one in newest["stages"]] == ["p/nlp/count"]
    shown = mono.weft("show", "--json").json["data"]
    assert [one["name"] for one in shown["stages"]] == ["p/nlp/count"]
    assert shown["metrics"] == {"p/nlp/m.json": {"n": 8}}
    assert "p/nlp/m.json:n" in mono.weft("diff", "HEAD~").out
    assert mono.nlp("lineage", "why", "count", "--json").json["data"]["stage"] == "p/nlp/count"
    mono.write({"p/nlp/in": b"9\n"})
    assert "p/nlp/count" in mono.weft("status").out
    # A declaration that changes in the file of the folder alone makes stale what it declares.
    mono.git("checkout", "-q", "--", "p/nlp/in")
    mono.write({"p/nlp/weft.yaml": mono.text("p/nlp").replace("cat in", "cat  in").encode()})
    mono.commit("other command")
    assert [len(one["stale"]) for one in mono.weft("log", "--json").json["data"]["commits"]] == [0, 0, 0]
    assert [len(one["stale"]) for one in mono.weft("log", "--json", "--all").json["data"]["commits"]] == [1, 0, 0, 0, 0]
    assert [one["stage"] for one in mono.weft("show", "--json").json["data"]["stale"]] == ["p/nlp/count"]
    assert mono.weft("show", "--json", "HEAD~2").json["data"]["stale"] == []


def test_data_may_not_swallow_a_stage_file(mono: Mono) -> None:
    mono.nlp("stage", "add", "-n", "s", "-d", "in", "-o", "o", "--", "cp in o")
    mono.git("rm", "-q", "--cached", "p/nlp/weft.yaml", "-f")
    refused = mono.weft("add", "p/nlp", code=None)
    assert refused.code
    assert not (mono.root / "p/nlp.weft").exists()


def test_a_stage_file_through_a_link_is_refused(mono: Mono, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/weft.yaml").write_text("stages: {s: {cmd: 'true'}}\n")
    (mono.root / "q").symlink_to(tmp_path / "elsewhere")
    mono.write({"weft.yaml": b"projects: [q]\n"})
    assert "link" in mono.weft("repro", code=None).err


def test_completion_offers_bare_names_in_the_project(mono: Mono, monkeypatch: pytest.MonkeyPatch) -> None:
    mono.nlp("stage", "add", "-n", "count", "--", "true")
    monkeypatch.chdir(mono.root / "p/nlp/src")
    assert [one.value for one in candidates.stages("")] == ["count", "p/nlp/count"]
    monkeypatch.chdir(mono.root)
    assert [one.value for one in candidates.stages("")] == ["p/nlp/count"]


def test_names_start_in_a_folder_above_projects_too(mono: Mono) -> None:
    mono.nlp("stage", "add", "-n", "count", "--", "true")
    assert mono.listed("nlp/count", at="p") == ["p/nlp/count"]
    assert mono.listed("p/nlp/count", at="p") == ["p/nlp/count"]
    mono.weft("-C", "p", "stage", "freeze", "nlp/count")
    assert "frozen: true" in mono.text("p/nlp")
    mono.weft("-C", "p", "stage", "add", "-n", "own", "--", "true")
    assert "own:" in mono.text(), "the folder itself is no project"
