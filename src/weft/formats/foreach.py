"""``foreach`` of a stage file: one declaration made into several, by putting values where it says ``${item}``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from weft.errors import LimitExceeded
from weft.formats import yaml12
from weft.formats.located import Node, kind

BUDGET = 16 << 20
"""Most characters that the members of all ``foreach`` of a file may come to: a short file could say very many."""
_MARK = re.compile(r"\$\{([^{}]*)\}?")
_HINT = "only ${item}, ${item.KEY} and ${key} are replaced; write $NAME for a variable of the shell"


class Expansion:
    """Makes the members of ``foreach``, until the budget of the file is spent."""

    def __init__(self) -> None:
        self._left = BUDGET

    def members(self, name: str, node: Node) -> Iterator[tuple[str, Node]]:
        """Yield the name and the declaration of each member of the stage ``name``. Raises ``SchemaError``,
        ``LimitExceeded``."""
        fields = node.fields(("foreach", "do"))
        if "do" not in fields:
            raise node.error("a stage with 'foreach' needs 'do'")
        template = fields["do"]
        for key, item in _pairs(fields["foreach"]):
            value = self._filled(template, {"key": key, "item": item.value})
            yield f"{name}@{key}", Node(value, template.keys, template.source)

    def _filled(self, node: Node, known: dict[str, Any]) -> Any:
        self._spend(node, 1)
        value = node.value
        if isinstance(value, dict):
            return {self._text(node, key, known): self._filled(node.below(key, value[key]), known) for key in value}
        if isinstance(value, list):
            return [self._filled(item, known) for item in node.items()]
        # A seed is the only number that a member may have of its own.
        if value == "${item}" and node.keys[-1] == "seed":
            return known["item"]
        return self._text(node, value, known)

    def _text(self, node: Node, text: Any, known: dict[str, Any]) -> Any:
        if not isinstance(text, str):
            return text
        self._spend(node, len(text))
        return _MARK.sub(lambda mark: self._replaced(node, mark, known), text) if "${" in text else text

    def _replaced(self, node: Node, mark: re.Match[str], known: dict[str, Any]) -> str:
        first, *rest = mark.group(1).split(".")
        if not mark.group(0).endswith("}") or first not in known or (first == "key" and rest):
            raise node.error(f"{mark.group(0)[:80]!a} cannot be replaced", hint=_HINT)
        value = known[first]
        for key in rest:
            if not isinstance(value, dict) or key not in value:
                raise node.error(f"{mark.group(0)[:80]!a}: the item has no such key", hint=_HINT)
            value = value[key]
        text = scalar(value)
        if text is None:
            raise node.error(f"{mark.group(0)[:80]!a} is {kind(value)}, which cannot stand inside a text", hint=_HINT)
        self._spend(node, len(text))
        return text

    def _spend(self, node: Node, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise node.placed(LimitExceeded(f"the members of foreach come to more than {BUDGET} characters"))


def _pairs(node: Node) -> Iterator[tuple[str, Node]]:
    """The key and the item of each member: a list of scalars is keyed by them, one of mappings by their positions."""
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            yield scalar(key) or "", node.below(key, value)
        return
    if not isinstance(node.value, list):
        raise node.error(f"must be a list or a mapping, not {kind(node.value)}")
    for number, item in enumerate(node.items()):
        text = scalar(item.value)
        yield str(number) if text is None else text, item


def scalar(value: Any) -> str | None:
    """How a scalar stands in a text; None for a collection, and for nothing."""
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, dict | list) else yaml12.scalar_text(value)
