"""What scripts do with generators and codes, each in a small script: captures, leaves, files, estimates, moves."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from support.patching import importable
from support.toy_scripts import GENERATOR, Toys, toys
from zplus_plugins import Truncation, mapping_of
from zplus_plugins.records.inversion import InversionRecord
from zplus_plugins.upstreams import (
    LATENT,
    ArgumentOf,
    Call,
    Estimate,
    FunctionMapping,
    ImageFiles,
    InstanceOf,
    Journal,
    Move,
    OneOf,
    Patch,
    ResultOf,
    RunContext,
    When,
)
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB

HEAD = """
import argparse, os, sys
argparse.ArgumentParser().parse_args()
import numpy as np, torch
from toy_generator import Generator, optimise
"""
SAVED = HEAD + "generator = Generator()\nw = optimise(torch.zeros(1, 3, 8))\n"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    with toys(tmp_path, monkeypatch) as made:
        yield made


def records(toy: Toys) -> dict[str, InversionRecord]:
    return {path.name: InversionRecord.load(path) for path in sorted(toy.folder.glob("*.zplus.npz"))}


def generator() -> nn.Module:
    names: dict[str, Any] = {}
    exec(GENERATOR, names)
    made: nn.Module = names["Generator"]()
    return made


def require_mapped(record: InversionRecord) -> None:
    """z lies on the hypersphere, and the generator maps it to the recorded w, alone as in the batch that it is from."""
    z = torch.from_numpy(record.z)
    assert torch.allclose(z.norm(dim=-1), torch.tensor(8**0.5), atol=1e-5)
    assert record.w is not None
    torch.testing.assert_close(mapping_of(generator())(z), torch.from_numpy(record.w), rtol=1e-6, atol=1e-6)


CAPTURES: dict[str, tuple[str, Any]] = {
    "a key of what a function returns": (
        "def load(): return {'D': 0, 'G_ema': Generator()}\nload()",
        ResultOf("invert:load", pick="G_ema"),
    ),
    "an attribute of an object": (
        "class Trainer:\n    def __init__(self): self.nets = [None, Generator()]\nTrainer()",
        InstanceOf("invert:Trainer", pick="nets.1"),
    ),
    "an attribute of a method's object": (
        "class Solver:\n    def solve(self, image): return None\n"
        "solver = Solver(); solver.net = Generator(); solver.solve(0)",
        ArgumentOf("invert:Solver.solve", "self", pick="net"),
    ),
    "from the arguments and the result": (
        "def build(kind): return {kind: Generator()}\nbuild('ema')",
        ResultOf("invert:build", pick=lambda call: call.result[call.arguments["kind"]]),
    ),
    "a class of the script": (
        "class Own(Generator):\n    def __init__(self, size=4): super().__init__()\nOwn()",
        InstanceOf("invert:Own"),
    ),
    "a class of the script that inherits its constructor": (
        "class Own(Generator): pass\nOwn()",
        InstanceOf("invert:Own"),
    ),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_a_generator_is_captured_there(toy: Toys, name: str) -> None:
    source, capture = CAPTURES[name]
    script = HEAD + source + "\nnp.save('a.npy', optimise(torch.zeros(1, 3, 8)).numpy())\n"
    done = toy.run(script, generator=(capture,))
    assert done.exit_code == 0, done.output
    assert "4 steps, 4 retractions" in done.output
    require_mapped(records(toy)["a.zplus.npz"])


def test_what_no_capture_saw_is_named(toy: Toys) -> None:
    done = toy.run(SAVED + "np.save('a.npy', w)", generator=(ResultOf("toy_generator:optimise"),), codes="*.npy")
    assert done.exit_code == 1 and "toy_generator:optimise" in done.output
    assert not list(toy.folder.glob("*.np*"))


def test_a_path_that_leads_nowhere_says_what_is_there(toy: Toys) -> None:
    script = HEAD + "def load(): return {'D': 0, 'G': Generator()}\nload()"
    done = toy.run(script, generator=(ResultOf("invert:load", pick="G_ema"),))
    assert done.exit_code == 1
    assert "'G_ema'" in done.output and "D, G" in done.output and "Traceback" not in done.output


def test_the_script_s_own_names_work_as_ever(toy: Toys) -> None:
    """Its top level runs in a namespace of ours where something of it is awaited, but remains the module's."""
    script = HEAD + (
        "def first(): return second()\n"
        "def second(): return 5\n"
        "total = [one * first() for one in range(3)]\n"
        "del second\n"
        "assert 'second' not in globals() and 'second' not in locals() and 'second' not in dir()\n"
        "exec('third = 3'); assert third == 3 == vars()['third'] == eval('third')\n"
        "hint: int = 4\nassert __annotations__ == {'hint': int}\n"
        "def change():\n    global total\n    total = 7\n"
        "change(); assert total == 7 and __name__ == '__main__' and sys.modules['__main__'].total == 7\n"
        "from math import *\nassert tau > 6\n"
        "generator = Generator(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)).numpy())\n"
    )
    for capture in (InstanceOf("toy_generator:Generator"), ArgumentOf("invert:unused", "x")):
        done = toy.run(script, generator=(capture, InstanceOf("toy_generator:Generator")))
        assert done.exit_code == 0, done.output


FILES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "(L, D)": ("np.save('a.npy', w[0])", {}, {"a"}),
    "keyword arguments": ("np.savez('a.npz', w=w, seed=0)", {"codes": "*.npz", "code_item": "w"}, {"a"}),
    "a batch": ("w = optimise(torch.zeros(2, 3, 8)); np.save('a.npy', w)", {}, {"a-0", "a-1"}),
    "nested": (
        "torch.save({f'in/{n}.png': {'latent': w[0], 'noise': [w, w]} for n in 'x'}, 'a.pt')",
        {"codes": "*.pt", "code_item": "*.latent"},
        {"a"},
    ),
    "several images in one file": (
        "w = optimise(torch.zeros(2, 3, 8))\n"
        "torch.save({f'{n}/in.png': {'latent': w[i]} for i, n in enumerate('xy')}, 'a.pt')",
        {"codes": "*.pt", "code_item": "*.latent"},
        {"a-0", "a-1"},
    ),
    "found one after the other": (
        "v = optimise(torch.ones(1, 3, 8), 6); np.save('all.npy', np.concatenate([w, v]))",
        {},
        {"all-0", "all-1"},
    ),
    "by a function": (
        "torch.save([('x', w), ('y', w)], 'a.bin')",
        {"codes": "", "find_codes": lambda path, content: [(path.with_name(n), w) for n, w in content]},
        {"x", "y"},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_every_code_in_a_file_gets_its_record(toy: Toys, name: str) -> None:
    source, described, expected = FILES[name]
    done = toy.run(SAVED + source, **described)
    assert done.exit_code == 0, done.output
    found = records(toy)
    assert set(found) == {f"{one}.zplus.npz" for one in expected}
    for record in found.values():
        require_mapped(record)
    assert f"{len(expected)} image" in done.output


def test_a_code_for_all_layers_in_z(toy: Toys) -> None:
    script = HEAD + "generator = Generator()\nfor i, shape in enumerate([(1, 1, 8), (2, 8)]):\n"
    script += "    np.save(f'{i}.npy', optimise(torch.zeros(shape)).reshape(-1, 8)[0])\n"
    done = toy.run(script, options=("--latent", "z"))
    assert done.exit_code == 0, done.output
    assert "8 steps, 8 retractions" in done.output
    for record in records(toy).values():
        require_mapped(record)
        assert record.z.shape == (1, 1, 8)
    refused = toy.run(script)
    assert refused.exit_code == 1 and "(1, 1, 8)" in refused.output and "--latent z" in refused.output


def test_noise_and_weights_are_no_codes(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator(); w = torch.zeros(1, 3, 8, requires_grad=True)\n"
        "noise = torch.randn(8, 8, requires_grad=True); weight = torch.nn.Parameter(torch.randn(2, 8))\n"
        "optimizer = torch.optim.Adam([noise, weight, w], lr=0.1)\n"
        "((w - 1).square().sum() + noise.sum() + weight.sum()).backward(); optimizer.step()\n"
        "np.save('a.npy', w.detach())\n"
    )
    for latent in ("z", "zplus"):
        done = toy.run(script, options=("--latent", latent))
        assert done.exit_code == 0 and "1 step, 1 retraction" in done.output, done.output


def test_z_is_saved_although_the_script_saves_something_else(toy: Toys) -> None:
    (toy.folder / "unmatched-a.zplus.npz").write_text("the user's own")
    done = toy.run(SAVED + "np.save('a.npy', w + 1)\nnp.save('b.npy', w)")
    assert done.exit_code == 0, done.output
    assert "(3, 8)" in done.output and "unmatched-a-2.zplus.npz" in done.output
    assert (toy.folder / "unmatched-a.zplus.npz").read_text() == "the user's own"
    (toy.folder / "unmatched-a.zplus.npz").unlink()
    found = records(toy)
    assert set(found) == {"b.zplus.npz", "unmatched-a-2.zplus.npz"}
    assert np.array_equal(found["b.zplus.npz"].z, found["unmatched-a-2.zplus.npz"].z)


def test_z_is_saved_although_the_script_saves_no_code(toy: Toys) -> None:
    done = toy.run(SAVED + "np.save('pixels.txt', np.zeros(3))", codes="codes/*.npy")
    assert done.exit_code == 0 and "unmatched-0.zplus.npz" in done.output, done.output
    require_mapped(records(toy)["unmatched-0.zplus.npz"])


ESTIMATES: dict[str, tuple[str, Estimate]] = {
    "the result": ("def encode(image): return image.repeat(1, 3, 1)", Estimate("invert:encode")),
    "a part of it": (
        "def encode(image): return [0, {'w': image.repeat(1, 3, 1)}]",
        Estimate("invert:encode", pick="1.w"),
    ),
    "without the mean that is added later": (
        "def encode(image, mean=torch.ones(8)): return image.repeat(1, 3, 1) - mean",
        Estimate("invert:encode", add=lambda call: call.arguments["mean"]),
    ),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_an_encoder_s_code_is_projected(toy: Toys, name: str) -> None:
    source, estimate = ESTIMATES[name]
    after = {"the result": "code", "a part of it": "code[1]['w']"}.get(name, "code + 1")
    script = HEAD + f"generator = Generator()\n{source}\ncode = encode(generator.style(torch.ones(2, 1, 8)))\n"
    done = toy.run(script + f"np.save('a.npy', {after})", estimates=(estimate,))
    assert done.exit_code == 0, done.output
    assert "2 estimates projected" in done.output
    for record in records(toy).values():
        assert record.provenance.init == "project" and record.provenance.steps == 0
        if name == "without the mean that is added later":  # which rounds
            mapped = mapping_of(generator())(torch.from_numpy(record.z))
            torch.testing.assert_close(mapped, torch.from_numpy(record.w))
        else:
            require_mapped(record)
    assert set(records(toy)) == {"a-0.zplus.npz", "a-1.zplus.npz"}


def test_an_optimizer_starts_at_the_projected_estimate(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator()\n"
        "def encode(image): return image.repeat(1, 3, 1)\n"
        "code = encode(generator.style(torch.ones(1, 1, 8)))\n"
        "w = code.clone().requires_grad_(True); optimizer = torch.optim.Adam([w], lr=0.1)\n"
        "assert torch.equal(w, code)\n"
        "(w - 1).square().sum().backward(); optimizer.step(); np.save('a.npy', w.detach())\n"
    )
    done = toy.run(script, estimates=(Estimate("invert:encode"),), init="project")
    assert done.exit_code == 0, done.output
    assert records(toy)["a.zplus.npz"].provenance.steps == 1


def test_a_code_that_was_just_found_is_moved_before_it_is_saved(toy: Toys) -> None:
    script = SAVED + (
        "def move(code, direction): return code + direction\n"
        "np.save('same.npy', move(w, torch.zeros(8))); np.save('moved.npy', move(w[0], 0.1 * torch.ones(8)))\n"
    )
    done = toy.run(script, moves=(Move("invert:move", code="code", direction="direction"),), codes="none.npy")
    assert done.exit_code == 0, done.output
    assert "2 edits" in done.output
    w = records(toy)["unmatched-0.zplus.npz"].w
    assert w is not None
    assert np.array_equal(np.load("same.npy"), w)
    assert np.load("moved.npy").shape == (3, 8) and not np.array_equal(np.load("moved.npy"), w[0] + np.float32(0.1))


def test_codes_of_a_batch_are_moved_each_from_its_own_z(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator(); w = optimise(torch.zeros(2, 3, 8))\n"
        "def move(code, direction): return code + direction\n"
        "def both(code): return code + 0.1\n"
        "np.save('a.npy', w); np.save('same.bin', move(w, torch.zeros(3, 8))); np.save('moved.bin', both(w))\n"
    )
    moves = (Move("invert:move", code="code", direction="direction"), Move("invert:both", code="code"))
    done = toy.run(script, moves=moves)
    assert done.exit_code == 0, done.output
    assert "4 edits" in done.output
    assert np.array_equal(np.load("same.bin.npy"), np.load("a.npy"))


def test_calls_are_redirected_to_what_the_script_defines_below(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator()\n"
        "def w_only(): raise SystemExit('not here')\n"
        "def w_plus(): return optimise(torch.zeros(1, 3, 8))\n"
        "np.save('a.npy', w_only())\n"
    )
    done = toy.run(script, redirect={"invert:w_only": "invert:w_plus"})
    assert done.exit_code == 0, done.output
    require_mapped(records(toy)["a.zplus.npz"])


def test_the_map_of_an_unknown_generator_is_the_adapter_s(toy: Toys) -> None:
    def mapping(generator: Any, truncation: Truncation) -> FunctionMapping:
        def labelled(z: Tensor) -> Tensor:
            made: Tensor = generator.style(z + generator.label)
            return made

        return FunctionMapping(generator, labelled, z_dim=8, w_dim=8, num_ws=3, truncation=truncation)

    script = HEAD + (
        "class Unknown(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.style, self.label = Generator().style, torch.ones(8)\n"
        "Unknown(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)))\n"
    )
    done = toy.run(script, generator=(InstanceOf("invert:Unknown"),), mapping=mapping)
    assert done.exit_code == 0, done.output
    assert "4 retractions" in done.output and "a.zplus.npz" in records(toy)


def test_a_patch_sees_the_run_and_not_our_own_writing(toy: Toys) -> None:
    seen: list[tuple[str, Any]] = []

    def install(journal: Journal, run: RunContext) -> None:
        def watching(save: Any) -> Any:
            def saving(path: Any, *args: Any, **kwargs: Any) -> Any:
                seen.append((str(path), run.arguments["name"]))
                assert run.latent == "zplus" and isinstance(run.generator, nn.Module)
                assert len(run.swaps) <= 1 and run.mapping().num_ws == 3
                return save(path, *args, **kwargs)

            return saving

        def finding(find: Any) -> Any:
            def found(*args: Any) -> Any:
                w = find(*args)
                assert run.save_record(Path("kept.bin"), w) == [Path("kept.zplus.npz")]
                return w

            return found

        run.wrap("numpy:savez", watching)
        run.wrap("toy_generator:optimise", finding)

    script = SAVED.replace(
        "argparse.ArgumentParser().parse_args()",
        "p = argparse.ArgumentParser(); p.add_argument('--name', default='x'); p.parse_args()",
    )
    patch = Patch("watch", "nothing breaks", install)
    done = toy.run(script + "np.savez('a.npz', w=w)", patches=(patch,), codes="*.npz", code_item="w")
    assert done.exit_code == 0, done.output
    assert len(seen) == 1 and seen[0][1] == "x"
    assert set(records(toy)) == {"a.zplus.npz", "kept.zplus.npz"}


def test_a_call_has_arguments_by_name_and_the_result() -> None:
    assert Call({"a": 1}, 2).arguments["a"] == 1


def test_folders_that_the_adapter_or_the_script_adds_are_looked_into(toy: Toys) -> None:
    for folder in ("declared", "added"):
        (toy.folder / folder).mkdir()
        (toy.folder / folder / f"toy_{folder}.py").write_text("\ufefffrom toy_generator import Generator\n", "utf-8")
    script = HEAD + (
        "sys.path.append('added/')\nimport toy_added, toy_declared\n"
        "generator = Generator(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)))\n"
    )
    done = toy.run(script, paths=("declared",))
    assert done.exit_code == 0, done.output


def test_a_module_of_the_script_s_own_wins_over_one_that_is_imported_already(toy: Toys, tmp_path: Path) -> None:
    """Such as a repository's copy of a package, which a process of the script's own would find first, too."""
    for folder, whose in ((tmp_path / "installed", "installed"), (toy.folder, "the script's")):
        (folder / "toy_namesake").mkdir(parents=True)
        (folder / "toy_namesake" / "__init__.py").write_text("from toy_namesake.part import WHOSE\n")
        (folder / "toy_namesake" / "part.py").write_text(f"WHOSE = {whose!r}\n")
    with importable(tmp_path / "installed"):
        before = [importlib.import_module(name) for name in ("toy_namesake", "toy_namesake.part")]
        script = SAVED + "import toy_namesake; print('it is', toy_namesake.WHOSE)\nnp.save('a.npy', w)"
        done = toy.run(script)
        assert done.exit_code == 0, done.output
        assert "it is the script's" in done.output
        assert [sys.modules[module.__name__] for module in before] == before


def test_needs_know_the_latent_of_the_run(toy: Toys) -> None:
    wide = When(LATENT, "zplus", (OneOf("wide", (True,), why="one code is not enough."),))
    parser = "p = argparse.ArgumentParser(); p.add_argument('--wide', action='store_true'); p.parse_args()"
    script = SAVED.replace("argparse.ArgumentParser().parse_args()", parser) + "np.save('a.npy', w)"
    refused = toy.run(script, needs=(wide,))
    assert refused.exit_code == 2 and "one code is not enough" in refused.output
    assert not list(toy.folder.glob("*.np*"))
    for options, given in ((("--latent", "z"), ()), ((), ("--wide",)), (("--latent", "off"), ())):
        assert toy.run(script, *given, options=options, needs=(wide,)).exit_code == 0


def test_pictures_that_a_script_is_given_by_name(toy: Toys) -> None:
    parser = "p = argparse.ArgumentParser(); p.add_argument('files', nargs='+'); p.parse_args()"
    script = SAVED.replace("argparse.ArgumentParser().parse_args()", parser) + "np.save(sys.argv[1], w)"
    (toy.folder / "b").mkdir()
    for name in ("a.png", "b/a.png"):
        Image.new("RGB", (8, 8)).save(toy.folder / name)
    need = ImageFiles("files", reader=PILLOW_RGB)
    done = toy.run(script, "a.png", "absent.png", needs=(need,))
    assert done.exit_code == 1 and "no picture absent.png" in done.output and "a.png will" not in done.output
    noted = toy.run(script, "a.png", "b/a.png", "a.png", options=("--dry-run",), needs=(need,))
    assert noted.exit_code == 0 and noted.output.count("a.png will be overwritten by those of b/a.png") == 1
