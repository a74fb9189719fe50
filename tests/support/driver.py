"""Runs an upstream script through the launcher, with more control than the command line gives.

``python driver.py SETTINGS.json SCRIPT ARGS...`` where the settings may have

adapter         name of the adapter
options         of :class:`zplus_plugins.upstreams.adapter.context.Options`
starts          a folder with one start code for each image, (num_ws, z_dim) as 000.npy, 001.npy, ...
watch           a file that gets one line a step: the distance from the hypersphere, and whether w == map(z)
draws           a file that gets one line a step: a hash of the global random streams
replay          a folder: the first run saves there what its optimizers hold after each step, and further runs
                go on from that after each of theirs
then_untouched  arguments with which the script is run once more afterwards, untouched, in this process; or Python
                code to run instead, as ``python -c`` would
"""

from __future__ import annotations

import hashlib
import itertools
import json
import pickle
import random
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from zplus_plugins import LeafSwap, SphericalLatent, StyleMapping
from zplus_plugins.upstreams import Adapter, hookimpl
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.run.launcher import launch
from zplus_plugins.upstreams.run.session import Run


class Driver:
    """A plugin that wraps the adapter's: it chooses the starts and watches every step."""

    def __init__(self, adapter: Adapter, settings: dict[str, Any]) -> None:
        self._adapter = adapter
        self._starts = iter(sorted(Path(settings["starts"]).glob("*.npy")) if "starts" in settings else ())
        self._watch = settings.get("watch")

    @hookimpl
    def zplus_adapter(self) -> Adapter:
        return self._adapter

    @hookimpl
    def zplus_start(self, mapping: StyleMapping, codes: int, seed: int) -> SphericalLatent | None:
        path = next(self._starts, None)
        return None if path is None else SphericalLatent(torch.from_numpy(np.load(path))[None])

    @hookimpl
    def zplus_swapped(self, swap: LeafSwap) -> None:
        if self._watch is None:
            return
        push, watch = swap.push, Path(self._watch)

        def watched_push() -> None:
            push()
            with torch.no_grad():
                same = torch.equal(swap.leaf, swap.mapping(swap.latent))
            with watch.open("a") as lines:
                lines.write(f"{float(swap.latent.sphere_error())} {same}\n")

        swap.push = watched_push  # type: ignore[method-assign]


def record_draws(path: Path) -> None:
    """Write, at every optimizer step, what the global random streams have come to."""

    def hook(optimizer: Any, *_: Any) -> None:
        held = [p for group in optimizer.param_groups for p in group["params"]]
        if len(held) == 1 and isinstance(held[0], SphericalLatent):
            return  # a chase is no step of the script
        state = (torch.get_rng_state().numpy().tobytes(), pickle.dumps(np.random.get_state()), random.getstate())
        with path.open("a") as lines:
            lines.write(hashlib.sha256(pickle.dumps(state)).hexdigest() + "\n")

    random.seed(0)  # the scripts seed the other two
    register_optimizer_step_pre_hook(hook)


def replay(folder: Path) -> None:
    """Let every step start where the first run's did, so that differences cannot add up."""
    folder.mkdir(exist_ok=True)
    recording, number = not any(folder.iterdir()), itertools.count()
    save, load = torch.save, torch.load  # the run follows the one, and patches the other

    def hook(optimizer: Any, *_: Any) -> None:
        path = folder / f"{next(number):04d}.pt"
        held = [p for group in optimizer.param_groups for p in group["params"]]
        if recording:
            save([p.detach() for p in held], path)
            return
        with torch.no_grad():
            for parameter, value in zip(held, load(path), strict=True):
                parameter.copy_(value)

    register_optimizer_step_post_hook(hook)


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text())
    if "draws" in settings:
        record_draws(Path(settings["draws"]))
    if "replay" in settings:
        replay(Path(settings["replay"]))
    script, arguments = Path(sys.argv[2]), sys.argv[3:]
    choice = plugins.choose(script, settings["adapter"])
    hooks = plugins.Hooks(replace(choice.plugin, plugin=Driver(choice.upstream.adapter, settings)))
    run = Run(plugins.Choice(choice.plugin, choice.upstream, hooks), Options(**settings.get("options", {})))
    summary = launch(run, script, arguments)
    print(summary.line(), f"operations: {summary.ops}", sep="\n", file=sys.stderr)
    if "draws" in settings:
        random.seed(0)  # as before the first run
    if isinstance(settings.get("then_untouched"), str):
        exec(settings["then_untouched"], {"__name__": "__main__"})
    elif "then_untouched" in settings:
        sys.argv[:] = [str(script), *settings["then_untouched"]]
        sys.path[:0] = [str(script.resolve().parent)]
        runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
