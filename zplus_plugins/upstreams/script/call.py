"""``--call``: call a function or method that a script defines, instead of running the script.

Research scripts often contain a single call with hard-coded arguments under ``if __name__ == "__main__"``.
``--call 'FUNCTION(ARGS)'`` imports the script instead, which skips that part, and makes the given call.
``CLASS(ARGS).METHOD(ARGS)`` calls a method of a new object. Arguments must be literals; nothing else that
the user types is evaluated. The call is checked against the script's source before anything is imported, and
what the source does not show, such as inherited methods, just before the call.
"""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source

_EXPECTED = "expected FUNCTION(ARGS) or CLASS(ARGS).METHOD(ARGS), with literals such as 3, 'text' or True for ARGS"


@dataclass(frozen=True)
class Step:
    """A name and the arguments that it is called with."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """``--call TEXT``: a call of a function, or of a class and then of one of its methods.

    Attributes:
        arguments: the given arguments by name, as far as their names are known from the script's source.
    """

    text: str
    first: Step
    method: Step | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def make(self, module: ModuleType) -> None:
        """Make the call in an imported script.

        Raises:
            UsageError: the call cannot be made; nothing has been called yet.
        """
        target = getattr(module, self.first.name)
        self.require_fit(self.first, inspect.signature(target))
        if self.method is None:
            target(*self.first.args, **self.first.kwargs)
            return
        function = getattr(target, self.method.name, None)
        if not callable(function):
            raise UsageError(f"--call {self.text}: {self.first.name} has no method {self.method.name}.")
        bound = isinstance(inspect.getattr_static(target, self.method.name), staticmethod | classmethod)
        signature = inspect.signature(function)
        self.require_fit(self.method, signature if bound else _without_self(signature))
        made = target(*self.first.args, **self.first.kwargs)
        getattr(made, self.method.name)(*self.method.args, **self.method.kwargs)

    def require_fit(self, step: Step, signature: inspect.Signature) -> dict[str, Any]:
        """A step's arguments by name; raises UsageError if they do not match the signature."""
        try:
            return signature.bind(*step.args, **step.kwargs).arguments
        except TypeError as error:
            raise UsageError(f"--call {self.text}: {error}; the signature is {step.name}{_names(signature)}.") from None


def read_call(script: Path, text: str) -> Call:
    """Parse ``text`` and check it against the source of ``script``; nothing is imported.

    Raises:
        UsageError: the text is not such a call, the script cannot be parsed, or it does not define what is called.
    """
    call = _parse(text)
    try:
        _, tree = parse_source(script)
    except UnreadableSourceError as error:
        raise UsageError(f"--call {text}: {script} cannot be read as Python: {error}") from None
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    node = defined.get(call.first.name)
    if node is None:
        close = difflib.get_close_matches(call.first.name, defined, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        has = f"It defines {', '.join(defined)}." if defined else "It defines nothing that can be called."
        raise UsageError(f"--call {text}: {script.name} does not define {call.first.name}.{hint} {has}")
    if isinstance(node, ast.FunctionDef):
        if call.method is not None:
            raise UsageError(f"--call {text}: {call.first.name} is a function, so it has no methods; {_EXPECTED}.")
        return replace(call, arguments=_check(call, call.first, node))
    if call.method is None:
        methods = ", ".join(name for name in _methods(node) if not name.startswith("_"))
        raise UsageError(
            f"--call {text} would only create an object. Call one of its methods, {call.first.name}(...).METHOD(...); "
            f"the class itself defines {methods or 'none'}."
        )
    arguments: dict[str, Any] = {}
    for step, name in ((call.first, "__init__"), (call.method, call.method.name)):
        own = _methods(node).get(name)
        arguments |= step.kwargs if own is None else _check(call, step, own, method=True)
    return replace(call, arguments=arguments)


def _parse(text: str) -> Call:
    try:
        node: ast.expr = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise UsageError(f"--call {text}: {error.msg}; {_EXPECTED}.") from None
    method = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        method, node = _step(text, node, node.func.attr), node.func.value
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise UsageError(f"--call {text}: {_EXPECTED}.")
    return Call(text, _step(text, node, node.func.id), method)


def _step(text: str, node: ast.Call, name: str) -> Step:
    try:
        args = tuple(map(ast.literal_eval, node.args))
        kwargs = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords if k.arg is not None}
    except (ValueError, TypeError):
        raise UsageError(f"--call {text}: an argument is not a literal; {_EXPECTED}.") from None
    if len(kwargs) < len(node.keywords):
        raise UsageError(f"--call {text}: ** is not supported; {_EXPECTED}.")
    return Step(name, args, kwargs)


def _check(call: Call, step: Step, node: ast.FunctionDef, *, method: bool = False) -> dict[str, Any]:
    """The step's arguments by name."""
    if node.decorator_list:  # a decorator may change the arguments; they are checked after the import
        return dict(step.kwargs)
    signature = _signature(node.args)
    return call.require_fit(step, _without_self(signature) if method else signature)


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {child.name: child for child in node.body if isinstance(child, ast.FunctionDef)}


def _signature(arguments: ast.arguments) -> inspect.Signature:
    """The signature of a function, from its source; all defaults are replaced by None."""
    kind, empty = inspect.Parameter, inspect.Parameter.empty
    before = [*arguments.posonlyargs, *arguments.args]
    required = len(before) - len(arguments.defaults)
    found = [
        kind(
            argument.arg,
            kind.POSITIONAL_ONLY if index < len(arguments.posonlyargs) else kind.POSITIONAL_OR_KEYWORD,
            default=empty if index < required else None,
        )
        for index, argument in enumerate(before)
    ]
    if arguments.vararg is not None:
        found.append(kind(arguments.vararg.arg, kind.VAR_POSITIONAL))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(kind(argument.arg, kind.KEYWORD_ONLY, default=empty if default is None else None))
    if arguments.kwarg is not None:
        found.append(kind(arguments.kwarg.arg, kind.VAR_KEYWORD))
    return inspect.Signature(found)


def _without_self(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _names(signature: inspect.Signature) -> inspect.Signature:
    """A signature without annotations and defaults."""
    empty = inspect.Parameter.empty
    bare = [p.replace(annotation=empty, default=empty) for p in signature.parameters.values()]
    return inspect.Signature(bare)
