"""An exception at any line, of an install, of a launch or of the undo itself, leaves everything as it was."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.utils.cpp_extension
import torchvision  # noqa: F401 (as the one above: to be patched, it must be loaded)

from support.context import Context
from support.interruptions import everything_below, first_and_last, interrupt, ours, places
from support.places import STANDINS
from support.snapshot import ProcessSnapshot, Snapshot
from zplus_plugins import patches
from zplus_plugins.errors import SwapError
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.adapter.captures import InstanceOf
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.adapter.description import Adapter, Patch, Script
from zplus_plugins.upstreams.adapter.functions import Writer
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.checkout import examine
from zplus_plugins.upstreams.patching import stand_ins
from zplus_plugins.upstreams.patching.offline import forbid_network
from zplus_plugins.upstreams.run.launcher import _forget_modules, launch
from zplus_plugins.upstreams.run.session import Run
from zplus_plugins.upstreams.run.swapper import LeafSwapper


def all_patches() -> list[Patch]:
    found = pkgutil.walk_packages(patches.__path__, "zplus_plugins.patches.")
    modules = [importlib.import_module(module.name) for module in found if not module.ispkg]
    return [module.PATCH for module in modules if hasattr(module, "PATCH")]  # others hold what patches share


def install_patch(patch: Patch) -> Callable[[Journal], None]:
    run = Context()
    return lambda journal: patch.install(journal, run)


def install_swapper(journal: Journal) -> None:
    nothing: Any = None
    LeafSwapper(nothing, nothing, retract=True).install(journal)


INSTALLS = {
    **{patch.name: install_patch(patch) for patch in all_patches()},
    "swapper": install_swapper,
    "offline": forbid_network,
    "absent modules": lambda journal: stand_ins.stand_in_for_absent(journal, ["wandb", "no_such_module"]),
}


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that every stand-in is needed, whatever this environment has."""
    monkeypatch.setattr(stand_ins, "is_installed", lambda name: False)
    for name in ("pkg_resources", "distutils", "distutils.util", "wget", "wandb"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("name", INSTALLS)
def test_an_exception_at_every_line_of_an_install(name: str) -> None:
    def action() -> None:
        with Journal() as journal, journal:
            INSTALLS[name](journal)

    action()  # whatever is imported at need is there now
    before = ProcessSnapshot()
    visited = places(action, everything_below)
    assert len(visited) > 15
    assert before.differences(ProcessSnapshot()) == []
    for at, place in enumerate(visited, start=1):
        interrupt(action, at, everything_below)
        assert before.differences(ProcessSnapshot()) == [], place


class Parent:
    def inherited(self) -> str:
        return "inherited"

    @staticmethod
    def static() -> str:
        return "static"


class Owner(Parent):
    kind = "own"

    @classmethod
    def make(cls) -> str:
        return cls.__name__


LIST, MAPPING = [1, 2], {"kept": 1}


def everything_that_a_journal_does(journal: Journal) -> None:
    journal.wrap(Owner, "inherited", lambda original: lambda self: "wrapped")
    journal.wrap(Owner, "static", lambda original: lambda: "wrapped")
    journal.wrap(Owner, "make", lambda original: lambda cls: "wrapped")
    journal.set(Owner, "kind", "other")
    journal.set(Owner, "new", "new")
    journal.keep(Owner, "brought")
    Owner.brought = "by the script"  # type: ignore[attr-defined]
    journal.keep_list(LIST)
    LIST.append(3)
    journal.set_item(MAPPING, "kept", 2)
    journal.set_item(MAPPING, "new", 2)
    journal.keep_item(MAPPING, "brought")
    MAPPING["brought"] = 2
    journal.when_imported("no_such_module", lambda module: None)


def own_state() -> list[Any]:
    return [dict(vars(Parent)), dict(vars(Owner)), list(LIST), dict(MAPPING), list(sys.meta_path)]


def test_an_exception_at_every_instruction_of_the_journal() -> None:
    """Ctrl-C does not wait for the end of a line."""

    def action() -> None:
        with Journal() as journal, journal:
            everything_that_a_journal_does(journal)

    before = own_state()
    visited = places(action, ours, each="opcode")
    assert len(visited) > 1000
    for at, place in enumerate(visited, start=1):
        interrupt(action, at, ours, each="opcode")
        assert own_state() == before, place


def test_an_exception_before_the_first_line_of_a_close_leaves_all_to_another() -> None:
    """What is guaranteed of a journal that is entered once."""
    journals: list[Journal] = []

    def action() -> None:
        with Journal() as journal:
            journals.append(journal)
            everything_that_a_journal_does(journal)

    before = own_state()
    visited = places(action, ours)
    entry = {
        next(i for i, place in enumerate(visited, start=1) if f":{name}:" in place) for name in ("__exit__", "close")
    }
    for at, place in enumerate(visited, start=1):
        interrupt(action, at, ours)
        assert (own_state() == before) == (at not in entry), place
        if journals:
            journals.pop().close()
        assert own_state() == before, place


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, OSError])
def test_one_failing_undo_does_not_keep_the_others(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("this undo fails")

    before = own_state()
    journal = Journal()
    journal.callback(fail)
    everything_that_a_journal_does(journal)
    journal.callback(fail)
    with pytest.raises(error, match="this undo fails"):
        journal.close()
    assert own_state() == before
    journal.close()


def test_an_undo_that_was_interrupted_is_done_again() -> None:
    done: list[str] = []

    def interrupted_once() -> None:
        done.append("begun")
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append("ended")

    journal = Journal()
    journal.callback(lambda: done.append("the first change"))
    journal.callback(interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        journal.close()
    assert done == ["begun", "begun", "ended", "the first change"]


def test_a_script_s_own_modes_are_left() -> None:
    """Such as its default device, which may lie above ours or below it."""
    before = Snapshot()
    with torch.device("cpu"):
        mode: Any = torch.utils._device.DeviceContext(torch.device("meta"))
        with Journal() as journal:
            INSTALLS["device names"](journal)
            mode.__enter__()
        assert torch.ones(1).is_meta
        mode.__exit__(None, None, None)
        assert torch.ones(1).is_cpu
    assert before.differences(Snapshot()) == []


SCRIPT = """
import os, random, sys, warnings
import numpy as np
import torch
import torch_utils.ops.bias_act, torch_utils.ops.upfirdn2d, torch_utils.ops.conv2d_gradfix
import dnnlib.util
import models.e4e.stylegan2.op
import no_such_module

os.environ["CUDA_VISIBLE_DEVICES"] = "3"
os.environ.pop("ZPLUS_TEST", None)
os.chdir("/")
sys.argv = ["another"]
sys.path = [*sys.path, "/nowhere"]
warnings.filterwarnings("ignore")
random.seed(1)
np.random.seed(1)
torch.manual_seed(1)
"""


@pytest.fixture
def launching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A launch that patches all there is, and ends with the error that nothing was inverted."""
    monkeypatch.setenv("ZPLUS_TEST", "set by the user")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "invert.py"
    path.write_text(SCRIPT)
    script = Script(path.name, role="invert")
    adapter = Adapter(
        name="everything",
        summary="",
        upstream="",
        scripts=(script,),
        patches=tuple(all_patches()),
        writers=(Writer("torch:save", path=1, content=0),),
        generator=(InstanceOf("dnnlib.util:EasyDict"),),
        optional=("no_such_module",),
    )
    upstream = examine(adapter, (STANDINS / "pti").resolve(), script)
    plugin = plugins.Plugin("everything", "the tests", adapter, plugin=adapter)
    choice = plugins.Choice(plugin, upstream, plugins.Hooks(plugin))
    options = Options(latent="zplus", device="cpu", ops="reference", offline=True)

    def action() -> None:
        try:
            launch(Run(choice, options), path, ["argument"])
        except SwapError as error:
            assert "dnnlib.util:EasyDict" in str(error)

    return action


def but_for_operations(filename: str) -> bool:
    """They have a lock, which a traced exception at the end of a ``with`` leaves locked; no signal comes there."""
    return ours(filename) and "/zplus_plugins/ops/" not in filename


def test_an_exception_at_every_line_of_a_launch(launching: Callable[[], None]) -> None:
    """The imports that patches wait for, and what the script itself changes, are among them."""
    launching()
    before = ProcessSnapshot()
    visited = places(launching, but_for_operations)
    assert before.differences(ProcessSnapshot()) == []
    assert any("import_watch.py:exec_module" in place for place in visited)
    assert any("custom_ops.py:replace" in place for place in visited)
    chosen = first_and_last(visited)
    for few in (chosen[i : i + 10] for i in range(0, len(chosen), 10)):  # what one has left, the others leave, too
        for at in few:
            interrupt(launching, at, but_for_operations)
        assert before.differences(ProcessSnapshot()) == [], [visited[at - 1] for at in few]


def test_packages_without_a_file_are_forgotten_with_their_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As StyleCLIP's in PTI: each asks its parent where it is."""
    (tmp_path / "zpt_outer" / "inner").mkdir(parents=True)
    (tmp_path / "zpt_outer" / "inner" / "code.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    importlib.import_module("zpt_outer.inner.code")
    _forget_modules(tmp_path, before)
    assert not [name for name in sys.modules if name.startswith("zpt_outer")]
