"""Many commands at once on one repository: each worker runs one random command after another, and knows what its files hold.

A worker has a tracked directory of its own and files of its own in one that all share. Whatever others do meanwhile, a file
of its own holds bytes that it wrote there, and what an ``add`` that succeeded took is what ``cat``, ``ls`` and a new clone
give back. Every exit code, every error and every warning is judged; once all is quiet the repository is compared with what
the workers know, by ``verify --full`` and by the checker of ``tests/invariants.py``, which shares no code with weft.

Use: ``python tests/concurrency/stress.py WORKERS SECONDS [SEED]``. It ends with 1 on a finding.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from invariants import Before, check, ended, leftovers
from kit import Ran, Repo, snapshot

# What a command may answer because of what others do; any other error is a finding.
IN_THE_WAY = {"E_LOCKED", "E_FILE_CHANGED", "E_CONCURRENCY"}
UNSAVED = {*IN_THE_WAY, "E_UNSAVED"}  # somebody is between writing a file and adding it
EVICTED = {
    *IN_THE_WAY,
    "E_MISSING_OBJECT",
}  # `gc --limit 0` took away what the remote has, which is what it is told to do
NOT_YET = {"E_NO_REVISION", "E_NOT_TRACKED"}  # so few commits have been made
_CODE = re.compile(r"\[(E_[A-Z_]+)\]$", re.MULTILINE)
_DAMAGE = re.compile(r"damaged|quarantine|rebuilt|contradict|set aside")
_GIT_IS_BUSY = re.compile(r"\.lock'|cannot lock ref|nothing to commit|nothing added|no changes added")
_SHARED = "shared"


class Site:
    """A repository with a directory as remote, what was run in it, and what was found wrong."""

    def __init__(self, root: Path, workers: int) -> None:
        self.repo = Repo.make(root / "repo", str(root / "remote"))
        self.remote = root / "remote"
        self.scratch = root / "scratch"
        self.scratch.mkdir()
        self.ran: Counter[tuple[str, str]] = Counter()
        self.findings: list[str] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self.repo.write({f"{name}/begin.bin": b"begin" for name in [_SHARED, *map("own{}".format, range(workers))]})
        self.repo.weft("add", _SHARED, *map("own{}".format, range(workers)))
        self.repo.commit("data")

    def found(self, words: str) -> None:
        with self._lock:
            self.findings.append(words)

    def weft(self, *words: str, allowed: Collection[str] = IN_THE_WAY, codes: Collection[int] = (0,)) -> Ran:
        """Run a command; an exit code other than ``codes`` is a finding unless the error is one of ``allowed``."""
        ran = self.repo.weft(*words, code=None)
        fault = _CODE.search(ran.err)
        name = fault[1] if fault else "" if ran.code in codes else f"code {ran.code}"
        with self._lock:
            self.ran[words[0], name] += 1
        shown = f"weft {' '.join(words)} gave {ran.code}: {ran.err.strip()[-600:] or ran.out[-600:]}"
        for wrong in ended(ran.code, ran.out, ran.err):
            self.found(f"{wrong} ({shown})")
        if (name and name not in allowed) or _DAMAGE.search(ran.err):
            self.found(shown)
        if name in IN_THE_WAY and (ran.code != 5 or "hint:" not in ran.err):
            self.found(f"another process is in the way, but: {shown}")
        return ran

    def status(self, *words: str) -> None:
        """The only path in error is one whose manifest a `gc --limit 0` has taken, which its line says."""
        ran = self.weft("status", *words, codes=(0, 4))
        wrong = [line for line in ran.out.splitlines() if line.startswith("! ")]
        if (ran.code == 4) != bool(wrong) or not all("is not in the local store" in line for line in wrong):
            self.found(f"weft status {' '.join(words)} gave {ran.code}: {ran.out[-600:]}")

    def put(self, path: str, data: bytes) -> None:
        """A file of the work tree, whole at once, as an editor does it."""
        temp = self.scratch / str(next(self._numbers))
        temp.write_bytes(data)
        os.replace(temp, self.repo.root / path)

    def commit(self) -> None:
        for _ in range(50):
            ran = self.repo.git("commit", "-q", "-a", "-m", "change", code=None)
            if ran.code == 0 or not re.search(r"\.lock'|cannot lock ref", ran.err):
                break
            time.sleep(0.1)
        if ran.code and not _GIT_IS_BUSY.search(ran.err + ran.out):
            self.found(f"git commit gave {ran.code}: {ran.err}")
        self.ran["git commit", "" if ran.code == 0 else "nothing, or busy"] += 1


class Worker(threading.Thread):
    """Runs random commands until ``end``, but no fewer than ``least``.

    ``may`` maps each file of its own to all that it may hold (None: not there).
    """

    def __init__(self, site: Site, number: int, seed: int, end: float, least: int) -> None:
        super().__init__(name=f"worker {number}")
        self.site = site
        self.own = f"own{number}"
        self.number = number
        self.random = Random(f"{seed} {number}")
        self.end = end
        self.least = least
        self.may: dict[str, set[bytes | None]] = {f"{self.own}/begin.bin": {b"begin"}}
        self.versions: dict[bytes, dict[str, bytes]] = {}
        self.settled = True
        self._settle()

    def run(self) -> None:
        verbs: list[tuple[int, Callable[[], object]]] = [
            (6, self.change), (5, self.change_shared), (1, self.remove_shared), (1, self.rename_shared),
            (2, self.site.status), (2, lambda: self.site.status("--remote")),
            (4, lambda: self.site.weft("push", allowed=EVICTED)), (2, lambda: self.site.weft("fetch")),
            (2, lambda: self.whole("pull")), (2, lambda: self.whole("checkout")), (3, self.go_back), (2, self.read),
            (1, lambda: self.site.weft("diff", "HEAD~1", codes=(0, 1), allowed={*EVICTED, *NOT_YET})),
            (1, lambda: self.site.weft("verify")), (1, self.verify_remote),
            (1, lambda: self.site.weft("validate", codes=(0, 1))), (1, lambda: self.site.weft("gc", "--grace", "0")),
            (1, lambda: self.site.weft("gc", "--limit", "0")), (3, self.site.commit),
        ]  # fmt: skip
        weights = [weight for weight, _ in verbs]
        for done in itertools.count():
            if done >= self.least and time.monotonic() >= self.end:
                break
            try:
                self.random.choices([verb for _, verb in verbs], weights)[0]()
                self.look()
            except Exception as error:  # a worker that dies in silence would look like one that found nothing
                self.site.found(f"{self.name}: {type(error).__name__}: {error}")

    # --- what it does ---

    def change(self) -> None:
        """Write, change and delete some files of its own directory and add it, again after a refusal."""
        for _ in range(self.random.randint(1, 4)):
            self._write(f"{self.own}/{self.random.randrange(8)}.bin")
        if self.random.random() < 0.3:
            name = self.random.choice(list(self.may))
            if name.startswith(self.own) and not name.endswith("begin.bin"):
                self.may[name] |= {None}
                (self.site.repo.root / name).unlink(missing_ok=True)
        self.settled = False
        self._add(self.own)
        if self.settled:
            self._settle()

    def change_shared(self) -> None:
        """Write a file of its own into the directory that all share; one file belongs to nobody."""
        self.site.put(f"{_SHARED}/common.bin", self._bytes())
        name = f"{_SHARED}/{self.number}-{self.random.randrange(4)}.bin"
        data = self._write(name)
        if self._add(self.random.choice([name, _SHARED])):
            self.may[name] = {data}

    def remove_shared(self) -> None:
        name = self._shared_name()
        if name and self.site.weft("rm", name, allowed={*EVICTED, *UNSAVED}).code == 0:
            self.may[name] = {None}
        elif name:
            self.may[name] |= {None}

    def rename_shared(self) -> None:
        name, new = self._shared_name(), f"{_SHARED}/{self.number}-moved.bin"
        if name and self.may.get(new, {None}) == {None}:
            moved = self.may[name]
            if self.site.weft("mv", name, new, allowed=EVICTED).code == 0:
                self.may[name], self.may[new] = {None}, moved
            else:
                self.may[name], self.may[new] = moved | {None}, moved | {None}

    def verify_remote(self) -> None:
        """Nothing may be wrong there but that something was never pushed."""
        ran = self.site.weft("verify", "--remote", "--json", allowed=EVICTED, codes=(0, 4))
        found = json.loads(ran.out)["data"]["findings"] if ran.code in (0, 4) and "data" in ran.out else []
        if {finding["code"] for finding in found} - {"E_NOT_ON_REMOTE"}:
            self.site.found(f"verify --remote found {found}")

    def whole(self, verb: str) -> None:
        paths = [self.own] if self.random.random() < 0.5 else []
        self.site.weft(verb, *paths, allowed={*UNSAVED, *EVICTED}, codes=(0, 1))

    def go_back(self) -> None:
        """Take its own directory as it was some commits ago."""
        if not self.settled:
            self._add(self.own)
            return
        before = {name: set(values) for name, values in self.may.items() if name.startswith(self.own + "/")}
        for version in self.versions.values():
            for name in {*before, *(f"{self.own}/{key}" for key in version)}:
                self.may.setdefault(name, {None}).add(version.get(name.removeprefix(self.own + "/")))
        rev = f"HEAD~{self.random.randrange(4)}"
        ran = self.site.weft("checkout", rev, "--", self.own, allowed={*EVICTED, *UNSAVED, *NOT_YET})
        if ran.code:
            self.settled = False
            self._add(self.own)
        else:
            self.settled = True
            if self._pointer() not in self.versions:
                self.site.found(f"{self.own}.weft of {rev} names a version that its worker never added")
                return
            self._settle(self.versions[self._pointer()])

    def read(self) -> None:
        """What it knows its directory to be is what reading it through the pointer gives."""
        if not self.settled:
            self._add(self.own)
            return
        known = self.versions[self._pointer()]
        listed = self.site.weft("ls", "--json", self.own, allowed=EVICTED)
        if listed.code == 0:
            names = {entry["path"] for entry in json.loads(listed.out)["data"]["entries"]}
            if names != {f"{self.own}/{name}" for name in known}:
                self.site.found(f"ls {self.own} names {sorted(names)}, not {sorted(known)}")
        name = self.random.choice(sorted(known))
        shown = self.site.weft("cat", f"{self.own}/{name}", allowed=EVICTED)
        if shown.code == 0 and shown.out.encode() != known[name]:
            self.site.found(f"cat {self.own}/{name} gave other bytes")

    # --- what it knows ---

    def look(self) -> None:
        """Every file of its own holds something that it wrote."""
        for name, values in self.may.items():
            try:
                data: bytes | None = (self.site.repo.root / name).read_bytes()
            except FileNotFoundError:
                data = None
            if data not in values:
                was = "is gone" if data is None else f"holds {data[:40]!r}"
                self.site.found(f"{name} {was}, which its worker never left there")

    def _add(self, path: str) -> bool:
        allowed = {*EVICTED, "E_STALE", "E_MISSING_UNKNOWN", "E_NO_PATH"}
        for _ in range(3):
            ran = self.site.weft("add", path, allowed=allowed)
            if ran.code == 0:
                self.settled = self.settled or path == self.own
                return True
            if "E_STALE" in ran.err:
                self.site.weft("add", "--force", "--delete-missing", path, allowed=allowed)
        return False

    def _settle(self, known: dict[str, bytes] | None = None) -> None:
        """Its directory is clean: it holds exactly ``known``, or what is there now, and the pointer says so."""
        if known is None:
            self.look()
            known = {key: value[1] for key, value in snapshot(self.site.repo.root / self.own).items()}
            self.versions[self._pointer()] = known
        for name in [name for name in self.may if name.startswith(self.own + "/")]:
            self.may[name] = {None}
        self.may.update({f"{self.own}/{name}": {data} for name, data in known.items()})

    def _pointer(self) -> bytes:
        text = (self.site.repo.root / f"{self.own}.weft").read_bytes()
        return text.partition(b"\noid: ")[2].partition(b"\n")[0]

    def _write(self, name: str) -> bytes:
        data = self._bytes()
        self.may[name] = self.may.get(name, {None}) | {data}
        self.site.put(name, data)
        return data

    def _bytes(self) -> bytes:
        """Text that never was before, of up to 40 kB that hardly compress."""
        return f"{time.time_ns()} {self.number} {self.random.randbytes(self.random.randrange(20_000)).hex()}".encode()

    def _shared_name(self) -> str:
        known = [name for name, values in self.may.items() if name.startswith(_SHARED) and None not in values]
        return self.random.choice(known) if known else ""


def settle(site: Site, workers: Iterable[Worker], clone: Path) -> None:
    """All is quiet: everything that the workers know must be so, here, on the remote and in a new clone."""
    repo, names = site.repo, [worker.own for worker in workers]
    site.weft("fetch", allowed=())
    site.weft("add", "--force", "--delete-missing", _SHARED, *names, allowed=())
    site.weft("checkout", allowed=())
    site.weft("status", "--exit-code", allowed=())
    for worker in workers:
        worker.look()
    site.commit()
    site.weft("push", "--all", allowed=())
    site.weft("verify", "--full", allowed=())
    site.weft("verify", "--remote", allowed=())
    site.findings += check(repo.root, site.remote) + leftovers(repo.root, site.remote)
    other = repo.clone(clone)
    other.weft("pull")
    other.weft("fetch", "--all")
    other.weft("verify", "--full")
    for name in [_SHARED, *names]:
        if snapshot(other.root / name) != snapshot(repo.root / name):
            site.found(f"a new clone gets another {name}")
    if Before.of(repo.root, _SHARED, *names).lost(site.remote):
        site.found("bytes of the work tree are nowhere")


def stress(root: Path, workers: int, seconds: float, seed: int, least: int = 1) -> Site:
    """Let ``workers`` work for ``seconds`` on a repository below ``root``, then look at what they left.

    Each does at least so many things, however slow the machine is.
    """
    site = Site(root, workers)
    end = time.monotonic() + seconds
    threads = [Worker(site, number, seed, end, least) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle(site, threads, root / "clone")
    return site


def report(site: Site) -> str:
    """What was run, and how it ended, a line for each verb."""
    lines = [f"{sum(site.ran.values())} commands, {len(site.findings)} findings"]
    for verb in sorted({verb for verb, _ in site.ran}):
        ends = {end or "ok": count for (name, end), count in sorted(site.ran.items()) if name == verb}
        lines.append(f"{verb:12}" + ", ".join(f"{end} {count}" for end, count in ends.items()))
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Run, print figures and findings; 1 when there are any."""
    workers, seconds = int(words[0]), float(words[1])
    seed = int(words[2]) if len(words) > 2 else time.time_ns()
    with tempfile.TemporaryDirectory(prefix="weft-stress-") as folder:
        print(f"{workers} processes, {seconds:g} s, seed {seed}", flush=True)
        site = stress(Path(folder), workers, seconds, seed)
    print(report(site))
    for finding in site.findings[:50]:
        print(f"FOUND {finding}")
    return 1 if site.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
