"""``zplus convert``, and ``--label`` of all commands that take a generator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from support.commands import done, zplus
from support.generator_files import conditional
from support.outcome import refused
from zplus_plugins.generators import load_generator, weights_hash

OWN = ("--generator", "generator.pt")


def test_a_file_is_converted_and_told_once(material: Path) -> None:
    first = zplus("convert", "generator.pt", "a.safetensors")
    assert (first.exit_code, first.stdout) == (0, "a.safetensors\n")
    assert "the pictures of both differ by at most 0.0e+00." in first.stderr
    again = zplus("convert", "generator.pt", "a.safetensors")
    assert (again.exit_code, again.stdout) == (0, "a.safetensors\n") and "was made before" in again.stderr
    assert weights_hash(load_generator("a.safetensors")) == weights_hash(load_generator("generator.pt"))


def test_as_json(material: Path) -> None:
    """Its fields are compared with docs/json.md in tests/system/test_console_documents.py."""
    result = zplus("convert", "generator.pt", "a.safetensors", "--json")
    document = json.loads(result.stdout)
    assert (document["made"], document["difference"], document["to"]) == (True, 0.0, "safetensors")
    assert document["weights_hash"] == weights_hash(load_generator("generator.pt"))


def test_refusals(material: Path) -> None:
    refused(zplus("convert", "generator.pt", "a.pt"), 2, "--to nvlabs or --to rosinality")
    refused(zplus("convert", "generator.pt", "generator.pt", "--to", "ours"), 2, "is the file to convert")
    refused(zplus("convert", "generator.pt", "faces/anna.png", "--to", "ours"), 2, "does not end like")
    refused(zplus("convert", "absent.pt", "a.pkl"), 1, "There is no generator absent.pt")
    refused(zplus("convert", "generator.pt", "a.pkl", "--label", 1), 2, "takes no label. Leave out --label")


COMMANDS: dict[str, tuple[object, ...]] = {
    "invert": ("invert", "faces", "--steps", 1, "--likeness", "none", "--out", "out"),
    "edit": ("edit", "inverted/anna.zplus.npz", "--direction", "found_generator/ganspace-00.zplus.npz", "--out", "out"),
    "interpolate": ("interpolate", "inverted/anna.zplus.npz", "inverted/bert.zplus.npz", "--out", "out"),
    "walk": ("walk", "inverted/anna.zplus.npz", "--out", "out"),
    "generate": ("generate", "--seeds", "1", "--out", "out"),
    "directions": ("directions", "--components", 1, "--out", "out"),
    "compare": ("compare", "faces", "--steps", 1, "--without-lpips", "--out", "out"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_pass_the_label_on(material: Path, command: str) -> None:
    torch.save(conditional(), "c.pt")
    told = zplus(*COMMANDS[command], "--generator", "c.pt")
    refused(told, 2, "The generator in c.pt", "labels of 3 numbers", "--label N")
    refused(zplus(*COMMANDS[command], "--generator", "c.pt", "--label", "5"), 2, "no class 5")
    refused(zplus(*COMMANDS[command], "--generator", "c.pt", "--label", "0.5,1"), 2, "has 2 numbers")
    refused(zplus(*COMMANDS[command], "--generator", "c.pt", "--label", "absent.npy"), 2, "absent.npy cannot be read")
    refused(zplus(*COMMANDS[command], *OWN, "--label", "0"), 2, "takes no label")


def test_pictures_of_a_label(material: Path) -> None:
    torch.save(conditional(), "c.pt")
    made = [done("generate", "--generator", "c.pt", "--seeds", 1, "--label", n, "--out", f"out{n}") for n in (0, 1)]
    assert Path(made[0][0]).read_bytes() != Path(made[1][0]).read_bytes()
    done("convert", "c.pt", "one.safetensors", "--label", 1)
    again = done("generate", "--generator", "one.safetensors", "--seeds", 1, "--out", "again")
    assert Path(again[0]).read_bytes() == Path(made[1][0]).read_bytes()
