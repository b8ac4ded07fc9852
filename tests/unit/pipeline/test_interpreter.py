"""Which Python a command starts: told from its words, or not told at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from weft.pipeline.interpreter import interpreters, shown


@pytest.mark.parametrize(
    ("cmd", "expected"),
    [
        ("python t.py", [("python",)]),
        ("python3.11 -m train < in > out 2>&1", [("python3.11",)]),
        (("python", "t.py", "; python3"), [("python",)]),
        (".venv/bin/python t.py", [(".venv/bin/python",)]),
        ("/usr/x/bin/pypy3 t.py", [("/usr/x/bin/pypy3",)]),
        ("OMP_NUM_THREADS=1 nice -n 5 timeout 10m python t.py", [("python",)]),
        ("env A=1 python t.py | tee log; time python3 u.py", [("python",), ("python3",)]),
        ("mkdir -p out && python t.py && echo done", [("python",)]),
        ("mkdir out\npython t.py", [("python",)]),
        ("python - <<'E'\nimport python3\nE\n", [("python",)]),
        ("cd src && python t.py", [("python",)]),
        ("uv run python t.py", [("uv", "run", "python")]),
        ("uv run t.py", [("uv", "run", "python")]),
        ("uv run train", [("uv", "run", "python")]),
        ("uv run --with x python t.py", [("uv", "run", "--with", "x", "python")]),
        ("conda run -n env python t.py", [("conda", "run", "-n", "env", "python")]),
        ("poetry run python -m x", [("poetry", "run", "python")]),
    ],
)
def test_the_words_tell(cmd: str | tuple[str, ...], expected: list[tuple[str, ...]], tmp_path: Path) -> None:
    assert interpreters(cmd, str(tmp_path)) == expected


@pytest.mark.parametrize(
    "cmd",
    [
        "make train",
        "sh run.sh",
        "cp a b",
        "",
        '"$PYTHON" t.py',
        "`which python` t.py",
        ". .venv/bin/activate && python t.py",
        "source env.sh; python t.py",
        "conda activate x && python t.py",
        "PATH=/x:$PATH python t.py",
        "export PATH=/x && python t.py",
        "env -i python t.py",
        "cd src && ../.venv/bin/python t.py",
        "uv run --with x train",
        "conda run -n env train",
        "python 'never closed",
    ],
)
def test_the_words_do_not_tell(cmd: str, tmp_path: Path) -> None:
    assert interpreters(cmd, str(tmp_path)) == []


def test_a_script_names_its_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "a": "#!/usr/env/bin/python3\n",
        "b": "#!/usr/bin/env -S python3 -u\n",
        "c": '#!/bin/sh\n\'\'\'exec\' "/a/very long/python" "$0" "$@"\n',
        "d": "#!/bin/sh\npython t.py\n",
        "e": "\x7fELF",
        "pep723.py": "# /// script\n# dependencies = []\n# ///\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    found = {name: interpreters(f"./{name} --x", str(tmp_path)) for name in "abcde"}
    assert found == {
        "a": [("/usr/env/bin/python3",)], "b": [("python3",)], "c": [("/a/very long/python",)], "d": [], "e": [],
    }  # fmt: skip
    assert interpreters("cd x && ./a", str(tmp_path)) == []
    assert interpreters("uv run pep723.py", str(tmp_path)) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreters("a train", "/") == [("/usr/env/bin/python3",)]


def test_no_place_of_the_machine_is_shown(tmp_path: Path) -> None:
    words = (sys.executable, os.path.join(tmp_path, ".venv/bin/python"), "uv", "../x/python")
    assert shown(words, str(tmp_path)) == f"{os.path.basename(sys.executable)} .venv/bin/python uv ../x/python"
