"""Generators in other people's files: recognised by content, the same pictures, and clear refusals."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from support import generator_files as files
from support.generator_files import refused
from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators import Generator
from zplus_plugins.generators.load import generator_hash, load_generator, weights_hash

Write = Callable[[Generator, Path], None]


def write_rosinality(generator: Generator, path: Path) -> None:
    torch.save(files.rosinality(generator), path)


def write_genforce(generator: Generator, path: Path) -> None:
    torch.save(files.genforce(generator), path, _use_new_zipfile_serialization=False)


def write_nvlabs(generator: Generator, path: Path) -> None:
    files.write_pickle(files.nvlabs(generator), path)


def write_tuned(generator: Generator, path: Path) -> None:
    """As PTI saves the network that it has tuned."""
    files.write_pickle(files.nvlabs(generator)["G_ema"], path, torch.save)


def write_whole(generator: Generator, path: Path) -> None:
    """rosinality's network as an object."""
    files.write_whole(files.whole(generator), path, latent_avg=generator.w_mean)


def write_own(generator: Generator, path: Path) -> None:
    """As this package exports what it has trained."""
    torch.save({"architecture": asdict(generator.architecture), "state": generator.state_dict()}, path)


KINDS: dict[str, Write] = {
    "rosinality": write_rosinality,
    "genforce": write_genforce,
    "nvlabs": write_nvlabs,
    "tuned": write_tuned,
    "whole": write_whole,
    "own": write_own,
}


@pytest.mark.parametrize("package", ["model", "models.stylegan2.model"])
def test_a_network_saved_as_an_object(generator: Generator, tmp_path: Path, package: str) -> None:
    files.write_whole(files.whole(generator, package), tmp_path / "a")
    found, codes = load_generator(tmp_path / "a"), torch.randn(2, generator.num_layers, generator.architecture.w_dim)
    torch.testing.assert_close(found.synthesis(codes), generator.synthesis(codes))


def test_an_object_tells_its_learning_rate(tmp_path: Path) -> None:
    wanted = files.trained(replace(files.SMALL, mapping_lr_multiplier=0.5))
    files.write_whole(files.whole(wanted), tmp_path / "a")
    found, z = load_generator(tmp_path / "a"), torch.randn(2, 12)
    assert found.architecture.mapping_lr_multiplier == 0.5
    torch.testing.assert_close(found.mapping(z), wanted.mapping(z))
    ((kind, network),) = files.whole(wanted).items()
    vars(network.get_submodule("style.1"))["lr_mul"] = 0.25
    files.write_whole({kind: network}, tmp_path / "a")
    refused(tmp_path / "a", "has layers of different lr_mul")


def test_objects_of_other_classes_are_refused(generator: Generator, tmp_path: Path) -> None:
    files.write_whole(files.whole(generator, "package.networks"), tmp_path / "a")
    refused(tmp_path / "a", "contains package.networks.Generator", "save only the weights")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_s_generator_is_the_one_that_was_saved(kind: str, generator: Generator, tmp_path: Path) -> None:
    KINDS[kind](generator, tmp_path / "network")
    before = torch.random.get_rng_state()
    loaded = load_generator(tmp_path / "network")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert loaded.architecture == generator.architecture
    for name, tensor in generator.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, rtol=1e-6, atol=1e-6)
    z = torch.randn(2, generator.num_layers, 12)
    torch.testing.assert_close(loaded(z), generator(z), rtol=1e-5, atol=1e-5)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize("kind", ["nvlabs", "own"])
def test_the_clamp_the_taps_and_the_multiplier_are_the_file_s(kind: str, tmp_path: Path) -> None:
    wanted = replace(files.SMALL, conv_clamp=256, taps=(1, 2, 1), mapping_lr_multiplier=0.1, mapping_dim=None)
    KINDS[kind](files.trained(wanted), tmp_path / "a")
    assert load_generator(tmp_path / "a").architecture == wanted


def test_a_mean_code_that_is_missing_is_estimated(generator: Generator, tmp_path: Path) -> None:
    content = files.rosinality(generator)
    del content["latent_avg"]
    torch.save(content, tmp_path / "a.pt")
    loaded = load_generator(tmp_path / "a.pt")
    w = loaded.mapping(torch.randn(20_000, 12))
    assert (loaded.w_mean - w.mean(dim=0)).norm() < 0.05 * w.std(dim=0).norm()
    assert torch.equal(loaded.w_mean, load_generator(tmp_path / "a.pt").w_mean)


def test_hash_names_what_is_computed(generator: Generator, tmp_path: Path) -> None:
    for kind in ("nvlabs", "tuned", "own"):
        KINDS[kind](generator, tmp_path / kind)
    assert {generator_hash(tmp_path / kind) for kind in ("nvlabs", "tuned", "own")} == {weights_hash(generator)}
    assert len(weights_hash(generator)) == 64
    seen = {weights_hash(generator)}
    for tensor in generator.state_dict().values():
        tensor.view(-1)[0] += 1
        seen.add(weights_hash(generator))
    assert len(seen) == 1 + len(generator.state_dict())
    other = files.trained(replace(files.SMALL, conv_clamp=256))
    other.load_state_dict(generator.state_dict())
    assert weights_hash(other) not in seen


def test_files_that_are_none(tmp_path: Path) -> None:
    refused(tmp_path / "absent.pkl", "There is no generator")
    refused(tmp_path, "cannot be read: Is a directory")
    for content in (b"PK\3\4" + bytes(100), b"\x80\x04", b"(lp0\n"):
        (tmp_path / "a.pt").write_bytes(content)
        refused(tmp_path / "a.pt", f"({len(content)} bytes)", "truncated, damaged, or neither", "Download it again")


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_files(kind: str, generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "network"
    KINDS[kind](generator, path)
    whole = path.read_bytes()
    for part in (1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:part])
        refused(path, "truncated, damaged")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_never_ends_in_another_error(kind: str, generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "network"
    KINDS[kind](generator, path)
    whole = path.read_bytes()
    chance = random.Random(0)
    outcomes = {"loaded": 0, "refused": 0}
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            load_generator(path)
            outcomes["loaded"] += 1
        except GeneratorFileError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 8


def test_unknown_kinds_say_what_was_found(tmp_path: Path) -> None:
    contents = {
        "a dictionary of state_dict, opts": {"state_dict": {"x": torch.ones(1)}, "opts": 1},
        "a dictionary of 0, 1, 2, 3, 4 and 5 more": dict.fromkeys(range(10), 0),
        "a dictionary of nothing": {},
        "a list": [1, 2],
    }
    for found, content in contents.items():
        torch.save(content, tmp_path / "a.pt")
        refused(tmp_path / "a.pt", f"found {found}.", "NVlabs", "rosinality", "genforce")


def changed(generator: Generator, change: Callable[[dict[str, Any]], object], path: Path) -> Path:
    content = files.genforce(generator)
    change(content["generator_smooth"])
    torch.save(content, path)
    return path


def test_networks_that_ours_cannot_be(generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    more = {
        "mapping.label_weight": "is conditional",
        "synthesis.early_layer.weight": "has no constant input",
        "synthesis.layer0.apply_noise.weight": "StyleGAN1",
        "synthesis.skip_layer1.weight": "the architecture resnet",
        "encoder.weight": "do not have: encoder.weight",
        "synthesis.layer4.more": "with blocks.2.conv.more",
        f"synthesis.layer{10**30}.bias": "do not have: ",
    }
    for name, message in more.items():
        refused(changed(generator, lambda state, name=name: state.update({name: torch.ones(1)}), path), message)


def test_a_network_that_holds_itself(tmp_path: Path) -> None:
    call = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
    record = call + b"((S'class_name'\nS'Generator'\nS'state'\n}q\x01dtRq\x02"
    itself_as_a_module = b"h\x01S'_modules'\n}S'x'\nh\x02ss0"
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02" + record + itself_as_a_module + b".")
    refused(tmp_path / "a.pkl", "This NVlabs generator is incomplete")


def test_modules_that_hold_each_other_many_times(tmp_path: Path) -> None:
    """Followed along every path, they would take years."""
    modules: dict[str, Any] = {}
    for _ in range(5):
        inner = files.Network("SynthesisBlock", {}, modules)
        modules = dict.fromkeys(map(str, range(1000)), inner)
    files.write_pickle({"G_ema": files.Network("Generator", {}, modules)}, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", "This NVlabs generator is incomplete")


def test_false_sizes_take_no_memory(tmp_path: Path) -> None:
    """Only biases, from which the sizes are taken: of many blocks, and of wide ones."""
    mapping = {"mapping.dense0.weight": torch.ones(1, 1)}
    deep = {f"synthesis.layer{index}.bias": torch.ones(1) for index in range(41)}
    torch.save(mapping | deep, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "has 21 blocks; expected 12 at most")
    wide = {f"synthesis.layer{index}.bias": torch.ones(100_000) for index in range(3)}  # 360 GB of weights
    torch.save(mapping | wide, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "is incomplete")


def test_weights_under_many_names_take_no_memory(tmp_path: Path) -> None:
    deep = files.trained(replace(files.SMALL, z_dim=16, w_dim=16, mapping_layers=60, mapping_dim=None))
    content = files.genforce(deep)
    state = content["generator_smooth"]
    one = state["mapping.dense0.weight"]
    state |= {name: one for name in state if name.startswith("mapping.dense") and name.endswith("weight")}
    torch.save(content, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "tensors share their storages")
    names = [name for name, tensor in state.items() if tensor is one]
    state |= {name: tensor.clone() for name in names[1:] for tensor in [one]}
    torch.save(content, tmp_path / "a.pt")
    assert load_generator(tmp_path / "a.pt").architecture.mapping_layers == 60


def test_wrong_weights(generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    weight = "synthesis.layer3.weight"
    cases: dict[str, Callable[[dict[str, Any]], object]] = {
        "without blocks.2.up.weight": lambda state: state.pop(weight),
        "it has no mapping.layers.2.weight with 2 axes": lambda state: state.pop("mapping.dense2.weight"),
        f"{weight} has shape (4, 6, 3); expected (4, 6, 3, 3)": lambda s: s.update({weight: s[weight][..., 0]}),
        f"{weight} contains NaN or infinite": lambda state: state.update({weight: state[weight] * float("nan")}),
        "noise_strength contains NaN": lambda s: s.update({"synthesis.layer0.noise_strength": torch.tensor(torch.inf)}),
        "filters of this genforce generator": lambda s: s.update({"synthesis.upsample.kernel": torch.eye(4)[None]}),
        "has 0 to 0 taps on an axis": lambda s: s.update({"synthesis.upsample.kernel": torch.ones(0)}),
        "has 1 to 1 taps on an axis": lambda s: s.update({"synthesis.upsample.kernel": torch.ones(1, 1)}),
        "it has no blocks.0.conv.bias": lambda state: state.pop("synthesis.layer0.bias"),
        "it has no mapping.layers.0.weight with 2 axes": lambda state: keep(state, "synthesis.layer"),
        "no blocks.0.conv.bias with 1 axes": lambda state: keep(state, "mapping.", "synthesis.layer0.more"),
    }

    def keep(state: dict[str, Any], *prefixes: str) -> None:
        state["synthesis.layer0.more"] = torch.ones(1)
        for name in [name for name in state if not name.startswith(prefixes)]:
            del state[name]

    for message, change in cases.items():
        refused(changed(generator, change, path), message)
