"""Objects whose pickles carry their source code, so that a checkpoint runs what it was trained with.

The classes of an unpickled object live in a module made for it, not in ``training.networks_stylegan2``.
"""

from __future__ import annotations

import inspect
import sys
import uuid
from types import ModuleType
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)
_src_to_module_dict: dict[str, ModuleType] = {}


def persistent_class(orig_class: Class) -> Class:
    """A subclass of the same name whose pickles carry the source of the class's module."""
    module = sys.modules[orig_class.__module__]
    source = next((known for known, made in _src_to_module_dict.items() if made is module), None)
    if source is None:
        source = inspect.getsource(module)
        _src_to_module_dict[source] = module

    class Decorator(orig_class):  # type: ignore[valid-type, misc]
        _orig_module_src = source

        def __reduce__(self) -> tuple[Any, ...]:
            meta = {"module_src": source, "class_name": orig_class.__name__, "state": self.__dict__}
            return _reconstruct_persistent_obj, (meta,)

    Decorator.__name__ = orig_class.__name__
    return Decorator  # type: ignore[return-value]


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> Any:
    """What a pickle calls to make the object again."""
    found = vars(_src_to_module(meta["module_src"]))[meta["class_name"]]
    restored = found.__new__(found)
    restored.__dict__.update(meta["state"])
    return restored


def _src_to_module(src: str) -> ModuleType:
    if src not in _src_to_module_dict:
        name = f"_imported_module_{uuid.uuid4().hex}"
        module = _src_to_module_dict[src] = sys.modules[name] = ModuleType(name)
        exec(src, vars(module))
    return _src_to_module_dict[src]
