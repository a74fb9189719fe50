"""SphericalLatent: validated by value, and the same after every way to copy or move it."""

from __future__ import annotations

import copy
import io
import math
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from zplus_plugins import SphericalLatent
from zplus_plugins.errors import LatentError


def latent(*shape: int, seed: int = 0) -> SphericalLatent:
    return SphericalLatent.random(*shape, generator=torch.Generator().manual_seed(seed))


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.z = latent(1, 3, 8)


def test_is_a_leaf_parameter_with_the_default_radius() -> None:
    z = latent(18, 512)
    assert isinstance(z, nn.Parameter)
    assert z.is_leaf
    assert z.requires_grad
    assert z.radius == math.sqrt(512)
    assert latent(3, 10).radius == math.sqrt(10)
    assert z.sphere_error() < 1e-5


def test_operations_on_it_give_plain_tensors() -> None:
    z = latent(2, 8)
    assert type(z * 2) is torch.Tensor
    assert type(z.detach()) is torch.Tensor


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda z: z[1, 2].mul_(1.01), r"z\[1, 2\] \(layer 2\) has norm 2.85\d*, expected the radius 2.82843"),
        (lambda z: z[0, 1].zero_(), r"z\[0, 1\] \(layer 1\) is the zero vector"),
        (lambda z: z[1, 0, 3].fill_(math.nan), r"z\[1, 0\] \(layer 0\) contains nan in 1 of 8 components"),
        (lambda z: z[0, 2, :2].fill_(math.inf), r"z\[0, 2\] \(layer 2\) contains inf in 2 of 8 components"),
    ],
)
def test_bad_values_are_refused_by_layer(spoil: object, message: str) -> None:
    data = latent(2, 3, 8).detach().clone()
    spoil(data)  # type: ignore[operator]
    with pytest.raises(LatentError, match=message):
        SphericalLatent(data)


@pytest.mark.parametrize(
    "data",
    [torch.ones(()), torch.ones(3, 0), torch.ones(0, 8), torch.ones(2, 1), torch.ones(2, 8, dtype=torch.int64), [1.0]],
)
def test_bad_shapes_and_types_are_refused(data: torch.Tensor) -> None:
    with pytest.raises(LatentError):
        SphericalLatent(data)


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf])
def test_bad_radius_is_refused(radius: float) -> None:
    with pytest.raises(LatentError, match="radius"):
        SphericalLatent(torch.ones(2, 8), radius=radius)


def test_explicit_radius() -> None:
    z = SphericalLatent.retracted(torch.ones(2, 8), radius=1.0)
    assert z.detach().norm(dim=-1).tolist() == pytest.approx([1.0, 1.0])
    assert copy.deepcopy(z).radius == 1.0
    with pytest.raises(LatentError, match="expected the radius"):
        SphericalLatent(z.detach())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_retracted_codes_pass_in_every_dtype(dtype: torch.dtype) -> None:
    for seed in range(20):
        data = torch.randn(18, 512, generator=torch.Generator().manual_seed(seed)).to(dtype)
        assert SphericalLatent.retracted(data).dtype == dtype


def test_random_is_uniform_reproducible_and_leaves_the_global_stream() -> None:
    state = torch.get_rng_state()
    assert torch.equal(latent(4, 16), latent(4, 16))
    assert torch.equal(torch.get_rng_state(), state)
    z = SphericalLatent.random(20000, 3, generator=torch.Generator().manual_seed(0)).detach()
    assert z.mean(0).abs().max() < 0.03
    # Archimedes: on a sphere in three dimensions each coordinate is uniform.
    heights = z[:, 0].sort().values / math.sqrt(3)
    assert (heights - torch.linspace(-1, 1, 20000)).abs().max() < 0.03


@pytest.mark.parametrize("how", ["deepcopy", "copy", "pickle", "torch.save", "weights_only"])
def test_copies(how: str) -> None:
    z = latent(1, 3, 8)
    if how == "deepcopy":
        twin = copy.deepcopy(z)
    elif how == "copy":
        twin = copy.copy(z)
    elif how == "pickle":
        twin = pickle.loads(pickle.dumps(z))
    else:
        buffer = io.BytesIO()
        torch.save({"z": z}, buffer)
        buffer.seek(0)
        twin = torch.load(buffer, weights_only=how == "weights_only")["z"]
    assert type(twin) is SphericalLatent
    assert torch.equal(twin, z)
    assert (twin.radius, twin.requires_grad, twin.is_leaf) == (z.radius, True, True)
    assert twin is not z


def test_deepcopy_is_independent_and_keeps_shared_latents_shared() -> None:
    z = latent(2, 8)
    one, other = copy.deepcopy([z, z])
    assert one is other
    one.data.zero_()
    assert z.sphere_error() < 1e-5


def test_record_is_plain_and_loads_without_this_package(tmp_path: Path) -> None:
    z = latent(1, 3, 8)
    torch.save(z.record(), tmp_path / "z.pt")
    loaded = torch.load(tmp_path / "z.pt", weights_only=True)
    assert type(loaded["z"]) is torch.Tensor
    twin = SphericalLatent.from_record(loaded)
    assert torch.equal(twin, z)
    assert twin.radius == z.radius


def test_to_gives_a_leaf_latent() -> None:
    z = latent(1, 3, 8)
    assert z.to("cpu") is z
    assert z.to(torch.float32) is z
    wide = z.to(torch.float64)
    assert type(wide) is SphericalLatent
    assert wide.is_leaf
    assert wide.radius == z.radius
    assert z.to("meta").device.type == "meta"


def test_in_a_module() -> None:
    module = Holder()
    values = module.z.detach().clone()
    module.double()
    assert type(module.z) is SphericalLatent
    assert module.z.dtype == torch.float64
    module.to(torch.float32)
    assert type(module.z) is SphericalLatent
    assert torch.equal(module.z, values)
    state = module.state_dict()
    assert type(state["z"]) is torch.Tensor
    other = Holder()
    other.z.data = latent(1, 3, 8, seed=1).data
    other.load_state_dict(state)
    assert torch.equal(other.z, values)
    assert type(other.z) is SphericalLatent
    assert copy.deepcopy(module).z.radius == module.z.radius


def test_moves_stay_on_the_sphere() -> None:
    z = latent(1, 18, 512)
    v = torch.randn(1, 18, 512, generator=torch.Generator().manual_seed(1))
    moved = z.geodesic(v, 0.5)
    assert moved.sphere_error() < 1e-5
    carried = z.transport(z.tangent(v), moved)
    assert (carried * moved.detach()).sum(-1).abs().max() < 1e-2


def test_retract_in_place_keeps_identity() -> None:
    z = latent(2, 8)
    address = z.data_ptr()
    z.data.mul_(1.7)
    assert z.retract_() is z
    assert z.data_ptr() == address
    assert z.sphere_error() < 1e-6


def test_repr_names_the_radius() -> None:
    assert repr(latent(2, 8)).startswith("SphericalLatent(shape=(2, 8), radius=2.82843")
