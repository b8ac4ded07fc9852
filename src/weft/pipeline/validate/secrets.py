"""Rules 12 and 21: what belongs to one machine, and what belongs to nobody's eyes. Lines of text, no parsing.

Found values are never repeated in a message: it may be shown in a public log.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from weft.pipeline.validate.faults import found
from weft.pipeline.validate.violations import Violation
from weft.util.later import later

if TYPE_CHECKING:
    from weft.pipeline.validate import shapes
else:
    shapes = later("weft.pipeline.validate.shapes")

MACHINE, SECRET = 12, 21
# Without one of these no line of a record can break rule 12; they are looked for before any pattern is.
_PATH_LEADS = (
    *(lead + "/" for lead in " \"'=:,([{<>|;&`"),
    "~",
    ":\\",
    "\\\\",
    "\\/",
    "//",
    "@",
    "-I/",
    "-L/",
    "-C/",
    "-o/",
    "-f/",
)
_TOKEN_LEADS = (
    *("AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "hf_", "sk-", "xox", "AIza"),
    *(
        "ya29.",
        "npm_",
        "pypi-",
        "SG.",
        "eyJ",
        "k_live_",
        "k_test_",
        "dapi",
        "dop_v1_",
        "PRIVATE KEY",
        "-Signature=",
        "AccountKey=",
    ),
)
_HEADERS = ("bearer ", "basic ")
_WORDS = (
    *("secret", "pass", "pwd", "token", "api_key", "api-key", "apikey", "access_key", "access-key", "accesskey"),
    *("private_key", "private-key", "credential", "authorization"),
    *("storage_key", "storage-key", "storagekey", "account_key", "account-key", "accountkey", "curl "),
)


def machine(path: str, text: str, stage: str) -> Iterator[Violation]:
    """Rule 12 over the text of a record: what is there only on the machine of the run."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if not line.startswith("author:")]
    told = "\n".join(line for _, line in lines)
    if os.uname().nodename not in told and not any(lead in told for lead in _PATH_LEADS):
        return
    own = shapes.own_name()
    for number, line in lines:
        what = shapes.of_machine(line, own)
        if what:
            mend = f"take it out of the command or the params, then: weft repro {stage}"
            yield found(MACHINE, path, f"the record holds {what}", line=number, mend=mend)


def secrets(path: str, text: str, *, holds_ids: bool) -> Iterator[Violation]:
    """Rule 21 over the text of a file; ``holds_ids`` for weft's own files, in which bare Git ids are no secrets."""
    small = text.lower()
    shaped = any(lead in text for lead in _TOKEN_LEADS) or any(lead in small for lead in _HEADERS)
    named = any(word in small for word in _WORDS)
    if not (shaped or named):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if shaped and shapes.has_token(line):
            yield _secret(path, number, "a token or key of a known shape is in it")
        elif named and (name := shapes.secret_name(line, holds_ids)):
            yield _secret(path, number, f"the value of {name} looks like a secret")


def _secret(path: str, line: int, text: str) -> Violation:
    mend = "take it out, revoke it, and pass it by the environment; an ignore with a reason if it is none"
    return found(SECRET, path, text, line=line, mend=mend)
