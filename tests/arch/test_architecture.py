"""The source obeys the rules of the house, and each rule is seen to fail on a small tree that breaks it."""

import importlib.util
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("weft_house_rules", Path(__file__).with_name("rules.py"))
rules = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = rules  # dataclasses look their module up by name
_SPEC.loader.exec_module(rules)

HERE = Path(__file__).resolve()
TESTS = HERE.parents[1]
SOURCE = HERE.parents[2] / "src"
RULES = [
    rules.upward_imports,
    rules.around_the_gate,
    rules.unknown_packages,
    rules.cycles,
    rules.late_imports,
    rules.prints_or_reads_environment,
    rules.broad_excepts,
    rules.oversize,
    rules.missing_docstrings,
]


@pytest.fixture(scope="module")
def source():
    return rules.read_tree(SOURCE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_source_obeys(rule, source):
    found = rule(source)
    assert not found, "\n".join(found)


def test_every_module_is_imported_by_a_test(source):
    found = rules.untested(source, TESTS)
    assert not found, "\n".join(found)


def tree(folder, files):
    """Write ``files`` (path below weft/ -> text) and read them as a source tree."""
    for name, text in {"__init__.py": '"""W."""\n', **files}.items():
        path = folder / "weft" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return rules.read_tree(folder)


def lines(count, indent=""):
    return "".join(f"{indent}x{i} = {i}\n" for i in range(count))


def arguments(count):
    return ", ".join(f"a{i}" for i in range(count))


def methods(count):
    return "class C:\n" + "".join(f"    def m{i}(self): ...\n" for i in range(count))


IMPORTER = "from weft.{} import x\n"

BAD = [
    (
        rules.around_the_gate,
        {"workflows/a.py": "from weft.storage.locate import x\n"},
        "a:1 imports weft.storage.locate",
    ),
    (rules.around_the_gate, {"objects/a.py": "from weft.storage import s3\n", "storage/s3.py": ""}, "a:1 imports"),
    (rules.around_the_gate, {"workflows/a.py": "x = later('weft.storage.local')\n"}, "weft.storage.local"),
    (rules.upward_imports, {"util/a.py": "from weft.model import oid\n"}, "weft.util.a:1 imports weft.model"),
    (rules.upward_imports, {"storage/a.py": "import weft.model.oid\n"}, "imports weft.model.oid"),
    (rules.upward_imports, {"objects/a.py": "def f():\n    from weft.storage.local import x\n"}, "weft.storage.local"),
    (rules.upward_imports, {"workspace/a.py": "from weft.storage import local\n", "storage/local.py": ""}, "local"),
    (rules.upward_imports, {"workflows/a.py": "import weft.cli.main\n"}, "imports weft.cli.main"),
    (rules.upward_imports, {"cli/a.py": "from weft.gitio.repo import x\n"}, "imports weft.gitio.repo"),
    (rules.upward_imports, {"cli/a.py": "from ..storage import local\n"}, "imports weft.storage"),
    (rules.upward_imports, {"workflows/a.py": "import click\n"}, "imports click"),
    (rules.upward_imports, {"model/a.py": "import yaml\n"}, "imports yaml"),
    (rules.upward_imports, {"objects/a.py": "from fsspec import x\n"}, "imports fsspec"),
    (rules.upward_imports, {"model/a.py": "import numpy\n"}, "imports numpy"),
    (rules.upward_imports, {"model/a.py": "if x:\n    pass\nelse:\n    import yaml\n"}, "imports yaml"),
    (rules.upward_imports, {"model/a.py": "x = later('yaml')\n"}, "imports yaml"),
    (rules.upward_imports, {"util/a.py": "if T:\n    x\nelse:\n    x = later('weft.model.oid')\n"}, "weft.model.oid"),
    (rules.unknown_packages, {"misc/a.py": ""}, "weft.misc has no layer"),
    (
        rules.cycles,
        {"util/a.py": "import weft.util.b\n", "util/b.py": "from weft.util import a\n"},
        "weft.util.a -> weft.util.b -> weft.util.a",
    ),
    (
        rules.cycles,
        {
            "util/a.py": "from . import b\n",
            "util/b.py": "def f():\n    import weft.util.c\n",
            "util/c.py": "from .a import x\n",
        },
        "weft.util.a -> weft.util.b -> weft.util.c -> weft.util.a",
    ),
    (
        rules.cycles,
        {"util/a.py": "b = later('weft.util.b')\n", "util/b.py": "import weft.util.a\n"},
        "weft.util.a -> weft.util.b -> weft.util.a",
    ),
    (rules.late_imports, {"util/a.py": "def f():\n    return later('json')\n"}, "weft.util.a:2 imports late"),
    (rules.late_imports, {"util/a.py": "x = later(name)\n"}, "weft.util.a:1 imports late"),
    (rules.late_imports, {"util/a.py": "def f():\n    import json\n"}, "weft.util.a:2 imports late"),
    (rules.late_imports, {"cli/a.py": "class C:\n    def f(self):\n        from json import x\n"}, "a:3 imports late"),
    (rules.late_imports, {"util/a.py": "import importlib\nimportlib.import_module('json')\n"}, "a:2 imports late"),
    (rules.late_imports, {"util/a.py": "__import__('json')\n"}, "a:1 imports late"),
    (rules.prints_or_reads_environment, {"util/a.py": "print(1)\n"}, "weft.util.a:1 uses print"),
    (rules.prints_or_reads_environment, {"workflows/a.py": "import os\nos.environ['A']\n"}, "a:2 uses os.environ"),
    (rules.prints_or_reads_environment, {"model/a.py": "from os import getenv\n"}, "uses os.getenv"),
    (rules.prints_or_reads_environment, {"storage/a.py": "import sys\nsys.stderr.write('')\n"}, "uses sys.stderr"),
    (rules.broad_excepts, {"util/a.py": "try:\n    x\nexcept Exception:\n    pass\n"}, "weft.util.a:3 catches"),
    (rules.broad_excepts, {"util/a.py": "try:\n    x\nexcept (OSError, BaseException):\n    pass\n"}, "catches"),
    (rules.broad_excepts, {"cli/a.py": "try:\n    x\nexcept:\n    pass\n"}, "catches"),
    (rules.broad_excepts, {"util/a.py": "with contextlib.suppress(Exception):\n    x\n"}, "catches"),
    (rules.broad_excepts, {"util/a.py": "try:\n    x\nexcept Exception as e:\n    raise E from e\n"}, "catches"),
    (rules.oversize, {"util/a.py": lines(401)}, "weft.util.a has 401 lines"),
    (rules.oversize, {"util/a.py": "def f():\n" + lines(61, "    ")}, "f has a body of 61 lines"),
    (rules.oversize, {"util/a.py": f"def f({arguments(8)}): ...\n"}, "f has 8 parameters"),
    (rules.oversize, {"util/a.py": f"class C:\n    def f(self, {arguments(8)}): ...\n"}, "f has 8 parameters"),
    (rules.oversize, {"util/a.py": f"def f({arguments(5)}, *b, c, **d): ...\n"}, "f has 8 parameters"),
    (rules.oversize, {"util/a.py": methods(17)}, "C has 17 methods"),
    (rules.missing_docstrings, {"util/a.py": "x = 1\n"}, "weft.util.a has no docstring"),
    (rules.missing_docstrings, {"util/a.py": '"""A."""\ndef f(): ...\n'}, "a:2 f has no docstring"),
    (rules.missing_docstrings, {"util/a.py": '"""A."""\nclass C: ...\n'}, "a:2 C has no docstring"),
    (rules.missing_docstrings, {"util/a.py": '"""A."""\nclass C:\n    """C."""\n    def m(self): ...\n'}, "a:4 m"),
]


@pytest.mark.parametrize(
    ("rule", "files", "expected"), BAD, ids=[f"{r.__name__}-{i}" for i, (r, _, _) in enumerate(BAD)]
)
def test_a_bad_tree_is_caught(rule, files, expected, tmp_path):
    found = rule(tree(tmp_path, files))
    assert any(expected in line for line in found), found


GOOD = [
    (rules.around_the_gate, {"workflows/connect.py": "from weft.storage.locate import x\n"}),
    (rules.around_the_gate, {"workflows/a.py": "from weft.storage.urls import x\n"}),
    (rules.upward_imports, {"workspace/a.py": "from weft.storage.base import x\nfrom weft.objects.store import y\n"}),
    (rules.upward_imports, {"storage/a.py": "import fsspec.asyn\nimport sqlite3\nfrom weft.util.clock import x\n"}),
    (
        rules.upward_imports,
        {"cli/a.py": "from weft import __version__\nfrom weft.workflows.add import add\nimport click\n"},
    ),
    (rules.upward_imports, {"util/a.py": "if TYPE_CHECKING:\n    from weft.cli.main import x\n    import click\n"}),
    (
        rules.cycles,
        {
            "util/a.py": "import weft.util.b\n",
            "util/b.py": "import typing\nif typing.TYPE_CHECKING:\n    import weft.util.a\n",
        },
    ),
    (rules.late_imports, {"cli/registry.py": "def f():\n    import json\n    __import__(json)\n"}),
    (rules.late_imports, {"util/a.py": "x = later('json')\n"}),
    (rules.late_imports, {"storage/locate.py": "def f():\n    import s3fs\n"}),
    (rules.late_imports, {"util/a.py": "def f():\n    if TYPE_CHECKING:\n        import json\n"}),
    (rules.prints_or_reads_environment, {"cli/a.py": "import os\nprint(os.environ)\n"}),
    (rules.prints_or_reads_environment, {"util/a.py": "import os\nos.get_exec_path()\n"}),
    (rules.broad_excepts, {"cli/main.py": "try:\n    x\nexcept BaseException:\n    pass\n"}),
    (rules.broad_excepts, {"storage/translate.py": "try:\n    x\nexcept Exception:\n    pass\n"}),
    (rules.broad_excepts, {"util/a.py": "try:\n    x\nexcept BaseException:\n    clean()\n    raise\n"}),
    (rules.oversize, {"util/a.py": lines(400)}),
    (rules.oversize, {"util/a.py": 'def f():\n    """F.\n\n    G.\n    """\n' + lines(60, "    ")}),
    (rules.oversize, {"util/a.py": f"class C:\n    def f(self, {arguments(7)}): ...\n"}),
    (rules.oversize, {"util/a.py": methods(16)}),
    (rules.missing_docstrings, {"util/a.py": '"""A."""\ndef _f(): ...\nclass _C:\n    def m(self): ...\n'}),
]


@pytest.mark.parametrize(("rule", "files"), GOOD, ids=[f"{r.__name__}-{i}" for i, (r, _) in enumerate(GOOD)])
def test_a_good_tree_passes(rule, files, tmp_path):
    assert rule(tree(tmp_path, files)) == []


def test_a_module_that_no_test_reaches_is_caught(tmp_path):
    modules = tree(
        tmp_path,
        {
            "util/a.py": "import weft.util.b\n",
            "util/b.py": "x = 1\n",
            "util/c.py": "x = 1\n",
            "util/d.py": '"""D."""\n',
        },
    )
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_a.py").write_text("from weft.util import a\n", encoding="utf-8")
    assert rules.untested(modules, tests) == ["no test imports weft.util.c"]
