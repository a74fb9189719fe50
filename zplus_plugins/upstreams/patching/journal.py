"""Reversible patches: every change to other people's objects is made through a journal, which can undo it.

Undo lists are never written by hand. A journal is a context manager; when it closes, on success,
on an exception or on Ctrl-C, all changes are undone in reverse order.

An exception can be raised at any line, for example by Ctrl-C. So an undo is noted before its change is made, and
restores the original state even if the change was never made, or if the undo is called twice.
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
    """A list of changes that will be undone; see the module's docstring.

    ``with Journal() as journal, journal:`` closes the journal twice, so that the outer close still runs if an exception
    is raised just before the inner one starts. Use this where the user may press Ctrl-C.

    Attributes:
        definitions: the wrappers of functions and classes that the script itself will define.
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
        """Undo everything, starting with the last change. Closing again does nothing.

        An undo that fails or is interrupted does not prevent the others: it is tried once more, then the others are
        called, and then the exception is raised again. Only an exception before the first line leaves everything to a
        second close.
        """
        try:
            while self._undos:
                self._undo(self._undos[-1])
        finally:
            if self._undos:
                self.close()

    def _undo(self, undo: Callable[[], object]) -> None:
        """Call an undo, and remove it only afterwards, so that it is called again if it was interrupted."""
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
            undo: restores the original state. It may be called even if the change was not made, and more than once.
        """
        self._undos.append(undo)

    def keep(self, owner: Any, name: str) -> None:
        """Restore the current value of an attribute of a module, class or object when the journal closes.

        An inherited attribute is inherited again afterwards, and descriptors (static methods, properties) are restored
        as descriptors.
        """
        before = vars(owner).get(name, _ABSENT)

        def undo() -> None:
            if before is not _ABSENT:
                setattr(owner, name, before)
            elif name in vars(owner):
                delattr(owner, name)

        self.callback(undo)

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a module, class or object; :meth:`keep` restores it."""
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
        """Restore the current value of an item of a mapping when the journal closes, or remove it if it was absent."""
        before = mapping.get(key, _ABSENT)

        def undo() -> None:
            if before is _ABSENT:
                mapping.pop(key, None)
            else:
                mapping[key] = before

        self.callback(undo)

    def set_item(self, mapping: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """Set an item of a mapping, such as ``sys.modules`` or ``os.environ``; :meth:`keep_item` restores it."""
        self.keep_item(mapping, key)
        mapping[key] = value

    def keep_list(self, values: list[Any]) -> None:
        """Restore the current content of a list, such as ``sys.path``, in place when the journal closes."""
        before = list(values)

        def undo() -> None:
            values[:] = before

        self.callback(undo)

    def when_imported(self, module: str, action: Callable[[ModuleType], None]) -> None:
        """Run ``action(module)`` as soon as the module has been imported; immediately if it already is.

        If the action fails, the import fails with the same error, and the module is removed from ``sys.modules``.
        """
        if sys.modules.get(module) is not None:
            action(importlib.import_module(module))  # waits if another thread is still importing it
            return
        if self._watch is None:
            watch = ImportWatch()
            self.callback(functools.partial(self._stop, watch))
            watch.start()
            self._watch = watch
        self._watch.add(module, action)

    def name_script(self, *modules: str) -> None:
        """Set the module names that refer to the script itself, which runs as ``__main__``."""
        self._script_modules = modules

    def script_module(self, name: str) -> ModuleType | None:
        """The running script's module, if ``name`` is one of its module names."""
        module = sys.modules.get("__main__") if name in self._script_modules and name not in sys.modules else None
        return module if module is not None and hasattr(module, "__file__") else None

    def wrap_when_imported(self, target: str, wrapper: Wrapper) -> None:
        """:meth:`wrap` the function ``"package.module:Class.function"`` as soon as its module is imported.

        If the module is the script itself, the function is wrapped as soon as the script defines it.
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
    """The object at a path of attributes below a module.

    Raises:
        PatchError: an attribute is missing; the message says which, and where the module was loaded from.
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
    """The raw attribute: descriptors are returned unbound."""
    classes = owner.__mro__ if isinstance(owner, type) else (owner, *type(owner).__mro__)
    for place in classes:
        if name in vars(place):
            return vars(place)[name]
    return _ABSENT


def _describe(owner: Any) -> str:
    return str(getattr(owner, "__qualname__", getattr(owner, "__name__", type(owner).__name__)))
