"""Nothing starts at NaN, inf or nowhere, and nothing is to arrive there: refused before a step, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from support.commands import GENERATOR, zplus
from support.generator_files import trained
from support.outcome import refused
from support.toys import Genforce, NVlabs, Rosinality
from zplus_plugins import LeafSwap, SphericalLatent, StyleMapping, Truncation, chase, mapping_of, project
from zplus_plugins.errors import GeneratorError, LatentError
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.starts import STARTS
from zplus_plugins.inversion import SPACES, Model, Settings, invert
from zplus_plugins.portraits.networks.files import save
from zplus_plugins.spaces.statistics import compute
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.run.starts import Starts
from zplus_plugins.upstreams.run.swapper import LeafSwapper

BAD = [float("nan"), float("inf"), -float("inf")]


@pytest.fixture
def mapping() -> StyleMapping:
    return mapping_of(NVlabs(num_ws=5).eval())


def codes(seed: int = 0) -> SphericalLatent:
    return SphericalLatent.random(1, 5, 16, generator=torch.Generator().manual_seed(seed))


def spoilt(tensor: Tensor, value: float) -> Tensor:
    tensor = tensor.detach().clone()
    tensor[0, 2, 3] = value
    return tensor


@pytest.mark.parametrize("value", BAD)
def test_an_estimate_that_is_not_finite_is_not_projected(mapping: StyleMapping, value: float) -> None:
    leaf = spoilt(mapping(codes()), value)
    said = rf"There is {value} in the upstream's own start.*\(1 of 80 values .*first at \(0, 2, 3\)\)"
    for start in (STARTS["project"], Starts("project", "zplus", inverts=True).at):
        with pytest.raises(LatentError, match=said + r".*Check the image and the encoder's checkpoint"):
            start(mapping, 5, 0, leaf)
    with pytest.raises(LatentError, match=f"There is {value} in the style code to project"):
        project(mapping, leaf, codes=5)


@pytest.mark.parametrize("init", ["random", "mean"])
def test_an_estimate_that_is_not_used_is_not_looked_at(mapping: StyleMapping, init: str) -> None:
    start = Starts(init, "zplus", inverts=True).at(mapping, 5, 0, torch.full((1, 5, 16), torch.nan))
    assert bool(torch.isfinite(start).all())


@pytest.mark.parametrize("value", BAD)
def test_nothing_is_chased_from_or_to_what_is_not_finite(mapping: StyleMapping, value: float) -> None:
    with pytest.raises(LatentError, match=rf"{value} in the target style code \(1 of 80 values"):
        chase(mapping, codes(), spoilt(mapping(codes(1)), value))
    start = SphericalLatent.unchecked(spoilt(codes(), value), True, 4.0)
    with pytest.raises(LatentError, match=rf"z\[0, 2\] \(layer 2\) contains {value}"):
        chase(mapping, start, mapping(codes(1)).detach())


def test_nothing_is_chased_from_nowhere(mapping: StyleMapping) -> None:
    start = SphericalLatent.unchecked(torch.zeros(1, 5, 16), True, 4.0)
    with pytest.raises(LatentError, match=r"z\[0, 0\] \(layer 0\) is the zero vector"):
        chase(mapping, start, mapping(codes()).detach())


@pytest.mark.parametrize("shape", [(5, 16), (1, 4, 16), (1, 5, 15), (1, 5, 16, 1)])
def test_a_code_of_another_shape_is_not_projected(mapping: StyleMapping, shape: tuple[int, ...]) -> None:
    with pytest.raises(GeneratorError, match=r"to project has shape .*\(B, 5, 16\)"):
        project(mapping, torch.zeros(shape), codes=5)


FAMILIES: dict[str, Callable[[], torch.nn.Module]] = {
    "nvlabs": lambda: NVlabs(num_ws=5),
    "genforce": lambda: Genforce(num_layers=5),
    "rosinality": lambda: Rosinality(n_latent=5),
}


def broken(family: str, what: str) -> StyleMapping:
    """A generator of which a weight or the mean style is not finite."""
    generator = FAMILIES[family]().eval()
    tensors = dict(generator.named_parameters()) | dict(generator.named_buffers())
    name = next(name for name in tensors if what in name)
    with torch.no_grad():
        tensors[name].view(-1)[0] = torch.nan
    return mapping_of(generator, Truncation(0.7))


BROKEN = [
    ("nvlabs", "weights"),
    ("nvlabs", "w_avg"),
    ("genforce", "weights"),
    ("genforce", "w_avg"),
    ("rosinality", "weights"),
]


@pytest.mark.parametrize(("family", "what"), BROKEN)
def test_a_generator_whose_styles_are_not_finite(family: str, what: str) -> None:
    mapping, leaf = broken(family, what), torch.zeros(1, 5, 16)
    uses: dict[str, Callable[[], object]] = {
        "the generator's mean style": lambda: STARTS["mean"](mapping, 5, 0, leaf),
        "the generator's style codes": lambda: project(mapping, leaf, codes=5),
        "the style code at the start": lambda: chase(mapping, codes(), leaf),
        "the style code at the start ": lambda: LeafSwap(leaf.clone(), codes(), mapping),
    }
    for said, use in uses.items():
        with pytest.raises(GeneratorError, match=f"There is nan in {said.strip()} .*mapping network, or its w_avg"):
            use()


class TestSwap:
    """Where an upstream hands its leaf over."""

    @pytest.fixture
    def swapper(self, mapping: StyleMapping) -> LeafSwapper:
        start = Starts("project", "zplus", inverts=True)
        return LeafSwapper(lambda leaf: leaf.ndim == 3, lambda leaf: (start.at(mapping, 5, 0, leaf), mapping))

    @pytest.mark.parametrize("value", BAD)
    def test_a_leaf_that_is_not_finite_starts_nothing(self, swapper: LeafSwapper, value: float) -> None:
        leaf = spoilt(torch.zeros(1, 5, 16), value).requires_grad_()
        with Journal() as journal:
            swapper.install(journal)
            with pytest.raises(LatentError, match=f"There is {value} in the upstream's own start"):
                torch.optim.Adam([leaf])
        assert not swapper.progress

    @pytest.mark.parametrize(("apart", "value"), [(False, torch.nan), (True, torch.inf)])
    def test_nor_does_one_beside_a_feature_map_that_is_not(
        self, swapper: LeafSwapper, mapping: StyleMapping, value: float, apart: bool
    ) -> None:
        leaf = mapping(codes()).detach().requires_grad_()
        f = torch.zeros(1, 4, 8, 8)
        f[0, 1, 2, 3] = value
        groups = [{"params": [f.requires_grad_()]}, {"params": [leaf]}] if apart else [f.requires_grad_(), leaf]
        with Journal() as journal:
            swapper.install(journal)
            with pytest.raises(LatentError, match=rf"There is {value} in what .*\(0, 1, 2, 3\)"):
                torch.optim.Adam(groups)

    def test_an_optimizer_without_a_style_code_is_the_script_s_own(self, swapper: LeafSwapper) -> None:
        with Journal() as journal:
            swapper.install(journal)
            torch.optim.Adam([torch.full((3,), torch.nan, requires_grad=True)])

    def test_a_latent_of_nan_is_not_put_in_a_leaf_s_place(self, mapping: StyleMapping) -> None:
        latent = SphericalLatent.unchecked(torch.full((1, 5, 16), torch.nan), True, 4.0)
        with pytest.raises(LatentError, match=r"z\[0, 0\] \(layer 0\) contains nan"):
            LeafSwap(torch.zeros(1, 5, 16), latent, mapping)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(GENERATOR, compute(GENERATOR, codes=256))


class TestInverter:
    """The package's own."""

    @pytest.mark.parametrize("value", BAD)
    def test_an_encoder_s_features_that_are_not_finite(self, model: Model, value: float) -> None:
        f = torch.zeros(1, *model.f_shape)
        f[0, 0, 0, 1] = value
        with pytest.raises(LatentError, match=rf"There is {value} in the start of F.*first at \(0, 0, 0, 1\)"):
            invert(model, SPACES["f/zplus"], torch.zeros(1, 3, 16, 16), Settings(steps=1), f=f)

    def test_statistics_of_styles_that_are_not_finite(self) -> None:
        generator = trained()
        with torch.no_grad():
            for weight in generator.mapping.parameters():
                weight.fill_(1e38)
        with pytest.raises(GeneratorError, match=r"There is (nan|-?inf) in the generator's style codes"):
            compute(generator, codes=64)

    @pytest.mark.parametrize("name", ["w_mean", "mapping", "blocks", "const"])
    def test_a_generator_s_file_of_nan(self, material: Path, name: str) -> None:
        state = {key: tensor.clone() for key, tensor in GENERATOR.state_dict().items()}
        key = next(key for key in state if key.startswith(name))
        state[key].view(-1)[0] = torch.nan
        architecture = dict(vars(GENERATOR.architecture))
        save(Path("nan.pt"), {"architecture": architecture, "state": state})
        done = zplus("invert", "faces", "--generator", "nan.pt", "--likeness", "none", "--out", "out")
        refused(done, 1, "nan.pt", "NaN or infinite numbers", key)
        assert not (material / "out").exists()

    def test_weights_that_overflow(self, material: Path) -> None:
        state = {key: tensor.clone() for key, tensor in GENERATOR.state_dict().items()}
        for key in (key for key in state if key.startswith("mapping")):
            state[key].fill_(1e38)
        save(Path("huge.pt"), {"architecture": dict(vars(GENERATOR.architecture)), "state": state})
        done = zplus("invert", "faces", "--generator", "huge.pt", "--likeness", "none", "--out", "out")
        refused(done, 1, "in the generator's style codes", "another checkpoint")
        assert not (material / "out").exists()


def test_the_error_is_whose_it_should_be() -> None:
    require_finite(torch.ones(3), "it", "")
    said = (
        r"There is nan in it \(2 of 3 values of the shape \(3,\), the first at \(1,\)\); all must be finite\. Mend it\."
    )
    for error in (LatentError, GeneratorError):
        with pytest.raises(error, match=said):
            require_finite(torch.tensor([0, torch.nan, torch.inf]), "it", "Mend it.", error)
