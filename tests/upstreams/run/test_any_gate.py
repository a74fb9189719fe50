"""Where scripts know their arguments: argparse, click, fire, hydra, yaml, or a function of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.toy_scripts import Toys, toys
from zplus_plugins.upstreams import LATENT, Folder, Gate, OneOf, When, Writable

BODY = """
    import numpy as np, torch
    from toy_generator import Generator, optimise

    def invert(outdir, steps=4):
        generator = Generator()
        w = optimise(torch.zeros(1, 3, 8), int(steps))
        import os
        os.makedirs(outdir, exist_ok=True)
        np.save(f"{outdir}/a.npy", w.numpy())
        np.save(f"{outdir}/steps.txt", np.array(steps))
"""
CLICK = """
    import click
    @click.group()
    @click.option("--verbose", is_flag=True)
    def tool(verbose):
        pass
    @tool.command()
    @click.option("--outdir", required=True)
    @click.option("--steps", type=int, default=4)
    def find(outdir, steps):
        "Find codes."
        invert(outdir, steps)
    if __name__ == "__main__":
        tool()
"""
FIRE = """
    import fire
    if __name__ == "__main__":
        fire.Fire({"find": invert})
"""
FIRE_OF_ALL = """
    import fire
    def find(outdir, steps=4):
        invert(outdir, steps)
    class Tool:
        def find(self, outdir, steps=4):
            invert(outdir, steps)
    if __name__ == "__main__":
        fire.Fire(TARGET)
"""
HYDRA = """
    import hydra
    @hydra.main(version_base=None, config_path="configs", config_name="toy")
    def find(config):
        invert(config.outdir, config.steps)
    if __name__ == "__main__":
        find()
"""
TWICE = """
    import argparse, sys, yaml
    parser = argparse.ArgumentParser()
    parser.add_argument("--outdir", required=True)
    parser.add_argument("--steps", type=int, default=9)
    parser.parse_args()
    parser.set_defaults(**yaml.safe_load("steps: 4"))
    options = parser.parse_args()
    if __name__ == "__main__":
        invert(options.outdir, options.steps)
"""
OWN = """
    import sys
    def settings():
        return {"paths": {"outdir": sys.argv[1], "steps": 4}}
    if __name__ == "__main__":
        paths = settings()["paths"]
        invert(paths["outdir"], paths["steps"])
"""
NONE = """
    import sys
    invert(sys.argv[1])
"""
SCRIPTS = {
    "click": (CLICK, ["find", "--outdir", "out"], Gate()),
    "fire, functions": (FIRE, ["find", "--outdir", "out"], Gate()),
    "fire, whatever the script defines": (FIRE_OF_ALL.replace("TARGET", ""), ["find", "--outdir", "out"], Gate()),
    "fire, a class": (FIRE_OF_ALL.replace("TARGET", "Tool"), ["find", "--outdir", "out"], Gate()),
    "hydra": (HYDRA, ["outdir=out"], Gate()),
    "argparse twice": (TWICE, ["--outdir", "out"], Gate(parses=2)),
    "a function of its own": (OWN, ["out"], Gate("invert:settings", pick="paths")),
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    with toys(tmp_path, monkeypatch) as made:
        (tmp_path / "configs").mkdir()
        (tmp_path / "configs" / "toy.yaml").write_text(
            "defaults: [override hydra/job_logging: disabled, override hydra/hydra_logging: disabled, _self_]\n"
            "outdir: ???\nsteps: 4\nhydra: {run: {dir: .}, output_subdir: null}\n"
        )
        yield made


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_dry_run_ends_there_and_a_run_is_checked_there(toy: Toys, name: str) -> None:
    script, arguments, gate = SCRIPTS[name]
    described = {"gate": gate, "needs": (Writable("{outdir}"),), "codes": "{outdir}/a.npy"}
    dry = toy.run(BODY + script, *arguments, options=("--dry-run",), **described)
    assert dry.exit_code == 0, dry.output
    assert not (toy.folder / "out").exists()
    (toy.folder / "file").write_text("")
    refused = toy.run(
        BODY + script,
        *(one.replace("out", "file") if one == "out" else one.replace("=out", "=file") for one in arguments),
        **described,
    )
    assert refused.exit_code == 1
    assert "file" in refused.output and "Traceback" not in refused.output
    done = toy.run(BODY + script, *arguments, **described)
    assert done.exit_code == 0, done.output
    assert "4 steps, 4 retractions" in done.output
    assert (toy.folder / "out" / "a.zplus.npz").is_file()


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ("a function of its own", "argparse twice")])
def test_defaults_of_zplus_give_way_to_what_the_user_gives(toy: Toys, name: str) -> None:
    script, arguments, gate = SCRIPTS[name]
    described = {"gate": gate, "zplus_defaults": {"steps": 2}, "codes": "{outdir}/a.npy"}
    ours = toy.run(BODY + script, *arguments, **described)
    assert "2 steps, 2 retractions" in ours.output, ours.output
    own = toy.run(BODY + script, *arguments, "steps=3" if name == "hydra" else "--steps=3", **described)
    assert "3 steps, 3 retractions" in own.output, own.output
    off = toy.run(BODY + script, *arguments, options=("--latent", "off"), **described)
    assert off.exit_code == 0, off.output
    assert "steps" not in off.output


def test_what_a_script_reads_between_two_parsings_is_checked_before_it_reads_it(toy: Toys) -> None:
    read = '__import__("pathlib").Path(parser.parse_args().outdir, "steps.yaml").read_text()'
    script = BODY + TWICE.replace('"steps: 4"', read).replace("    parser.parse_args()\n", "")
    gate = Gate(parses=2, first=(Folder("{outdir}", ("steps.yaml",), what="settings", remedy="Write them."),))
    refused = toy.run(script, "--outdir", "out", gate=gate)
    assert refused.exit_code == 1, refused.output
    assert "steps.yaml" in refused.output and "Write them." in refused.output and "Traceback" not in refused.output
    (toy.folder / "out").mkdir()
    (toy.folder / "out" / "steps.yaml").write_text("steps: 4")
    assert "4 steps, 4 retractions" in toy.run(script, "--outdir", "out", gate=gate).output


def test_needs_may_depend_on_the_latent(toy: Toys) -> None:
    needs = (When(LATENT, "zplus", (OneOf("steps", values=(9,), why="so it is."),)),)
    described = {"gate": Gate(parses=2), "needs": needs}
    assert toy.run(BODY + TWICE, "--outdir", "out", **described).exit_code == 2
    assert toy.run(BODY + TWICE, "--outdir", "out", options=("--latent", "z"), **described).exit_code == 0


def test_a_command_that_shows_its_help_has_done_what_it_was_asked_for(toy: Toys) -> None:
    shown = toy.run(BODY + CLICK, "find", "--help")
    assert shown.exit_code == 0 and "Find codes." in shown.output


def test_a_wrong_option_of_a_command_is_the_command_s_business(toy: Toys) -> None:
    wrong = toy.run(BODY + CLICK, "find", "--outdirr", "out")
    assert wrong.exit_code == 2 and "--outdirr" in wrong.output and "Traceback" not in wrong.output


def test_a_dry_run_of_a_script_without_a_known_gate_is_refused_before_anything_runs(toy: Toys) -> None:
    refused = toy.run(BODY + NONE, "out", options=("--dry-run",))
    assert refused.exit_code == 2
    assert "argparse" in refused.output and "gate" in refused.output
    assert not (toy.folder / "out").exists()


def test_a_dry_run_that_gets_past_a_parser_unseen_stops_before_its_work(toy: Toys) -> None:
    refused = toy.run("    import argparse\n" + BODY + NONE, "out", options=("--dry-run",))
    assert refused.exit_code == 2
    assert "built its generator" in refused.output and "gate" in refused.output
    assert not (toy.folder / "out").exists()


def test_an_interrupted_command_is_an_interrupted_run(toy: Toys) -> None:
    """click by itself would say "Aborted!" and end with status 1."""
    done = toy.run(CLICK.replace("invert(outdir, steps)", "raise KeyboardInterrupt"), "find", "--outdir", "out")
    assert done.exit_code == 130, done.output
    assert "zplus: interrupted" in done.output and "Aborted" not in done.output
