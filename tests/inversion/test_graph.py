"""A step of an inversion as a CUDA graph, on a CPU that is told to be able to replay one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from support.commands import done, zplus
from support.few_spaces import FEW_SPACES
from support.graph_safety import Event, Graph, Stream, pretend
from zplus_plugins.compare.work import measuring
from zplus_plugins.errors import RequirementError
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.inversion import SPACES, Inversion, Model, Settings, Space, invert
from zplus_plugins.inversion.inverter import Likeness, Step
from zplus_plugins.inversion.step import graph
from zplus_plugins.inversion.step.adam import lr_factor
from zplus_plugins.ops import choice
from zplus_plugins.spaces import statistics

SETTINGS = Settings(steps=14)
AT_ONCE = graph.WARM_UP + 1  # steps whose operations are launched
Z_PLUS = SPACES["zplus"]


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    network = Generator(Architecture(16, (8, 8, 6), z_dim=12, w_dim=12, mapping_layers=2)).eval().requires_grad_(False)
    return Model(network, statistics.compute(network, codes=256), f_resolution=8)


@pytest.fixture(scope="module")
def targets(model: Model) -> Tensor:
    pictures: Tensor = model.generator(torch.randn(2, 12, generator=torch.Generator().manual_seed(1)))
    return pictures


@pytest.fixture(autouse=True)
def reference() -> Iterator[None]:
    """Compiled operations have no dispatcher to record them."""
    with choice.using("reference"):
        yield


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[Stream]:
    return pretend(monkeypatch)


def both(model: Model, space: Space, targets: Tensor, likeness: Likeness | None = None) -> tuple[Inversion, Inversion]:
    """The inversion by operations, and the one with a graph."""
    by_operations = invert(model, space, targets, SETTINGS, likeness=likeness)
    assert not Graph.made
    return by_operations, invert(model, space, targets, SETTINGS, likeness=likeness, graph="auto")


def same(one: Inversion, other: Inversion) -> None:
    assert torch.equal(one.point.code, other.point.code) and torch.equal(one.losses, other.losses)
    assert one.point.f is None or (other.point.f is not None and torch.equal(one.point.f, other.point.f))


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("space", FEW_SPACES)
def test_replays_are_the_steps(model: Model, targets: Tensor, space: str, caplog: pytest.LogCaptureFixture) -> None:
    """Bit for bit, though a replay runs no Python and reads only what lies where it lay during the capture."""
    same(*both(model, SPACES[space], targets))
    (made,) = Graph.made
    assert made.replays == SETTINGS.steps - graph.WARM_UP
    assert made.was_reset and not caplog.records


def test_the_rule_is_that_of_the_cpu(model: Model, targets: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's fused Adam with learning rates in tensors rounds differently, and that is all."""
    space = SPACES["f/zplus"]
    here = invert(model, space, targets, SETTINGS)
    pretend(monkeypatch)
    there = invert(model, space, targets, SETTINGS, graph="auto")
    assert there.point.f is not None
    torch.testing.assert_close(there.point.code, here.point.code, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(there.point.f, here.point.f, rtol=1e-3, atol=1e-3)


def test_learning_rates_decay_along_the_same_cosine() -> None:
    from zplus_plugins.inversion.step.adam import _Table

    table, found = _Table([0.1, 2.0], 7, torch.device("cpu")), []
    for _ in range(7):
        found.append([float(lr) for lr in table.now])
        table.step()
    expected = [[rate * lr_factor(step / 7) for rate in (0.1, 2.0)] for step in range(7)]
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected))
    assert [float(lr) for lr in table.now] == [0, 0]


def test_a_step_that_cannot_be_captured_runs_by_its_operations(
    model: Model, targets: Tensor, streams: list[Stream], caplog: pytest.LogCaptureFixture
) -> None:
    def waiting(pictures: Tensor, targets: Tensor) -> Tensor:
        return pictures.mean(dim=(1, 2, 3)) * float(targets[0, 0, 0, 0])

    outermost = list(streams)
    same(*both(model, Z_PLUS, targets, waiting))
    (made,), (record,) = Graph.made, caplog.records
    assert made.replays == 0 and made.was_reset
    assert streams == outermost
    assert record.levelno == logging.WARNING
    assert "(operation failed due to a previous error during capture). --graph off omits" in record.getMessage()


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("lost", ["", "convolution_backward", "_fused_adam_", "linalg_vector_norm"])
def test_a_graph_that_computes_something_else_is_not_used(
    model: Model, targets: Tensor, lost: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replay = Graph.replay

    def wrong(self: Graph) -> None:
        self.calls = [call for call in self.calls if lost not in str(call[0])]
        replay(self)

    monkeypatch.setattr(Graph, "replay", wrong)
    same(*both(model, SPACES["f/zplus"], targets))
    (made,), (record,) = Graph.made, caplog.records
    assert made.replays == 1 and made.was_reset
    assert "its first replay differs from the same step without it by" in record.getMessage()


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("factor", [1 + 1e-5, 1 + 1e-2])
def test_rounding_is_no_difference(
    model: Model, targets: Tensor, factor: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sums of a GPU depend on the order in which its threads arrive."""
    replay = Graph.replay

    def rounding(self: Graph) -> None:
        replay(self)
        losses = next(out for function, *_, out in reversed(self.calls) if "detach" in str(function))
        losses.mul_(factor)

    monkeypatch.setattr(Graph, "replay", rounding)
    invert(model, Z_PLUS, targets, SETTINGS, graph="auto")
    assert bool(caplog.records) == (factor > 1 + graph.TOLERANCE)


def test_warm_up_and_capture_are_on_a_side_stream(model: Model, targets: Tensor, streams: list[Stream]) -> None:
    (outside,), seen = streams, []

    def looking(pictures: Tensor, targets: Tensor) -> Tensor:
        seen.append(streams[-1])
        return pictures.mean(dim=(1, 2, 3))

    invert(model, Z_PLUS, targets, SETTINGS, likeness=looking, graph="auto")
    assert len(seen) == AT_ONCE + 1  # and then no more Python
    (side,) = set(seen)
    assert side is not outside
    assert side.waited_for == [outside] * AT_ONCE
    assert outside.waited_for == [side] * AT_ONCE
    invert(model, Z_PLUS, targets, SETTINGS, likeness=looking, graph="auto")
    assert set(seen) == {side}  # on each further one, libraries would keep another workspace


@pytest.mark.usefixtures("streams")
def test_progress_is_that_of_the_device(model: Model, targets: Tensor) -> None:
    """A queue of all steps would show them as done, and could not be interrupted."""
    waited: list[int] = []
    invert(model, Z_PLUS, targets, SETTINGS, graph="auto", on_step=lambda done: waited.append(Event.waited))
    assert waited[-1] == SETTINGS.steps - graph.WARM_UP - 2
    assert waited[AT_ONCE:] == list(range(waited[AT_ONCE], waited[-1] + 1))


@pytest.mark.usefixtures("streams")
def test_an_interrupted_inversion_frees_the_graph(model: Model, targets: Tensor) -> None:
    def interrupt(step: Step) -> None:
        if step.number == SETTINGS.steps - 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        invert(model, Z_PLUS, targets, SETTINGS, graph="auto", on_step=interrupt)
    (made,) = Graph.made
    assert made.was_reset


@pytest.mark.usefixtures("streams")
def test_no_graph_for_a_few_steps_and_for_random_noise(model: Model, targets: Tensor) -> None:
    invert(model, Z_PLUS, targets, replace(SETTINGS, steps=graph.FEWEST_STEPS - 1), graph="auto")
    noisy = Model(model.generator, model.statistics, f_resolution=8, noise="random")
    invert(noisy, Z_PLUS, targets, SETTINGS, graph="auto")
    assert not Graph.made


@pytest.mark.usefixtures("streams")
def test_zplus_invert_replays_unless_told_not_to(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    command = ("invert", "faces", "--generator", "generator.pt", "--likeness", "none", "--space", "zplus")
    common = (*command, "--steps", graph.FEWEST_STEPS, "--out")
    done(*common, tmp_path / "off", "--graph", "off")
    assert not Graph.made
    done(*common, tmp_path / "auto")
    assert Graph.made and all(one.replays for one in Graph.made)
    written = list((tmp_path / "off").glob("*.png"))
    assert len(written) == 2
    for path in written:
        assert (tmp_path / "auto" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("options", "expected"), [((), "auto"), (("--graph", "off"), "off")])
def test_zplus_compare_hands_the_choice_on(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], expected: str
) -> None:
    seen: list[object] = []

    def stopping(*args: object, graph: object, **more: object) -> Inversion:
        seen.append(graph)
        raise RequirementError("enough was seen")

    monkeypatch.chdir(made)
    monkeypatch.setattr(measuring, "invert", stopping)
    command = (
        "compare",
        "faces",
        "--generator",
        "generator.pt",
        "--without-lpips",
        "--spaces",
        "zplus",
        "--workers",
        1,
    )
    direction = ("--direction", "found_generator/ganspace-00.zplus.npz")
    result = zplus(*command, *direction, "--out", tmp_path / "out", *options)
    assert "enough was seen" in result.output and seen == [expected]


def test_the_cpu_has_no_graphs(model: Model, targets: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    same(*(invert(model, Z_PLUS, targets, SETTINGS, graph=one) for one in ("off", "auto")))  # type: ignore[arg-type]
    assert not caplog.records


def test_rocm_is_not_taken_for_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cuda")
    monkeypatch.setattr(torch.version, "hip", None)
    assert graph.capturable(device) and not graph.capturable(torch.device("cpu"))
    monkeypatch.setattr(torch.version, "hip", "6.2")
    assert not graph.capturable(device)
