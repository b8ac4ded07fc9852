"""The literals that a Python module assigns to names, at its top and in the bodies of classes. Nothing is executed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from weft.util.later import later

if TYPE_CHECKING:
    import ast
else:
    ast = later("ast")

_NO_LITERAL = object()


def tree(text: str) -> dict[str, Any]:
    """The nodes of the literals in a module, by name; a class is a mapping of them.

    A name that is bound again by a statement of another sort (a condition, a loop, ``+=``) is left out, for what it holds
    in the end is not to be seen here. Raises what ``ast.parse`` does: ``SyntaxError``, ``ValueError``, ``RecursionError``,
    ``MemoryError``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about the author's code, and for the author's interpreter to say
        return _body(ast.parse(text).body)


def values(found: dict[str, Any]) -> dict[str, Any]:
    """The values of the nodes that ``tree`` found."""
    return {key: values(item) if isinstance(item, dict) else _literal(item) for key, item in found.items()}


def _body(body: list[ast.stmt]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = _body(statement.body)
        for name, value in _assigned(statement):
            found.pop(name, None)
            if value is not None and _literal(value) is not _NO_LITERAL:
                found[name] = value
    return found


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    """The names that ``statement`` binds, with the value where it is plain what it is."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
            else:
                yield from _stored(target)
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        yield statement.target.id, statement.value
    elif isinstance(
        statement, ast.AugAssign | ast.Delete | ast.If | ast.For | ast.While | ast.Try | ast.With | ast.Match
    ):
        yield from _stored(statement)


def _stored(node: ast.AST) -> Iterator[tuple[str, None]]:
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            yield child.id, None


def _literal(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _NO_LITERAL
    return _listed(value)


def _listed(value: Any) -> Any:
    """``value`` with lists for tuples; what a params file of another format could not hold is no value."""
    if isinstance(value, dict):
        found = {key: _listed(item) for key, item in value.items()}
        return _NO_LITERAL if any(item is _NO_LITERAL for item in found.values()) else found
    if isinstance(value, list | tuple):
        items = [_listed(item) for item in value]
        return _NO_LITERAL if any(item is _NO_LITERAL for item in items) else items
    return value if value is None or isinstance(value, str | bool | int | float) else _NO_LITERAL
