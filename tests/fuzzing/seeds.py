"""Sound files of every kind, from which cases are made; every reader of a kind must take its own ones."""

from __future__ import annotations

import argparse
import io
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fuzzing import deliberate, pictures, saved
from support import generator_files, tensorflow_files
from support.generator_files import trained
from support.npz_files import former_code, former_point
from zplus_plugins import InversionRecord, SphericalLatent, Truncation, mapping_of
from zplus_plugins.directions.direction import Direction
from zplus_plugins.generators import Architecture, Generator, weights_hash
from zplus_plugins.generators.formats import safetensors
from zplus_plugins.inversion import SPACES, Point
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.records.inversion import Provenance, hash_code

W = np.arange(24, dtype=np.float32).reshape(1, 3, 8)
SMALL = Architecture(8, (4, 3), z_dim=6, w_dim=5, mapping_layers=2, mapping_dim=4)


@dataclass(frozen=True)
class Seed:
    """A sound file.

    Attributes:
        name: of what it is; its suffix decides how it is read.
        data: its bytes.
    """

    name: str
    data: bytes

    @property
    def suffix(self) -> str:
        return "".join(Path(self.name).suffixes)


def small_generator() -> Generator:
    """The generator to which the seeds belong."""
    return trained(SMALL)


@cache
def contents() -> dict[str, Any]:
    """What checkpoints hold: generators of three families, a trainer's options and numbers, a tensor."""
    generator = small_generator()
    trainer = {
        "state_dict": {"w": torch.ones(2, 3), "half": torch.ones(3, dtype=torch.bfloat16)},
        "opts": argparse.Namespace(lr=0.1, device=torch.device("cpu"), name="a"),
        "loss": np.float64(0.5),
        "step": np.int64(7),
        "mean": np.arange(6.0).reshape(2, 3),
        "encoder": torch.nn.Parameter(torch.arange(4.0)),
    }
    return {
        "rosinality": generator_files.rosinality(generator),
        "genforce": generator_files.genforce(generator),
        "own": {"architecture": asdict(generator.architecture), "state": generator.state_dict()},
        "trainer": trainer,
        "tensor": torch.arange(5.0),
    }


def checkpoints() -> list[Seed]:
    """As ``torch.save`` writes them, and wrote them before."""
    zips = [Seed(f"{name}.pt", saved.zipped(content)) for name, content in contents().items()]
    zips.append(Seed("whole.pt", _whole()))
    zips.append(Seed("own.safetensors", _written(lambda path: safetensors.write(small_generator(), path, {}))))
    zips.append(Seed("conditional.pt", saved.zipped(_conditional())))
    return zips + [Seed(f"{name}_legacy.pt", saved.legacy(content)) for name, content in contents().items()]


def _conditional() -> dict[str, torch.Tensor]:
    """NVlabs' state dict of a generator that takes a label of two numbers."""
    state = generator_files.nvlabs_state(small_generator())
    first = state["mapping.fc0.weight"]
    more = {"mapping.embed.weight": torch.ones(3, 2), "mapping.embed.bias": torch.ones(3)}
    return state | more | {"mapping.fc0.weight": torch.cat([first, first[:, :3]], dim=1)}


def _whole() -> bytes:
    """rosinality's generator as an object."""
    ((kind, network),) = generator_files.whole(small_generator()).items()
    with generator_files.importable(kind):
        return saved.zipped(network)


def _tensorflow() -> list[Seed]:
    """Three networks as TensorFlow's StyleGAN2 saves them, and one by itself in the latest protocol."""
    settings = {"resolution": 8, "fmap_base": 12, "fmap_max": 4, "latent_size": 6, "dlatent_size": 5}
    net = tensorflow_files.generator(small_generator(), **settings, mapping_fmaps=4, mapping_layers=2)
    judge = tensorflow_files.Network("D_stylegan2", [], static_kwargs=tensorflow_files.EasyDict(resolution=8))
    return [
        Seed("tensorflow.pkl", tensorflow_files.written((net, judge, net), 3)),
        Seed("tensorflow_5.pkl", tensorflow_files.written(net, 5, "_core")),
    ]


def pickles() -> list[Seed]:
    """As plain ``pickle`` writes them: NVlabs' networks, TensorFlow's, numbers, options."""
    network = _pickled(generator_files.nvlabs(small_generator()))
    others = {
        "numbers": {"a": [1, 2.5, None, True, "x", b"y", 2**70], "b": (1, {2, 3}), "c": frozenset((4,))},
        "options": argparse.Namespace(lr=0.1, size=1024),
        "array": {"G_ema": np.arange(6.0), "scalar": np.float32(1)},
        "weights": {"g_ema": {"input.input": torch.ones(1, 4)}},
    }
    plain = [Seed(f"{name}.pkl", _pickled(content)) for name, content in others.items()]
    return [Seed("nvlabs.pkl", network), *plain, *_tensorflow()]


def _pickled(content: Any) -> bytes:
    found: list[bytes] = []
    generator_files.write_pickle(content, Path(), lambda value, _: found.append(saved.plain(value)))
    return found[0]


def records() -> list[Seed]:
    """An upstream's code with its record, and records of our own inverter in each kind of space."""
    latent = SphericalLatent.random(1, 3, 8, generator=torch.Generator().manual_seed(0))
    provenance = Provenance("zplus", False, "random", "step", 1, 300, "bdinvert", "0.1.0", "8bbd373", "known")
    z = latent.detach().numpy()
    inversion = InversionRecord(z, latent.radius, Truncation(0.7, 8), hash_code(W), provenance, W)
    f = np.ones((1, 4, 4, 4), np.float32)
    code = io.BytesIO()
    np.save(code, W)
    return [
        Seed("inversion.zplus.npz", _written(inversion.save)),
        Seed("without_w.zplus.npz", _written(replace(inversion, w=None).save)),
        Seed("former.zplus.npz", _written(lambda path: former_code(path, z, W))),
        Seed("former.point.npz", _written(lambda path: former_point(path, z))),
        Seed("former_f.point.npz", _written(lambda path: former_point(path, z, f))),
        *(Seed(f"point_{name.replace('/', '_')}.point.npz", _written(_point(name).save)) for name in SPACES),
        Seed("edited.script.npz", _written(_of_small_generator().save)),
        Seed("code.npy", code.getvalue()),
        Seed("part.part.npz", _part()),
    ]


def _of_small_generator() -> InversionRecord:
    """The record of a code that a script found with the seeds' generator."""
    generator, truncation = small_generator(), Truncation(0.7, 2)
    stream = torch.Generator().manual_seed(3)
    z = SphericalLatent.random(1, generator.num_layers, 6, generator=stream).detach()
    w = mapping_of(generator, truncation)(z).detach().numpy()
    provenance = Provenance("zplus", True, "mean", "step", 1, 300, "bdinvert", "0.1.0", None, "known", False)
    return InversionRecord(z.numpy(), 6**0.5, truncation, hash_code(w), provenance, w)


def _point(name: str) -> PointRecord:
    space = SPACES[name]
    code = SphericalLatent.random(1, 3, 6, generator=torch.Generator().manual_seed(1)).detach()
    f = torch.ones(1, 4, 4, 4) if space.with_f else None
    return PointRecord(Point(space, torch.Tensor(code), f), "0" * 64, 4, "const", {"steps": 3, "picture": "a.png"})


def _part() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, seconds=np.array([1.0]), edited=np.zeros((1, 4, 4, 3), np.uint8))
    return buffer.getvalue()


def directions() -> list[Seed]:
    """Directions in W and in W+, and somebody else's in W."""
    generator = small_generator()
    of, layers = weights_hash(generator), generator.num_layers
    stream = torch.Generator().manual_seed(2)

    def direction(name: str, *shape: int, **more: Any) -> Seed:
        w, z = (torch.randn(*shape, dim, generator=stream) for dim in (5, 6))
        return Seed(f"{name}.npz", _written(Direction(name, w=w, z=z, generator=of, **more).save))

    array = io.BytesIO()
    np.save(array, np.arange(5, dtype=np.float32))
    one = io.BytesIO()
    np.savez(one, w=np.arange(5, dtype=np.float32))
    components = io.BytesIO()
    latent, spread = np.arange(12, dtype=np.float32).reshape(3, 1, 4), np.ones(3, np.float32)
    np.savez(components, act_comp=latent + 1, act_stdev=spread, lat_comp=latent, lat_stdev=spread)
    return [
        direction("smile", method="interfacegan", attribute="smile", about={"accuracy": 0.9, "codes": 100}),
        direction("first", method="ganspace", about={"component": 0}),
        direction("chased", layers, method="chase"),
        Seed("w.npy", array.getvalue()),
        Seed("w.one.npz", one.getvalue()),
        Seed("ganspace.components.npz", components.getvalue()),
        Seed("w.pt", saved.zipped(torch.arange(5.0))),
        Seed("w_legacy.pt", saved.legacy(torch.arange(5.0))),
    ]


def photographs() -> list[Seed]:
    """An aligned image, the record of its inversion, and masks."""
    point = _point("zplus")
    record = replace(point, about={**point.about, "alignment": pictures.ALIGNMENT.plain()})
    return [
        Seed("anna.aligned.png", pictures.aligned_image()),
        Seed("anna.photo.npz", _written(record.save)),
        *(Seed(f"top.mask.{kind}", pictures.mask(kind)) for kind in pictures.FORMATS),
    ]


def faulty() -> list[Seed]:
    """Files that make :func:`fuzzing.deliberate.read` do one thing wrong each, and the last one nothing."""
    return [Seed("fault.bad", str(number).encode()) for number in range(len(deliberate.FAULTS) + 1)]


def _written(save: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder, "a.npz"))
        return Path(folder, "a.npz").read_bytes()


SEEDS: dict[str, Callable[[], list[Seed]]] = {
    "checkpoints": checkpoints,
    "pickles": pickles,
    "records": records,
    "directions": directions,
    "photographs": photographs,
    deliberate.KIND: faulty,
}


def all_seeds() -> dict[str, list[Seed]]:
    """Every kind's, made anew."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own storages are deprecated, and files still hold them
        return {kind: make() for kind, make in SEEDS.items()}
