"""Classes whose pickles carry the source of their module, so that they outlive the code around them.

What is unpickled belongs to a module made from that source, never to an importable one: patches of
``training.networks``, if there is such a file at all, do not reach it.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from uuid import uuid4

import dnnlib

_version = 6
_import_hooks: list[Callable[[Any], Any]] = []
_sources: dict[str, str] = {}  # by module name
_modules: dict[str, ModuleType] = {}  # by source
_persistent: set[type] = set()


def persistent_class(orig_class: type) -> Any:
    """A subclass under the same name that pickles itself together with its module's source."""
    if orig_class in _persistent:
        return orig_class
    source = _source_of(sys.modules[orig_class.__module__])

    class Decorator(orig_class):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._init_args = copy.deepcopy(args)
            self._init_kwargs = copy.deepcopy(kwargs)

        @property
        def init_args(self) -> Any:
            return copy.deepcopy(self._init_args)

        @property
        def init_kwargs(self) -> Any:
            return dnnlib.EasyDict(copy.deepcopy(self._init_kwargs))

        def __reduce__(self) -> tuple[Any, ...]:
            meta = {
                "type": "class",
                "version": _version,
                "module_src": source,
                "class_name": orig_class.__name__,
                "state": self.__dict__,
            }
            return _reconstruct_persistent_obj, (meta,)

    Decorator.__name__ = orig_class.__name__
    _persistent.add(Decorator)
    return Decorator


def is_persistent(obj: Any) -> bool:
    """Whether an object or a class is one of these."""
    return obj in _persistent if isinstance(obj, type) else type(obj) in _persistent


def import_hook(hook: Callable[[Any], Any]) -> None:
    """Register a function that may change ``meta`` before an object is made of it."""
    _import_hooks.append(hook)


def _reconstruct_persistent_obj(meta: Any) -> Any:
    """What pickle calls."""
    meta = dnnlib.EasyDict(meta)
    for hook in _import_hooks:
        meta = hook(meta)
    assert meta.version == _version
    cls = persistent_class(getattr(_module_of(meta.module_src), meta.class_name))
    obj = cls.__new__(cls)
    if hasattr(obj, "__setstate__"):
        obj.__setstate__(meta.state)
    else:
        obj.__dict__.update(meta.state)
    return obj


def _source_of(module: ModuleType) -> str:
    if module.__name__ not in _sources:
        _sources[module.__name__] = inspect.getsource(module)
        _modules[_sources[module.__name__]] = module
    return _sources[module.__name__]


def _module_of(source: str) -> ModuleType:
    if source not in _modules:
        name = f"_imported_module_{uuid4().hex}"
        module = sys.modules[name] = ModuleType(name)
        _sources[name], _modules[source] = source, module
        exec(source, module.__dict__)
    return _modules[source]
