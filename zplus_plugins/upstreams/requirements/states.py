"""Requirements on the shapes of the tensors in a checkpoint, read without the tensors' data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.networks import shape_of
from zplus_plugins.upstreams.requirements.outline import Call
from zplus_plugins.upstreams.requirements.pickles import contents

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class StateFits:
    """The content of a checkpoint must match the script's arguments or another file.

    Another requirement, :class:`~.files.Checkpoint`, checks that the file exists and is complete.

    Attributes:
        path: path of the checkpoint.
        what, remedy: for messages.
        problem: returns, from the checkpoint's outline and the arguments, what does not match, as the predicate of a
            sentence about the file; None if everything does.
    """

    path: str
    what: str
    remedy: str
    problem: Callable[[Any, Mapping[str, Any]], str | None]

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = Path(self.path.format_map(arguments))
        content = outline_or_none(path)
        problem = None if content is None else self.problem(content, arguments)
        if problem is None:
            return []
        return [Finding("missing", f"The {self.what} {path} {problem} {self.remedy.format_map(arguments)}".rstrip())]


def outline_or_none(path: Path) -> Any:
    """The outline of a file; None if it does not exist or cannot be read."""
    try:
        return contents(path)
    except (OSError, ValueError):
        return None


def shapes_in(content: Any, *keys: str) -> Shapes:
    """Shapes of the tensors in the first state dict found under one of the keys; empty if there is none."""
    for key in keys:
        state = items_of(content).get(key)
        if state is not None:
            tensors = ((name, shape_of(value)) for name, value in items_of(state).items())
            return {name: shape for name, shape in tensors if isinstance(name, str) and shape is not None}
    return {}


def items_of(value: Any) -> Mapping[Any, Any]:
    """The items of a dictionary, including an OrderedDict pickled by Python 2, whose items are call arguments."""
    if isinstance(value, Call) and value.name == "collections.OrderedDict" and value.arguments:
        pairs = value.arguments[0]
        parts = (tuple(pair) for pair in pairs if isinstance(pair, list | tuple)) if isinstance(pairs, list) else ()
        return {part[0]: part[1] for part in parts if len(part) == 2 and isinstance(part[0], str)}
    return value if isinstance(value, dict) else {}
