"""The main job over SSH, WebDAV and on Azure, on real servers; and what those say when something is wrong."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kit import Repo, environment, pseudo_random, snapshot
from servers import free_ports
from servers_more import Azurite, Dav, Sftp, Web


@pytest.fixture(params=["sftp", "dav", "azurite"])
def place(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """The url of a remote that is not there yet, and the environment that gets in."""
    server = request.getfixturevalue(request.param)
    url = f"az://{server.fresh_container()}/some/prefix" if isinstance(server, Azurite) else server.url(server.fresh())
    return url, server.env


def joined(repo: Repo, url: str, folder: Path) -> Repo:
    """A clone, whose user adds the remote too: a commit may not name it."""
    clone = repo.clone(folder)
    clone.weft("remote", "add", "origin", url)
    return clone


def test_round_trip(tmp_path: Path, place: tuple[str, dict[str, str]]) -> None:
    url, env = place
    repo = Repo.make(tmp_path / "repo", env=env)
    added = repo.weft("remote", "add", "origin", url)
    assert "configured in this clone alone" in added.err
    assert "remotes" not in (repo.root / ".weft" / "config.yaml").read_text()
    assert "12345" not in (repo.root / ".git" / "weft" / "config.yaml").read_text()
    repo.write({f"data/{n}.bin": pseudo_random(3000, n) for n in range(30)})
    repo.write({"data/big.bin": pseudo_random(3_000_000, 1), "data/empty": b""})
    repo.weft("add", "data")
    repo.commit("one")
    repo.weft("push")
    clone = joined(repo, url, tmp_path / "clone")
    clone.weft("pull")
    assert snapshot(clone.root / "data") == snapshot(repo.root / "data")
    assert clone.weft("push", "--json").json["data"]["sent_bytes"] == 0
    checked = clone.weft("remote", "check").out
    assert "create-only writes: honoured" in checked
    assert "none failed" in checked
    clone.weft("verify", "--remote", "--sample", "100%")


def test_two_who_push_at_once_and_garbage_collection(tmp_path: Path, place: tuple[str, dict[str, str]]) -> None:
    url, env = place
    first = Repo.make(tmp_path / "first", url, env=env)
    second = joined(first, url, tmp_path / "second")
    for number, repo in enumerate((first, second)):
        repo.write({f"d{number}/{n}.bin": pseudo_random(200_000, 100 * number + n) for n in range(20)})
        repo.write({f"d{number}/same-{n}.bin": pseudo_random(100_000, 900 + n) for n in range(10)})
        repo.weft("add", f"d{number}")
        repo.commit(f"by {number}")
    running = [
        subprocess.Popen([sys.executable, "-m", "weft", "push", "-q"], cwd=repo.root, env=environment(repo.env))
        for repo in (first, second)
    ]
    assert [one.wait(240) for one in running] == [0, 0]
    for number, repo in enumerate((first, second)):
        there = joined(repo, url, tmp_path / f"clone{number}")
        there.weft("pull")
        assert snapshot(there.root / f"d{number}") == snapshot(repo.root / f"d{number}")
    assert "nothing" in first.weft("gc", "--on-remote").out
    first.weft("verify", "--remote", "--sample", "100%")


@pytest.mark.parametrize("kind", ["sftp", "az"])
def test_private_settings_never_come_by_a_commit(tmp_path: Path, kind: str) -> None:
    key, url = {"sftp": ("key_file", "sftp://h/x"), "az": ("account", "az://container/x")}[kind]
    repo = Repo.make(tmp_path / "repo")
    repo.weft("remote", "add", "origin", url, "--option", f"{key}=mine", "--no-check")
    assert f"{key}: mine" in (repo.root / ".git" / "weft" / "config.yaml").read_text()
    assert "mine" in repo.weft("config", "get", f"remotes.origin.{key}").out
    refused = repo.weft("config", "set", f"remotes.origin.{key}", "theirs", code=3)
    assert "E_" in refused.err
    assert "INTERNAL" not in refused.err
    committed = repo.root / ".weft" / "config.yaml"
    committed.write_text(committed.read_text() + f"remotes: {{o: {{url: s3://b, {key}: theirs}}}}\n")
    assert "E_UNTRUSTED_CONFIG" in repo.weft("remote", "list", code=3).err


@pytest.mark.parametrize(
    ("key", "value"),
    [("url", "sftp://h/x"), ("url", "/srv/x"), ("endpoint", "http://s3.example:9000")],
)
def test_a_commit_may_not_name_such_a_place(tmp_path: Path, key: str, value: str) -> None:
    repo = Repo.make(tmp_path / "repo", "s3://bucket/x", "--no-check")
    config = repo.root / ".weft" / "config.yaml"
    before = config.read_text()
    refused = repo.weft("config", "set", f"remotes.origin.{key}", value, code=3)
    assert "E_UNTRUSTED_CONFIG" in refused.err
    assert f"hint: weft config set --private remotes.origin.{key} {value}\n" in refused.err
    assert config.read_text() == before
    # Written by another hand, it is refused where it would be used, and goes as a whole.
    config.write_text(before.replace("s3://bucket/x", value) if key == "url" else before + f"    {key}: {value}\n")
    assert "E_UNTRUSTED_CONFIG" in repo.weft("push", code=3).err
    assert "hint: weft remote remove origin\n" in repo.weft("config", "unset", "remotes.origin.url", code=3).err
    repo.weft("remote", "remove", "origin")
    assert value not in config.read_text()
    repo.weft("config", "set", "--private", "remotes.origin.url", "sftp://h/x")


def test_ssh_says_what_is_wrong(tmp_path: Path, sftp: Sftp) -> None:
    repo = Repo.make(tmp_path / "repo", env=sftp.env)
    url = sftp.url(sftp.fresh())

    def refused(*more: str, to: str = url, code: int = 6, **env: str) -> str:
        return repo.weft("remote", "add", "origin", to, *more, code=code, env=env).err

    stranger = tmp_path / "home"
    shutil.copytree(sftp.home, stranger)
    (stranger / ".ssh" / "known_hosts").write_text("")
    unknown = refused(HOME=str(stranger))
    assert "E_NETWORK" in unknown
    assert "known_hosts" in unknown
    assert not list(sftp.files.glob(url.rpartition("/")[2]))
    # The keys of the remote may lie elsewhere than in the home directory.
    ssh = sftp.home / ".ssh"
    options = ("--option", f"key_file={ssh / 'id_ed25519'}", "--option", f"known_hosts={ssh / 'known_hosts'}")
    repo.weft("remote", "add", "elsewhere", url, *options, env={"HOME": str(tmp_path / "none")})
    (stranger / ".ssh" / "id_ed25519").unlink()
    shutil.copy(ssh / "known_hosts", stranger / ".ssh")
    assert "E_CREDENTIALS" in refused(HOME=str(stranger))
    for path in (tmp_path / "none", tmp_path, ssh / "id_ed25519" / "below"):
        assert "E_CONFIG" in refused("--option", f"key_file={path}", code=3)
    (tmp_path / "noise").write_text("no key")
    assert "E_CREDENTIALS" in refused("--option", f"key_file={tmp_path / 'noise'}")
    assert "E_CONFIG" in refused("--option", "port=22", code=3)
    dead = f"sftp://tester@127.0.0.1:{free_ports(1)[0]}/x"
    assert "E_NETWORK" in refused(to=dead)
    occupied = sftp.files / sftp.fresh()
    occupied.mkdir()
    (occupied / "thesis.tex").write_text("x")
    foreign = refused(to=sftp.url(occupied.name), code=3)
    assert "E_DIRECTORY" in foreign
    assert "thesis.tex" in foreign
    assert os.listdir(occupied) == ["thesis.tex"]


def test_webdav_says_what_is_wrong(tmp_path: Path, dav: Dav) -> None:
    repo = Repo.make(tmp_path / "repo", env=dav.env)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login tester password wrong-one\n")
    for netrc in (str(tmp_path / "netrc"), str(tmp_path / "none")):
        refused = repo.weft("remote", "add", "origin", dav.url(dav.fresh()), code=6, env={"NETRC": netrc}).err
        assert "E_CREDENTIALS" in refused
        assert ".netrc" in refused
        assert "wrong-one" not in refused
    assert "E_NETWORK" in repo.weft("remote", "add", "o", f"webdav://127.0.0.1:{free_ports(1)[0]}/x", code=6).err
    held = repo.weft("remote", "add", "o", f"webdav://tester:pass@127.0.0.1:{dav.port}/x", code=3).err
    assert "E_SECRET" in held
    assert ".netrc" in held
    occupied = dav.files / dav.fresh()
    occupied.mkdir()
    (occupied / "thesis.tex").write_text("x")
    assert "E_DIRECTORY" in repo.weft("remote", "add", "o", dav.url(occupied.name), code=3).err
    assert os.listdir(occupied) == ["thesis.tex"]


def test_azure_says_what_is_wrong(tmp_path: Path, azurite: Azurite) -> None:
    repo = Repo.make(tmp_path / "repo", env=azurite.env)
    url = f"az://{azurite.fresh_container()}/x"
    assert "E_BUCKET" in repo.weft("remote", "add", "o", "az://no-such-container", code=6).err
    wrong = azurite.connection.replace("AccountKey=Eby8", "AccountKey=AAAA")
    refused = repo.weft("remote", "add", "o", url, code=6, env={"AZURE_STORAGE_CONNECTION_STRING": wrong}).err
    assert "E_CREDENTIALS" in refused
    assert "AZURE_STORAGE" in refused
    assert "AAAA" not in refused
    dead = azurite.connection.replace(f":{azurite.port}/", f":{free_ports(1)[0]}/")
    assert (
        "E_NETWORK" in repo.weft("remote", "add", "o", url, code=6, env={"AZURE_STORAGE_CONNECTION_STRING": dead}).err
    )
    assert "E_CONFIG" in repo.weft("remote", "add", "o", url, "--endpoint", "https://e", code=3).err


def test_a_plain_web_server_is_enough_to_pull_from(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", "../remote")
    repo.write({f"data/{n}.bin": pseudo_random(3000, n) for n in range(10)})
    repo.write({"data/big.bin": pseudo_random(3_000_000, 1)})
    repo.weft("add", "data")
    repo.commit("one")
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    with Web(tmp_path) as web:
        for url in (f"{web.url}/remote", "https://host/x"):
            told = clone.weft("remote", "add", "web", url, code=3).err
            assert "E_CONFIG" in told
            assert "only be read from" in told
        clone.weft("config", "set", "--private", "remotes.origin.url", f"{web.url}/remote")
        clone.weft("pull")
        assert "only be read from" in clone.weft("push", code=3).err
        assert set(web.asked) <= {"GET", "HEAD"}
    assert snapshot(clone.root / "data") == snapshot(repo.root / "data")


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("ftp://host/x", "E_CONFIG"),
        ("hdfs://host/x", "E_CONFIG"),
        ("memory://x", "E_CONFIG"),
        ("dir::file:///x", "E_CONFIG"),
        ("~/r", "E_DIRECTORY"),
        ("C:/r", "E_DIRECTORY"),
        ("u@h:/p", "E_DIRECTORY"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--no-check",)])
def test_what_is_no_remote_is_refused_before_anything_is_written(
    tmp_path: Path, url: str, fault: str, more: tuple[str, ...]
) -> None:
    repo = Repo.make(tmp_path / "repo")
    refused = repo.weft("remote", "add", "origin", url, *more, code=3).err
    assert f"[{fault}]" in refused
    assert "origin" not in repo.weft("remote", "list").out
    assert sorted(os.listdir(repo.root)) == [".git", ".gitattributes", ".weft"]


@contextmanager
def mute() -> Iterator[int]:
    """A server that takes connections and says nothing; its port."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def take() -> None:
            while not stop.is_set():
                try:
                    held.append(server.accept()[0])
                except TimeoutError:
                    continue

        taking = threading.Thread(target=take)
        taking.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            taking.join()
            for one in held:
                one.close()


@pytest.mark.parametrize("scheme", ["sftp", "webdav", "az"])
def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from weft.errors import NetworkFault
    from weft.model.remote import RemoteSpec
    from weft.storage import locate

    monkeypatch.setattr(locate, "CONNECT_TIMEOUT", 1)
    monkeypatch.setattr(locate, "READ_TIMEOUT", 2)
    monkeypatch.setenv("HOME", str(tmp_path))
    with mute() as port:
        connection = Azurite.connection_to(port)
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        url = "az://container/x" if scheme == "az" else f"{scheme}://127.0.0.1:{port}/x"
        storage: Any = locate.open_backend(RemoteSpec("o", url), base_dir="/")
        # The server never ends it: who waits for an answer waits for ever.
        with pytest.raises(NetworkFault):
            storage.stat("weft.json")
        storage.close()


def test_a_connection_that_broke_is_made_again(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    from weft.model.remote import RemoteSpec
    from weft.storage.locate import open_storage

    with Sftp.started(tmp_path_factory.mktemp("own-sftp")) as server:
        options = tuple(
            (key, str(server.home / ".ssh" / name))
            for key, name in [("key_file", "id_ed25519"), ("known_hosts", "known_hosts")]
        )
        storage = open_storage(RemoteSpec("o", server.url("x"), options=options), base_dir="/")
        storage.write("weft.json", b"x")
        server.kill()
        server.start()
        assert storage.read("weft.json") == b"x"
        storage.close()
