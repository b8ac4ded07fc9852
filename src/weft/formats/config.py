"""Configuration files (``docs/spec/local.md``): the committed ``.weft/config.yaml`` and the private one of a clone.

The committed file comes with the repository, so it may be hostile: it can name no program and no credential, and cannot
weaken any check. The private one is its user's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from weft.errors import ConfigError, SchemaError, SecretRefused, UntrustedConfig, UntrustedExec
from weft.formats import yaml12
from weft.formats.fields import MAX_NUMBER, Fields
from weft.formats.storeformat import read_chunker
from weft.model.config import GC_GRACE, HARD, LINKS, SHARED, STRICT, SYMLINK, WARN, Config
from weft.model.remote import DEFAULT_CHUNKER, RemoteSpec
from weft.util.later import later
from weft.util.urls import KINDS, OPTIONS, check_url, scheme_of

if TYPE_CHECKING:
    import difflib
    import shlex

    from weft.model import settings, sizes
    from weft.model.settings import Setting
else:
    difflib = later("difflib")
    settings = later("weft.model.settings")
    shlex = later("shlex")
    sizes = later("weft.model.sizes")

VERSION = 1
LIMIT = 1 << 20
_REMOTE_KEYS = ("url", "endpoint", "region", "store")
_OPTION_KEYS = tuple(key for keys in OPTIONS.values() for key in keys)
COMMITTED_KEYS = ("weft", "repo", "remote", "remotes", "chunker", "portable", "stage", "checkout")
PRIVATE_KEYS = ("weft", "remote", "remotes", "stage", "store", "gc", "jobs", "checkout", "accepted", "reuse", "hooks")

_REPO = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)
_REVISIONS = re.compile(r"[\w./@^~{}+,-][\w./@^~{}+, -]{0,999}")
_AUTHORS = re.compile(r"[\w.+*@'-][\w.+*@', -]{0,999}")
_REGION = re.compile(r"[A-Za-z0-9-]{0,64}", re.ASCII)

_TLS_KEYS = frozenset(("verify", "ssl_verify", "verify_tls", "verify_ssl", "sslverify", "insecure", "tls", "use_ssl"))
_EXEC_KEYS = frozenset(
    ("hook", "hooks", "filter", "filters", "command", "program", "exec", "smudge", "clean", "ssh_command", "process")
)
_SECRET_KEYS = frozenset(("key", "secret", "token", "password", "passwd", "credentials", "username", "access_key"))
_SECRET_KEYS |= {
    "secret_key",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "sas_token",
    "api_key",
    "account_key",
}


def decode(data: bytes, *, committed: bool) -> Config:
    """Read a configuration file.

    Raises what ``yaml12.load`` raises; ``SchemaError`` for unknown keys and wrong values; ``FormatVersion``;
    ``SecretRefused`` for credentials; from a committed file also ``UntrustedConfig`` and ``UntrustedExec``.
    """
    what = _what(committed)
    return _from_value(yaml12.load(data, what=what, limit=LIMIT), committed)


def encode(config: Config, committed: bool) -> bytes:
    """Return the file that sets what ``config`` sets, keys in their fixed order.

    Raises ``ConfigError`` when it sets what the other file is for, and the errors of ``decode``.
    """
    value = _to_value(config)
    other = sorted(set(value).difference(COMMITTED_KEYS if committed else PRIVATE_KEYS))
    if other:
        raise ConfigError(f"{other[0]!r} cannot be set in {_what(committed)}")
    _from_value(value, committed)
    return yaml12.dump(value)


def merge(committed: Config, private: Config) -> Config:
    """Lay the private settings over the committed ones; remotes of the same name are merged field by field.

    Where the private file has the url, nothing of the committed remote is used: it belongs to another place.
    """
    remotes = dict(committed.remotes)
    for name, mine in private.remotes.items():
        if mine.url:
            remotes[name] = replace(mine, private=True)
            continue
        theirs = remotes.get(name, RemoteSpec(name, ""))
        remotes[name] = RemoteSpec(
            name,
            url=theirs.url,
            endpoint=mine.endpoint or theirs.endpoint,
            region=mine.region or theirs.region,
            store=mine.store or theirs.store,
        )
    return replace(
        private,
        repo=committed.repo,
        remote=private.remote or committed.remote,
        remotes=remotes,
        chunker=committed.chunker,
        portable=committed.portable,
        stage=committed.stage if private.stage is None else private.stage,
        link=private.link or committed.link,
    )


def get_key(config: Config, key: str) -> str | None:
    """Return the text of the setting ``key`` (``remotes.origin.url``), None when it has its default.

    Raises ``ConfigError`` when there is no such setting.
    """
    setting(key)
    return dict(items(config)).get(key)


def setting(key: str) -> Setting:
    """The setting that ``key`` names. Raises ``ConfigError`` when there is none."""
    found = settings.find(key)
    if found is None or (found.name.startswith("remotes.") and not _NAME.fullmatch(key.split(".")[1])):
        near = difflib.get_close_matches(key, [one.name for one in settings.SETTINGS], 1)
        meant = f"; did you mean {near[0].replace('*', 'NAME')}?" if near else ""
        raise ConfigError(f"there is no setting {key[:80]!a}{meant}", hint="weft config list --all")
    return found


def set_key(config: Config, key: str, text: str, *, committed: bool) -> Config:
    """Return ``config`` with ``key`` set to what ``text`` says. Raises ``ConfigError`` or the refusals of ``decode``."""
    if key in ("repo", "weft"):
        raise ConfigError(f"{key!r} is set by weft init and cannot be changed", hint="weft config list --all")
    found = setting(key)
    if not found.allowed(committed=committed):
        if committed:
            raise UntrustedConfig(
                f"{key} is a setting that each user decides",
                hint=f"weft config set --private {key} {shlex.quote(text)}",
            )
        raise ConfigError(f"{key} is a setting of the whole project", hint=f"weft config set {key} {shlex.quote(text)}")
    value = _to_value(config)
    *outer, last = key.split(".")
    place = value
    for name in outer:
        place = place.setdefault(name, {})
    if outer == ["chunker"]:
        value["chunker"] = place = {**DEFAULT_CHUNKER._asdict(), **place}
    place[last] = _parse(key, text, found.kind, committed)
    return _again(value, committed)


def unset_key(config: Config, key: str, *, committed: bool) -> Config:
    """Return ``config`` without ``key``; a whole remote may be named. Raises ``ConfigError`` when it is not set."""
    if key in ("repo", "weft"):
        raise ConfigError(f"{key!r} is set by weft init and cannot be changed", hint="weft config list --all")
    if not key.startswith("remotes."):
        setting(key)
    value = _to_value(config)
    *outer, last = key.split(".")
    place: Any = value
    for name in outer:
        place = place.get(name) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        raise ConfigError(f"{key[:80]!a} is not set in {_what(committed)}", hint="weft config list -v")
    if outer == ["chunker"]:
        place[last] = DEFAULT_CHUNKER._asdict()[last]
    else:
        del place[last]
    return _again(value, committed)


def items(config: Config) -> Iterator[tuple[str, str]]:
    """Yield every setting that differs from its default, as dotted key and text. What was accepted is no setting."""
    value = _to_value(config)
    del value["weft"]
    value.pop("accepted", None)
    yield from _flat(value, "")


# --- between values and mappings ---


def _what(committed: bool) -> str:
    return ".weft/config.yaml" if committed else "the private config.yaml"


def _from_value(value: object, committed: bool) -> Config:
    fields = Fields(value, _what(committed))
    _refuse_untrusted(fields.values, fields.what, committed)
    if fields.version("weft", VERSION) < 1:
        raise fields.error("'weft' must be 1")
    if committed and not _REPO.fullmatch(fields.text("repo")):
        raise fields.error("'repo' must be 32 lower-case hex digits")
    fields.only(COMMITTED_KEYS if committed else PRIVATE_KEYS)
    store = fields.below("store")
    store.only(("dir", "limit", "shared"))
    gc = fields.below("gc")
    gc.only(("grace",))
    checkout = _checkout(fields, committed)
    reuse = fields.below("reuse")
    reuse.only(("from", "runs", "share"))
    hooks = fields.below("hooks")
    hooks.only(("quiet",))
    return Config(
        repo=fields.text("repo", ""),
        remote=_checked(fields, "remote", fields.text("remote", ""), _NAME, empty=True),
        remotes=_remotes(fields, "remotes", committed),
        chunker=read_chunker(fields.below("chunker")) if "chunker" in fields.values else DEFAULT_CHUNKER,
        portable=_choice(fields, "portable", (WARN, STRICT), WARN),
        stage=fields.flag("stage"),
        store_dir=_path(store),
        store_limit=_size(store, "limit"),
        gc_grace=gc.number("grace", GC_GRACE),
        jobs=_jobs(fields),
        link=_choice(checkout, "link", LINKS, ""),
        link_from=_size(checkout, "link_from"),
        store_shared=_choice(store, "shared", SHARED, ""),
        accepted=_remotes(fields, "accepted", committed),
        reuse_from=_checked(reuse, "from", reuse.text("from", ""), _REVISIONS, empty=True),
        reuse_runs=_checked(reuse, "runs", reuse.text("runs", ""), _AUTHORS, empty=True),
        reuse_share=bool(reuse.flag("share")),
        hooks_quiet=bool(hooks.flag("quiet")),
    )


def _to_value(config: Config) -> dict[str, Any]:
    store = {"dir": config.store_dir, "limit": config.store_limit, "shared": config.store_shared}
    reuse = {"from": config.reuse_from, "runs": config.reuse_runs, "share": config.reuse_share}
    checkout = {"link": config.link, "link_from": config.link_from}
    value: dict[str, Any] = {
        "repo": config.repo,
        "remote": config.remote,
        "remotes": {name: _remote_value(spec) for name, spec in sorted(config.remotes.items())},
        "chunker": {} if config.chunker == DEFAULT_CHUNKER else config.chunker._asdict(),
        "portable": "" if config.portable == WARN else config.portable,
        "stage": config.stage,
        "store": {key: item for key, item in store.items() if item},
        "gc": {} if config.gc_grace == GC_GRACE else {"grace": config.gc_grace},
        "jobs": config.jobs,
        "checkout": {key: item for key, item in checkout.items() if item},
        "accepted": {name: _remote_value(spec) for name, spec in sorted(config.accepted.items())},
        "reuse": {key: item for key, item in reuse.items() if item},
        "hooks": {"quiet": True} if config.hooks_quiet else {},
    }
    return {"weft": VERSION} | {key: item for key, item in value.items() if item or item is False}


def _remote_value(spec: RemoteSpec) -> dict[str, str]:
    pairs = (("url", spec.url), ("endpoint", spec.endpoint), ("region", spec.region), ("store", spec.store))
    return {key: text for key, text in (*pairs, *spec.options) if text}


def _remotes(fields: Fields, key: str, committed: bool) -> dict[str, RemoteSpec]:
    found = {}
    remotes = fields.below(key)
    for name in remotes.values:
        _checked(remotes, name, name, _NAME)
        one = remotes.below(name)
        one.only((*_REMOTE_KEYS, *_OPTION_KEYS))
        url = one.text("url") if committed else one.text("url", "")
        endpoint = one.text("endpoint", "")
        for text in (url, endpoint):
            if any(ord(char) < 32 or ord(char) == 127 for char in text):
                raise one.error("a url holds a control character")
            check_url(text, f"{one.what}: a url", one.what)
        region = _checked(one, "region", one.text("region", ""), _REGION)
        store = _checked(one, "store", one.text("store", ""), _REPO, empty=True)
        found[name] = RemoteSpec(name, url, endpoint, region, store, options=_options(one, url, committed))
    return found


def _options(one: Fields, url: str, committed: bool) -> tuple[tuple[str, str], ...]:
    """What the private file says of a remote beyond its url: only what its kind of storage knows."""
    known = OPTIONS.get(KINDS.get(scheme_of(url), ""), ())
    found = tuple((key, one.text(key)) for key in _OPTION_KEYS if key in one.values)
    for key, text in found:
        if committed:
            hint = f"weft config set --private remotes.NAME.{key} VALUE"
            raise UntrustedConfig(f"{one.what} sets {key!a}, which each user decides", hint=hint, path=one.what)
        if key not in known or not text.isprintable():
            raise one.error(f"{key!a} may not be {text[:80]!a}: this kind of remote knows {', '.join(known) or 'none'}")
    return found


def _checked(fields: Fields, key: str, text: str, rule: re.Pattern[str], *, empty: bool = False) -> str:
    if not (empty and not text) and not rule.fullmatch(text):
        raise fields.error(f"{key[:80]!a} may not be {text[:80]!a}")
    return text


def _choice(fields: Fields, key: str, choices: tuple[str, ...], default: str) -> str:
    text = fields.text(key, default)
    if text not in choices and text != default:
        raise fields.error(f"{key!r} must be one of {', '.join(choices)}")
    return text


def _checkout(fields: Fields, committed: bool) -> Fields:
    """The settings of ``checkout``. A repository cannot choose links for those who clone it."""
    found = fields.below("checkout")
    found.only(("link", "link_from"))
    if committed and ("link_from" in found.values or found.values.get("link") in (HARD, SYMLINK)):
        raise UntrustedConfig(
            f"{fields.what} makes checkouts link into the store, which each user decides",
            hint="weft config set --private checkout.link VALUE",
            path=fields.what,
        )
    return found


def _path(store: Fields) -> str:
    path = store.text("dir", "")
    if any(ord(char) < 32 for char in path):
        raise store.error("'dir' holds a control character")
    return path


def _size(fields: Fields, key: str) -> int:
    """A number of bytes, which may be written with a unit."""
    value = fields.values.get(key, 0)
    if not isinstance(value, str):
        return fields.number(key, 0)
    found = sizes.parse_size(value)
    if found is None or found > MAX_NUMBER:
        raise fields.error(f"{key!r} is no size: write 4096, 500M or 1.5GiB")
    return found


def _jobs(fields: Fields) -> int:
    jobs = fields.number("jobs", 0)
    if jobs > 1024:
        raise fields.error("'jobs' must be at most 1024")
    return jobs


def _refuse_untrusted(value: Mapping[Any, Any], what: str, committed: bool) -> None:
    """Name the keys that say something no file of this kind may say, wherever they stand."""
    for key, item in value.items():
        name = str(key).lower().replace("-", "_")
        if name in _SECRET_KEYS:
            raise SecretRefused(
                f"{what} holds the credential {name!a}",
                hint="remove it; credentials come from the environment or the cloud's own configuration",
                path=what,
            )
        if committed and name in _TLS_KEYS:
            raise UntrustedConfig(f"{what} sets {name!a}: checks cannot be switched off", hint="remove it", path=what)
        if committed and name in _EXEC_KEYS:
            raise UntrustedExec(f"{what} names a program in {name!a}; none is ever run", hint="remove it", path=what)
        if committed and name in set(PRIVATE_KEYS).difference(COMMITTED_KEYS):
            raise UntrustedConfig(
                f"{what} sets {name!a}, which each user decides",
                hint="remove it" if name == "accepted" else f"weft config set --private {name} VALUE",
                path=what,
            )
        if isinstance(item, Mapping) and name not in ("remotes", "accepted"):
            _refuse_untrusted(item, what, committed)
        elif isinstance(item, Mapping):
            # The names of remotes are free.
            for remote in item.values():
                if isinstance(remote, Mapping):
                    _refuse_untrusted({k: v for k, v in remote.items() if k != "store"}, what, committed)


# --- dotted keys ---


def _parse(key: str, text: str, kind: type, committed: bool) -> object:
    if kind is str:
        return text
    value = yaml12.resolve(text)
    if type(value) is not kind:
        wanted, example = ("true or false", "true") if kind is bool else ("a number", "1")
        private = "" if committed else "--private "
        hint = f"weft config set {private}{key} {example}"
        raise ConfigError(f"{key} must be {wanted}, not {text[:80]!a}", hint=hint)
    return value


def _again(value: dict[str, Any], committed: bool) -> Config:
    try:
        return _from_value({k: v for k, v in value.items() if v not in ({}, "")}, committed)
    except SchemaError as error:
        raise ConfigError(error.message, hint="weft config list --all") from None


def _flat(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield prefix + key, str(item).lower() if isinstance(item, bool) else str(item)
