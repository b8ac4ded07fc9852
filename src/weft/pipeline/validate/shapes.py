"""What secrets and the names of machines look like. Imported only for texts in which a word or a sign hints at one."""

from __future__ import annotations

import math
import os
import re
import string
from collections import Counter
from itertools import pairwise

from weft.errors import SecretRefused
from weft.util.urls import check_url

_TOP = r"(?:etc|home|Users|root|tmp|var|mnt|media|opt|data|srv|scratch|private|Volumes|workspace|work)"
_SYSTEM_TOP = r"(?:etc|home|Users|root|tmp|var|mnt|opt|srv|Volumes|usr|proc|sys)"
# A slash that begins a word. Two components, or a directory that every machine has: `awk '/x/'` is no path.
_POSIX = re.compile(
    r"file:///?[^/\s]|(?:(?<=[\s\"'=:,(\[{<>|;&`])|^)/(?!/)"
    r"(?:(?:home|Users|root|tmp|var|mnt|media|opt|data|srv|scratch|private|Volumes|workspace|work)(?=[/\s\"',;:)\]}]|$)"
    r"|[\w.@+~-]+/[\w.@+~*-]+)[^\s\"',;:)\]}]*"
)
_SYSTEM = re.compile(r"/(?:usr/(?:local/)?)?s?bin/|/dev/(?:null|std(?:in|out|err)|u?random|zero|fd/\d+)\b|/proc/self/")
# The same, written so that no slash begins a word: `//etc/x`, `\\/etc/x`, `-I/etc/x`; and the top itself, `cd /`.
_DISGUISED = re.compile(
    rf"(?:(?<=[\s\"'=(<>|;&`])|^)(?:\\{{0,4}}+//{{1,4}}+|\\{{1,4}}+/|-[ILCof]/){_TOP}/[\w.@+~*-]"
    r"|(?:(?<=[\s\"';&|(])|^)cd\s{1,4}+[\"']?[/~](?=[\s\"';&|)]|$)"
)
# Over the top of the repository, to where systems keep their files.
_UP = re.compile(rf"(?:(?<=[\s\"'=(<>|;&`])|^)((?:\.\./)++){_SYSTEM_TOP}/[\w./-]{{1,80}}+")
# What stands before a path inside of a container: the other side of a volume, a mount, the directory to start in.
_CONTAINER = re.compile(r"(?<![\w.-])(?:docker|podman|nerdctl|apptainer|singularity)(?![\w.])")
_INSIDE = re.compile(
    r"(?:(?<=\s)(?:-w|--workdir|--pwd|--tmpfs)[ =]?|[,\s=](?:target|dst|destination)="
    r"|(?<=\s)(?:-v|--volume|-B|--bind)[ =]?\S{1,200}:)[\"']?(?:\Z|(/[\w.-]{1,80}))"
)
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
    r"|npm_[A-Za-z0-9]{36}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|dapi[0-9a-f]{32}|dop_v1_[0-9a-f]{64}"
    r"|pypi-AgE[\w-]{20,}|SG\.[\w-]{16,}+\.[\w-]{16,})"
    r"|(?<=[\w-]{10})\.eyJ[\w-]{10,}+\.[\w-]{10,}"
    r"|-----BEGIN (?:[A-Z0-9]++ )*PRIVATE KEY|X-(?:Amz|Goog)-Signature=[0-9A-Za-z]|AccountKey=[\w+/=]{20,}",
    re.ASCII,
)
_DASHED = re.compile(
    r"(?<![A-Za-z0-9])sk-([\w-]{20,}+)", re.ASCII
)  # words joined by dashes may look like this one, too
# From the beginning of a word only, and the whole word or nothing: what does not match is not tried again from within.
_ASSIGNED = re.compile(
    r"(?<![\w.-])((?>[\w.-]*?(?:secret|passw|pass(?![\w.-])|pwd|token|(?:api|access|private|storage|account)[_-]?key"
    r"|credential|authorization)"
    r"[\w.-]*+))"
    r"\\{0,4}+[\"']?(?:\s*+[:=]\s*+|(?<=[a-z])\s++(?=[^:=]))\\{0,4}+[\"']?(?:(?:token|apikey)[ \t]{1,8}+)?([^\s\"',}\]]++)",
    re.IGNORECASE,
)
# What a header of HTTP or a proxy is given: `Authorization: Bearer VALUE`.
_BEARER = re.compile(r"(?<![\w.-])(?:(?:--oauth2-)?bearer|basic)[ \t]{1,8}+([A-Za-z0-9+/=_.~-]{16,}+)", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=\s)(?:-u|--user|--proxy-user|-U)[ =]?[\"']?[^\s\"':$]{1,80}+:([^\s\"']{4,200}+)")
_PASSWORD = re.compile(r"(?:passw(?:or)?d|passwd|passphrase|(?:^|[_.-])pwd)$", re.IGNORECASE)
_PASS = re.compile(r"(?:^|[_.-])pass$", re.IGNORECASE)  # also the first of two passes over the data
_SIGN = re.compile(r"[;&|()<>`]")  # of the shell: the value ended there
_NOT_SECRET = re.compile(
    r"tokeniz|(?:pad|eos|bos|unk|sep|cls|mask|max|min|num|n|new|special)_?tokens?(?:_|$)"
    r"|[_-](?:file|path|dir|url|env|var|name|type)$",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:[*.<$%{~]|x{3}|--).*|null|none|true|false|env[:.].*|-?[0-9.e+-]+|os\.environ.*|process\.env.*|[A-Za-z_][\w.]*\(.*|changeme|example.*|your.*",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[A-Za-z0-9+/=_.~-]{16,}", re.ASCII)
_KEY = re.compile(r"(?=[^a-z]*+[a-z])(?=[^A-Z]*+[A-Z])(?=[^0-9]*+[0-9])[A-Za-z0-9+/]{32,}={0,2}", re.ASCII)
_NAMES_KEY = re.compile(r"secret|token|(?:api|access|private|storage|account)[_-]?key", re.IGNORECASE)
_GIT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_SHOWN = 80
_TURNS = 0.28  # of a random key 0.6, of a path below 0.25
_BITS = 3.3  # of entropy for each character: English words joined by dashes stay below, random ones of 20 above


def of_machine(line: str, own: re.Pattern[str] | None) -> str:
    """What of one machine ``line`` holds, in words; empty when nothing is seen. ``own`` finds the name of this machine."""
    if ":" in line and (drive := _WINDOWS.search(line)):
        return f"the absolute path {_cut(drive.group())} of Windows"
    if "/" in line or "cd ~" in line:
        if place := _absolute(line):
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


def _absolute(line: str) -> str:
    """The first absolute path of this machine in ``line``."""
    inside: set[str] = set()
    box = _CONTAINER.search(line)
    if box is not None:
        inside.update(found.group(1) for found in _INSIDE.finditer(line, box.end()) if found.group(1))
    for match in _POSIX.finditer(line):
        place, start = match.group(), match.start()
        if box is not None and box.end() < start:
            before = _INSIDE.search(line[max(0, start - 250) : start])
            if before is not None and before.group(1) is None:
                inside.add(place.rstrip("/"))
                continue
            if line[match.end() :][:1] != ":" and any((place + "/").startswith(top + "/") for top in inside):
                continue  # what the container is to do with it
        if not _SYSTEM.match(place):
            return place
    disguised = _DISGUISED.search(line)
    return "" if disguised is None else disguised.group().strip()


def leaves(command: str, wdir: str) -> str:
    """The first path in ``command`` that leads from ``wdir`` over the top of the repository to where systems keep their
    files, as ``../../etc/x``. Nothing is said of a command that goes elsewhere first."""
    depth = len(wdir.split("/")) if wdir not in ("", ".") else 0
    if "../" not in command or re.search(r"(?:^|[\s;&|(\"'])(?:cd|pushd)\s", command):
        return ""
    found = (match for match in _UP.finditer(command) if match.group(1).count("..") > depth)
    return next((match.group().lstrip("=\"' \t\n") for match in found), "")


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
        name, value = match.group(1), match.group(2).rstrip("\\")
        before = line[max(0, match.start() - 2) : match.start()]
        if before.endswith("$"):  # its value is used, nothing is given to it
            continue
        if before == "${":  # what it is where it is not set, or what is said then
            value = "" if value.startswith("?") else value.lstrip("-=+")
        if not value or _PLACEHOLDER.fullmatch(value) or _NOT_SECRET.search(name):
            continue
        between = line[match.end(1) : match.start(2)]
        option = name.startswith("-") or any(sign in between for sign in ":=")
        if option and _is_password(name, value, ":" in between and not line[: match.start()].strip("- \"'{")):
            return name.lstrip("-")  # else it is a word of a sentence
        value = _SIGN.split(value, maxsplit=1)[0]
        if holds_ids and (value.startswith("blake3:") or (_GIT_ID.fullmatch(value) and "=" not in between)):
            continue
        if _is_key(name, value):
            return name.lstrip("-")
    start = line.find("curl ")
    if start >= 0 and any(not _PLACEHOLDER.fullmatch(value) for value in _LOGIN.findall(line, start)):
        return "the option -u of curl"
    return ""


def _is_password(name: str, value: str, is_field: bool) -> bool:
    if _PASS.search(name):
        return len(value) >= 6 and value.isalnum() and not value.isalpha() and not value.isdigit()
    if name.lower() == "pwd" and name != "Pwd" and not is_field:  # where the shell stands
        return False
    return len(value) >= 4 and _PASSWORD.search(name) is not None


def _is_key(name: str, value: str) -> bool:
    if name.lower() == "pwd":
        return False
    if "/" in value[:-1]:
        return bool(_NAMES_KEY.search(name) and _KEY.fullmatch(value)) and _changes(value) >= _TURNS * len(value)
    return bool(_VALUE.fullmatch(value) and re.search(r"[0-9]", value)) and _entropy(value) >= _BITS


def _changes(value: str) -> int:
    """How often small letters, capitals and digits follow one another: seldom in the names of files."""
    kinds = [next((kind for kind in (str.islower, str.isupper, str.isdigit) if kind(char)), None) for char in value]
    return sum(a is not b and a is not None and b is not None for a, b in pairwise(kinds))


def _entropy(value: str) -> float:
    """Shannon entropy in bits for each character."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
