"""Rules 13, 19 and 22: that the code, the lock file and the image of a run are those of this commit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from weft.gitio.index import SUBMODULE
from weft.model.lineage import Record, record_path
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.violations import Violation, quoted

CODE, SURROUNDINGS, NOTEBOOK = 13, 19, 22
_NOT_CODE = (".gitignore", ".weftignore")
_PINNED = re.compile(r".+@sha256:[0-9a-f]{64}", re.ASCII)


def code(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 13: every recorded blob id is that of the index, and every file that Git keeps of a dependency is recorded."""
    path, again = record_path(stage.name), f"weft repro {stage.name}"
    for file, blob in record.code.items():
        entry = context.entry(file)
        if entry is None and not context.deleted(file):
            text, mend = f"{file} was used, and is not staged", f"git add {quoted(file)}"
        elif entry is not None and entry.blob != blob:
            text, mend = f"{file} is staged in another version than the run used", again
        else:
            continue
        yield found(CODE, path, text, line=context.line(path, "code", file), mend=mend)
    for file in _kept(context, stage):
        if file not in record.code:
            text = f"{file} belongs to a dependency, and the run did not see it"
            yield found(CODE, path, text, line=context.line(path, "code"), mend=again)


def _kept(context: Context, stage: Stage) -> Iterator[str]:
    """The files that Git keeps at or below the dependencies of ``stage``, but for those that say what Git and weft keep."""
    for dep in stage.deps:
        if context.owner(dep):
            continue
        for file in [dep] if dep in context.index else filter(_is_code, context.index.below(dep)):
            entry = context.entry(file)
            if entry and entry.mode != SUBMODULE:
                yield file


def _is_code(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name not in _NOT_CODE and not name.endswith(SUFFIX) and "/__pycache__/" not in path


def surroundings(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 19: lock file and image are the declared ones, and pinned."""
    path, again = record_path(stage.name), f"weft repro {stage.name}"
    if stage.env.image and not _PINNED.fullmatch(stage.env.image):
        line = context.line(STAGE_FILE, "stages", stage.name, "env", "image")
        text = f"the image {stage.env.image!a} is not pinned by a digest"
        yield found(SURROUNDINGS, STAGE_FILE, text, line=line, mend="write it as NAME@sha256:DIGEST")
    if record.env.get("image", "") != stage.env.image:
        text = f"the run had another image than {STAGE_FILE} declares"
        yield found(SURROUNDINGS, path, text, line=context.line(path, "env", "image"), mend=again)
    lockfile = stage.env.lockfile
    if record.env.get("lockfile", "") != lockfile:
        text = f"the run had another lock file than {STAGE_FILE} declares"
        yield found(SURROUNDINGS, path, text, line=context.line(path, "env", "lockfile"), mend=again)
    elif lockfile and not context.deleted(lockfile):
        entry = context.entry(lockfile)
        if entry is None or entry.blob != record.env.get("lockfile_blob"):
            text = f"{lockfile} is staged in another version than the run had" if entry else f"{lockfile} is not staged"
            mend = again if entry else f"git add {quoted(lockfile)}"
            yield found(SURROUNDINGS, path, text, line=context.line(path, "env", "lockfile_blob"), mend=mend)


def notebooks(context: Context, stage: Stage) -> Iterator[Violation]:
    """Rule 22: notebooks among the code have no outputs."""
    for file in _kept(context, stage):
        if file.endswith(".ipynb") and (context.whole or context.touched(file)) and _has_outputs(context.text(file)):
            mend = f"jupyter nbconvert --clear-output --inplace {quoted(file)}, then: git add {quoted(file)}"
            yield found(NOTEBOOK, file, "the outputs of its cells are staged", mend=mend)


def _has_outputs(text: bytes | None) -> bool:
    try:
        cells = json.loads(text or b"{}")["cells"]
        return any(cell.get("outputs") for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # no notebook: not for this rule to say
