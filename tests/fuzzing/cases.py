"""The cases: which file a kind, a seed and a number make."""

from __future__ import annotations

import io
import pickle
import tarfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from fuzzing import amplifiers, archives, bytewise, deliberate, names, npz, pictures, saved, states, values
from fuzzing.archives import entries, stored, written
from fuzzing.emitting import Name, pickled
from fuzzing.opcodes import Program, all_pickles, mutated
from fuzzing.seeds import Seed, contents
from zplus_plugins.generators.unpickling.unpickle import LEGACY_MAGIC, LEGACY_VERSION

_STORED = {"archive/data/0": bytes(16), "archive/data/1": bytes(64)}
_HEAD = b"".join(pickle.dumps(head, 2) for head in (LEGACY_MAGIC, LEGACY_VERSION, {"little_endian": True}))


@dataclass(frozen=True)
class Case:
    """A file to be read.

    Attributes:
        kind, seed, number: of which it is made.
    """

    kind: str
    seed: int
    number: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}"

    def content(self, seeds: list[Seed]) -> tuple[str, bytes]:
        """Its suffix and bytes, made of one of the sound files."""
        if self.kind == deliberate.KIND:
            seed = seeds[self.number % len(seeds)]
            return seed.suffix, seed.data
        rng = Random(f"{self.kind} {self.seed} {self.number}")
        seed = rng.choice(seeds)
        return seed.suffix, _CHANGES[self.kind](rng, seed, seeds)


def _generated(rng: Random) -> bytes:
    """A pickle that was never a sound one: random, or with something in it that grows."""
    content: Any = values.content(rng)
    if rng.random() < 0.3:
        amplifier = amplifiers.amplifier(rng)
        content = amplifier if rng.random() < 0.4 else {rng.choice(values.KEYS): amplifier}
    if rng.random() < 0.15:
        content = {"a": Name(names.DECLARED), "b": content}
    data = pickled(rng, content)
    if rng.random() < 0.2:
        data = b"".join(mutated(rng, _program(data), [])) if rng.random() < 0.5 else bytewise.damaged(rng, data)
    return data


def _program(data: bytes) -> Program:
    programs = all_pickles(data)[0]
    return programs[0] if programs else [data]


def _zip_changed(rng: Random, data: bytes, others: list[Program]) -> bytes:
    members, way = entries(data), rng.random()
    if way < 0.1:
        return bytewise.damaged(rng, data)
    if way < 0.3:
        return archives.changed(rng, members)
    place = next(i for i, m in enumerate(members) if m.name.endswith(b"data.pkl"))
    if way < 0.6:
        program = mutated(rng, _program(members[place].raw), others)
        changed = [stored("archive/data.pkl", b"".join(program)), *members[:place], *members[place + 1 :]]
        return written(changed)
    rest = [stored(name, content) for name, content in _STORED.items()]
    return written([stored("archive/data.pkl", _generated(rng)), stored("archive/byteorder", b"little"), *rest])


def _legacy_changed(rng: Random, data: bytes, others: list[Program]) -> bytes:
    if rng.random() < 0.2:
        return bytewise.damaged(rng, data)
    if rng.random() < 0.3:
        return _HEAD + _generated(rng) + pickle.dumps(["0"], 2) + bytes(24)
    programs, rest = all_pickles(data)
    place = rng.choice((0, 1, 2, 3, 3, 3, 3, 3, 4))
    programs[place] = mutated(rng, programs[place], others)
    return b"".join(part for program in programs for part in program) + rest


def _network(rng: Random) -> bytes:
    """A sound file of a network that is none."""
    content = contents()[rng.choice(("rosinality", "genforce", "own"))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own storages are deprecated
        return rng.choice((saved.zipped, saved.zipped, saved.legacy))(states.changed(rng, content))


def _tar(rng: Random) -> bytes:
    """As the first versions of torch saved, which torch unpacks to a folder still; the names may lead out of it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            info = tarfile.TarInfo(rng.choice((name,) * 6 + ("../" + name, "/tmp/" + name)))
            content = (
                pickle.dumps(rng.choice((0, 1, 2**40)), 2) + _generated(rng) if name != "pickle" else _generated(rng)
            )
            info.size = len(content)
            if rng.random() < 0.15:
                info.type, info.linkname, info.size = rng.choice((tarfile.SYMTYPE, tarfile.LNKTYPE)), "/etc/passwd", 0
            archive.addfile(info, io.BytesIO(content))
    return bytewise.damaged(rng, buffer.getvalue()) if rng.random() < 0.2 else buffer.getvalue()


def _checkpoint(rng: Random, seed: Seed, seeds: list[Seed]) -> bytes:
    if seed.suffix == ".safetensors":
        return bytewise.damaged(rng, seed.data)
    way = rng.random()
    if way < 0.03:
        return _tar(rng)
    if way < 0.2:
        return _network(rng)
    others = [_program(_pickle_in(rng.choice([s for s in seeds if s.suffix == ".pt"]).data))]
    change = _zip_changed if seed.data.startswith(b"PK") else _legacy_changed
    return change(rng, seed.data, others)


def _pickle_in(data: bytes) -> bytes:
    if not data.startswith(b"PK"):
        return data[len(_HEAD) :]
    return next(m.raw for m in entries(data) if m.name.endswith(b"data.pkl"))


def _pickle(rng: Random, seed: Seed, seeds: list[Seed]) -> bytes:
    way = rng.random()
    if way < 0.15:
        return bytewise.damaged(rng, seed.data)
    if way < 0.5:
        program = _program(seed.data)
        return b"".join(mutated(rng, program, [_program(rng.choice(seeds).data)]))
    return _generated(rng)


def _arrays(rng: Random, seed: Seed, seeds: list[Seed]) -> bytes:
    if seed.suffix.endswith(".npz"):
        return npz.changed(rng, seed.data)
    return (npz.array_changed if rng.random() < 0.7 else npz.values_changed)(rng, seed.data)


def _direction(rng: Random, seed: Seed, seeds: list[Seed]) -> bytes:
    return (_checkpoint if seed.suffix == ".pt" else _arrays)(rng, seed, [s for s in seeds if s.suffix == seed.suffix])


def _photograph(rng: Random, seed: Seed, seeds: list[Seed]) -> bytes:
    return (npz if seed.suffix.endswith(".npz") else pictures).changed(rng, seed.data)


_CHANGES: dict[str, Callable[[Random, Seed, list[Seed]], bytes]] = {
    "checkpoints": _checkpoint,
    "pickles": _pickle,
    "records": _arrays,
    "directions": _direction,
    "photographs": _photograph,
}
KINDS = tuple(_CHANGES)
