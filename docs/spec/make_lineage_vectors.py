"""Write the test vectors of records and stage files: ``python docs/spec/make_lineage_vectors.py [DIRECTORY]``.

Texts and digests are put together here from the pages of the specification, without weft: the tests then hold weft to them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from blake3 import blake3

OID = "blake3:" + blake3(b"").hexdigest()
BLOB = hashlib.sha1(b"blob 0\0", usedforsecurity=False).hexdigest()
SMALL = f"cmd: x\ndigest: DIGEST\nschema: 2\nspec: {BLOB}\nstage: a\n"
RICH = f"""\
author: "A B <a@example.org>"
base: {BLOB}
changed:
  - data/a
cmd:
  - python
  - "-c"
  - "print(1)\\n"
code:
  src/a b.py: {BLOB}
  src/train.py: {BLOB}
deps:
  data/a:
    files: 2
    oid: {OID}
    size: 10
    stage: prepare
    type: dir
  data/b/c.csv:
    inside: data/b
    oid: {OID}
    size: 1
    type: file
    whole: {OID}
determinism:
  equal: close
  seed: 0
digest: DIGEST
dirty: true
env:
  lockfile: uv.lock
  lockfile_blob: {BLOB}
  python: "3.11.7"
  vars:
    OMP_NUM_THREADS: "1"
    PATHS: null
files:
  metrics.json: {BLOB}
hidden:
  count: 1
  paths:
    - src/local.py
metrics:
  metrics.json:
    accuracy: 0.93
    loss: .nan
    rate: 1e-09
modes:
  src/a b.py: link
  src/train.py: x
outs:
  models/m:
    mode: x
    oid: {OID}
    size: 5
    type: file
params:
  params.yaml:
    "[a.csv].rows": 3
    betas:
      - 0.9
      -
        - null
        - "yes"
    empty: {{}}
    none: []
    "on": true
params_files:
  params.yaml:
    blob: {BLOB}
    unsure:
      - betas
rationale: "two\\nlines"
reused:
  author: "C <c@example.org>"
  commit: {BLOB}
  run: r0
run:
  duration: 12.5
  exit: 0
  finished: "2026-01-31T12:00:12.5Z"
  id: r1
  resources:
    cpu_user: 11.0
    max_rss: 1048576
  started: "2026-01-31T12:00:00Z"
schema: 2
snapshot: refs/weft/runs/r1
spec: {BLOB}
stage: train@a
wdir: sub
"""


def _old(text: str) -> str:
    """The record ``text`` as schema 1 has it."""
    new = ("    whole: {OID}\n", "hidden:\n  count: 1\n  paths:\n    - src/local.py\n")
    new += ("modes:\n  src/a b.py: link\n  src/train.py: x\n",)
    new += ("params_files:\n  params.yaml:\n    blob: {BLOB}\n    unsure:\n      - betas\n",)
    new += ('  author: "C <c@example.org>"\n  commit: {BLOB}\n',)
    for lines in new:
        text = text.replace(lines.format(OID=OID, BLOB=BLOB), "")
    return text.replace("reused:\n  run: r0\n", "reused: r0\n").replace("schema: 2", "schema: 1")


SMALL_1, RICH_1 = _old(SMALL), _old(RICH)


def digest(text: str) -> str:
    """The digest of a record: of its text without ``digest``, and in schema 1 without the block of ``run``."""
    left_out = ("run", "digest") if "\nschema: 1\n" in text else ("digest",)
    kept, block = [], ""
    for line in text.splitlines(keepends=True):
        block = block if line.startswith(" ") else line.partition(":")[0]
        if block not in left_out:
            kept.append(line)
    data = "".join(kept).encode()
    return "blake3:" + blake3(data, derive_key_context="weft lineage v1").hexdigest()


def signed(text: str) -> str:
    """``text`` with its digest."""
    return text.replace("DIGEST", digest(text))


def records() -> dict[str, Any]:
    """Records; the name of every file is ``lineage/a.yaml``, and ``line`` is the one the error names."""
    valid = [{"text": signed(text), "digest": digest(text)} for text in (SMALL, RICH, SMALL_1, RICH_1)]
    small, rich, rich_1 = signed(SMALL), signed(RICH), signed(RICH_1)
    rows: list[tuple[str, str, str, str]] = [
        ("a newer schema", "E_FORMAT_VERSION", rich, "schema: 2|schema: 3"),
        ("schema as text", "E_SCHEMA", rich, 'schema: 2|schema: "2"'),
        ("unknown key", "E_SCHEMA", small, "stage: a|stage: a\nstages: a"),
        ("doubled key", "E_SCHEMA", small, "stage: a|stage: a\nstage: a"),
        ("keys in another order", "E_SCHEMA", small, f"schema: 2\nspec: {BLOB}|spec: {BLOB}\nschema: 2"),
        ("a needless quote", "E_SCHEMA", small, 'cmd: x|cmd: "x"'),
        ("a comment", "E_SCHEMA", small, "cmd: x|cmd: x # x"),
        ("a flow sequence", "E_SCHEMA", rich, "changed:\n  - data/a|changed: [data/a]"),
        ("false instead of absent", "E_SCHEMA", rich, "dirty: true|dirty: false"),
        ("an integer of another spelling", "E_SCHEMA", rich, "    size: 10|    size: 010"),
        ("a float of another spelling", "E_SCHEMA", rich, "rate: 1e-09|rate: 1e-9"),
        ("a duration without a point", "E_SCHEMA", rich, "duration: 12.5|duration: 12"),
        ("carriage returns", "E_SCHEMA", small, "cmd: x\n|cmd: x\r\n"),
        ("no line feed at the end", "E_SCHEMA", small, "stage: a\n|stage: a"),
        ("an anchor", "E_YAML_ALIAS", small, "cmd: x|cmd: &c x"),
        ("a tag", "E_YAML_TAG", small, "cmd: x|cmd: !!str x"),
        ("a byte order mark", "E_SCHEMA", small, "cmd: x|\ufeffcmd: x"),
        ("a conflict", "E_MERGE_CONFLICT", small, "cmd: x|<<<<<<< HEAD\ncmd: x"),
        ("a short oid", "E_ID_SYNTAX", rich, f"    oid: {OID}\n    size: 10|    oid: blake3:af13\n    size: 10"),
        (
            "a weak hash",
            "E_WEAK_HASH",
            rich,
            f"    oid: {OID}\n    size: 10|    oid: md5:d41d8cd98f00b204\n    size: 10",
        ),
        ("a path that leaves", "E_PATH_ESCAPE", rich, "  data/a:\n|  ../data/a:\n"),
        ("an absolute path", "E_PATH_ESCAPE", rich, "wdir: sub|wdir: /sub"),
        ("a stage that is a path", "E_SCHEMA", small, "stage: a|stage: ../a"),
        ("a snapshot in another place", "E_SCHEMA", rich, "refs/weft/runs/r1|refs/heads/main"),
        ("nested values", "E_SCHEMA", rich, "    empty: {}|    empty:\n      a: 1"),
        ("a file with a number of files", "E_SCHEMA", rich, "  models/m:\n|  models/m:\n    files: 1\n"),
        ("a directory without one", "E_SCHEMA", rich, "    files: 2\n|"),
        ("schema 1 with keys of schema 2", "E_SCHEMA", rich, "schema: 2|schema: 1"),
        ("schema 2 with a run alone", "E_SCHEMA", rich_1, "schema: 1|schema: 2"),
        ("a mode that is none", "E_SCHEMA", rich, "  src/train.py: x|  src/train.py: w"),
        (
            "more hidden inputs than are counted",
            "E_SCHEMA",
            rich,
            "    - src/local.py|    - src/a.py\n    - src/local.py",
        ),
        ("a part without the oid of the whole", "E_SCHEMA", rich, f"    whole: {OID}\n|"),
        ("not below the tracked directory", "E_SCHEMA", rich, "inside: data/b|inside: data/x"),
    ]
    invalid = []
    for title, code, text, change in rows:
        old, _, new = change.partition("|")
        if text.count(old) < 1:
            raise ValueError(title)
        invalid.append({"name": title, "code": code, "text": text.replace(old, new, 1)})
    return {"valid": valid, "invalid": invalid}


def blob(text: str) -> str:
    """The id that Git gives to a blob, by SHA-1."""
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


STAGES = """\
stages:
  train:
    cmd: python src/train.py   # a comment
    desc: no part of the canonical text
    deps: [src/train.py, data/prepared/]
    params: [train.lr, train.epochs, {model.toml: [depth]}, {all.json: }]
    outs: [models/clf.pkl, {models/log: {cache: false, persist: true}}]
    metrics: [metrics.json]
    env: {lockfile: uv.lock, vars: [B, A]}
    determinism: {seed: 1}
  below:
    cmd: [python, -c, "print(1)"]
    wdir: sub
    deps: [../data, ./x]
    params: [k]
  prep:
    foreach: {us: {n: 1}, eu: {n: 2}}
    do: {cmd: "prep ${key} ${item.n}", outs: ["data/${key}"]}
  each:
    foreach: [x, 2]
    do: {cmd: "each ${item}"}
"""
TEXTS = {
    "train": "cmd: python src/train.py\ndeps:\n  - data/prepared\n  - src/train.py\ndeterminism:\n  seed: 1\n"
    "env:\n  lockfile: uv.lock\n  vars:\n    - A\n    - B\nmetrics:\n  - metrics.json\n"
    "outs:\n  - models/clf.pkl\n  -\n    models/log:\n      cache: false\n      persist: true\n"
    "params:\n  all.json: null\n  model.toml:\n    - depth\n  params.yaml:\n    - train.epochs\n    - train.lr\n",
    "below": 'cmd:\n  - python\n  - "-c"\n  - print(1)\ndeps:\n  - data\n  - sub/x\n'
    "params:\n  sub/params.yaml:\n    - k\nwdir: sub\n",
    "prep@us": "cmd: prep us 1\nouts:\n  - data/us\n",
    "prep@eu": "cmd: prep eu 2\nouts:\n  - data/eu\n",
    "each@x": "cmd: each x\n",
    "each@2": "cmd: each 2\n",
}


def stagefiles() -> dict[str, Any]:
    """Stage files with the canonical texts of their stages; ``graph`` are valid files that are no graph."""
    valid = [{"text": STAGES, "stages": {name: {"text": text, "blob": blob(text)} for name, text in TEXTS.items()}}]
    valid += [{"text": text, "stages": {}} for text in ("", "stages:\n", "stages: {}\n", "validate: []\n")]
    one = "stages:\n  a:\n    cmd: x\n"
    graph = [
        one + "    deps: [o]\n    outs: [o]\n",
        "stages:\n  a: {cmd: x, deps: [p], outs: [o]}\n  b: {cmd: x, deps: [o], outs: [p]}\n",
        "stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, metrics: [o]}\n",
        "stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o/p]}\n",
    ]
    rows = {
        "E_SCHEMA": [
            *("[]\n", "stages: []\n", "steps: {}\n", "stages:\n  a:\n", "stages:\n  a/b: {cmd: x}\n"),
            *("stages:\n  a: {deps: [b]}\n", one + "    dep: [b]\n", one + "    cmd: y\n", one + "    deps: b\n"),
            *(one + "    deps: [b, ./b]\n", one + "    outs: [b]\n    metrics: [b]\n", one + "    deps: [.]\n"),
            *(
                one + "    outs: [{b: {push: true}}]\n",
                one + "    frozen: yes\n",
                one + "    deps: ['${b}']\n",
                one + "    deps: *d\n",
            ),
            *("stages:\n  a: {cmd: x}\n  A: {cmd: x}\n", "stages:\n  a: {foreach: [x], do: {cmd: y}, cmd: z}\n"),
            *("stages:\n  a: {foreach: [x, x], do: {cmd: y}}\n", "stages:\n  a: {foreach: [x/y], do: {cmd: y}}\n"),
            *("stages:\n  a: {foreach: [x]}\n", "validate:\n- {rule: WEFT001, path: a}\n", "\ufeffstages: {}\n"),
        ],
        "E_PATH_ESCAPE": [one + "    deps: [../b]\n", one + "    deps: [/b]\n", one + "    wdir: ../b\n"],
        "E_PATH_CHARS": [one + "    deps: ['a\\b']\n"],
        "E_SECRET": [one + "    env: {vars: [HF_TOKEN]}\n", one + "    env: {vars: [SOME_KEY]}\n"],
        "E_YAML_TAG": [one + "    deps: !!set {b}\n"],
        "E_MERGE_CONFLICT": ["<<<<<<< HEAD\n" + one + "=======\n>>>>>>> b\n"],
        "E_LIMIT": [one + "    deps: " + "[" * 40 + "]" * 40 + "\n"],
    }
    invalid = [{"text": text, "code": code} for code, texts in rows.items() for text in texts]
    return {"valid": valid, "graph": graph, "invalid": invalid}


ALL = {one.__name__: one for one in (records, stagefiles)}


def text(title: str) -> str:
    """The content of ``title``.json."""
    return json.dumps(ALL[title](), indent=1) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "vectors"
    for title in ALL:
        (target / f"{title}.json").write_text(text(title), encoding="utf-8")
