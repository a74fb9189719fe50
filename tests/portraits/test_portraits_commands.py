"""The commands that train the networks of portraits."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import ModuleType

import click
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from support.portrait_training import TINY, eyes
from zplus_plugins.errors import UsageError
from zplus_plugins.generators import Architecture
from zplus_plugins.portraits import __main__
from zplus_plugins.portraits.networks import embedded
from zplus_plugins.portraits.networks.files import load, save
from zplus_plugins.portraits.networks.regressor import Regressor
from zplus_plugins.portraits.training import (
    evaluate,
    train_encoder,
    train_generator,
    train_regressor,
)
from zplus_plugins.portraits.training.adversarial import Settings, Training


def test_the_command_trains_saves_resumes_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        train_generator, "Settings", lambda **changes: Settings(**{**TINY.__dict__, **changes, "batch": 4})
    )
    monkeypatch.setattr(train_generator, "PORTRAITS", TINY.architecture)
    monkeypatch.setattr(train_generator, "SHOWN", 8)
    monkeypatch.setattr(embedded, "Regressor", lambda: Regressor((2, 3, 3, 2)))
    save(tmp_path / "eyes.pt", {"state": eyes().state_dict()})
    run = partial(train_generator.main.callback, eyes=tmp_path / "eyes.pt")
    options = {"minutes": 1e-9, "batch": 4, "lr": 1e-3, "r1": 0.1, "seed": 0, "half": True, "threads": 1}
    options |= {"mapping_layers": 2, "mapping_lr": 0.01, "mixing": 0.9}
    run(out=tmp_path / "a", pictures=12, export=None, **options)
    lines = [json.loads(line) for line in (tmp_path / "a/log.jsonl").read_text().splitlines()]
    assert [line["seen"] for line in lines] == [4, 8, 12]
    with Image.open(tmp_path / "a/samples_00000012.png") as samples:
        assert samples.size == (8 * 64, 2 * 64)
    run(out=tmp_path / "b", pictures=4, export=None, **options)
    kept = tmp_path / "b" / "settings.json"  # as an earlier version has named them
    begun = json.loads(kept.read_text())
    begun |= {"rate": begun.pop("lr"), "alone_rate": begun.pop("alone_lr")}
    kept.write_text(json.dumps(begun))
    run(out=tmp_path / "b", pictures=12, export=None, **options)
    first, second = (load(tmp_path / folder / "checkpoint.pt")["networks"]["average"] for folder in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(UsageError, match=r"lr = 0\.001, not 0\.002, seed = 0, not 1\..*--out"):
        run(out=tmp_path / "a", pictures=16, export=None, **{**options, "lr": 2e-3, "seed": 1})
    save(tmp_path / "eyes.pt", {"state": Regressor((2, 3, 3, 2)).state_dict()})
    with pytest.raises(UsageError, match="with eyes = "):
        run(out=tmp_path / "a", pictures=16, export=None, **options)
    run(out=tmp_path / "a", pictures=12, export=tmp_path / "generator.pt", **options)
    content = load(tmp_path / "generator.pt")
    assert Architecture(**content["architecture"]) == TINY.architecture
    assert content["state"]["w_mean"].dtype == torch.float16 and content["state"]["w_mean"].abs().max() > 0


def test_the_default_options_are_those_of_the_embedded_generator() -> None:
    defaults = {option.name: option.default for option in train_generator.main.params}
    embedded_one = embedded.embedded_generator().architecture
    assert defaults["mapping_layers"] == embedded_one.mapping_layers == 4
    assert defaults["mapping_lr"] == embedded_one.mapping_lr_multiplier == 0.01
    assert defaults["mixing"] == 0.9


def test_options_shape_the_mapping_network_and_belong_to_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[Training, dict[str, object]]] = []
    monkeypatch.setattr(train_generator, "train", lambda training, settings, *_: begun.append((training, settings)))
    save(tmp_path / "eyes.pt", {"state": Regressor().state_dict()})
    options = ["--out", str(tmp_path / "a"), "--eyes", str(tmp_path / "eyes.pt"), "--mixing", "0.5"]
    done = CliRunner().invoke(train_generator.main, [*options, "--mapping-layers", "8", "--mapping-lr", "0.5"])
    assert done.exit_code == 0, done.output
    ((training, settings),) = begun
    layers = training.generator.mapping.layers
    assert len(layers) == 8 and {layer.lr_multiplier for layer in layers} == {0.5}
    assert 1.8 < float(layers[0].weight.detach().std()) < 2.2  # what the multiplier scales back to 1
    assert settings["mixing"] == 0.5 and settings["architecture"]["mapping_layers"] == 8


@pytest.mark.parametrize("command", [train_regressor, train_encoder])
def test_the_pictures_of_a_schedule_are_settings(
    command: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    monkeypatch.setattr(command, "train", lambda training, settings, *rest: kept.append(settings))
    done = CliRunner().invoke(command.main, ["--out", str(tmp_path), "--pictures", "70", "--seed", "3"])
    assert done.exit_code == 0 and kept[0]["pictures"] == 70 and kept[0]["seed"] == 3


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (__main__.main, ["--out", "a.png", "--number", "0"]),
        (evaluate.main, ["--pictures", "3"]),
        (train_regressor.main, ["--out", "a", "--threads", "0"]),
        (train_generator.main, ["--out", "a", "--eyes", "a.pt", "--minutes", "0"]),
    ],
)
def test_wrong_options_are_refused(command: click.Command, options: list[str]) -> None:
    done = CliRunner().invoke(command, options)
    assert done.exit_code == 2 and "is not in the range" in done.output


def test_eyes_that_are_none_are_one_message(tmp_path: Path) -> None:
    save(tmp_path / "eyes.pt", {"networks": {}})
    for name, said in (("eyes.pt", "no portrait regressor"), ("absent.pt", "cannot be read")):
        options = ["--out", str(tmp_path / "a"), "--eyes", str(tmp_path / name)]
        done = CliRunner().invoke(train_generator.main, options)
        assert done.exit_code == 1 and f"error: {tmp_path / name} " in done.output and said in done.output
        assert not (tmp_path / "a").exists()
