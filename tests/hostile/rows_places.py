"""Places that a commit names: no credential and no data goes there before the user of the clone has accepted them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from kit import Ran, Repo, nobody
from tinyhttp import Reply, Request, Tiny, serving
from weft.storage.local import LocalStorage

# The clones of these rows accept nothing by themselves, and have credentials to lose.
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIA" + "CANARYCANARY0000",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_SESSION_TOKEN": "canary-session",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _project(root: Path, remote: str = "", *words: str) -> Repo:
    """A repository with data, whose user added ``remote`` by hand."""
    repo = Repo.make(root, remote, *words, env={**nobody(root.parent), **KEYS})
    repo.write({"d/x": b"private"})
    repo.weft("add", "d")
    repo.commit("data")
    return repo


def _name(repo: Repo, url: str, endpoint: str = "", store: str = "") -> None:
    """Write a remote into the committed configuration as a text editor would."""
    path = repo.root / ".weft/config.yaml"
    kept = path.read_text().partition("remote:")[0]
    rows = [f'    {key}: "{text}"' for key, text in (("url", url), ("endpoint", endpoint), ("store", store)) if text]
    path.write_text("\n".join([kept.rstrip("\n"), "remote: origin", "remotes:", "  origin:", *rows, ""]))


def _stopped(ran: Ran, code: str, *words: str) -> str:
    assert code in ran.err, ran.err
    assert "Traceback" not in ran.err
    missing = [word for word in words if word not in ran.err]
    assert not missing, (missing, ran.err)
    return ran.err


def _nothing_here(request: Request) -> Reply:
    return Reply(404)


def _asked_with_credentials(server: Tiny) -> list[str]:
    return [one.path for one in server.requests if any(name.lower() == "authorization" for name in one.headers)]


def endpoint_of_a_stranger(tmp_path: Path) -> None:
    stranger = _project(tmp_path / "stranger")
    with serving(_nothing_here) as server:
        _name(stranger, "s3://models", server.endpoint)
        stranger.commit("remote")
        clone = stranger.clone(tmp_path / "clone")
        stranger.git("switch", "-q", "-c", "other")
        for text, repo in ((b"theirs", stranger), (b"ours", clone)):
            repo.write({"d/y": text})
            repo.weft("add", "--keep-missing", "d", code=None)
            repo.git("commit", "-q", "-a", "-m", "both", code=None)
        clone.weft("install")
        clone.git("fetch", "-q", "origin", "other")
        for words in (
            *(
                ("pull",),
                ("fetch",),
                ("push",),
                ("cat", "d/x"),
                ("diff", "HEAD~1"),
                ("status", "--remote"),
                ("doctor", "--remote"),
            ),
            *(("verify", "--remote"), ("remote", "check"), ("add", "d"), ("gc",)),
        ):
            clone.weft(*words, code=None)
        clone.git("merge", "-q", "FETCH_HEAD", code=None)
        assert server.requests == []
        _stopped(
            clone.weft("pull", code=3), "E_UNTRUSTED_REMOTE", "s3://models", server.endpoint, "weft remote trust origin"
        )


def url_of_a_pull_request(tmp_path: Path) -> None:
    hub = tmp_path / "hub.git"
    repo = _project(tmp_path / "repo", "../store")
    repo.git("init", "-q", "--bare", str(hub))
    repo.weft("install")
    repo.git("remote", "add", "hub", str(hub))
    repo.git("push", "-q", "hub", "main")
    assert (tmp_path / "store/weft.json").exists(), "the one who added the remote is not asked"
    repo.git("switch", "-q", "-c", "pull-request")
    _name(repo, "../bucket-of-the-attacker")
    repo.git("commit", "-q", "-a", "--no-verify", "-m", "Fix a typo")
    ran = repo.git("push", "-q", "hub", "pull-request", code=1)
    _stopped(ran, "E_UNTRUSTED_REMOTE", str(tmp_path / "store"), str(tmp_path / "bucket-of-the-attacker"))
    _stopped(repo.weft("push", code=3), "E_UNTRUSTED_REMOTE")
    repo.weft("pull")  # reading from right beside the repository tells nobody anything
    assert not (tmp_path / "bucket-of-the-attacker").exists()
    assert not repo.git("--git-dir", str(hub), "branch", "--list", "pull-request").out


def private_url_with_a_committed_endpoint(tmp_path: Path) -> None:
    repo = _project(tmp_path / "repo")
    repo.weft("config", "set", "--private", "remotes.origin.url", "../mine")
    with serving(_nothing_here) as server:
        _name(repo, "s3://project", server.endpoint, "ab" * 16)
        assert "../mine" in repo.weft("remote", "list").out
        assert server.endpoint not in repo.weft("remote", "list").out
        repo.weft("push")
        repo.weft("config", "set", "--private", "remotes.origin.url", "s3://mine")
        assert server.endpoint not in repo.weft("remote", "list", "-v").out
        assert server.requests == []
    assert (tmp_path / "mine/weft.json").exists()
    assert "ab" * 16 in (repo.root / ".weft/config.yaml").read_text(), "the pin of the committed place stays as it is"


def what_no_commit_may_name(tmp_path: Path) -> None:
    repo = _project(tmp_path / "repo")
    target = tmp_path / "home" / ".config"
    for url, endpoint in (
        *((str(target), ""), (f"file://{target}", ""), (f"local://{target}", ""), ("memory://x", "")),
        *(("sftp://127.0.0.1:9/x", ""), ("http://127.0.0.1:9/x", ""), ("github://org@main/x", "")),
        *(("s3://bucket", "http://storage.example"), ("gs://bucket", "http://127.0.0.1.example")),
    ):
        _name(repo, url, endpoint)
        for words in (("push",), ("fetch",), ("remote", "trust", "origin")):
            _stopped(repo.weft(*words, code=3), "E_UNTRUSTED_CONFIG", "--private remotes.origin.url")
        assert "not accepted" in repo.weft("remote", "list").out
        repo.weft("status")
    for url in ("simplecache::file:///x", "filecache::s3://bucket/x"):
        _name(repo, url)
        _stopped(repo.weft("push", code=3), "E_CONFIG")
    assert not target.exists()


def get_from_a_stranger(tmp_path: Path) -> None:
    stranger = _project(tmp_path / "stranger")
    reader = Repo(tmp_path, {**nobody(tmp_path), **KEYS})
    with serving(_nothing_here) as server:
        _name(stranger, "s3://models", server.endpoint)
        stranger.commit("remote")
        url = f"file://{stranger.root}/.git"
        reader.weft("get", url, "d", "-o", "got", code=None)
        assert server.requests
        assert _asked_with_credentials(server) == []
        reader.weft("get", "--trust", url, "d", "-o", "got", code=None)
        assert _asked_with_credentials(server) != []
    # A directory that was unpacked somewhere brings a private configuration of its own.
    stranger.weft("config", "set", "--private", "remotes.other.url", "sftp://127.0.0.1:9/x")
    stranger.weft("remote", "remove", "origin")
    shutil.rmtree(stranger.root / "d")
    shutil.rmtree(stranger.root / ".git/weft/store")
    _stopped(reader.weft("get", str(stranger.root), "d", "-o", "got", code=3), "E_NO_REMOTE", "weft get --trust")


def neighbours_of_an_accepted_place(tmp_path: Path) -> None:
    repo = _project(tmp_path / "repo")
    trusting = {"WEFT_TRUST": "s3://acme-ml/team/*, /srv/weft-of-acme/*"}
    with serving(_nothing_here) as server:
        for url, endpoint in (
            ("s3://acme-ml-evil/team", ""),
            ("s3://acme-ml/team-evil", ""),
            ("s3://acme-ml/TEAM", ""),
            ("s3://acme-ml", ""),
            ("s3://acme-ml/%74eam", ""),
            ("gs://acme-ml/team", ""),
            ("s3://acme-ml/team/x", server.endpoint),
            ("../weft-of-acme/x", ""),
        ):
            _name(repo, url, endpoint)
            _stopped(repo.weft("push", code=3, env=trusting), "E_UNTRUSTED_REMOTE")
        for url in ("s3://acme-ml/team/../../evil", "s3://acme-ml/team//x/./y"):
            _name(repo, url)
            _stopped(repo.weft("push", code=3, env=trusting), "E_PATH_SYNTAX")
        assert server.requests == []
    _name(repo, "s3://acme-ml/team")
    _stopped(repo.weft("push", code=3, env={"WEFT_TRUST": "acme-ml"}), "E_CONFIG")


def directory_behind_a_link(tmp_path: Path) -> None:
    repo = _project(tmp_path / "near" / "repo", "../store")
    (tmp_path / "home").mkdir()
    os.symlink(tmp_path / "home", repo.root / "store")
    _name(repo, "store")
    for words in (("push",), ("fetch",)):
        _stopped(repo.weft(*words, code=3), "E_UNTRUSTED_REMOTE", str(tmp_path / "home"))
    _name(repo, "../../home")
    _stopped(repo.weft("fetch", code=3), "E_UNTRUSTED_REMOTE", str(tmp_path / "home"))
    # Of the folder around the repository, which may be a home directory, only what lies right in it is near.
    LocalStorage(str(tmp_path / "near" / "private" / "remote")).write("weft.json", b"{}")
    fresh = _project(tmp_path / "near" / "fresh")
    _name(fresh, "../private/remote")
    _stopped(fresh.weft("fetch", code=3), "E_UNTRUSTED_REMOTE", str(tmp_path / "near" / "private" / "remote"))
    # The accepted directory itself, taken away for a link.
    (tmp_path / "near" / "store").rename(tmp_path / "near" / "old")
    os.symlink(tmp_path / "home", tmp_path / "near" / "store")
    _name(repo, "../store")
    _stopped(repo.weft("push", code=3), "E_UNTRUSTED_REMOTE", str(tmp_path / "home"), str(tmp_path / "near" / "store"))
    assert list((tmp_path / "home").iterdir()) == []


def another_store_at_an_accepted_place(tmp_path: Path) -> None:
    repo = _project(tmp_path / "repo", "../store")
    repo.weft("push")
    good = (repo.root / ".weft/config.yaml").read_text().rpartition("store: ")[2].strip().strip('"')
    _name(repo, "../store", store="cd" * 16)
    _stopped(repo.weft("push", code=3), "E_UNTRUSTED_REMOTE", good, "cd" * 16)
    # A pin that is gone from the commit is still the one that was accepted.
    (tmp_path / "store/weft.json").write_bytes(
        (tmp_path / "store/weft.json").read_bytes().replace(good.encode(), b"cd" * 16)
    )
    _name(repo, "../store")
    _stopped(repo.weft("push", code=4), "E_REMOTE_IDENTITY")


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (87, "endpoint-of-a-stranger", endpoint_of_a_stranger),
    (88, "url-of-a-pull-request", url_of_a_pull_request),
    (89, "private-url-with-a-committed-endpoint", private_url_with_a_committed_endpoint),
    (90, "what-no-commit-may-name", what_no_commit_may_name),
    (91, "get-from-a-stranger", get_from_a_stranger),
    (92, "neighbours-of-an-accepted-place", neighbours_of_an_accepted_place),
    (93, "directory-behind-a-link", directory_behind_a_link),
    (94, "another-store-at-an-accepted-place", another_store_at_an_accepted_place),
]
