"""Inversion of images in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeAlias

import torch
from PIL import Image
from torch import Tensor

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.execution.memory import is_out_of_memory
from zplus_plugins.execution.processors import Share
from zplus_plugins.execution.progress import Announced, LossText, Place, counting
from zplus_plugins.inversion import Model, Point, Settings, Space, space_named
from zplus_plugins.inversion import invert as found_by
from zplus_plugins.inversion.batch_size import BatchSize, pieces
from zplus_plugins.inversion.batches import about
from zplus_plugins.inversion.domain import Choice, Domain, domain_of
from zplus_plugins.inversion.fitting import fitting
from zplus_plugins.inversion.inverter import Step
from zplus_plugins.inversion.step.graph import Choice as Graph
from zplus_plugins.inversion.step.precision import Precision
from zplus_plugins.library.inversion import Inversion
from zplus_plugins.library.models import GivenGenerator, model_for
from zplus_plugins.library.targets import Picture, Target, stacked, targets_of
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.console import bar
from zplus_plugins.system.threads import limited_to, threads_for

Preview: TypeAlias = Callable[[], Image.Image]
OnStep: TypeAlias = Callable[[int, Tensor, Preview], object]


def invert(
    images: Picture | Sequence[Picture],
    generator: GivenGenerator | Model = None,
    space: str | Space = "f/zplus",
    *,
    steps: int = Settings.steps,
    lr: float = Settings.lr,
    seed: int | None = None,
    precision: Precision = "float32",
    likeness: Choice = "auto",
    resize: bool = False,
    batch: int | None = None,
    device: str | None = None,
    graph: Graph = "auto",
    progress: bool = False,
    on_step: OnStep | None = None,
) -> Inversion:
    """Find codes whose images are as close as possible to the given ones (arXiv 2307.08995), as ``zplus invert`` does.

    Args:
        images: one or several: PIL images; aligned images, of which records then state how they were aligned; paths of
            files, or of folders of files; tensors (3, R, R) or (B, 3, R, R) in [-1, 1]; arrays of bytes (H, W, 3) or
            (B, H, W, 3). They must be square, and aligned like the generator's training images.
        generator: a generator, which stays as it is; the path of its file; a model of one, such as that of another
            inversion; or None for the embedded generator of drawn portraits.
        space: ``f/zplus``, ``zplus``, ``f/wplus``, ...: see :data:`~zplus_plugins.SPACES`.
        steps: number of Adam steps.
        lr: learning rate of the codes, in units of the standard deviation of their components.
        seed: seed of the random code at which all images start; None for the mean image.
        precision: ``bf16`` for convolutions in bfloat16.
        likeness: perceptual loss: ``lpips``, which downloads its weights once; ``features`` of the embedded regressor;
            ``none``; or ``auto``, features for the embedded generator and LPIPS for others.
        resize: whether to resize square images of another size.
        batch: how many images are inverted together; None for 8, or fewer if the memory holds no more.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; None for where the generator is, or ``auto`` for a file.
        graph: ``auto`` replays a step as one CUDA graph on a CUDA GPU, ``off`` does not.
        progress: whether to show a bar, on a terminal or in a notebook.
        on_step: called after each step with its number, from 1 to ``steps`` for each batch one after the other, so that
            the second batch begins with ``steps + 1``; the mean loss of the batch, a tensor () on the device, because
            ``float(loss)`` waits for a GPU; and a function that makes the current picture, those of a batch side by
            side, which costs nothing unless it is called, and must be called before the next step.

    Raises:
        RequirementError: an image is unusable, the device is not available, or the memory is too small.
        ImageError: a tensor or an array has another shape, dtype or range.
        UsageError: there is no such space, precision or device, or a number is out of range.
        GeneratorFileError: the generator cannot be loaded.
        DownloadError: the weights of LPIPS are missing and cannot be downloaded.
    """
    if batch is not None and batch < 1:
        raise UsageError(f"A batch cannot have {batch} images; expected at least 1, or None.")
    if not lr > 0:
        raise UsageError(f"The learning rate is {lr}; expected a number above 0.")
    settings = Settings(steps=steps, lr=lr, seed=seed, precision=precision)
    chosen = space_named(space) if isinstance(space, str) else space
    model = generator if isinstance(generator, Model) else model_for(generator, device)
    targets = targets_of(images, model.generator.architecture.resolution, resize)
    domain, where = domain_of(model, likeness), model.generator.w_mean.device
    share = Share(1, threads_for(model.generator))
    with limited_to(share.threads), ExitStack() as stack:
        size = BatchSize.asked(batch)
        if batch is None and len(targets) > 1:
            size = fitting(domain, chosen, settings)
        told = _Told(on_step, model, settings.steps)
        if progress:
            shown = stack.enter_context(bar(len(targets) * steps, "step", chosen.title))
            resolution = model.generator.architecture.resolution
            work = f"{counting(len(targets))} of {resolution} px in {chosen.title}, {steps} steps each"
            told.shown = Announced(shown, work, len(targets) * steps, Place(where, share), size.images)
        parts = [_inverted(domain, chosen, settings, part, graph, told) for part in pieces(targets, size.images)]
    return Inversion.joined(parts)


class _Told:
    """Tells a caller, and the bar, of each step."""

    def __init__(self, on_step: OnStep | None, model: Model, steps: int) -> None:
        self._on_step, self._model, self._steps = on_step, model, steps
        self._before = 0  # steps of earlier batches
        self._text = LossText("")
        self.shown: Announced | None = None

    def begin(self, title: str) -> None:
        """Begin a batch."""
        self._text = LossText(title)

    def end(self) -> None:
        """End it."""
        self._before += self._steps

    def __call__(self, step: Step) -> None:
        if self.shown is not None:
            self.shown(self._text(step.losses), len(step.losses))
        if self._on_step is not None:
            self._on_step(self._before + step.number, step.losses.mean(), lambda: _side_by_side(step))


def _side_by_side(step: Step) -> Image.Image:
    pictures = step.pictures()
    return sheet(pictures, len(pictures))


def _inverted(
    domain: Domain, space: Space, settings: Settings, targets: Sequence[Target], graph: Graph, told: _Told
) -> Inversion:
    """One batch."""
    model, likeness = domain.model, domain.likeness
    wanted = stacked(targets, model.generator.w_mean.device)
    f = domain.encoder(wanted) if space.with_f and domain.encoder is not None else None
    told.begin(space.title)
    try:
        found = found_by(model, space, wanted, settings, likeness=likeness, f=f, on_step=told, graph=graph)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise RequirementError(
            f"{counting(len(targets))} at a time do not fit into the memory of {wanted.device}. Give a smaller batch, "
            'likeness="none", or another device.'
        ) from None
    told.end()
    with torch.no_grad():
        pictures = model.pictures(found.point)
    how = [
        {**target.stated} | about(settings, wanted[index], pictures[index], float(found.losses[index]))
        for index, target in enumerate(targets)
    ]
    return Inversion(model, _on_leaf(found.point), found.losses.cpu(), tuple(how), tuple(t.file for t in targets))


def _on_leaf(point: Point) -> Point:
    """The codes as plain tensors of their own."""
    return replace(point, code=point.code.detach().clone(), f=None if point.f is None else point.f.detach().clone())
