"""Every rule by number: its name, what it proves and how to mend what it finds (``docs/reference/rules.md``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from weft.pipeline.validate.violations import Severity, rule_id

Phase = Literal["A", "B", "C", "D"]

PHASES: dict[str, str] = {
    "A": "from names and sizes alone",
    "B": "from the text of what is staged",
    "C": "a bounded look at the workspace and the local store, before a commit only",
    "D": "before a push, and in CI",
}
"""When a rule is checked."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``explanation`` says what is proved and why it matters, ``mend`` what to do; ``elsewhere`` tells who
    checks a rule that ``weft validate`` does not check itself."""

    number: int
    phase: Phase
    title: str
    explanation: str
    mend: str
    severity: Severity = "error"
    elsewhere: str = ""

    @property
    def id(self) -> str:
        """``WEFT013`` for 13."""
        return rule_id(self.number)


_A = (
    Rule(
        1,
        "A",
        "nothing of weft's is staged",
        "The first question of a commit: does it touch a pointer, a lineage record, weft.yaml, or a file that a stage"
        " names? If not, validation ends at once. This rule finds nothing by itself.",
        "nothing to mend",
    ),
    Rule(
        2,
        "A",
        "conflict",
        "A path is still unmerged, or a staged pointer, record, stage file, params or metrics file holds the marks of a"
        " merge conflict. Half of two versions is no version.",
        "choose a side or edit the file, then `git add` it",
    ),
    Rule(
        3,
        "A",
        "large bytes in Git",
        "A file over 5 MiB is staged, or data that a pointer stands for (or that a stage declares as an out kept by weft)"
        " is staged as bytes. Git keeps every version of it for ever, in every clone.",
        "`git rm --cached FILE`, then `weft add FILE`; a large file that belongs into Git can be ignored with a reason",
    ),
    Rule(
        4,
        "A",
        "names",
        "Pointers, records and the stage file must be plain files (no links) with names that every checkout can hold: no"
        " '..', no '.git', no control characters; tracked paths may not contain one another. No path differs in case or"
        " Unicode form alone from one that weft reads (weft.yaml, lineage/, .weft, pointers, what a stage names): where"
        " names are folded, a checkout would give weft the one for the other.",
        "`weft mv OLD NEW`, or `git mv OLD NEW`",
    ),
)

_TEXT = (
    Rule(
        5,
        "B",
        "text that cannot be read",
        "Every staged pointer, record, stage file, params file and metrics file is read by the strict reader: one YAML"
        " document without tags or aliases, JSON, TOML or Python literals, UTF-8, within its size limit.",
        "mend the line that is named; `git checkout HEAD -- FILE` brings the committed version back",
    ),
    Rule(
        6,
        "B",
        "schema",
        "A file that can be read must say what its kind says: known keys, right types, one canonical spelling of a"
        " record, a reason with every ignore.",
        "mend the key that is named; `weft add` writes pointers, `weft run` and `weft repro` write records",
    ),
    Rule(
        7,
        "B",
        "object id, size or layout",
        "An object id has one spelling (blake3: and 64 lower-case hex digits), sizes and counts are whole numbers that"
        " agree with the id where that can be told: empty bytes have one id, an object is not its own layout. Where the"
        " data is here, the layout leads to it: what a recipe rebuilds is hashed once, and remembered. What is not here is"
        " noted as not proved. Before a commit this hashes no more than 64 MiB, unless the layout alone was changed.",
        "`weft add --force PATH` writes the pointer again",
    ),
    Rule(
        8,
        "B",
        "digest of a record",
        "A record carries a digest over everything it says but the circumstances of the run. It is computed again: a"
        " record that was edited by hand, or merged by lines, does not recompute. The list of packages that it names must"
        " be there as the run wrote it.",
        "`weft repro STAGE` writes the record again; `git checkout HEAD -- FILE` brings a list of packages back",
    ),
    Rule(
        9,
        "B",
        "params",
        "The values a run used, as its record has them, are those of the staged params files: same keys, same values,"
        " same types. A value that changed since the run makes the stage stale.",
        "`weft repro STAGE`, or `git checkout HEAD -- FILE` to keep the old values",
    ),
    Rule(
        10,
        "B",
        "metrics",
        "The metrics in the record are those of the staged metrics files, the files that Git keeps of a stage's outs are"
        " the recorded ones byte for byte, and no metric is NaN or infinite. Values of a metrics file that weft keeps are"
        " compared with its data where that is here, and said to be unproved elsewhere.",
        "`git add` the record and all that the run wrote, where only a part was staged;"
        " `git restore --staged --worktree FILE` for one that was changed after the run; else `weft repro STAGE`",
    ),
    Rule(
        11,
        "B",
        "deps and outs",
        "Every dependency and out of a record is the data of the staged pointer: same id, size, number of files, type. A"
        " part of a tracked directory is proved through the manifests in the local store; where they are not here, a change"
        " of the directory counts as one of the part. A dependency that is other data by now makes the stage stale; an out"
        " that is not what the run wrote is false.",
        "`git add POINTER` if it was forgotten; else `weft repro STAGE`",
    ),
    Rule(
        12,
        "B",
        "what belongs to one machine",
        "A record holds no absolute path (POSIX, Windows or UNC), no home directory, no host name and no URL with"
        " credentials: they mean nothing elsewhere and tell strangers about the machine.",
        "use paths from the root of the repository and variables, then `weft repro STAGE`",
    ),
    Rule(
        13,
        "B",
        "code",
        "The Git blob id of every code file in the record is the one in the index, and every file that Git keeps below a"
        " dependency is in the record, so the outs came from exactly the code of this commit; code that changed since"
        " makes the stage stale.",
        "`weft repro STAGE` with the staged code, or `git checkout HEAD -- FILE`",
    ),
    Rule(
        14,
        "B",
        "stage and command",
        "A record belongs to a stage that weft.yaml declares, lies where that stage's record lies, and was made by the"
        " command, in the directory, with the deps, outs, metrics files and params keys that are declared now. A stage that"
        " was declared anew since is stale; a record that contradicts the declaration of its own run is false, and so is"
        " one that says nothing of a declared out which is there.",
        "`weft repro STAGE`; `git rm lineage/STAGE.yaml` for a stage that is gone",
    ),
    Rule(
        15,
        "B",
        "a result without its record",
        "A pointer that changed, and a metrics file, plot or other out that Git keeps, either is a source, which no stage"
        " makes, or comes with the record of the stage that makes it. So does what was there before and is newly declared"
        " as an out, also under another name of the stage. `frozen` changes nothing of this.",
        "`weft repro STAGE`, or take the path out of the outs of the stage",
    ),
    Rule(
        16,
        "B",
        "graph",
        "The stages form no cycle, a path has one producer, outs do not contain one another, and every dependency is"
        " something: kept by Git, behind a pointer, or the out of a stage.",
        "change weft.yaml where it is named; `weft add DEP` or `git add DEP` for a dependency that nobody keeps",
    ),
    Rule(
        17,
        "B",
        "downstream and upstream",
        "A record that names the stage its dependency came from names the one that makes it, and the bytes it read are"
        " those that the record of that stage wrote; otherwise the stage is stale.",
        "`weft repro STAGE`",
    ),
    Rule(
        18,
        "B",
        "deleted and still used",
        "A pointer, code, params or lock file that this commit deletes is not used by a stage or a record that stays. A"
        " record goes together with the outs that it explains, or with its stage; weft's configuration with all of them.",
        "`git restore --staged FILE` to keep it, or take it out of weft.yaml and run the stage again",
    ),
    Rule(
        19,
        "B",
        "lock file and image",
        "The lock file a stage declares is the one its run had, byte for byte, and an image is pinned by its digest, the"
        " same in stage and record: a tag can point elsewhere tomorrow. Another one since the run makes the stage stale.",
        "`weft repro STAGE`; write the image as NAME@sha256:DIGEST",
    ),
    Rule(
        20,
        "B",
        "uncommitted changes and changed inputs",
        "A run that started with uncommitted changes names the snapshot that holds them, refs/weft/runs/ID with the id"
        " of the run; a clean one names none. Inputs that changed while the command ran make a record worthless.",
        "`weft repro --force STAGE`",
    ),
    Rule(
        21,
        "B",
        "secrets",
        "A changed pointer, record, stage, params or metrics file holds no token of a known shape (cloud keys, tokens of"
        " code hosts and model hubs, private keys, signed URLs) and no long random value under a name like password.",
        "take it out, revoke it, and pass it by the environment",
    ),
    Rule(
        22,
        "B",
        "notebook outputs",
        "A notebook that a stage depends on is staged with the outputs of its cells. Its blob id then changes with every"
        " look at it, and the outputs may hold data.",
        "`jupyter nbconvert --clear-output --inplace FILE`, then `git add FILE`",
        "warn",
    ),
    Rule(
        23,
        "B",
        "rationale",
        "An out that is registered (its pointer has `registered` among its `meta`) comes from a stage that says why it"
        " is as it is.",
        "write `rationale:` into the stage, then `weft repro STAGE`",
        "warn",
    ),
    Rule(
        33,
        "B",
        "hidden inputs",
        "A run had files below its dependencies that .gitignore or .weftignore hide, so that neither Git nor weft keeps"
        " them, or files of which Git keeps other bytes, by a filter, ident or an encoding of .gitattributes. The record"
        " names them, but nothing proves what was in them, and no other clone has them.",
        "take them out of .gitignore, .weftignore or .gitattributes, or out of the directory, then"
        " `weft repro --force STAGE`",
        "warn",
    ),
)

_LATER = (
    Rule(
        24,
        "C",
        "workspace differs",
        "Data that this commit is about is the same on disk as its staged pointer says: looked at by size and time"
        " first, then by hash within a budget. Beyond it the look stops, and says so. What was not changed here, but is"
        " older than its pointer (`<` in `weft status`), is left to be checked out.",
        "`weft add PATH` to take the new bytes, `weft checkout PATH` to bring the old ones back",
    ),
    Rule(
        25,
        "C",
        "object not here",
        "What a commit brings is in the local store. Otherwise nobody could push it. What the pointer had before, and what a"
        " remote holds as this clone knows, need not be here: a clone may have a part of the data alone.",
        "`weft fetch PATH` if a remote has it, else `weft add PATH`",
    ),
    Rule(
        26,
        "D",
        "remote incomplete",
        "Every object of the pushed commits is complete on the remote before Git's push goes out.",
        "`weft push`",
        elsewhere="the pre-push hook",
    ),
    Rule(
        27,
        "D",
        "a commit that went around the hook",
        "Every commit of a range passes the rules of phases A and B by itself; `git commit --no-verify` and tools"
        " without hooks are caught here.",
        "`git rebase -i COMMIT~`, with edit for the commit that is named; mend it there, `git commit --amend`, then"
        " `git rebase --continue`",
    ),
    Rule(
        28, "D", "registry tags", "Tags that register an artifact name a commit that holds it.", "-", elsewhere="later"
    ),
    Rule(29, "D", "gates", "Metrics keep the limits that are declared for them.", "-", elsewhere="later"),
    Rule(30, "D", "signatures", "Records and tags are signed by whom the project names.", "-", elsewhere="later"),
    Rule(
        31,
        "D",
        "full proof",
        "All data is hashed again, and stages are run again and compared.",
        "-",
        elsewhere="`weft verify --full` for the hashes; running again comes later",
    ),
    Rule(
        32,
        "B",
        "place of a remote",
        "A commit that changes the url, the endpoint or the store id of a remote, or which one is the default, leads data"
        " and credentials elsewhere. Clones do not follow before their user accepts the place; reviewers should know of it"
        " first.",
        "nothing to mend if the change is meant: see who owns the place",
        "warn",
    ),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in _A + _TEXT + _LATER}
"""All rules by id, in their order. Numbers are append-only: a number that was ever released keeps its meaning."""

INTEGRITY = frozenset(map(rule_id, (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 15, 16, 18, 32)))
"""Rules that guard integrity, or warn reviewers: an ignore of one does not count in the commit, or range, that brings it."""
