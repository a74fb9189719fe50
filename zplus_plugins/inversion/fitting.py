"""The number of images that fit into memory together."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch
from torch import Tensor, nn

from zplus_plugins.execution.memory import free_memory, is_out_of_memory
from zplus_plugins.inversion import Settings, Space, invert
from zplus_plugins.inversion.batch_size import USUAL, BatchSize
from zplus_plugins.inversion.domain import Domain

_log = logging.getLogger("zplus_plugins")

_MORE = 1.3  # the peak beside what is kept for the backward pass; measured at 256 pixels: 1.0 to 1.3
_USABLE = 0.8  # of the free memory: others need some, too
_GB = 1e9


def fitting(domain: Domain, space: Space, settings: Settings, processes: int = 1) -> BatchSize:
    """The largest of 8, 4, 2 and 1 images that fit into memory together; 1 if not even that one is sure to fit.

    On the CPU, as many ``processes`` share the memory.

    Larger batches are not offered: on a CPU, they are no faster.
    """
    device = domain.model.generator.w_mean.device
    free = free_memory(device)
    if free is None:
        return BatchSize()
    if device.type == "cpu":
        free //= processes
    try:
        each = bytes_per_image(domain, space, settings)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return BatchSize(1, 1)
    images = USUAL
    while images > 1 and images * each > _USABLE * free:
        images //= 2
    if images < USUAL:
        _log.info(
            "%d images at a time: %s has %.1f GB of free memory, and each image takes about %.1f GB.",
            *(images, device, free / _GB, each / _GB),
        )
    return BatchSize(images, images)


def bytes_per_image(domain: Domain, space: Space, settings: Settings) -> float:
    """The memory that each image of a batch takes while it is inverted, beside the networks.

    One step is done with one image, and what it keeps for the backward pass is counted.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = max(kept.get(storage.data_ptr(), 0), storage.nbytes())
        return tensor

    model = domain.model
    size = model.generator.architecture.resolution
    target = torch.zeros(1, 3, size, size, device=model.generator.w_mean.device)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        invert(model, space, target, replace(settings, steps=1), likeness=domain.likeness)
    return _MORE * sum(kept.values())
