"""Rules 13, 19, 22 and 33: that the code, the lock file and the image of a run are those of this commit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from weft.errors import quoted
from weft.model.lineage import Record, record_path
from weft.model.paths import in_cache
from weft.model.stage import Stage
from weft.pipeline.fingerprint import declared_as_run, kept_of, same_kept
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.violations import Stale, Violation
from weft.util.humanize import count_text

CODE, SURROUNDINGS, NOTEBOOK, HIDDEN = 13, 19, 22, 33
_KINDS = {"": "a plain file", "x": "an executable file", "link": "a link", "submodule": "a submodule"}
_PINNED = re.compile(r".+@sha256:[0-9a-f]{64}", re.ASCII)


def code(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 13: what Git keeps of what the run read is that of the index, and everything that the stage reads is recorded."""
    path, again = record_path(stage.name), f"weft repro {stage.name}"
    for file, blob in record.code.items():
        now, recorded = context.kept(file), kept_of(record, file, blob)
        if not now and not context.deleted(file):
            text, mend = f"{file} was used, and is not {context.here}", f"git add {quoted(file)}"
            if context.owner(file):
                text, mend = f"{file} was used as code, and weft keeps it now", again
            stale = Stale(stage.name, file, gone=True)
        elif now and not same_kept(recorded, now, record.schema):
            text = f"{file} is {context.here} {_how(recorded, now)} than the run used"
            mend = context.rerun(stage.name, file)
            stale = Stale(stage.name, file)
        else:
            continue
        yield found(CODE, path, text, line=context.line(path, "code", file), mend=mend, stale=stale)
    reading = context.reading(stage)
    for file in sorted(reading.code - record.code.keys()):
        text, mend = f"{file} belongs to what the stage reads, and the run did not see it", again
        if in_cache(file):
            mend = f"git rm --cached {quoted(file)}, and list __pycache__/ in .gitignore"
        stale = Stale(stage.name, file)
        yield found(CODE, path, text, line=context.line(path, "code"), mend=mend, stale=stale)
    for link, _, fault in reading.leads:
        if fault:
            yield found(CODE, link, f"the stage {stage.name!a} reads it, and it leads {fault}", mend=again)


def _how(recorded: str, now: str) -> str:
    kinds = [text.rpartition(" ")[0] for text in (recorded, now)]
    return "in another version" if kinds[0] == kinds[1] else f"as {_KINDS[kinds[1]]}, another kind of file"


def hidden(context: Context, record: Record) -> Iterator[Violation]:
    """Rule 33: the run had nothing below its dependencies that nobody keeps."""
    path = record_path(record.stage)
    if record.hidden is not None and (context.whole or context.touched(path)):
        names = ", ".join(record.hidden.paths[:3])
        text = f"the run may have read {count_text(record.hidden.count, 'file')} that nobody keeps: {names}"
        yield found(HIDDEN, path, text, line=context.line(path, "hidden"))


def surroundings(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 19: lock file and image are the declared ones, and pinned."""
    path, again = record_path(stage.name), f"weft repro {stage.name}"
    same = declared_as_run(record, stage)  # then the record contradicts its own declaration
    if stage.env.image and not _PINNED.fullmatch(stage.env.image):
        line = context.line(stage.file, "stages", stage.own_name, "env", "image")
        text = f"the image {stage.env.image!a} is not pinned by a digest"
        yield found(SURROUNDINGS, stage.file, text, line=line, mend="write it as NAME@sha256:DIGEST")
    if record.env.get("image", "") != stage.env.image:
        text = f"the run had another image than {stage.file} declares"
        stale = None if same else Stale(stage.name, "the image")
        yield found(SURROUNDINGS, path, text, line=context.line(path, "env", "image"), mend=again, stale=stale)
    lockfile = stage.env.lockfile
    if record.env.get("lockfile", "") != lockfile:
        text = f"the run had another lock file than {stage.file} declares"
        stale = None if same else Stale(stage.name, "the lock file")
        yield found(SURROUNDINGS, path, text, line=context.line(path, "env", "lockfile"), mend=again, stale=stale)
    elif lockfile and not context.deleted(lockfile):
        entry = context.entry(lockfile)
        if entry is None or not entry.regular or entry.blob != record.env.get("lockfile_blob"):
            text = "in another version than the run had" if entry else ""
            text = f"{lockfile} is {context.here} {text}" if entry else f"{lockfile} is not {context.here}"
            text = text if entry is None or entry.regular else f"{lockfile} is no plain file"
            mend = context.rerun(stage.name, lockfile) if entry else f"git add {quoted(lockfile)}"
            stale = Stale(stage.name, lockfile, gone=entry is None or not entry.regular)
            line = context.line(path, "env", "lockfile_blob")
            yield found(SURROUNDINGS, path, text, line=line, mend=mend, stale=stale)


def notebooks(context: Context, stage: Stage) -> Iterator[Violation]:
    """Rule 22: notebooks among the code have no outputs."""
    for file in sorted(context.reading(stage).code):
        if file.endswith(".ipynb") and (context.whole or context.touched(file)) and _has_outputs(context.text(file)):
            mend = f"jupyter nbconvert --clear-output --inplace {quoted(file)}, then: git add {quoted(file)}"
            yield found(NOTEBOOK, file, "the outputs of its cells are staged", mend=mend)


def _has_outputs(text: bytes | None) -> bool:
    try:
        cells = json.loads(text or b"{}")["cells"]
        return any(cell.get("outputs") for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # no notebook: not for this rule to say
