"""Everything is computed where ``--device`` says: a pretended device finds what was made on the CPU instead."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from support.commands import done
from support.elsewhere import DEVICE, Elsewhere
from support.few_spaces import FEW_SPACES
from zplus_plugins import directions
from zplus_plugins.compare import Edit, Measured, PictureSet, Plan, compare, kit
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.directions import Direction, find_by_chase, find_ganspace, find_interfacegan, find_sefa, pursuit
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.hypersphere import moves
from zplus_plugins.hypersphere.chase import project
from zplus_plugins.hypersphere.families import mapping_of
from zplus_plugins.inversion import SPACES, Model, Settings, domain, invert
from zplus_plugins.inversion.domain import open_domain, open_model
from zplus_plugins.ops.choice import using
from zplus_plugins.portraits import draw, sample
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED
from zplus_plugins.portraits.networks import embedded
from zplus_plugins.portraits.networks.encoder import Encoder
from zplus_plugins.portraits.networks.regressor import Regressor
from zplus_plugins.spaces import model, statistics
from zplus_plugins.system import cache
from zplus_plugins.system.device import Device
from zplus_plugins.system.results import Results


@pytest.fixture(autouse=True, scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Plain operations on both devices, short chases, and few codes; the pretended device frees nothing."""
    with pytest.MonkeyPatch.context() as patch, using("reference"):
        patch.setattr(pursuit, "STEPS", 3)
        patch.setattr(moves, "LEASH", 3)
        patch.setattr(directions, "find_ganspace", partial(find_ganspace, codes=200))
        patch.setattr(statistics, "compute", partial(statistics.compute, codes=256))
        patch.setenv(cache.VARIABLE, str(tmp_path_factory.mktemp("cache")))  # others would find those of few codes
        patch.setattr(model, "nearest_z", nearly_nearest)
        yield


@pytest.fixture(scope="module")
def here(made: Path, short: None) -> Model:
    return open_model(made / "generator.pt")


def nearly_nearest(generator: Generator, w: Tensor) -> Tensor:
    """Of a short chase, and not cached, where other tests would find it."""
    target = w.expand(1, generator.num_layers, -1)
    return project(mapping_of(generator), target, codes=1, steps=3).latent.detach().as_subclass(Tensor)


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """Every ``--device`` is the pretended one."""
    with pytest.MonkeyPatch.context() as patch, Elsewhere():
        patch.setattr(Device, "where", DEVICE)
        yield


def test_the_pretended_device_computes_and_does_not_mix() -> None:
    x = torch.arange(6.0)
    with Elsewhere():
        there = x.to(DEVICE).reshape(2, 3).requires_grad_()
        (gradient,) = torch.autograd.grad((there.T[1:] ** 2).sum(), there)
        assert gradient.device == DEVICE
        assert gradient.tolist() == [[0, 2, 4], [0, 8, 10]]
        assert (there * torch.tensor(2.0)).sum().item() == 30  # numbers may come from anywhere
        with pytest.raises(RuntimeError, match="mixes devices"):
            there + x.reshape(2, 3)


@pytest.mark.parametrize("space", FEW_SPACES)
def test_inversions(made: Path, here: Model, space: str) -> None:
    targets = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = invert(here, SPACES[space], targets, Settings(steps=2)).point
    with elsewhere():
        found = invert(open_model(made / "generator.pt"), SPACES[space], targets.to(DEVICE), Settings(steps=2)).point
        assert found.code.device == DEVICE
        assert torch.equal(found.code.cpu(), expected.code)
        assert expected.f is None or torch.equal(found.f.cpu(), expected.f)


FIND: dict[str, Callable[[Model], list[Direction]]] = {
    "ganspace": lambda model: find_ganspace(model, 1, codes=200),
    "sefa": lambda model: find_sefa(model, 1, codes=200),
    "chase": lambda model: [find_by_chase(model, torch.ones(6, 10), "theirs", codes=4)],
    "interfacegan": lambda model: find_interfacegan(model, lambda p: p.mean(dim=(2, 3)), ["r", "g", "b"], codes=200),
}


@pytest.mark.parametrize("method", FIND)
def test_directions(made: Path, here: Model, method: str) -> None:
    expected = FIND[method](here)
    with elsewhere():
        found = FIND[method](open_model(made / "generator.pt"))
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one.w, other.w) and torch.equal(one.z, other.z)


WAY = ("--direction", "found_generator/ganspace-00.zplus.npz")
EDIT = ("edit", "inverted/anna.zplus.npz", *WAY, "--strength", "-1:1:2")
COMMANDS: dict[str, tuple[object, ...]] = {
    "invert": ("invert", "faces", "--steps", 2, "--likeness", "none"),
    "directions": ("directions", "--components", 1),
    "edit": EDIT,
    "edit the paper's way": (*EDIT, "--way", "global"),
    "compare": ("compare", "faces", *WAY, "--steps", 2, "--without-lpips", "--spaces", "f/zplus"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(made)
    common = (*COMMANDS[name], "--generator", "generator.pt", "--out")
    done(*common, tmp_path / "here")
    with elsewhere():
        done(*common, tmp_path / "there")
    written = [path for path in (tmp_path / "here").iterdir() if path.suffix in (".png", ".csv")]
    assert written
    for path in written:
        assert (tmp_path / "there" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.gpu
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_on_a_gpu(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(made)
    common = (*COMMANDS[name], "--generator", "generator.pt", "--out")
    done(*common, tmp_path / "here", "--device", "cpu")
    done(*common, tmp_path / "there", "--device", "cuda")
    here, there = ({path.name for path in (tmp_path / out).iterdir()} for out in ("here", "there"))
    assert here == there


def test_the_portraits_own_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison of portraits, and their inversion's domain."""
    torch.manual_seed(0)
    generator = Generator(Architecture(64, (8,) * 5, z_dim=8, w_dim=8, mapping_layers=2)).eval().requires_grad_(False)
    regressor, encoder = Regressor((4, 4, 4, 4)).eval(), Encoder(8, channels=(4, 4, 4, 4)).eval()
    monkeypatch.setattr(domain, "load_generator", lambda path=None, label=None: copy.deepcopy(generator))
    monkeypatch.setattr(embedded, "embedded_regressor", lambda: copy.deepcopy(regressor).requires_grad_(False))
    monkeypatch.setattr(embedded, "embedded_encoder", lambda: copy.deepcopy(encoder).requires_grad_(False))
    here = _compared(tmp_path / "here")
    with elsewhere():
        there = _compared(tmp_path / "there")
    assert np.array_equal(here.reconstructed, there.reconstructed) and np.array_equal(here.edited, there.edited)
    for kind in ("figures", "edits"):
        mine, other = getattr(here, kind), getattr(there, kind)
        assert mine.keys() == other.keys()
        assert all(np.array_equal(mine[name], other[name]) for name in mine)


def _compared(folder: Path) -> Measured:
    own = open_domain()
    assert own.encoder is not None and own.likeness is not None
    where = own.model.generator.const.device
    pictures = draw(sample(2, HELD_OUT_SEED))
    assert own.likeness(own.encoder(pictures.to(where)).mean() + pictures.to(where), pictures.to(where)).shape == (2,)
    instruments = kit.of_portraits(True, where)
    edit = Edit("smile", torch.ones(8), torch.ones(8), attribute=3)
    plan = Plan(
        (PictureSet("held-out", "Held-out portraits", pictures),),
        (SPACES["f/zplus"],),
        (edit,),
        Settings(steps=2),
        strengths=(-1, 0, 1),
    )
    with Results(folder) as results:
        parts = Parts(results, {})
        return compare(plan, own.model, instruments, parts, lambda what, steps: None)["held-out"]["f/zplus"]
