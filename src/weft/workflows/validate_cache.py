"""Where parsed texts are kept between runs of ``validate``: one file of this clone, which is only a cache.

It is replaced as a whole, so two hooks at once leave one of two right files; a file that cannot be read, or that another
weft wrote, counts as empty; what cannot be written is not needed.
"""

from __future__ import annotations

import contextlib
import os

from weft import formats, model
from weft.gitio.repo import GitRepo
from weft.pipeline.validate.parsed import LIMIT, ParsedCache
from weft.util.atomic import temp_name

NAME = "validate-cache.json"
_PARSERS = (formats, model)
"""The packages whose modules say what a text means."""


def cache_path(git: GitRepo) -> str:
    """The file of this clone, shared by its work trees."""
    return os.path.join(git.common_dir, "weft", NAME)


def load_cache(git: GitRepo) -> ParsedCache:
    """What earlier runs parsed; nothing when that cannot be told."""
    try:
        fd = os.open(cache_path(git), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            return ParsedCache.load(file.read(2 * LIMIT), _parsers())
    except OSError:
        return ParsedCache()


def save_cache(git: GitRepo, cache: ParsedCache) -> None:
    """Write what this run has parsed, if that is news. Not synced: what a power cut takes is parsed again."""
    if not cache.has_news:
        return
    path = cache_path(git)
    temp = os.path.join(os.path.dirname(path), temp_name())
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(temp, "xb") as file:
                file.write(cache.dump(_parsers()))
            os.rename(temp, path)
        except OSError:
            os.unlink(temp)


def _parsers() -> str:
    """Name, size and time of the files that parse: a result of other code is not taken."""
    files = [file for package in _PARSERS for place in package.__path__ for file in os.scandir(place) if file.is_file()]
    stats = [(file.name, file.stat()) for file in sorted(files, key=lambda file: file.name)]
    return " ".join(f"{name}-{stat.st_size}-{stat.st_mtime_ns}" for name, stat in stats)
