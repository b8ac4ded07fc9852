"""Configuration: what each file may say, and what a committed one may never say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import (
    ConfigError,
    FormatVersion,
    MergeConflict,
    RefusedInput,
    SchemaError,
    SecretRefused,
    UntrustedConfig,
    UntrustedExec,
    WeftError,
)
from weft.formats import config, userconfig
from weft.model.config import Config
from weft.model.remote import ChunkerParams, RemoteSpec

REPO = "0123456789abcdef0123456789abcdef"
BASE = f"weft: 1\nrepo: {REPO}\n"
ORIGIN = BASE + "remotes: {origin: {url: 's3://bucket/x', endpoint: 'http://127.0.0.1:9000'}}\n"


def committed(text: str) -> Config:
    return config.decode(text.encode(), committed=True)


def private(text: str) -> Config:
    return config.decode(text.encode(), committed=False)


names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,8}", fullmatch=True)
hexes = st.text("0123456789abcdef", min_size=32, max_size=32)
urls = st.sampled_from(["s3://b/x y", "../there", "/abs", "file:///x", "memory://m", "gs://b", "sftp://me@host/x"])
regions = st.sampled_from(["", "eu-west-1"])
specs = st.builds(RemoteSpec, st.just(""), urls, st.sampled_from(["", "https://h:1"]), regions, st.just("") | hexes)


def named(found: dict[str, RemoteSpec]) -> dict[str, RemoteSpec]:
    return {name: RemoteSpec(name, s.url, s.endpoint, s.region, s.store) for name, s in found.items()}


remotes = st.dictionaries(names, specs, max_size=3).map(named)
chunkers = st.just(ChunkerParams()) | st.builds(
    lambda low, middle, high: ChunkerParams("fastcdc", 2020, 2, *sorted((low, middle, high))),
    *[st.integers(1, 1 << 20)] * 3,
)
flags = st.none() | st.booleans()
public_configs = st.builds(
    Config, repo=hexes, remote=st.just("") | names, remotes=remotes, chunker=chunkers,
    portable=st.sampled_from(["warn", "strict"]), stage=flags,
)  # fmt: skip
private_configs = st.builds(
    Config, remote=st.just("") | names, remotes=remotes, stage=flags, store_dir=st.sampled_from(["", "/x y/é"]),
    store_limit=st.integers(0, 1 << 50), gc_grace=st.integers(0, 400),
    jobs=st.integers(0, 99), accepted=remotes,
)  # fmt: skip


@given(public_configs)
def test_committed_round_trip(value: Config) -> None:
    assert config.decode(config.encode(value, True), committed=True) == value


@given(private_configs)
def test_private_round_trip(value: Config) -> None:
    assert config.decode(config.encode(value, False), committed=False) == value


@given(public_configs)
def test_every_item_can_be_set_again(value: Config) -> None:
    again = Config(repo=value.repo)
    # A remote is valid only once it has a url.
    for key, text in sorted(config.items(value), key=lambda item: not item[0].endswith(".url")):
        assert config.get_key(value, key) == text
        if not key.startswith(("repo", "chunker.")):
            again = config.set_key(again, key, text, committed=True)
    assert (again.remotes, again.remote, again.stage, again.portable) == (
        value.remotes,
        value.remote,
        value.stage,
        value.portable,
    )


def test_the_file_as_written() -> None:
    value = Config(repo=REPO, remote="origin", remotes={"origin": RemoteSpec("origin", "s3://b/x", store=REPO)})
    text = f'weft: 1\nrepo: "{REPO}"\nremote: origin\nremotes:\n  origin:\n    url: s3://b/x\n    store: "{REPO}"\n'
    assert config.encode(value, True).decode() == text
    assert config.encode(Config(), False) == b"weft: 1\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("weft: 1\n", SchemaError),
        (f"repo: {REPO}\n", SchemaError),
        (BASE.replace("1", "2", 1), FormatVersion),
        (BASE.replace("1", "0", 1), SchemaError),
        (BASE.replace(REPO, "x" * 32), SchemaError),
        (BASE.replace(REPO, "../" + REPO), SchemaError),
        (BASE + "other: 1\n", SchemaError),
        (BASE + "portable: loose\n", SchemaError),
        (BASE + "stage: yes\n", SchemaError),
        (BASE + "remote: a.b\n", SchemaError),
        (BASE + "remotes: [a]\n", SchemaError),
        (BASE + "remotes: {a: {}}\n", SchemaError),
        (BASE + "remotes: {a: {url: 1}}\n", SchemaError),
        (BASE + "remotes: {../a: {url: x}}\n", SchemaError),
        (BASE + "remotes: {a: {url: x, other: 1}}\n", SchemaError),
        (BASE + "remotes: {a: {url: x, store: ../..}}\n", SchemaError),
        (BASE + "remotes: {a: {url: x, region: 'a b'}}\n", SchemaError),
        (BASE + 'remotes: {a: {url: "x\\ny"}}\n', SchemaError),
        (BASE + "chunker: {name: fastcdc}\n", SchemaError),
        (BASE + "verify: false\n", UntrustedConfig),
        (BASE + "remotes: {a: {url: 's3://b', verify: false}}\n", UntrustedConfig),
        (BASE + "remotes: {a: {url: 's3://b', ssl-verify: false}}\n", UntrustedConfig),
        (BASE + "remotes: {a: {url: 's3://b', insecure: true}}\n", UntrustedConfig),
        (BASE + "store: {dir: /tmp/x}\n", UntrustedConfig),
        (BASE + "jobs: 2\n", UntrustedConfig),
        (BASE + "jobs: 4\n", UntrustedConfig),
        (BASE + "hooks: {pre: x}\n", UntrustedExec),
        (BASE + "Hook: x\n", UntrustedExec),
        (BASE + "filter: x\n", UntrustedExec),
        (BASE + "remotes: {a: {url: 's3://b', ssh-command: x}}\n", UntrustedExec),
        (BASE + "remotes: {a: {url: 's3://b', command: x}}\n", UntrustedExec),
        (BASE + "remotes: {a: {url: 's3://KEY:SECRET@bucket'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 's3://KEY@bucket'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 's3://KEY:SECRET/prefix'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 'https://user:pw@host/x'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 'https://user:p/w@host/x'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 'sftp://user:pw@host/x'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 'https://h/x?X-Amz-Signature=abc'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 'https://h/x?a=1&sas_token='}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 's3://b', endpoint: 'https://u:p@h'}}\n", SecretRefused),
        (BASE + "remotes: {a: {url: 's3://b', secret_access_key: x}}\n", SecretRefused),
        (BASE + "<<<<<<< HEAD\nstage: true\n=======\nstage: false\n>>>>>>> b\n", MergeConflict),
    ],
)
def test_what_a_committed_file_may_not_say(text: str, error: type[WeftError]) -> None:
    with pytest.raises(error) as caught:
        committed(text)
    assert type(caught.value) is error
    for secret in ("SECRET", "pw", "abc"):
        assert secret not in caught.value.message


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"weft: 1\nrepo: {REPO}\n", SchemaError),
        ("weft: 1\nportable: warn\n", SchemaError),
        ("weft: 1\nverify: false\n", SchemaError),
        ("weft: 1\nhooks: x\n", SchemaError),
        ("weft: 1\npassword: x\n", SecretRefused),
        ("weft: 1\nlink: hard\n", SchemaError),
        ("weft: 1\njobs: 99999\n", SchemaError),
        ("weft: 1\nstore: {limit: many}\n", SchemaError),
        ("weft: 1\nstore: {limit: true}\n", SchemaError),
        ("weft: 1\nstore: {limit: -1}\n", SchemaError),
        ('weft: 1\nstore: {dir: "a\\nb"}\n', SchemaError),
    ],
)
def test_what_a_private_file_may_not_say(text: str, error: type[WeftError]) -> None:
    with pytest.raises(error) as caught:
        private(text)
    assert type(caught.value) is error


def test_private_settings_win_field_by_field() -> None:
    mine = private(
        "weft: 1\nremote: own\nstage: false\nremotes: {origin: {endpoint: 'http://[::1]:1'}, own: {url: x}}\n"
    )
    both = config.merge(committed(ORIGIN + "stage: true\nremote: origin\n"), mine)
    assert both.remotes["origin"] == RemoteSpec("origin", "s3://bucket/x", "http://[::1]:1")
    assert (both.remotes["own"].url, both.remote, both.stage, both.stages, both.repo) == (
        "x",
        "own",
        False,
        False,
        REPO,
    )
    none = config.merge(committed(ORIGIN + "stage: true\nremote: origin\n"), private("weft: 1\n"))
    assert (none.remote, none.stage, none.stages) == ("origin", True, True)
    assert Config().stages


def test_a_private_url_takes_nothing_from_the_committed_remote() -> None:
    full = f"{{url: s3://theirs, endpoint: 'https://e.example', region: r, store: {'a' * 32}}}"
    theirs = committed(BASE + f"remotes: {{origin: {full}}}\n")
    mine = private("weft: 1\nremotes: {origin: {url: s3://mine}}\n")
    assert config.merge(theirs, mine).remotes["origin"] == RemoteSpec("origin", "s3://mine", private=True)
    assert not config.merge(theirs, private("weft: 1\n")).remotes["origin"].private


def test_what_was_accepted_is_private_and_no_setting() -> None:
    text = "accepted: {origin: {url: /srv/x, endpoint: '', store: " + "a" * 32 + "}}\n"
    found = private("weft: 1\n" + text)
    assert found.accepted == {"origin": RemoteSpec("origin", "/srv/x", store="a" * 32)}
    assert list(config.items(found)) == []
    with pytest.raises(ConfigError):
        config.set_key(found, "accepted.origin.url", "s3://x", committed=False)
    with pytest.raises(UntrustedConfig) as caught:
        committed(BASE + text)
    assert caught.value.hint == "remove it"


@pytest.mark.parametrize(
    ("text", "patterns"),
    [("trust: [s3://acme-ml/*, gs://acme-*/*]\n", ("s3://acme-ml/*", "gs://acme-*/*")), ("weft: 1\n", ())],
)
def test_the_configuration_of_a_user(text: str, patterns: tuple[str, ...]) -> None:
    assert userconfig.decode(text.encode(), "config.yaml") == patterns


@pytest.mark.parametrize(
    "text", ["trust: s3://x\n", "trust: [1]\n", "trusted: []\n", "weft: 0\n", "[]\n", "trust: [*x]\n"]
)
def test_what_the_configuration_of_a_user_may_not_say(text: str) -> None:
    with pytest.raises(RefusedInput):
        userconfig.decode(text.encode(), "config.yaml")


def test_setting_and_unsetting() -> None:
    value = config.set_key(committed(BASE), "remotes.origin.url", "s3://b", committed=True)
    value = config.set_key(value, "remotes.origin.region", "1e3", committed=True)
    value = config.set_key(value, "stage", "false", committed=True)
    value = config.set_key(value, "chunker.average", "100000", committed=True)
    assert value.remotes["origin"].region == "1e3"
    assert value.chunker.average == 100000
    assert config.get_key(value, "stage") == "false"
    assert config.get_key(value, "remotes.origin.url") == "s3://b"
    assert config.get_key(value, "remotes.other.url") is None
    value = config.unset_key(value, "chunker.average", committed=True)
    value = config.unset_key(value, "stage", committed=True)
    assert config.unset_key(value, "remotes.origin", committed=True) == committed(BASE)
    assert config.set_key(Config(), "jobs", "8", committed=False).jobs == 8


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("repo", REPO),
        ("nonsense", "1"),
        ("remotes.origin", "x"),
        ("remotes.a.b.url", "x"),
        ("remote.x", "x"),
        ("stage", "yes"),
        ("stage", "1"),
        ("chunker.average", "many"),
        ("chunker.average", "1"),
        ("portable", "x"),
        ("remotes.new.region", "x"),
    ],
)
def test_settings_that_cannot_be_made(key: str, text: str) -> None:
    with pytest.raises(ConfigError):
        config.set_key(committed(BASE), key, text, committed=True)


def test_refusals_of_single_settings() -> None:
    with pytest.raises(SecretRefused):
        config.set_key(committed(BASE), "remotes.o.url", "s3://a:b@c", committed=True)
    with pytest.raises(UntrustedConfig):
        config.set_key(committed(BASE), "jobs", "3", committed=True)
    with pytest.raises(ConfigError, match="weft init"):
        config.unset_key(committed(BASE), "repo", committed=True)
    with pytest.raises(ConfigError, match="true or false"):
        config.set_key(committed(BASE), "stage", "1", committed=True)
    for key in ("stage", "remotes.x", "remotes.x.url", "remote.x"):
        with pytest.raises(ConfigError):
            config.unset_key(committed(BASE), key, committed=True)
    with pytest.raises(ConfigError):
        config.get_key(Config(), "nonsense")
    with pytest.raises(ConfigError):
        config.encode(Config(repo=REPO), False)
    with pytest.raises(ConfigError):
        config.encode(Config(repo=REPO, jobs=3), True)
    with pytest.raises(SchemaError):
        config.encode(Config(), True)


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("4096", 4096), ("1.5GiB", 3 << 29), ("2 T", 2 << 40), ("7b", 7)])
def test_a_limit_may_have_a_unit(text: str, size: int) -> None:
    assert config.set_key(Config(), "store.limit", text, committed=False).store_limit == size
    assert config.decode(f"weft: 1\nstore: {{limit: {text!r}}}\n".encode(), committed=False).store_limit == size


@pytest.mark.parametrize("text", ["", "many", "-1", "5 X", "9" * 19, "1e3", "9999999P"])
def test_a_limit_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(SchemaError):
        config.decode(f"weft: 1\nstore: {{limit: {text!r}}}\n".encode(), committed=False)


def test_garbage_collection_is_set_by_each_user() -> None:
    assert config.set_key(Config(), "gc.grace", "0", committed=False).gc_grace == 0
    assert config.decode(b"weft: 1\n", committed=False).gc_grace == 14
    with pytest.raises(UntrustedConfig):
        config.decode(f"weft: 1\nrepo: {'ab' * 16}\ngc: {{grace: 0}}\n".encode(), committed=True)
    with pytest.raises(UntrustedConfig):
        config.decode(f"weft: 1\nrepo: {'ab' * 16}\nreuse: {{from: origin/x}}\n".encode(), committed=True)
