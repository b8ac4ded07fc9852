"""The list of settings, and the code that reads and writes them, agree."""

from __future__ import annotations

from dataclasses import fields

import pytest

from weft.errors import ConfigError, UntrustedConfig, WeftError
from weft.formats import config
from weft.model.config import Config
from weft.model.settings import BOTH, PRIVATE, SETTINGS, Setting, find

BASE = Config(repo="0123456789abcdef0123456789abcdef")
OTHERS = {
    "remotes.*.url": "../there",
    "remotes.*.endpoint": "https://s3.example.org",
    "remotes.*.store": "0" * 31 + "1",
    "portable": "strict",
    "checkout.link": "copy",
    "checkout.link_from": "2097152",
    "store.shared": "all",
    "store.limit": "1048576",
    "chunker.name": "fastcdc",
    "chunker.minimum": "32768",
    "chunker.average": "131072",
    "chunker.maximum": "524288",
    "chunker.version": "2020",
    "chunker.normalization": "1",
}
"""Values that differ from the default, where a made-up one would be refused."""


def key(one: Setting) -> str:
    return one.name.replace("*", "origin")


def other(one: Setting) -> str:
    made_up = {bool: "false" if one.default == "true" else "true", int: "7", str: "other"}
    return OTHERS.get(one.name) or made_up[one.kind]


def with_url(start: Config, one: Setting, *, committed: bool) -> Config:
    option = one.name.rpartition(".")[2]
    urls = {"key_file": "sftp://host/there", "known_hosts": "sftp://host/there", "account": "az://there"}
    needs = one.name.startswith("remotes.*.") and (committed or option in urls)
    url = "../there" if committed else urls.get(option, "../there")
    return config.set_key(start, "remotes.origin.url", url, committed=committed) if needs else start


CHANGEABLE = [pytest.param(one, id=one.name) for one in SETTINGS if one.name != "repo"]


@pytest.mark.parametrize("one", CHANGEABLE)
@pytest.mark.parametrize("committed", [True, False])
def test_each_file_takes_what_the_list_says_and_nothing_else(one: Setting, committed: bool) -> None:
    start = with_url(BASE if committed else Config(), one, committed=committed)
    if not one.allowed(committed=committed):
        with pytest.raises(UntrustedConfig if committed else ConfigError) as refused:
            config.set_key(start, key(one), other(one), committed=committed)
        option = "--private " if committed else ""
        assert refused.value.hint == f"weft config set {option}{key(one)} {other(one)}"
        return
    made = config.set_key(start, key(one), other(one), committed=committed)
    assert config.decode(config.encode(made, committed), committed=committed) == made
    fixed = one.name.startswith("chunker.") and other(one) == one.default
    assert fixed or config.get_key(made, key(one)) == other(one)


@pytest.mark.parametrize("one", CHANGEABLE)
def test_the_default_is_that_of_the_code(one: Setting) -> None:
    if not one.default:
        assert config.get_key(BASE, key(one)) is None
        return
    committed = one.where != PRIVATE
    made = config.set_key(BASE if committed else Config(), key(one), one.default, committed=committed)
    assert effect(made) == effect(BASE if committed else Config())


def effect(made: Config) -> object:
    """What the code makes of a configuration."""
    from weft.model.config import AUTO, LINK_FROM

    values = {
        item.name: getattr(made, item.name) for item in fields(made) if item.name not in ("stage", "link", "link_from")
    }
    return values, made.stages, made.link or AUTO, made.link_from or LINK_FROM


def test_every_key_of_a_file_is_on_the_list() -> None:
    own = {"weft", "accepted"}
    tops = {one.name.partition(".")[0] for one in SETTINGS}
    assert (set(config.COMMITTED_KEYS) | set(config.PRIVATE_KEYS)) - own == tops
    for one in SETTINGS:
        top = one.name.partition(".")[0]
        assert top in config.COMMITTED_KEYS or one.where == PRIVATE, one.name
        assert top in config.PRIVATE_KEYS or one.where not in (PRIVATE, BOTH), one.name
        assert one.what.endswith("."), one.name
    assert len({one.name for one in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize("text", ["gc.graze", "foo.bar", "remotes.origin", "remotes.a b.url", "remotes.origin.uri", ""])
def test_what_is_no_setting_is_told(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config.setting(text)
    assert refused.value.hint == "weft config list --all"
    if text == "gc.graze":
        assert "did you mean gc.grace?" in refused.value.message


def test_the_name_of_a_remote_is_free() -> None:
    assert find("remotes.my-remote.url") == find("remotes.*.url")
    with pytest.raises(WeftError):
        config.set_key(BASE, "repo", "0" * 32, committed=True)
