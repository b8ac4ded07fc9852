"""What a stage reads of that which Git keeps: directories expanded, links followed, and where they may not lead."""

from __future__ import annotations

import pytest

from weft.gitio.index import LINK, SUBMODULE
from weft.model.stage import Stage
from weft.pipeline.reading import kept_text, read_by

PLAIN = "100644"


class Listed:
    """Paths with their modes; of a link, ``-> TARGET``."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def at_or_below(self, top: str) -> list[str]:
        return sorted(path for path in self.files if path == top or path.startswith(top + "/"))

    def mode(self, path: str) -> str:
        found = self.files.get(path, "")
        return LINK if found.startswith("-> ") else found

    def link(self, path: str) -> str:
        return self.files[path].removeprefix("-> ")

    def owner(self, path: str) -> str:
        while path and f"{path}.weft" not in self.files:
            path = path.rpartition("/")[0]
        return path


FILES = {
    "src/a.py": PLAIN,
    "src/.gitignore": PLAIN,
    "src/deep/.weftignore": PLAIN,
    "src/deep/b.py": "100755",
    "src/data.weft": PLAIN,
    "shared/one.py": PLAIN,
    "shared/two.py": PLAIN,
    "other.py": PLAIN,
    "big.weft": PLAIN,
    "vendor": SUBMODULE,
}
OWN = {"src/a.py", "src/deep/b.py"}


def read(*deps: str, **links: str) -> tuple[set[str], set[str], list[tuple[str, str]]]:
    files = Listed(**FILES, **{path: f"-> {target}" for path, target in links.items()})
    found = read_by(Stage("s", "x", deps=deps or ("src",)), files, files.owner)
    return found.code, found.data, [(lead.link, lead.fault or f"{lead.target} is nothing") for lead in found.leads]


def test_a_directory_is_expanded() -> None:
    assert read() == (OWN, {"src/data"}, [])
    assert read("src/.gitignore", "big") == ({"src/.gitignore"}, set(), [])


@pytest.mark.parametrize(
    ("links", "more"),
    [
        ({"src/x": "../shared/one.py"}, {"shared/one.py"}),
        ({"src/x": "../shared"}, {"shared/one.py", "shared/two.py"}),
        ({"src/x": ".././shared//./one.py"}, {"shared/one.py"}),
        ({"src/x": "../src/../shared/one.py"}, {"shared/one.py"}),
        ({"src/x": "deep"}, set()),
        ({"src/x": "."}, set()),
        ({"src/x": "../alias/one.py", "alias": "shared"}, {"alias", "shared/one.py"}),
        ({"src/x": "../alias", "alias": "shared"}, {"alias", "shared/one.py", "shared/two.py"}),
        ({"src/x": "../shared/link", "shared/link": "../other.py"}, {"shared/link", "other.py"}),
        # The one that is looked at first passes by the other, which leads to more.
        ({"src/Z": "z/one.py", "src/z": "../shared"}, {"shared/one.py", "shared/two.py"}),
        ({"src/x": "../vendor/lib/x.py"}, {"vendor"}),
        ({"src/x": "../vendor"}, {"vendor"}),
    ],
)
def test_links_are_followed(links: dict[str, str], more: set[str]) -> None:
    assert read(**links) == (OWN | {path for path in links if path.startswith("src/")} | more, {"src/data"}, [])


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("/etc/passwd", "out of the repository"),
        ("../../x", "out of the repository"),
        ("../alias", "out of the repository"),
        ("x", "around in a circle"),
        ("..", "to a directory that it lies in itself"),
        ("../big", "to big, tracked data that is no dependency of the stage"),
        ("../big/part", "to big, tracked data that is no dependency of the stage"),
        ("../nothing", "nothing is nothing"),
    ],
)
def test_where_links_may_not_lead(target: str, fault: str) -> None:
    code, data, leads = read(**{"src/x": target, "alias": "/tmp"})
    assert leads == [("src/x", fault)]
    assert (code - {"alias"}, data) == (OWN | {"src/x"}, {"src/data"})


def test_a_link_to_a_directory_with_data_in_it() -> None:
    code, _, leads = read("src/deep", **{"src/deep/x": "../../lib", "lib/a.py": "b.py", "lib/b.py": "a.py"})
    assert code == {"src/deep/b.py", "src/deep/x", "lib/a.py", "lib/b.py"}
    assert {fault for _, fault in leads} == {"around in a circle"}
    assert read("shared", **{"shared/x": "../src"})[2] == [
        ("shared/x", "to src/data, tracked data that is no dependency of the stage")
    ]
    assert read("shared", "src/data", **{"shared/x": "../src"})[1:] == ({"src/data"}, [])


def test_what_git_keeps_is_told_in_a_word_or_two() -> None:
    words = [kept_text(mode, "1") for mode in (PLAIN, "100755", LINK, SUBMODULE)]
    assert words == ["1", "x 1", "link 1", "submodule 1"]
