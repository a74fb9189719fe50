"""genforce's layers below F, whose results BDInvert computes in every step and then replaces by F.

They are left out; the image and all gradients are bit for bit the same. A layer's result that a caller reads after all
is computed then. With random noise they are computed as before, because each draws numbers from the common generator.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from torch import Tensor

from zplus_plugins.patches.ops.genforce_ops import STYLEGAN2
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


class _Nothing:
    """What a layer that is left out gives: an image or a feature map that nobody may use."""

    def __add__(self, other: object) -> _Nothing:
        return self


_NOTHING = _Nothing()


def _left_out(*_: object) -> tuple[_Nothing, None]:
    return _NOTHING, None


class _FromF:
    """A synthesis network as seen by its own ``forward``: the layers up to ``last``, and their outputs, do nothing."""

    def __init__(self, network: Any, last: int) -> None:
        self._network = network
        self._left_out = {f"layer{i}" for i in range(last + 1)} | {f"output{i // 2}" for i in range(0, last + 1, 2)}

    def __getattr__(self, name: str) -> Any:
        return _left_out if name in self._left_out else getattr(self._network, name)

    def upsample(self, image: Any) -> Any:
        return image if isinstance(image, _Nothing) else self._network.upsample(image)


class _Results(dict[str, Any]):
    """The network's results, without those that were left out; whoever reads one gets it computed."""

    def __init__(self, known: dict[str, Any], compute: Callable[[], dict[str, Any]]) -> None:
        super().__init__(known)
        self._compute = compute

    def __missing__(self, name: str) -> Any:
        every = self._compute()
        self.update({key: value for key, value in every.items() if key not in self})
        if name not in every:
            raise KeyError(name)
        return self[name]


def leaving_out(theirs: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Wrap ``SynthesisModule.forward`` of genforce's StyleGAN2."""

    def forward(self: Any, wp: Tensor, *args: Any, **arguments: Any) -> dict[str, Any]:
        def everything() -> dict[str, Any]:
            return theirs(self, wp, *args, **arguments)

        last = _layer(arguments.get("basecode_layer"))
        # The image of an even layer's resolution is made of results on both sides of it.
        plain = arguments.get("basecode") is not None and last % 2 == 1 and 0 < last < self.num_layers - 1
        if not plain or args or arguments.get("randomize_noise") or getattr(self, "architecture", None) != "skip":
            return everything()
        try:
            found = theirs(_FromF(self, last), wp, **arguments)
        except (AttributeError, TypeError):  # a changed upstream that uses what is below F in another way
            return everything()
        unknown = {f"{kind}{i:02d}" for i in range(last + 1) for kind in ("x", "style")}
        unknown |= {f"output_style{i // 2}" for i in range(0, last + 1, 2)}
        return _Results({name: value for name, value in found.items() if name not in unknown}, everything)

    return forward


def _layer(name: str | None) -> int:
    """The number of a layer named x00, x01, ...; -1 for any other name."""
    found = re.fullmatch(r"x(\d+)", name or "")
    return int(found[1]) if found else -1


def _install(journal: Journal, run: RunContext) -> None:
    if run.latent != "off":
        journal.wrap_when_imported(f"{STYLEGAN2}:SynthesisModule.forward", leaving_out)


PATCH = Patch(
    name="layers below F",
    problem="the layers below F are computed in every step, and their results are replaced by F",
    install=_install,
)
