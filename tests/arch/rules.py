"""The rules of the house, each a function from a source tree to the list of its violations."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BELOW = {
    "errors": (),
    "util": ("errors",),
    "model": ("errors",),
    "gitio": ("model", "util", "errors"),
    "formats": ("model", "util.urls", "util.later", "errors"),
    "storage": ("util", "errors"),
    "objects": ("storage.base", "gitio", "formats", "model", "util", "errors"),
    "workspace": ("objects", "storage.base", "gitio", "formats", "model", "util", "errors"),
    "pipeline": ("workspace", "objects", "storage.base", "gitio", "formats", "model", "util", "errors"),
    "workflows": ("pipeline", "workspace", "objects", "storage", "gitio", "formats", "model", "util", "errors"),
    "testing": ("objects", "storage", "gitio", "formats", "model", "util", "errors"),
    "cli": ("workflows", "model", "errors", "util"),
    "__main__": ("cli",),
    "": ("workflows", "model", "errors"),
}
"""What each package may import of weft, itself aside. A package that is not named here may not exist."""

LIBRARIES = {
    "click": ("cli",),
    "rich": ("cli",),
    "yaml": ("formats",),
    "fsspec": ("storage", "testing"),
    "s3fs": ("storage",),
    "gcsfs": ("storage",),
    "botocore": ("storage",),
    "aiohttp": ("storage",),
    "asyncssh": ("storage",),
    "requests": ("storage",),
    "blake3": ("model", "objects"),
    "xxhash": ("formats", "objects"),
    "zstandard": ("formats", "objects"),
    "pyfastcdc": ("objects",),
    "pytest": ("testing",),
    "hypothesis": ("testing",),
}
"""Who may import which library. A library that is not named here is nobody's."""

LATE_IMPORTS = ("weft.cli.registry", "weft.storage.locate", "weft.util.later")
# The edge tells the user, the translator gives codes, and a worker thread hands what it met to the thread it works for.
BROAD_EXCEPTS = ("weft.cli.main", "weft.storage.translate", "weft.util.parallel")
# What opens a storage, and the one module above that may: it asks first whether this clone accepts the place.
NAMES_OF_STORAGE = ("base", "keys", "places", "urls", "wrappers")
GATE = "weft.workflows.connect"
FILE_LINES, FUNCTION_LINES, PARAMETERS, METHODS = 400, 60, 7, 16
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The layer it belongs to: the word after ``weft.``; empty for ``weft`` itself."""
        return ".".join(self.name.split(".")[1:2])


Modules = dict[str, Module]


def read_tree(source: Path) -> Modules:
    """All modules below ``source`` (the folder that holds ``weft/``) by dotted name."""
    modules = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        modules[name] = Module(name, path, text, ast.parse(text))
    return modules


# --- imports ---------------------------------------------------------------------------------------------------------


def _is_type_checking(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    test = node.test
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run: what stands under ``if TYPE_CHECKING`` does not."""
    for child in ast.iter_child_nodes(node):
        if _is_type_checking(child):
            for other in child.orelse:  # type: ignore[attr-defined]
                yield other
                yield from walk(other)
            continue
        yield child
        yield from walk(child)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    base = parts if module.path.name == "__init__.py" else parts[:-1]
    base = base[: len(base) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imported(module: Module, modules: Modules) -> list[tuple[str, int]]:
    """Names of the modules that ``module`` imports, and where."""
    found = []
    for node in walk(module.tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.append((full if full in modules else base, node.lineno))
        elif (name := _later_name(node)) is not None:
            found.append((name, getattr(node, "lineno", 0)))
    return found


def _later_name(node: ast.AST) -> str | None:
    """The module that ``later("NAME")`` stands for: a dependency like any other, only paid for at its first use."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "later":
        named = node.args[0] if node.args else None
        return named.value if isinstance(named, ast.Constant) and isinstance(named.value, str) else ""
    return None


def upward_imports(modules: Modules) -> list[str]:
    """A layer imports only those below it, and only the libraries that are its own."""
    bad = []
    for module in modules.values():
        for name, line in imported(module, modules):
            if name.split(".")[0] == "weft":
                allowed = _may_import(module.package, name)
            else:
                allowed = _may_use(module.package, name.split(".")[0])
            if not allowed:
                bad.append(f"{module.name}:{line} imports {name}")
    return bad


def _may_import(package: str, name: str) -> bool:
    inner = name.removeprefix("weft").removeprefix(".")
    target = inner.split(".")[0]
    if target == package or (not inner and package == "cli"):
        return True
    return any(inner == allowed or inner.startswith(allowed + ".") for allowed in BELOW.get(package, ()))


def _may_use(package: str, library: str) -> bool:
    return library in sys.stdlib_module_names or package in LIBRARIES.get(library, ())


def unknown_packages(modules: Modules) -> list[str]:
    """Every package has its place in the table of layers."""
    return sorted({f"weft.{m.package} has no layer" for m in modules.values() if m.package not in BELOW})


def around_the_gate(modules: Modules) -> list[str]:
    """A storage is opened behind the gate alone: everybody else imports only what talks of storages."""
    harmless = tuple(f"weft.storage.{name}" for name in NAMES_OF_STORAGE)
    found = []
    for module in modules.values():
        if module.package not in ("storage", "testing") and module.name != GATE:
            found += [
                f"{module.name}:{line} imports {name}, which opens remotes without asking"
                for name, line in imported(module, modules)
                if name.startswith("weft.storage") and name not in harmless
            ]
    return found


def cycles(modules: Modules) -> list[str]:
    """No module imports itself by way of others; imports inside functions count."""
    graph = {
        name: sorted({to for to, _ in imported(module, modules) if to in modules and to != name})
        for name, module in modules.items()
    }
    return sorted({" -> ".join(loop) for name in graph if (loop := _shortest_loop(name, graph))})


def _shortest_loop(start: str, graph: dict[str, list[str]]) -> list[str]:
    """The way from ``start`` back to it, beginning at its first name in the alphabet; empty when there is none."""
    before: dict[str, str] = {}
    waiting = [start]
    for name in waiting:
        for following in graph[name]:
            if following == start:
                loop = [name]
                while loop[-1] != start:
                    loop.append(before[loop[-1]])
                loop.reverse()
                first = loop.index(min(loop))
                return [*loop[first:], *loop[:first], loop[first]]
            if following not in before:
                before[following] = name
                waiting.append(following)
    return []


def late_imports(modules: Modules) -> list[str]:
    """Imports inside functions, and imports by a computed name, stand in three files only; ``later("NAME")`` stands at
    the top of a file, where all can see it."""
    return [
        f"{module.name}:{node.lineno} imports late"
        for module in modules.values()
        if module.name not in LATE_IMPORTS
        for node in _late(module)
    ]


def _late(module: Module) -> Iterator[ast.stmt | ast.expr]:
    for function in walk(module.tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (
                node
                for node in walk(function)
                if isinstance(node, (ast.Import, ast.ImportFrom))
                or (isinstance(node, ast.Call) and _later_name(node) is not None)
            )
    for node in walk(module.tree):
        if isinstance(node, ast.Call) and _later_name(node) == "":
            yield node
        called = node.func if isinstance(node, ast.Call) else None
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if isinstance(node, ast.Call) and name in ("__import__", "import_module"):
            yield node


# --- what a layer may do ---------------------------------------------------------------------------------------------


def prints_or_reads_environment(modules: Modules) -> list[str]:
    """Below ``cli`` nothing prints, reads the environment or touches the standard streams."""
    bad = []
    for module in modules.values():
        if module.package in ("cli", "__main__"):
            continue
        for node in walk(module.tree):
            what = _forbidden_use(node)
            if what:
                bad.append(f"{module.name}:{getattr(node, 'lineno', 0)} uses {what}")
    return bad


_ENVIRONMENT = ("environ", "environb", "getenv", "getenvb", "putenv", "unsetenv")
_STREAMS = ("stdin", "stdout", "stderr", "__stdout__", "__stderr__")


def _forbidden_use(node: ast.AST) -> str:
    if isinstance(node, ast.Name) and node.id in ("print", "input"):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        names = {"os": _ENVIRONMENT, "sys": _STREAMS}.get(node.value.id, ())
        return f"{node.value.id}.{node.attr}" if node.attr in names else ""
    if isinstance(node, ast.ImportFrom) and node.module in ("os", "sys"):
        names = _ENVIRONMENT if node.module == "os" else _STREAMS
        return ", ".join(f"{node.module}.{alias.name}" for alias in node.names if alias.name in names)
    return ""


def broad_excepts(modules: Modules) -> list[str]:
    """Only three files take errors of any type; a handler that ends in a bare ``raise`` keeps nothing."""
    bad = []
    for module in modules.values():
        if module.name in BROAD_EXCEPTS:
            continue
        for node in walk(module.tree):
            swallowing = isinstance(node, ast.ExceptHandler) and not _raises_again(node) and _is_broad(node.type)
            suppressing = (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in ("suppress", "contextlib.suppress")
                and any(_is_broad(argument) for argument in node.args)
            )
            if swallowing or suppressing:
                bad.append(f"{module.name}:{getattr(node, 'lineno', 0)} catches everything")
    return bad


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _is_broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(ast.unparse(one).removeprefix("builtins.") in ("Exception", "BaseException") for one in kinds)


# --- size and words --------------------------------------------------------------------------------------------------


def oversize(modules: Modules) -> list[str]:
    """Files, functions, parameter lists and classes stay within the size budget."""
    bad = []
    for module in modules.values():
        lines = len(module.text.splitlines())
        if lines > FILE_LINES:
            bad.append(f"{module.name} has {lines} lines")
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                bad += [f"{module.name}:{node.lineno} {node.name} has {text}" for text in _function_excess(node)]
            elif isinstance(node, ast.ClassDef):
                methods = sum(isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) for item in node.body)
                if methods > METHODS:
                    bad.append(f"{module.name}:{node.lineno} {node.name} has {methods} methods")
    return bad


def _function_excess(node: FunctionNode) -> Iterator[str]:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
    if lines > FUNCTION_LINES:
        yield f"a body of {lines} lines"
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    count = sum(1 for index, argument in enumerate(every) if not (index == 0 and argument.arg in ("self", "cls")))
    if count > PARAMETERS:
        yield f"{count} parameters"


def missing_docstrings(modules: Modules) -> list[str]:
    """Every module, and every public class, function and method says what it is."""
    bad = []
    for module in modules.values():
        if ast.get_docstring(module.tree) is None:
            bad.append(f"{module.name} has no docstring")
        bad += [f"{module.name}:{node.lineno} {node.name} has no docstring" for node in _mute(module.tree)]
    return bad


def _mute(parent: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | FunctionNode]:
    for node in parent.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or node.name.startswith("_"):
            continue
        marks = [ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list]
        if ast.get_docstring(node) is None and not {"setter", "overload"} & set(marks):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from _mute(node)


# --- tests -----------------------------------------------------------------------------------------------------------


def untested(modules: Modules, tests: Path) -> list[str]:
    """Every module is imported when the tests run: by a test, or by what a test imports."""
    reached: set[str] = set()
    waiting = []
    for path in sorted(tests.rglob("*.py")):
        test = Module(path.stem, path, "", ast.parse(path.read_text(encoding="utf-8")))
        waiting += [name for name, _ in imported(test, modules)]
    while waiting:
        name = waiting.pop()
        if name in modules and name not in reached:
            reached.add(name)
            waiting += [inner for inner, _ in imported(modules[name], modules)]
    return [f"no test imports {name}" for name in modules if name not in reached and not _empty(modules[name])]


def _empty(module: Module) -> bool:
    """True for a file that only says what its folder is for."""
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in module.tree.body)
