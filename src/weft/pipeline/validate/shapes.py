"""What secrets and the names of machines look like. Imported only for texts in which a word or a sign hints at one."""

from __future__ import annotations

import math
import os
import re
import string
from collections import Counter

from weft.errors import SecretRefused
from weft.util.urls import check_url

# A slash that begins a word. Two components, or a directory that every machine has: `awk '/x/'` is no path.
_POSIX = re.compile(
    r"file:///?[^/\s]|(?:(?<=[\s\"'=:,(\[{<>|;&`])|^)/(?!/)"
    r"(?:(?:home|Users|root|tmp|var|mnt|media|opt|data|srv|scratch|private|Volumes|workspace|work)(?=[/\s\"',;:)\]}]|$)"
    r"|[\w.@+~-]+/[\w.@+~*-]+)[^\s\"',;:)\]}]*"
)
_SYSTEM = re.compile(r"/(?:usr/(?:local/)?)?s?bin/|/dev/(?:null|std(?:in|out|err)|u?random|zero|fd/\d+)\b|/proc/self/")
_WINDOWS = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]:(?:\\|/(?!/))[^\s\"',;)\]}]*+")
_UNC = re.compile(r"(?:(?<=[\s\"'=])|^)(?:\\\\\\\\|\\\\)[A-Za-z0-9][\w.-]*\\")
_HOME = re.compile(r"(?:(?<=[\s\"'=:])|^)~[a-z_][\w-]*/|(?:(?<=[\s\"'=:])|^)~/")
_HOST = re.compile(
    r"//(?:[^/\s\"']*@)?(?:[\w-]+(?:\.[\w-]+)*\.(?:local|lan|internal|intranet|corp|localdomain|home\.arpa)"
    r"|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+)(?![\w.-])"
    r"|(?<![\w.-])[\w.-]+@(?!sha\d+:)[\w-]+(?:\.[\w-]+)*:[^\s\"']",
    re.IGNORECASE,
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}+://[^\s\"'<>]++")

_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])|gh[opsur]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{30,}"
    r"|glpat-[\w-]{20,}|hf_[A-Za-z0-9]{30,}|xox[abeprs]-[\w-]{10,}|AIza[\w-]{35}|ya29\.[\w-]{20,}"
    r"|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{20,}|SG\.[\w-]{16,}+\.[\w-]{16,})"
    r"|(?<=[\w-]{10})\.eyJ[\w-]{10,}+\.[\w-]{10,}"
    r"|-----BEGIN (?:[A-Z0-9]++ )*PRIVATE KEY|X-(?:Amz|Goog)-Signature=[0-9A-Za-z]|AccountKey=[\w+/=]{20,}",
    re.ASCII,
)
_DASHED = re.compile(
    r"(?<![A-Za-z0-9])sk-([\w-]{20,}+)", re.ASCII
)  # words joined by dashes may look like this one, too
# From the beginning of a word only, and the whole word or nothing: what does not match is not tried again from within.
_ASSIGNED = re.compile(
    r"(?<![\w.-])((?>[\w.-]*?(?:secret|passw|pwd|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization)"
    r"[\w.-]*+))"
    r"[\"']?(?:\s*+[:=]\s*+|(?<=[a-z])\s++(?=[^:=]))[\"']?([^\s\"',}\]]++)",
    re.IGNORECASE,
)
# What a header of HTTP or a proxy is given: `Authorization: Bearer VALUE`.
_BEARER = re.compile(r"(?<![\w.-])(?:(?:--oauth2-)?bearer|basic)[ \t]{1,8}+([A-Za-z0-9+/=_.~-]{16,}+)", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:^|[_.-])(?:passw(?:or)?d|passwd|passphrase|pwd)$", re.IGNORECASE)
_NOT_SECRET = re.compile(
    r"tokeniz|(?:pad|eos|bos|unk|sep|cls|mask|max|min|num|n|new|special)_?tokens?(?:_|$)"
    r"|[_-](?:file|path|dir|url|env|var|name|type)$",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:[*.<$%{~]|x{3}|--).*|null|none|true|false|env[:.].*|-?[0-9.e+-]+|os\.environ.*|changeme|example.*|your.*",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[A-Za-z0-9+/=_.~-]{16,}", re.ASCII)
_GIT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_SHOWN = 80
_BITS = 3.3  # of entropy for each character: English words joined by dashes stay below, random ones of 20 above


def of_machine(line: str, own: re.Pattern[str] | None) -> str:
    """What of one machine ``line`` holds, in words; empty when nothing is seen. ``own`` finds the name of this machine."""
    if ":" in line and (drive := _WINDOWS.search(line)):
        return f"the absolute path {_cut(drive.group())} of Windows"
    if "/" in line:
        places = (match.group() for match in _POSIX.finditer(line))
        if place := next((place for place in places if not _SYSTEM.match(place)), ""):
            return f"the absolute path {_cut(place)}"
        if "~" in line and _HOME.search(line):
            return "a path in somebody's home directory"
    if "\\\\" in line and _UNC.search(line):
        return "a path on a file server"
    if "://" in line and any(_has_credentials(url) for url in _URL.findall(line)):
        return "a URL with credentials"
    if ("//" in line or "@" in line) and _HOST.search(line):
        return "the name of a host in a private network"
    return "the name of this machine" if own is not None and own.search(line) else ""


def _cut(path: str) -> str:
    return path if len(path) <= _SHOWN else path[:_SHOWN] + "..."


def _has_credentials(url: str) -> bool:
    try:
        check_url(url)
    except SecretRefused:
        return True
    return False


def own_name() -> re.Pattern[str] | None:
    """This machine's name, where it is one that nobody writes by chance."""
    name = os.uname().nodename
    if len(name) < 4 or not re.search(r"[0-9.-]", name) or name.lower().startswith("localhost"):
        return None
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")


def has_token(line: str) -> bool:
    """True when a token or key of a known shape is in ``line``."""
    return (
        _TOKENS.search(line) is not None
        or any(map(_is_mixed, _DASHED.findall(line)))
        or any(_is_random(value) and _entropy(value) >= _BITS for value in _BEARER.findall(line))
    )


def _is_random(text: str) -> bool:
    """More than a word with a number at its end."""
    return _is_mixed(text) or sum(char in string.digits for char in text) >= 3


def _is_mixed(text: str) -> bool:
    return any(char in string.digits for char in text) and any(char in string.ascii_uppercase for char in text)


def secret_name(line: str, holds_ids: bool) -> str:
    """The name under which ``line`` holds a value that looks like a secret; empty when none does. ``holds_ids``: bare ids
    of Git and of objects are none."""
    for match in _ASSIGNED.finditer(line):
        name, value = match.groups()
        if _PLACEHOLDER.fullmatch(value) or _NOT_SECRET.search(name):
            continue
        option = name.startswith("-") or any(sign in line[match.end(1) : match.start(2)] for sign in ":=")
        if option and _PASSWORD.search(name) and len(value) >= 4:  # else it is a word of a sentence
            return name.lstrip("-")
        if holds_ids and (_GIT_ID.fullmatch(value) or value.startswith("blake3:")):
            continue
        if (
            _VALUE.fullmatch(value)
            and _entropy(value) >= _BITS
            and re.search(r"[0-9]", value)
            and "/" not in value[:-1]
        ):
            return name.lstrip("-")
    return ""


def _entropy(value: str) -> float:
    """Shannon entropy in bits for each character."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
