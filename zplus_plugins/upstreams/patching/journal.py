"""Reversible patches: every change to somebody else's objects is made here and knows its undo.

Undo lists are never written by hand. A journal is a context manager; when it closes, on success,
on an exception or on Ctrl-C, all changes are undone in reverse order.

An exception may strike at any line, as Ctrl-C does. So an undo is noted before its change is made, and
gives back what there was: whether the change was made or not, once or twice over.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, MutableMapping, Sequence
from types import ModuleType, TracebackType
from typing import Any

from zplus_plugins.errors import PatchError
from zplus_plugins.upstreams.patching.definitions import Definitions, Wrapper
from zplus_plugins.upstreams.patching.import_watch import ImportWatch

_ABSENT: Any = object()


class Journal:
    """The open list of changes; see the module.

    ``with Journal() as journal, journal:`` closes it twice. An exception between the end of the block and the
    first line of the inner close then finds the outer one. Use it where Ctrl-C is to be expected.

    Attributes:
        definitions: what waits for functions and classes that the script itself defines.
    """

    def __init__(self) -> None:
        self._undos: list[Callable[[], object]] = []
        self._watch: ImportWatch | None = None
        self._script_modules: tuple[str, ...] = ()
        self.definitions = Definitions(self.wrap)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Undo everything, last change first. Closing twice does nothing.

        An undo that fails, or is interrupted, does not keep the others from being done: it is tried once more, the
        others follow, and then the exception goes on. Only an exception before the first line leaves all to be
        done, by another close.
        """
        try:
            while self._undos:
                self._undo(self._undos[-1])
        finally:
            if self._undos:
                self.close()

    def _undo(self, undo: Callable[[], object]) -> None:
        """Forget the undo only when it is done, so that an interrupted one is done again."""
        try:
            undo()
        except BaseException:
            self._undos.remove(undo)
            undo()
            raise
        self._undos.remove(undo)

    def callback(self, undo: Callable[[], object]) -> None:
        """Note the undo of a change that is about to be made elsewhere.

        Args:
            undo: gives back what there was. It may be called although the change was not made, and twice.
        """
        self._undos.append(undo)

    def keep(self, owner: Any, name: str) -> None:
        """Give an attribute of a module, a class or an object its present value back at the end.

        What is inherited is inherited again afterwards, and descriptors (static methods, properties) come back as
        the objects they are.
        """
        before = vars(owner).get(name, _ABSENT)

        def undo() -> None:
            if before is not _ABSENT:
                setattr(owner, name, before)
            elif name in vars(owner):
                delattr(owner, name)

        self.callback(undo)

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a module, a class or an object, which :meth:`keep` gives back."""
        self.keep(owner, name)
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        """Replace the function ``owner.name`` by ``wrapper(original)``, keeping its kind and metadata.

        Raises:
            PatchError: there is no such function.
        """
        raw = _lookup(owner, name)
        kind = type(raw) if isinstance(raw, staticmethod | classmethod) else None
        original = raw.__func__ if kind else raw
        if not callable(original):
            raise PatchError(
                f"Cannot patch {_describe(owner)}.{name}: expected a function there, found "
                f"{'nothing' if raw is _ABSENT else type(raw).__name__}."
            )
        replacement = functools.wraps(original)(wrapper(original))
        self.set(owner, name, kind(replacement) if kind else replacement)

    def keep_item(self, mapping: MutableMapping[Any, Any], key: Any) -> None:
        """Give an item of a mapping its present value back at the end; one that is absent is absent again."""
        before = mapping.get(key, _ABSENT)

        def undo() -> None:
            if before is _ABSENT:
                mapping.pop(key, None)
            else:
                mapping[key] = before

        self.callback(undo)

    def set_item(self, mapping: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """Set an item of a mapping, such as ``sys.modules`` or ``os.environ``, which :meth:`keep_item` gives back."""
        self.keep_item(mapping, key)
        mapping[key] = value

    def keep_list(self, values: list[Any]) -> None:
        """Give a list, such as ``sys.path``, its present content back at the end, in the same object."""
        before = list(values)

        def undo() -> None:
            values[:] = before

        self.callback(undo)

    def when_imported(self, module: str, action: Callable[[ModuleType], None]) -> None:
        """Run ``action(module)`` as soon as the module has been imported; at once if it already is.

        An action that fails stops the import with its own error, and the module is not kept.
        """
        if sys.modules.get(module) is not None:
            action(importlib.import_module(module))  # waits for another thread that is at it
            return
        if self._watch is None:
            watch = ImportWatch()
            self.callback(functools.partial(self._stop, watch))
            watch.start()
            self._watch = watch
        self._watch.add(module, action)

    def name_script(self, *modules: str) -> None:
        """Say by which module names places in the script itself are written; the script runs as ``__main__``."""
        self._script_modules = modules

    def script_module(self, name: str) -> ModuleType | None:
        """The script itself as it runs, if ``name`` is one of its module names."""
        module = sys.modules.get("__main__") if name in self._script_modules and name not in sys.modules else None
        return module if module is not None and hasattr(module, "__file__") else None

    def wrap_when_imported(self, target: str, wrapper: Wrapper) -> None:
        """:meth:`wrap` for ``"package.module:Class.function"``, as soon as that module is imported.

        If the module is the script itself, also as soon as the script, run as ``__main__``, defines it.
        """
        module, _, path = target.partition(":")
        *owners, name = path.split(".")
        if module in self._script_modules:
            self.definitions.add(path, wrapper)

        def action(imported: ModuleType) -> None:
            self.wrap(resolve(imported, owners), name, wrapper)

        self.when_imported(module, action)

    def _stop(self, watch: ImportWatch) -> None:
        self._watch = None
        watch.stop()


def resolve(module: ModuleType, path: Sequence[str]) -> Any:
    """The object at an attribute path below a module.

    Raises:
        PatchError: names what is missing, and where the module came from.
    """
    owner: Any = module
    for name in path:
        if not hasattr(owner, name):
            raise PatchError(
                f"Cannot patch {module.__name__}:{'.'.join(path)}: {_describe(owner)} has no {name!r} "
                f"(loaded from {getattr(module, '__file__', 'an unknown place')})."
            )
        owner = getattr(owner, name)
    return owner


def _lookup(owner: Any, name: str) -> Any:
    """The raw attribute: descriptors are returned as they are, not bound."""
    classes = owner.__mro__ if isinstance(owner, type) else (owner, *type(owner).__mro__)
    for place in classes:
        if name in vars(place):
            return vars(place)[name]
    return _ABSENT


def _describe(owner: Any) -> str:
    return str(getattr(owner, "__qualname__", getattr(owner, "__name__", type(owner).__name__)))
