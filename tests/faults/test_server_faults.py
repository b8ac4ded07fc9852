"""A real S3 server that is killed and started again, and a network that breaks, while the commands work with it.

What the server holds afterwards is copied out with a plain client, and the checker of invariants looks at the copy.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutproxy import cutting
from faultcounts import count
from invariants import check, ended, leftovers
from kit import Ran, Repo, environment, pseudo_random, snapshot
from servers import READER_KEY, READER_SECRET, Seaweed
from tinyhttp import Reply, Request, s3_error, serving

PATHS = ("one", "two", "three")
SIZE = 600_000


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A server of this module alone, to be killed and started again."""
    with Seaweed.started(tmp_path_factory.mktemp("mortal")) as server:
        yield server


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with some tracked paths, each with packs of its own, and no remote."""
    repo = Repo.make(tmp_path_factory.mktemp("template") / "repo")
    for number, path in enumerate(PATHS):
        repo.write({f"{path}/{name}": pseudo_random(SIZE // 2, 2 * number + n) for n, name in enumerate("ab")})
        repo.weft("add", path)
    repo.commit("data")
    return repo.root


class World:
    """A copy of the template, whose remote is behind ``endpoint``."""

    def __init__(self, top: Path, template: Path, server: Seaweed, endpoint: str) -> None:
        self.top = top
        self.server = server
        self.url = server.fresh_url()
        shutil.copytree(template, top / "repo", symlinks=True)
        self.repo = Repo(top / "repo", server.env)
        self.repo.weft("remote", "add", "origin", self.url, "--endpoint", endpoint)
        self.repo.commit("remote")

    def clone(self) -> Repo:
        return self.repo.clone(self.top / "clone")

    def wrong(self, repo: Repo, ran: Ran) -> list[str]:
        """All that is wrong after a command, on the server and in the clone."""
        copy = self.top / "copy"
        bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        client = self.server.client()
        try:
            for key in self.server.keys(bucket):
                target = copy / key.removeprefix(prefix + "/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        finally:
            client.close()
        return ended(ran.code, ran.out, ran.err) + check(repo.root, copy) + leftovers(repo.root)

    def same(self, clone: Repo) -> bool:
        return all(snapshot(clone.root / path) == snapshot(self.repo.root / path) for path in PATHS)


def begin(repo: Repo, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "weft", *arguments],
        cwd=repo.root,
        env=environment(repo.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process: subprocess.Popen[bytes]) -> Ran:
    out, err = process.communicate(timeout=600)
    return Ran(process.returncode, out.decode(), err.decode())


def pushed(world: World) -> Repo:
    """Push what is to be pulled; a clone that has nothing yet."""
    world.repo.weft("push")
    return world.clone()


# --- the server dies ---


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_the_server_is_killed_in_the_middle_and_comes_back(
    tmp_path: Path, template: Path, mortal: Seaweed, verb: str
) -> None:
    with cutting(mortal.ports[0]) as proxy:
        world = World(tmp_path, template, mortal, proxy.endpoint)
        repo = pushed(world) if verb == "pull" else world.repo
        killed = threading.Event()

        def kill() -> None:
            mortal.kill()
            killed.set()

        proxy.watch(SIZE, kill)
        process = begin(repo, verb)
        while process.poll() is None and not killed.wait(0.05):
            pass
        assert killed.is_set(), ("it ended before its middle", finished(process))
        mortal.start()
        ran = finished(process)
        # Either it was patient enough or it was not; it may not say the one and mean the other.
        assert ran.code in (0, 6), ran
        assert ran.code == 0 or "E_NETWORK" in ran.err or "E_STORAGE" in ran.err, ran.err
        assert world.wrong(repo, ran) == []
        converges(world, repo, verb)
        count(verb, "the server is killed and started again", 1)


def test_the_server_is_killed_and_stays_away(tmp_path: Path, template: Path, mortal: Seaweed) -> None:
    with cutting(mortal.ports[0]) as proxy:
        world = World(tmp_path, template, mortal, proxy.endpoint)
        repo = pushed(world)
        try:
            proxy.watch(SIZE, mortal.kill)
            ran = repo.weft("pull", code=6)
            assert "E_NETWORK" in ran.err
            assert "hint:" in ran.err, ran.err
        finally:
            mortal.kill()
            mortal.start()
        assert world.wrong(repo, ran) == []
        converges(world, repo, "pull")
        count("pull", "the server is killed", 1)


def converges(world: World, repo: Repo, verb: str) -> None:
    """The same command again does its work."""
    again = repo.weft(verb)
    assert world.wrong(repo, again) == []
    clone = world.clone() if verb == "push" else repo
    if verb == "push":
        clone.weft("pull")
    assert world.same(clone)


# --- the network breaks ---


@pytest.mark.parametrize("limit", [0, 200, 20_000, SIZE // 2])
@pytest.mark.parametrize("verb", ["push", "pull"])
def test_connections_that_break_are_made_again(
    tmp_path: Path, template: Path, seaweed: Seaweed, verb: str, limit: int
) -> None:
    with cutting(seaweed.ports[0]) as proxy:
        world = World(tmp_path, template, seaweed, proxy.endpoint)
        repo = pushed(world) if verb == "pull" else world.repo
        proxy.cuts = [limit, None, limit + 7, limit]
        before = proxy.broken
        ran = repo.weft(verb)
        assert proxy.broken > before
        assert world.wrong(repo, ran) == []
        if verb == "pull":
            assert world.same(repo)
        count(verb, f"connections are cut after {limit} bytes", 1)


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_network_that_never_carries_a_pack(tmp_path: Path, template: Path, seaweed: Seaweed, verb: str) -> None:
    with cutting(seaweed.ports[0]) as proxy:
        world = World(tmp_path, template, seaweed, proxy.endpoint)
        repo = pushed(world) if verb == "pull" else world.repo
        proxy.then = SIZE // 2
        ran = repo.weft(verb, code=6)
        assert "E_NETWORK" in ran.err
        assert world.wrong(repo, ran) == []
        proxy.then = None
        converges(world, repo, verb)
        count(verb, "no connection carries a whole pack", 1)


# --- the permission goes ---


def test_the_permission_is_taken_away_midway(tmp_path: Path, template: Path, seaweed: Seaweed) -> None:
    """A gate before the server lets some writes pass and then refuses them as S3 does."""
    left = [0]

    def answer(request: Request) -> Reply:
        if request.method in ("PUT", "POST", "DELETE"):
            left[0] -= 1
            if left[0] < 0:
                return s3_error(403, "AccessDenied", "Access Denied")
        return forward(seaweed.endpoint, request)

    with serving(answer) as gate:
        left[0] = 1000
        world = World(tmp_path, template, seaweed, gate.endpoint)
        for writes in (1, 3, 6):
            left[0] = writes
            ran = world.repo.weft("push", code=6)
            assert "E_CREDENTIALS" in ran.err, ran.err
            assert "permission" in ran.err
            assert world.wrong(world.repo, ran) == []
            count("push", "the permission to write is taken away", 1)
        left[0] = 1000
        converges(world, world.repo, "push")


def forward(endpoint: str, request: Request) -> Reply:
    """Pass a request on to a server, as it is."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=30)
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        skipped = ("transfer-encoding", "connection")
        return Reply(
            answer.status,
            answer.read(),
            {name: value for name, value in answer.getheaders() if name.lower() not in skipped},
        )
    finally:
        connection.close()


def test_who_may_only_read_can_pull_and_is_told_so_on_push(tmp_path: Path, template: Path, seaweed: Seaweed) -> None:
    world = World(tmp_path, template, seaweed, seaweed.endpoint)
    clone = pushed(world)
    clone.env.update(AWS_ACCESS_KEY_ID=READER_KEY, AWS_SECRET_ACCESS_KEY=READER_SECRET)
    clone.weft("pull")
    assert world.same(clone)
    clone.write({"one/new": b"new"})
    clone.weft("add", "one")
    ran = clone.weft("push", code=6)
    assert "E_CREDENTIALS" in ran.err
    assert world.wrong(clone, ran) == []
    count("push", "the permission to write is missing", 1)
