"""Z+ to W+ through every family's own mapping network and truncation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from support.toys import Genforce, GenforceMapping, NVlabs, Rosinality
from zplus_plugins import SphericalLatent, Truncation, mapping_of
from zplus_plugins.errors import GeneratorError
from zplus_plugins.hypersphere.families import FunctionMapping

GENERATORS = {
    "genforce": lambda: Genforce(),
    "nvlabs": lambda: NVlabs(),
    "nvlabs without broadcast": lambda: NVlabs(broadcast=False),
    "rosinality": lambda: Rosinality(),
}


def codes(count: int = 2, layers: int = 6) -> Tensor:
    return SphericalLatent.random(count, layers, 16, generator=torch.Generator().manual_seed(0)).detach()


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("truncation", [Truncation(), Truncation(0.7), Truncation(0.7, 4), Truncation(0.5, 99)])
def test_each_layer_is_its_own_z_mapped_and_truncated(name: str, truncation: Truncation) -> None:
    mapping = mapping_of(GENERATORS[name]().eval(), truncation)
    z = codes()
    w = mapping(z)
    assert w.shape == (2, 6, 16)
    for layer in range(6):
        alone = mapping(z[:, layer : layer + 1])  # one code for all layers
        assert alone.shape == (2, 6, 16)
        torch.testing.assert_close(w[:, layer], alone[:, layer], rtol=1e-5, atol=1e-6)
    plain = mapping_of(mapping.generator)(z)
    truncated = truncation.layers(6)
    assert torch.equal(w[:, truncated:], plain[:, truncated:])
    if truncated:
        w_avg = mapping._mean_style() if name == "rosinality" else _w_avg(mapping.generator)
        expected = w_avg + truncation.psi * (plain[:, :truncated] - w_avg)
        torch.testing.assert_close(w[:, :truncated], expected, rtol=1e-5, atol=1e-6)


def _w_avg(generator: nn.Module) -> Tensor:
    holder = generator.truncation if isinstance(generator, Genforce) else generator.mapping
    w_avg: Tensor = holder.w_avg  # type: ignore[union-attr, assignment]
    return w_avg


@pytest.mark.parametrize("name", GENERATORS)
def test_the_network_is_called_once_in_eval_mode_and_left_as_it_was(name: str) -> None:
    generator = GENERATORS[name]().train()
    mapping = mapping_of(generator, Truncation(0.7, 4))
    if name == "rosinality":
        mapping._mean_style()  # type: ignore[attr-defined]
    network = mapping.network if name == "rosinality" else mapping.network.net
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    network.calls = 0
    mapping(codes())
    assert network.calls == 1
    assert all(module.training for module in generator.modules())
    assert all(torch.equal(value, before[key]) for key, value in generator.state_dict().items())


@pytest.mark.parametrize("name", GENERATORS)
def test_gradient_reaches_only_its_own_layer(name: str) -> None:
    mapping = mapping_of(GENERATORS[name]().eval(), Truncation(0.7, 4))
    z = codes().requires_grad_()
    (gradient,) = torch.autograd.grad(mapping(z)[:, 2].sum(), z)
    assert gradient[:, 2].any()
    gradient[:, 2] = 0
    assert not gradient.any()


@pytest.mark.parametrize("shape", [(6, 16), (1, 5, 16), (1, 6, 15), (1, 6, 16, 1)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(GeneratorError, match=r"\(B, 6, 16\) for Z\+ or \(B, 1, 16\) for Z"):
        mapping_of(NVlabs())(torch.ones(shape))


def test_a_network_that_makes_the_codes_of_all_layers_from_one_z() -> None:
    """``repeat_w=False``, as in IDInvert: layer i takes its own code of z_i."""
    generator = Genforce(repeat_w=False)
    generator.mapping = GenforceMapping(16, 6 * 16)
    generator.truncation = nn.Identity()  # type: ignore[assignment]
    mapping, z = mapping_of(generator), codes()
    each = generator.mapping(z.reshape(-1, 16))["w"].view(2, 6, 6, 16)  # [batch, z of layer, layer, dim]
    for layer in range(6):
        torch.testing.assert_close(mapping(z)[:, layer], each[:, layer, layer])
        torch.testing.assert_close(mapping(z[:, layer : layer + 1]), each[:, layer])
    with pytest.raises(GeneratorError, match="psi"):
        mapping_of(generator, Truncation(0.7))


def test_a_generator_of_no_known_family_by_the_function_of_its_adapter() -> None:
    """A conditional network, whose label the adapter gives."""
    network = nn.Linear(16 + 3, 8)

    def function(z: Tensor) -> Tensor:
        made: Tensor = network(torch.cat([z, torch.ones(len(z), 3)], dim=1))
        return made

    def mapping_with(truncation: Truncation | None = None, w_avg: Tensor | None = None) -> FunctionMapping:
        return FunctionMapping(network, function, z_dim=16, w_dim=8, num_ws=6, truncation=truncation, w_avg=w_avg)

    mapping, z = mapping_with(), codes()
    assert torch.equal(mapping(z), function(z.reshape(-1, 16)).view(2, 6, 8))
    assert torch.equal(mapping(z[:, :1]), function(z[:, 0])[:, None].expand(-1, 6, -1))
    with pytest.raises(GeneratorError, match="w_avg"):
        mapping_with(Truncation(0.7))
    w_avg = torch.arange(8.0)
    truncated = mapping_with(Truncation(0.7, 2), w_avg)(z)
    torch.testing.assert_close(truncated[:, :2], w_avg + 0.7 * (mapping(z)[:, :2] - w_avg))
    assert torch.equal(truncated[:, 2:], mapping(z)[:, 2:])


def test_conditional_and_unknown_generators_are_refused() -> None:
    conditional = NVlabs()
    conditional.c_dim = 10
    with pytest.raises(GeneratorError, match="conditional"):
        mapping_of(conditional)
    labelled = Genforce()
    labelled.label_size = 3
    with pytest.raises(GeneratorError, match="label_size 3"):
        mapping_of(labelled)
    with pytest.raises(GeneratorError, match="Linear is not a generator"):
        mapping_of(nn.Linear(2, 2))
