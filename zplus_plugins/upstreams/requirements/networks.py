"""Facts about pickled networks of NVlabs' classes, read without running the pickle, and requirements on them."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zplus_plugins.untrusted import printable, tflib
from zplus_plugins.upstreams.requirements.outline import Call

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
CONVERT = (
    "Convert it with legacy.py of https://github.com/NVlabs/stylegan3: python legacy.py --source=OLD.pkl --dest=NEW.pkl"
)
DEPTH = 4  # synthesis.b4.conv1.affine
CHANNELS = {1: "grey", 3: "RGB", 4: "RGBA"}

_ATTRIBUTES = {
    **{"z_dim": "latent_size", "w_dim": "dlatent_size", "c_dim": "label_size"},
    **{"img_resolution": "resolution", "img_channels": "num_channels"},
}
"""Attributes of NVlabs' PyTorch networks, and the settings of TensorFlow networks that they are converted from."""
_THREE = ("G", "D", "Gs")
_HOMES = {"StyleGAN2": "stylegan2-ada-pytorch", "TriPlaneGenerator": "EG3D"}

_IMPORT = re.compile(r"^(?:from ([\w.]+) import ([\w, ]+)|import ([\w.]+))", re.MULTILINE)


@dataclass(frozen=True)
class Network:
    """A network in a pickle.

    Attributes:
        kind: the name of its class.
        attributes: attributes of the network itself; only plain values are usable.
        shapes: the shapes of its tensors, by name.
        source: source code of the module that defines its class, which is included in the pickle.
    """

    kind: str
    attributes: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)
    source: str = field(repr=False)

    def number(self, name: str) -> int | None:
        """The value of an attribute, if it is an integer."""
        value = self.attributes.get(name)
        return value if type(value) is int else None

    @property
    def family(self) -> str:
        """``StyleGAN2``, ``StyleGAN3``, or the name of the class."""
        if self.kind != "Generator":
            return printable(self.kind)
        if any(name.startswith("synthesis.input.") for name in self.shapes):
            return "StyleGAN3"
        return "StyleGAN2" if "synthesis.b4.const" in self.shapes else "Generator of another architecture"


@dataclass(frozen=True)
class Networks:
    """The networks that a script reads from a pickle, and the requirements on the generator.

    Attributes:
        keys: keys of the dictionary in the pickle, all of which the script reads; the last one is the generator.
        tensorflow: whether the script converts pickles of the TensorFlow version, which contain three networks, the
            last of which is the generator.
        labels: whether the script can use a conditional generator.
        channels: number of channels of the generator's images.
        least: the smallest resolution that the script can use.
        families: the families that the script can use.
        folder: where the script finds the modules that the networks' source imports, if that folder is not on the
            import path when the script's arguments are checked.
    """

    keys: tuple[str, ...] = ("G_ema",)
    tensorflow: bool = False
    labels: bool = False
    channels: int = 3
    least: int = 4
    folder: str = ""
    families: tuple[str, ...] = ("StyleGAN2",)

    def problem(self, content: Any) -> str | None:
        """What is wrong with the networks in a pickle, as the predicate of a sentence about it; None if nothing is."""
        if is_tensorflow(content):
            return self._of_tensorflow(content)
        if isinstance(content, Call):
            network = network_of(content)
            what = printable(content.name if network is None else network.kind)
            return f"is a single network ({what}); the script reads {self.keys[-1]} from a snapshot."
        if not isinstance(content, dict):
            return f"contains a {type(content).__name__}; the script reads {self.keys[-1]} from a snapshot."
        absent = [key for key in self.keys if content.get(key) is None]
        if absent:
            found = ", ".join(printable(str(key), 40) for key, value in list(content.items())[:5] if value is not None)
            return f"has no network {' and no '.join(absent)}: found {found or 'nothing'}."
        return self._of_generator(content[self.keys[-1]])

    def _of_generator(self, value: Any) -> str | None:
        key, network = self.keys[-1], network_of(value)
        if network is None:
            what = printable(value.name) if isinstance(value, Call) else f"a {type(value).__name__}"
            return f"has {what} as its {key} instead of one of NVlabs' networks."
        if network.family not in self.families:
            alias_free = " (alias-free) generator" if network.family == "StyleGAN3" else ""
            needed = " or ".join(self.families)
            return f"has a {network.family}{alias_free} as its {key}; the script needs a {needed} generator."
        return self._of_facts(network) or self._of_source(network)

    def _of_tensorflow(self, content: Any) -> str | None:
        if not self.tensorflow:
            return f"is a pickle of the TensorFlow version of StyleGAN. {CONVERT}."
        if not isinstance(content, tuple) or len(content) != 3:
            count = len(content) if isinstance(content, tuple | list) else 1
            in_list = " in a list" if isinstance(content, list) else ""
            return (
                f"contains {count} TensorFlow network{'s' * (count != 1)}{in_list}; the script converts a tuple of "
                f"three ({', '.join(_THREE)})."
            )
        for name, part in zip(_THREE, content, strict=True):
            problem = tflib.problem(_items(part.state), tflib.OF_DISCRIMINATOR if name == "D" else tflib.SETTINGS)
            if problem is not None:
                return f"has a TensorFlow network {name} that {problem}; the script needs a StyleGAN2."
        network = network_of(content[-1])
        if network is None or network.family != "StyleGAN2":
            return "has a TensorFlow network Gs that is not a StyleGAN2 generator: it has no 4x4/Const/const."
        return self._of_facts(network)

    def _of_facts(self, network: Network) -> str | None:
        labels, channels = network.number("c_dim"), network.number("img_channels")
        resolution, const = network.number("img_resolution"), network.shapes.get("synthesis.b4.const")
        if labels and not self.labels:
            return f"has a conditional generator (c_dim is {labels}), but the script does not give it a label."
        if channels not in (None, self.channels):
            return (
                f"has a generator of {CHANNELS.get(channels or 0, 'other')} images (img_channels is {channels}); the "
                f"script needs one of {CHANNELS.get(self.channels, 'other')} images ({self.channels})."
            )
        if const is not None and const[-2:] != (4, 4):
            return f"has a generator whose images are not square: it starts at {const[-1]} x {const[-2]}, not 4 x 4."
        if resolution is not None and resolution < self.least:
            return f"has a generator of {resolution} x {resolution} pixels; the script needs {self.least} or more."
        return None

    def _of_source(self, network: Network) -> str | None:
        absent = missing_modules(network.source, self.folder)
        if not absent:
            return None
        home = _HOMES.get(self.families[0], "that kind of generator")
        return (
            f"contains source code that imports {' and '.join(absent)}, which was not found: this repository cannot "
            f"load networks of the one it comes from. Use a snapshot of {home}."
        )


def network_of(value: Any) -> Network | None:
    """The network that a call in a pickle would create; None if it would create something else.

    A TensorFlow generator is described as the PyTorch network that it would be converted to.
    """
    if isinstance(value, Call) and value.name == tflib.NAME:
        return _tensorflow_network(_items(value.state))
    meta = _meta(value)
    if meta is None:
        return None
    state, kind, source = meta["state"], meta.get("class_name"), meta.get("module_src")
    return Network(
        kind=kind if isinstance(kind, str) else "?",
        attributes={name: part for name, part in state.items() if isinstance(part, int | float | str | None)},
        shapes=dict(_shapes(state, "", set())),
        source=source if isinstance(source, str) else "",
    )


def generator_in(content: Any) -> Network | None:
    """The generator of a snapshot, which is the EMA one, or the single network in a pickle."""
    if is_tensorflow(content) and isinstance(content, tuple | list):
        return network_of(content[-1])
    if not isinstance(content, dict):
        return network_of(content)
    return network_of(content.get("G_ema")) or network_of(content.get("G"))


def is_tensorflow(content: Any) -> bool:
    """Whether a pickle contains networks of the TensorFlow version, a single one or three."""
    parts = content if isinstance(content, tuple | list) else (content,)
    return bool(parts) and all(isinstance(part, Call) and part.name == tflib.NAME for part in parts)


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of the tensor that a call in a pickle would create; None if it would create something else."""
    while isinstance(value, Call) and value.name == "torch._utils._rebuild_parameter" and value.arguments:
        value = value.arguments[0]
    known = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
    if not (isinstance(value, Call) and value.name in known and len(value.arguments) > 2):
        return None
    size = value.arguments[2]
    if isinstance(size, Call) and size.arguments:  # torch.Size
        size = size.arguments[0]
    whole = isinstance(size, tuple) and all(type(length) is int for length in size)
    return size if whole else None


def missing_modules(source: str, folder: str = "") -> list[str]:
    """Modules that source code imports at its top level and that cannot be found, without importing anything.

    Args:
        folder: a folder to look in before the import path.
    """
    absent = []
    for parent, names, module in _IMPORT.findall(source):
        members = [f"{parent}.{name.split()[0]}" for name in names.split(",") if name.strip()]
        absent += [name for name in ([module] if module else members) if not _there(name, bool(module), folder)]
    return absent


def _there(name: str, whole: bool, folder: str) -> bool:
    """Whether a module can be found; if not ``whole``, the last part may be a name in the module before it."""
    top, *parts = name.split(".")
    if folder and Path(folder, top).is_dir():
        return _within(Path(folder, top), parts, whole)
    try:
        spec = None if top in sys.modules and sys.modules[top] is None else importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return top in sys.modules
    if spec is None:
        return False
    if top not in ("torch_utils", "dnnlib", "training"):  # modules of the upstreams; installed packages are complete
        return True
    return any(_within(Path(place), parts, whole) for place in spec.submodule_search_locations or ())


def _within(folder: Path, parts: list[str], whole: bool) -> bool:
    for index, part in enumerate(parts):
        if (folder / f"{part}.py").is_file():
            return True
        if not (folder / part).is_dir():
            last = index == len(parts) - 1 and not whole
            return last and re.search(rf"\b{part}\b", _text(folder / "__init__.py")) is not None
        folder = folder / part
    return True


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="replace") if file.is_file() else ""


def _tensorflow_network(state: Mapping[str, Any]) -> Network | None:
    synthesis = _items(state.get("components")).get("synthesis")
    if tflib.problem(state) is not None or not isinstance(synthesis, Call):
        return None
    settings = {**tflib.SETTINGS, **state["static_kwargs"]}
    variables = dict(tflib.pairs(_items(synthesis.state).get("variables")))
    const = _array_shape(variables.get("4x4/Const/const"))
    return Network(
        kind="Generator",
        attributes={ours: _whole(settings[theirs]) for ours, theirs in _ATTRIBUTES.items()},
        shapes={} if const is None else {"synthesis.b4.const": const[1:]},
        source="",
    )


def _items(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _array_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a NumPy array."""
    if not isinstance(value, Call):
        return None
    if value.name.endswith("._frombuffer"):  # in protocol 5
        shape = value.arguments[2] if len(value.arguments) == 4 else None
    else:
        shape = value.state[1] if isinstance(value.state, tuple) and len(value.state) == 5 else None
    return shape if isinstance(shape, tuple) and all(type(length) is int for length in shape) else None


def _meta(value: Any) -> dict[str, Any] | None:
    if not (isinstance(value, Call) and value.name == PERSISTENT and value.arguments):
        return None
    meta = value.arguments[0]
    return meta if isinstance(meta, dict) and isinstance(meta.get("state"), dict) else None


def _shapes(state: Mapping[str, Any], prefix: str, seen: set[int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the tensors of a module and its submodules, each once: a module may contain itself."""
    seen.add(id(state))
    for part in ("_parameters", "_buffers"):
        tensors = state.get(part)
        for name, value in tensors.items() if isinstance(tensors, dict) else ():
            shape = shape_of(value)
            if shape is not None:
                yield f"{prefix}{name}", shape
    modules = state.get("_modules")
    for name, value in modules.items() if isinstance(modules, dict) else ():
        meta = _meta(value)
        if meta is not None and id(meta["state"]) not in seen and prefix.count(".") < DEPTH:
            yield from _shapes(meta["state"], f"{prefix}{name}.", seen)
