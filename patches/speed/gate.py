"""What an inversion with ``--precision bf16`` lost: its last codes once more, in bfloat16 and in float32.

A script's loss cannot be computed again from outside: it is a piece of the script's loop. So both images that the
network makes of the last step's inputs are compared with the target, by MSE and by LPIPS, the parts of a loss that
depend on the precision. The target is the image without gradients that the script has given to LPIPS; for a script that
uses another perceptual loss, only the images are compared, with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from zplus_plugins.errors import PatchError
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.patches.speed.precision import computing_in
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.summary import PrecisionCheck
from zplus_plugins.upstreams.patching.journal import Journal

Call = Callable[[], Any]


class Gate:
    """Notes the last step's calls, and compares the precisions when an inversion is over.

    An inversion is over when the next one's optimizer is built, or when the script has ended.

    Attributes:
        used: whether a convolution was computed in bfloat16; to be set by whoever does so.
    """

    def __init__(self, run: RunContext) -> None:
        self._checks, self._device = run.precision_checks, run.device
        self.used = False
        self._stepping = False  # whether the last image with gradients was of a step, and not of the tuning after it
        self._synthesis: Call | None = None
        self._perceptual: tuple[Callable[[Tensor], Any], Tensor] | None = None
        run.at_end(self.check)

    def install(self, journal: Journal) -> None:
        """Watch optimizers and LPIPS."""
        journal.wrap(Optimizer, "add_param_group", self._beginning)
        journal.wrap_when_imported("lpips.lpips:LPIPS.forward", self._comparing)

    def synthesising(self, synthesise: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function of a network, its first argument or ``G``, that makes an image or a dict with an ``image``.

        Raises:
            PatchError: a step was not computed in bfloat16.
        """

        def noting(*args: Any, **kwargs: Any) -> Any:
            result = synthesise(*args, **kwargs)
            network: nn.Module = args[0] if args else kwargs["G"]
            tuned = any(weight.requires_grad for weight in network.parameters())
            if not _image(result).requires_grad:
                return result
            self._stepping = not tuned
            if self._stepping and not self.used:
                raise PatchError(
                    f"--precision bf16 took no effect: {type(network).__name__} has none of the convolutions that the "
                    "adapter's patch replaces. Run without --precision."
                )
            if self._stepping:
                self._synthesis = lambda: synthesise(*args, **kwargs)
            return result

        return noting

    def _comparing(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def noting(network: Any, in0: Tensor, in1: Tensor, *args: Any, **kwargs: Any) -> Any:
            images = [image for image in (in0, in1) if not image.requires_grad]
            if self._stepping and len(images) == 1:
                self._perceptual = lambda image: forward(network, images[0], image, *args, **kwargs), images[0]
            return forward(network, in0, in1, *args, **kwargs)

        return noting

    def _beginning(self, add_param_group: Callable[..., None]) -> Callable[..., None]:
        def add(optimizer: Optimizer, param_group: dict[str, Any]) -> None:
            add_param_group(optimizer, param_group)
            if any(isinstance(parameter, SphericalLatent) for parameter in optimizer.param_groups[-1]["params"]):
                self.check()

        return add

    def check(self) -> None:
        """Compare the precisions for the inversion that is over, if there was one."""
        if self._synthesis is not None:
            low, exact = (self._evaluate(low) for low in (True, False))
            difference = (low[0] - exact[0]).square().mean().item()
            self._checks.append(PrecisionCheck(difference, low[1], exact[1], low[2], exact[2]))
        self._synthesis = self._perceptual = None
        self._stepping = False

    @torch.no_grad()
    def _evaluate(self, low: bool) -> tuple[Tensor, float | None, float | None]:
        """The image, its MSE and its LPIPS, with the random numbers that the script will go on with."""
        assert self._synthesis is not None
        # Named, because under the patch of device names torch would look for a GPU on the CPU.
        devices = [torch.cuda.current_device()] if self._device.cuda else []
        with computing_in(low), torch.random.fork_rng(devices):
            image = _image(self._synthesis()).float()
            if self._perceptual is None:
                return image, None, None
            perceptual, target = self._perceptual
            small = _as_large_as(image, target)
            distance = perceptual(small)
            distance = distance[0] if isinstance(distance, tuple) else distance
            return image, (small - target).square().mean().item(), distance.mean().item()


def _image(result: Any) -> Tensor:
    image: Tensor = result["image"] if isinstance(result, dict) else result
    return image


def _as_large_as(image: Tensor, target: Tensor) -> Tensor:
    size = target.shape[2:]
    return image if image.shape[2:] == size else F.interpolate(image, size=size, mode="area")
