"""``foreach`` and ``matrix`` of a stage file: one declaration made into several; and filling in the templates of all."""

from __future__ import annotations

import itertools
import math
import posixpath
from collections.abc import Iterator
from typing import Any

from weft.errors import LimitExceeded
from weft.formats import templates
from weft.formats.located import Node, kind
from weft.formats.templates import UNKNOWN, Budget, Filler, Named, Used, ValueFiles, Variables, scalar

MAX_STAGES = 10_000
GROUPS = ("foreach", "matrix")


class Expansion:
    """Makes the stages of one file. ``declared`` is its ``vars``; without ``known`` no value of any name is known, and what
    names one stays as it is written. ``budget`` is that of all files together, and paths start in ``folder``."""

    def __init__(
        self, declared: Node | None, files: ValueFiles, budget: Budget, folder: str = "", *, known: bool = True
    ) -> None:
        self._budget = budget
        self._variables = Variables(declared, files, self._budget, folder)
        self._files = files
        self._folder = folder
        self._known = known

    def stages(self, name: str, node: Node, *, plain: bool) -> Iterator[tuple[str, Node, Used]]:
        """Yield the name, the declaration and what was used of the stage ``name``, or of each member of it.

        ``plain`` says that the file has no templates. Raises ``SchemaError``, ``LimitExceeded`` and the errors of files.
        """
        value = node.value
        if isinstance(value, dict) and "foreach" in value:
            fields = node.fields(("foreach", "do"))
            if "do" not in fields:
                raise node.error("a stage with 'foreach' needs 'do'")
            yield from self._members(name, fields["do"], self._pairs(fields["foreach"]))
        elif isinstance(value, dict) and "matrix" in value:
            rest = Node({key: item for key, item in value.items() if key != "matrix"}, node.keys, node.source)
            yield from self._members(name, rest, self._crossed(node.below("matrix", value["matrix"])))
        elif plain and not (isinstance(value, dict) and "vars" in value):
            yield name, node, Used()
        else:
            yield name, *self._filled(node, {})

    def _members(self, name: str, template: Node, pairs: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Node, Used]]:
        for key, item in pairs:
            yield f"{name}@{key}", *self._filled(template, {"key": key, "item": item})

    def _filled(self, node: Node, own: dict[str, Any]) -> tuple[Node, Used]:
        variables = self._variables
        if isinstance(node.value, dict) and "vars" in node.value:
            rest = Node({key: value for key, value in node.value.items() if key != "vars"}, node.keys, node.source)
            wdir = node.value.get("wdir", "")
            local = node.below("vars", node.value["vars"])
            if isinstance(wdir, str) and "${" in wdir:
                wdir = self._filler(node, variables, own).filled(node.below("wdir", wdir))
            near = posixpath.join(self._folder, wdir if isinstance(wdir, str) else "")
            variables = Variables(local, self._files, self._budget, near, variables)
            node = rest
        filler = self._filler(node, variables, own)
        return filler.stage(node), filler.used

    def _filler(self, node: Node, variables: Variables, own: dict[str, Any]) -> Filler:
        def lookup(name: str) -> Named | None:
            return variables.get(name, node) if self._known else templates.unknown(name)

        return Filler(lookup, self._budget, own, lambda name: variables.near(name, node))

    def _pairs(self, node: Node) -> Iterator[tuple[str, Any]]:
        """The key and the item of each member: a list of scalars is keyed by them, one of mappings by their positions."""
        value = self._data(node)
        if value is UNKNOWN:
            return
        if isinstance(value, dict):
            yield from ((scalar(key) or "", item) for key, item in value.items())
            return
        if not isinstance(value, list):
            raise node.error(f"must be a list or a mapping, not {kind(value)}")
        for number, item in enumerate(value):
            text = scalar(item)
            yield str(number) if text is None else text, item

    def _crossed(self, node: Node) -> Iterator[tuple[str, dict[str, Any]]]:
        """The key and the item of each combination of the values of all axes."""
        axes: dict[str, list[tuple[str, Any]]] = {}
        for axis, below in node.entries():
            value = self._data(below)
            if value is UNKNOWN:
                return
            if not isinstance(value, list):
                raise below.error(f"must be a list, not {kind(value)}")
            axes[axis] = [(scalar(one) or f"{axis}{at}", one) for at, one in enumerate(value)]
        if not axes:
            raise node.error("must have a list at least")
        if math.prod(len(one) for one in axes.values()) > MAX_STAGES:
            raise node.placed(LimitExceeded(f"it makes more than {MAX_STAGES} stages"))
        for chosen in itertools.product(*axes.values()):
            yield "-".join(key for key, _ in chosen), dict(zip(axes, (item for _, item in chosen), strict=True))

    def _data(self, node: Node) -> Any:
        """The values that a group is made of: as they are written, or those that one template names."""
        filler = self._filler(node, self._variables, {})
        if isinstance(node.value, str):
            return filler.whole(node, node.value)
        if not isinstance(node.value, list):
            return node.value
        found = [filler.whole(item, item.value) if isinstance(item.value, str) else item.value for item in node.items()]
        return UNKNOWN if any(one is UNKNOWN for one in found) else found
