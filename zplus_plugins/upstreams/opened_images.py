"""Which of a script's arguments name images, as far as its sources show that they are opened as such.

A name's values are followed backwards from the call that opens an image, through assignments, loops, lists and calls of
the repository's functions, to an argument. What changes a path, such as ``os.path.join``, ends the search: then the
argument names something else.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zplus_plugins.upstreams.imports.source_text import scoped

# Calls that open an image, and the reader in zplus_plugins.upstreams that reads as they do.
_OPENERS = {
    **dict.fromkeys(("Image.open", "PIL.Image.open"), "PILLOW_RGB"),
    **dict.fromkeys(("imageio.imread", "imageio.v2.imread", "imageio.v3.imread", "iio.imread"), "PILLOW_RGB"),
    "cv2.imread": "OPENCV",
}
# Functions and methods whose result is, or has in it, the path that they are given.
_FUNCTIONS = ("str", "Path", "pathlib.Path", "list", "sorted", "enumerate", "tqdm", "tqdm.tqdm", "os.path.abspath",
    "os.path.expanduser", "os.path.realpath", "os.fspath")  # fmt: skip
_METHODS = ("strip", "rstrip", "split", "splitlines", "readlines", "read", "expanduser", "resolve", "absolute")

Scope = tuple[str, str]  # a file, and the classes and functions around something in it, "Class.function"


@dataclass(frozen=True)
class Opened:
    """An argument that names images.

    Attributes:
        argument: its name.
        listed: whether it is a text file with the images' paths.
        reader: the name of the reader in ``zplus_plugins.upstreams``.
        shown: where they are opened, ``file:line``.
        conditional: whether that is done under a condition on the argument, so that it may also be absent, or a folder.
    """

    argument: str
    listed: bool
    reader: str
    shown: str
    conditional: bool = False


def opened_images(sources: Mapping[str, ast.Module], arguments: Iterable[str]) -> list[Opened]:
    """The arguments that name images, each once.

    Args:
        sources: syntax trees of the script, which is first, and of its modules, by their files.
        arguments: the names of the script's arguments.
    """
    values = _Values(next(iter(sources)), arguments)
    for file, tree in sources.items():
        values.learn(file, tree)
    found: dict[str, Opened] = {}
    for call, scope, reader in values.openers:
        for argument, listed in sorted(values.origins(call.args[0], scope)):
            shown, conditional = f"{scope[0]}:{call.lineno}", argument in values.conditions[call]
            found.setdefault(argument, Opened(argument, listed, reader, shown, conditional))
    return list(found.values())


class _Values:
    """Where the names in some sources get their values.

    Args:
        script: the script's file.
        arguments: the names of the script's arguments.

    Attributes:
        openers: the calls that open an image, with their readers.
        conditions: the names in the conditions under which a call is made, as far as its own function shows them.
    """

    def __init__(self, script: str, arguments: Iterable[str]) -> None:
        self.openers: list[tuple[ast.Call, Scope, str]] = []
        self.conditions: dict[ast.AST, set[str]] = defaultdict(set)
        self._script, self._arguments = script, frozenset(arguments)
        self._bound: dict[tuple[Scope, str], list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self._calls: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        self._imported: dict[tuple[str, str], str] = {}  # by file and name, the module that the name is from

    def learn(self, file: str, tree: ast.Module) -> None:
        """Take note of a file's assignments and calls."""
        for path, node in scoped(tree):
            scope = (file, path)
            for target, value in _bindings(node):
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        self._bound[scope, name.id].append((value, scope))
            if isinstance(node, ast.FunctionDef):
                inside = (file, f"{path}.{node.name}".lstrip("."))
                for place in _parameters(node, file):
                    self._bound[inside, place.name].append((place, scope))
            if isinstance(node, ast.ImportFrom):
                self._imported.update(((file, alias.name), node.module or "") for alias in node.names)
            if isinstance(node, ast.If | ast.IfExp):
                names = {part for one in ast.walk(node.test) for part in _name(one).split(".")}
                for below in ast.walk(node):
                    self.conditions[below] |= names
            if isinstance(node, ast.Call):
                function = _name(node.func)
                self._calls[function.rpartition(".")[2]].append((node, scope))
                if function in _OPENERS and node.args:
                    self.openers.append((node, scope, _OPENERS[function]))

    def origins(self, value: ast.expr, scope: Scope) -> set[tuple[str, bool]]:
        """The arguments that a value is, and whether it comes from inside the file that the argument names."""
        return set(self._origins(value, scope, set()))

    def _origins(self, value: ast.expr, scope: Scope, seen: set[tuple[int, Scope]]) -> Iterator[tuple[str, bool]]:
        if (id(value), scope) in seen:
            return
        seen.add((id(value), scope))
        match value:
            case _Parameter():
                for call, caller in self._calls[value.function]:
                    if value.is_of(self._owner(call, caller)) and (given := value.given_in(call)) is not None:
                        yield from self._origins(given, caller, seen)
            case ast.Attribute(attr=name) if name in self._arguments and _name(value.value) != "self":
                yield name, False
            case ast.Name(id=name):
                yield from self._of_name(name, scope, seen)
            case ast.Subscript(value=inner):
                yield from self._origins(inner, scope, seen)
            case ast.Call(func=ast.Name(id="open"), args=[path, *_]):
                yield from ((name, True) for name, _ in self._origins(path, scope, seen))
            case ast.Call(func=ast.Attribute(attr=method, value=inner)) if method in _METHODS:
                yield from self._origins(inner, scope, seen)
            case ast.Call(args=[inner, *_]) if _name(value.func) in _FUNCTIONS:
                yield from self._origins(inner, scope, seen)
            case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner):
                yield from self._origins(inner, scope, seen)

    def _owner(self, call: ast.Call, scope: Scope) -> str:
        """Where a call's function is from, as :meth:`_Parameter.is_of` takes it."""
        before, _, name = _name(call.func).rpartition(".")
        if before == "self":
            return f"{scope[0]}.self"
        return (before or self._imported.get((scope[0], name), Path(scope[0]).stem)).rpartition(".")[2]

    def _of_name(self, name: str, scope: Scope, seen: set[tuple[int, Scope]]) -> Iterator[tuple[str, bool]]:
        """Those of a name, in the innermost scope that binds it; click and fire pass arguments to functions."""
        file, path = scope
        parts = path.split(".") if path else []
        around = [(file, ".".join(parts[:length])) for length in range(len(parts), -1, -1)]
        bound = next((self._bound[one, name] for one in around if (one, name) in self._bound), None)
        found = [origin for value, where in bound or () for origin in self._origins(value, where, seen)]
        yield from found
        passed = file == self._script and any(isinstance(value, _Parameter) for value, _ in bound or ())
        if passed and not found and name in self._arguments:
            yield name, False


class _Parameter(ast.expr):
    """Stands for what a function is given: in place of an expression, all those of its calls.

    Args:
        function: the function's name.
        file: where it is defined.
        name: the parameter's.
        position: its position, not counting ``self``.
        method: whether the function is a method.
    """

    def __init__(self, function: str, file: str, name: str, position: int, method: bool) -> None:
        self.function, self.name = function, name
        self._file, self._position, self._method = file, position, method

    def is_of(self, owner: str) -> bool:
        """Whether its function is the one of this name in ``owner``: a module without packages, or ``file.self``."""
        return owner == (f"{self._file}.self" if self._method else Path(self._file).stem)

    def given_in(self, call: ast.Call) -> ast.expr | None:
        """What a call of the function gives it, if anything."""
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        positional = call.args[self._position] if self._position < len(call.args) else None
        return keywords.get(self.name, positional)


def _parameters(function: ast.FunctionDef, file: str) -> Iterator[_Parameter]:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    method = names[:1] in (["self"], ["cls"])
    for position, name in enumerate(names[method:]):
        yield _Parameter(function.name, file, name, position, method)


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets, and the expressions that they get their values from."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield target, value
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            yield target, value
        case ast.Call(func=ast.Attribute(attr="append", value=ast.Name() as target), args=[value]):
            yield target, value


def _name(node: ast.AST) -> str:
    """``a.b.c`` for such an expression; empty for any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name) if before := _name(inner):
            return f"{before}.{name}"
    return ""
