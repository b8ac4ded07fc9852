"""The literals that a Python module assigns to names, at its top and in the bodies of classes. Nothing is executed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from weft.util.later import later

if TYPE_CHECKING:
    import ast
else:
    ast = later("ast")

_NO_LITERAL = object()
_CODING = re.compile(r"(?:[^\r\n]*(?:\r\n?|\n))?[ \t\f]*#[^\r\n]*coding[:=](?![ \t]*utf-?8\b)", re.IGNORECASE)
_HARMLESS = (
    *("Constant", "Name", "Load", "Store", "Tuple", "List", "Set", "Dict", "UnaryOp", "BinOp", "BoolOp", "Compare"),
    *(
        "IfExp",
        "Subscript",
        "Slice",
        "Attribute",
        "JoinedStr",
        "FormattedValue",
        "operator",
        "unaryop",
        "boolop",
        "cmpop",
    ),
)


def tree(text: str) -> dict[str, Any]:
    """The nodes of the literals in a module, by name; a class is a mapping of them.

    A name that is bound again by a statement of another sort (a condition, a loop, ``+=``) is left out, for what it holds
    in the end is not to be seen here. Raises what ``ast.parse`` does: ``SyntaxError``, ``ValueError``, ``RecursionError``,
    ``MemoryError``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about the author's code, and for the author's interpreter to say
        return _body(ast.parse(text).body)


def is_plain(text: str) -> bool:
    """True when a module does nothing but assign literals, and what follows from them, to names: then what ``tree`` finds is
    what a program that imports it finds. Imports, functions, calls, loops and changes in place are more. Raises as
    ``tree``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        body = ast.parse(text).body
    return not _CODING.match(text) and all(map(_is_plain_statement, body))


def has_tuples(text: str) -> bool:
    """True when a module that ``is_plain`` holds a tuple, which ``values`` gives as a list."""
    return any(isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) for node in ast.walk(ast.parse(text)))


def _is_plain_statement(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ClassDef):
        more = statement.bases or statement.keywords or statement.decorator_list
        return not more and _is_own_name(statement.name) and all(map(_is_plain_statement, statement.body))
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr):
        targets = []
    else:
        return False
    names = [name for target in targets for name in (target.elts if isinstance(target, ast.Tuple) else [target])]
    kinds = tuple(getattr(ast, name) for name in _HARMLESS)
    return all(isinstance(name, ast.Name) and _is_own_name(name.id) for name in names) and all(
        isinstance(node, kinds) for child in ast.iter_child_nodes(statement) for node in ast.walk(child)
    )


def _is_own_name(name: str) -> bool:
    # Names with two underscores mean something to Python: __getattr__, __class_getitem__, __builtins__.
    return not name.startswith("__")


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
