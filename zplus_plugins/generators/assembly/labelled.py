"""The generator that a conditional one is for a single label."""

from __future__ import annotations

from dataclasses import replace

from zplus_plugins.errors import GeneratorFileError, LabelError
from zplus_plugins.generators.assembly.source import Source
from zplus_plugins.generators.network.label import Dense, Label, folded
from zplus_plugins.untrusted import listed


def of_label(source: Source, label: Label | None) -> Source:
    """The unconditional generator that a conditional one is for a label; an unconditional one as it is.

    Raises:
        LabelError: it is conditional and this is no label of it, or it is not and takes none.
        GeneratorFileError: the layers that take labels are missing, or do not fit together.
    """
    layers = source.conditional
    if layers is None:
        if label is not None:
            raise LabelError(f"This {source.kind} generator is not conditional: it takes no label. Leave out --label.")
        return source
    absent = [
        f"{layer}.{part}" for layer in layers for part in Dense._fields if f"{layer}.{part}" not in source.tensors
    ]
    if absent:
        raise GeneratorFileError(f"This conditional {source.kind} generator is incomplete: it has no {listed(absent)}.")
    embed, first = (Dense(*(source.tensors[f"{layer}.{part}"] for part in Dense._fields)) for layer in layers)
    own = {name: value for name, value in source.tensors.items() if not name.startswith(f"{layers.embed}.")}
    own |= {f"{layers.first}.{part}": value for part, value in folded(first, embed, label)._asdict().items()}
    return replace(source, tensors=own, conditional=None)
