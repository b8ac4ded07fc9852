"""A small project with lineage, made of plain files and the real Git: what the tests of validation start from.

Pointers name objects that are nowhere, for nothing that is proved from Git alone needs them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit import environment
from weft.formats import lineage, paramfiles, pointer, stagefile, values
from weft.gitio.blobs import blob_id
from weft.model.lineage import DataRef, ParamsFile, Record, RunFacts, record_path
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.stage import ParamSet, Stage
from weft.pipeline.graph import Graph

STAGES = """\
stages:
  prepare:
    cmd: python src/prepare.py
    deps: [data/raw, src/prepare.py]
    outs: [data/prepared]
  train:
    cmd: python src/train.py
    deps: [data/prepared, src/train.py]
    params: [train.lr, train.epochs]
    outs: [models/clf.pkl]
    metrics: [metrics.json]
    env: {lockfile: requirements.lock}
"""
FILES = {
    "README.md": "a project\n",
    "weft.yaml": STAGES,
    "params.yaml": "train:\n  lr: 0.1\n  epochs: 3\nother: 1\n",
    "metrics.json": '{"auc": 0.9}\n',
    "requirements.lock": "numpy==2.0\n",
    "src/prepare.py": "print('prepare')\n",
    "src/train.py": "print('train')\n",
}
DATA = {"data/raw": "dir", "data/prepared": "dir", "models/clf.pkl": "file"}

HOOK = """\
#!/bin/sh
exec "{python}" -c '
import sys
from weft.workflows.validate import hook_validate
result = hook_validate(".")
for one in result.violations:
    print(one.rule, one.severity, f"{{one.path}}:{{one.line}}", one.message)
sys.exit(0 if result.passed else 1)
'
"""


class Lineage:
    """A repository whose stages have run, as far as Git can tell."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.algorithm = "sha1"

    def git(self, *args: str, code: int | None = 0, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.root, env=environment(env), capture_output=True, check=False, timeout=60
        )
        text = (done.stdout + done.stderr).decode(errors="replace")
        assert code is None or done.returncode == code, text
        return text

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.read(name).decode()
        assert old in text
        self.write(name, text.replace(old, new))

    def point(self, path: str, content: str = "1", **changes: Any) -> Pointer:
        """Write the pointer of ``path`` for made-up data."""
        kind = changes.pop("type", DATA.get(path, "file"))
        made = Pointer(
            kind, path.rpartition("/")[2], Oid.of(f"{path} {content}".encode()), 100, 7 if kind == "dir" else 1
        )
        made = replace(made, **changes)
        self.write(path + ".weft", pointer.encode(made))
        return made

    # --- records ---

    def stages(self) -> dict[str, Stage]:
        return stagefile.decode(self.read("weft.yaml"), read=self.values)

    def values(self, name: str) -> bytes | None:
        """The bytes of a file of values that templates name, if it is there."""
        return self.read(name) if (self.root / name).is_file() else None

    def record(self, name: str, declared: Stage | None = None, algorithm: str = "sha1", **changes: Any) -> Record:
        """Write the record that a run with the files as they are would write, with ``changes``."""
        self.algorithm = algorithm
        made = replace(self.record_of(name, declared), **changes)
        made = lineage.with_digest(made)
        self.write(record_path(name), lineage.encode(made))
        return made

    def record_of(self, name: str, declared: Stage | None = None) -> Record:
        stages = {name: declared} if declared else self.stages()
        stage, graph = stages[name], Graph.build(stages)
        data = [dep for dep in stage.deps if (self.root / f"{dep}.weft").exists()]
        below = [file for dep in stage.deps if dep not in data for file in self._files(dep)]
        code = [file for file in below if not file.endswith(".weft")]
        data += [file.removesuffix(".weft") for file in below if file.endswith(".weft")]
        kept = [out.path for out in stage.outs if not out.cache]
        lockfile = stage.env.lockfile
        env = {"lockfile": lockfile, "lockfile_blob": self.blob(lockfile)} if lockfile else {}
        return Record(
            stage=name,
            cmd=stage.cmd,
            spec=blob_id(stagefile.stage_text(stage), self.algorithm),
            wdir=stage.wdir,
            code={file: self.blob(file) for file in code},
            base="1" * 40,
            deps=tuple(self._ref(path, graph.producer_of(path)) for path in data),
            outs=tuple(self._ref(out.path) for out in stage.outs if out.cache),
            params={one.file: self._chosen(one)[0] for one in stage.params},
            metrics={path: values.read_values(self.read(path), path) for path in stage.paths("metrics")},
            files={file: self.blob(file) for path in kept for file in self._files(path)},
            env={"python": "3.11.7", "platform": "linux-x86_64", **env},
            determinism={} if stage.seed is None else {"seed": stage.seed},
            rationale=stage.rationale,
            author="Ada <ada@example.org>",
            run=RunFacts("r1", "2026-01-31T12:00:00Z", "2026-01-31T12:00:02Z", 2.0),
            modes={path: mode for path in (*code, *kept) if (mode := self._mode(path))},
            params_files={one.file: ParamsFile(self.blob(one.file), self._chosen(one)[1]) for one in stage.params},
        )

    def _mode(self, path: str) -> str:
        full = self.root / path
        return "link" if full.is_symlink() else "x" if full.stat().st_mode & 0o100 else ""

    def _chosen(self, wanted: ParamSet) -> tuple[dict[str, Any], tuple[str, ...]]:
        text = paramfiles.read(self.read(wanted.file), wanted.file)
        return paramfiles.select(text, wanted.keys, wanted.file)

    def _files(self, path: str) -> list[str]:
        found = self.root / path
        files = [found] if found.is_file() else sorted(file for file in found.rglob("*") if file.is_file())
        names = [file.relative_to(self.root).as_posix() for file in files]
        return [name for name in names if name == path or not name.endswith(".gitignore")]

    def blob(self, path: str) -> str:
        """The id that Git gives to the bytes of ``path``, to the target of a link."""
        full = self.root / path
        return blob_id(os.readlink(full).encode() if full.is_symlink() else full.read_bytes(), self.algorithm)

    def _ref(self, path: str, stage: str = "") -> DataRef:
        one = pointer.decode(self.read(path + ".weft"), name=path.rpartition("/")[2] + ".weft")
        return DataRef(path, one.type, one.oid, one.size, one.files, one.executable, stage=stage)

    # --- commits ---

    def hook(self) -> None:
        path = self.root / ".git" / "hooks" / "pre-commit"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HOOK.format(python=sys.executable))
        path.chmod(0o755)

    def commit(self, *args: str, code: int | None = 0) -> str:
        """Stage everything and commit; what Git and its hook said."""
        self.git("add", "-A")
        return self.git("commit", "-q", "-m", "change", *args, code=code)


def make(root: Path) -> Lineage:
    """The project with its first commit, in which everything agrees, and the hook."""
    root.mkdir(parents=True)
    made = Lineage(root)
    made.git("init", "-q", "-b", "main")
    for name, text in FILES.items():
        made.write(name, text)
    for path in DATA:
        made.point(path)
    for name in made.stages():
        made.record(name)
    made.hook()
    made.commit()
    return made


def make_many(root: Path, files: int, stages: int) -> Lineage:
    """A project of ``files`` small tracked files and ``stages`` independent stages, committed; no hook."""
    root.mkdir(parents=True)
    made = Lineage(root)
    made.git("init", "-q", "-b", "main")
    for number in range(files):
        made.write(f"docs/{number % 100:02d}/page-{number:05d}.txt", f"{number}\n")
    declared = ["stages:"]
    for number in range(stages):
        name = f"stage-{number:02d}"
        declared.append(f"  {name}:\n    cmd: python src/{name}.py --out models/{name}.pkl")
        declared.append(
            f"    deps: [data/{name}, src/{name}.py, src/common.py]\n    params: [{name}.lr, {name}.epochs]"
        )
        declared.append(f"    outs: [models/{name}.pkl]\n    metrics: [metrics/{name}.json]")
        made.write(f"src/{name}.py", f"print({number})\n")
        made.point(f"data/{name}", type="dir", files=9)
    made.write("src/common.py", "pass\n")
    made.write("weft.yaml", "\n".join(declared) + "\n")
    run_all(made, stages, 0)
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "begin")
    return made


def run_all(made: Lineage, stages: int, version: int) -> None:
    """What a run of every stage with other params leaves: params, metrics, pointers and records, not staged."""
    rows = [f"stage-{number:02d}:\n  lr: 0.{version + 1}\n  epochs: {number + 3}" for number in range(stages)]
    made.write("params.yaml", "\n".join(rows) + "\n")
    declared = made.stages()
    for number, (name, stage) in enumerate(declared.items()):
        made.write(
            f"metrics/{name}.json", f'{{"auc": 0.{number + 10}{version}, "loss": {{"train": 0.1, "test": 0.2}}}}\n'
        )
        made.point(f"models/{name}.pkl", str(version))
        made.record(name, declared=stage)
