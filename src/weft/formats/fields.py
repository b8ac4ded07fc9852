"""Taking typed fields out of a mapping that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weft.errors import FormatVersion, OidSyntax, SchemaError, WeakHash
from weft.model.oid import Oid

MAX_NUMBER = (1 << 63) - 1


class Fields:
    """A mapping whose keys are strings, read field by field with errors that name the file and the key."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, Mapping):
            raise SchemaError(f"{what} must be a mapping", path=what)
        for key in value:
            if not isinstance(key, str):
                raise SchemaError(f"{what} has the key {key!a}, which is not a string", path=what)
        self.values: Mapping[str, Any] = value
        self.what = what

    def error(self, problem: str) -> SchemaError:
        """Make the error that says ``problem`` of this file."""
        return SchemaError(f"{self.what}: {problem}", path=self.what)

    def only(self, known: Iterable[str]) -> None:
        """Raise ``SchemaError`` when there are other keys."""
        unknown = sorted(set(self.values).difference(known))
        if unknown:
            raise self.error(f"unknown key {unknown[0][:80]!a}")

    def version(self, key: str, newest: int) -> int:
        """Return the format version. Raises ``FormatVersion`` when it is newer than ``newest``."""
        found = self.number(key)
        if found > newest:
            raise FormatVersion(
                f"{self.what} is written in format {found}; this weft reads up to {newest}",
                hint=f"install a weft that reads format {found}",
                path=self.what,
            )
        return found

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; ``default`` when absent, an error when that is None."""
        value = self.values.get(key, default)
        if value is None and key not in self.values:
            raise self.error(f"the key {key!r} is missing")
        if not isinstance(value, str):
            raise self.error(f"{key!r} must be a string")
        return value

    def number(self, key: str, default: int | None = None) -> int:
        """Return an integer from 0 to 2^63-1; ``default`` when absent, an error when that is None."""
        value = self.values.get(key, default)
        if value is None and key not in self.values:
            raise self.error(f"the key {key!r} is missing")
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
            raise self.error(f"{key!r} must be an integer from 0 to 2^63-1")
        return value

    def flag(self, key: str) -> bool | None:
        """Return a boolean, or None when absent."""
        value = self.values.get(key)
        if key in self.values and not isinstance(value, bool):
            raise self.error(f"{key!r} must be true or false")
        return value

    def oid(self, key: str) -> Oid:
        """Return an object id. Raises ``SchemaError``, ``OidSyntax`` or ``WeakHash``."""
        if key not in self.values:
            raise self.error(f"the key {key!r} is missing")
        value = self.values[key]
        if not isinstance(value, str):
            raise self.error(f"{key!r} must be an object id in a string, not {type(value).__name__}")
        try:
            return Oid.parse(value)
        except (OidSyntax, WeakHash) as error:
            raise type(error)(f"{self.what}: {key!r}: {error.message}", path=self.what) from None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty when absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{key!r} must be a list of strings")
        return tuple(value)

    def below(self, key: str) -> Fields:
        """Return the fields of a nested mapping; empty when absent."""
        return Fields(self.values.get(key, {}), f"{self.what}: {key}")
