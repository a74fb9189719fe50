"""The optimizer hook that ends every step on the hypersphere.

The retraction itself, Eq. 1, is :func:`zplus_plugins.hypersphere.geometry.retract`.
"""

from __future__ import annotations

import inspect
from typing import Any

from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from zplus_plugins.errors import OptimizerError
from zplus_plugins.hypersphere.latent import SphericalLatent


class Retraction:
    """A post-step hook that applies Eq. 1 to one latent, without synchronising with the device."""

    def __init__(self, latent: SphericalLatent) -> None:
        self.latent = latent
        self.count = 0

    def __call__(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.latent.retract_()
        self.count += 1


class RetractionHandle:
    """Returned by :func:`attach`: counts the retractions, and removes the hook."""

    def __init__(self, hook: Retraction, handle: RemovableHandle) -> None:
        self._hook = hook
        self._handle = handle

    @property
    def count(self) -> int:
        """Retractions so far, one per step."""
        return self._hook.count

    def remove(self) -> None:
        """Stop retracting. Removing twice does nothing."""
        self._handle.remove()

    def __enter__(self) -> RetractionHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def attach(optimizer: Optimizer, latent: SphericalLatent) -> RetractionHandle:
    """Keep ``latent`` on its hypersphere: retract it after every step of ``optimizer``.

    The optimizer's own update rule, state and schedule are not changed, as in arXiv 2307.08995: "we
    follow the optimization algorithms of the base methods", then Eq. 1. Works with every optimizer
    that updates the parameters once per step: Adam, AdamW, SGD, RMSprop, Adagrad, NAdam, ..., in
    their plain, foreach and fused variants.

    Args:
        optimizer: has the latent in one of its parameter groups.
        latent: the parameter to keep on the hypersphere.

    Returns:
        A handle with ``remove()`` and ``count``, also usable as a context manager.

    Raises:
        OptimizerError: the optimizer requires a closure (LBFGS); ``latent`` is not a SphericalLatent,
            is not in the parameter groups exactly once, or is already attached.
    """
    if not isinstance(latent, SphericalLatent):
        raise OptimizerError(
            f"attach() retracts a SphericalLatent, not a {type(latent).__name__}. "
            "Wrap the tensor in SphericalLatent before you give it to the optimizer."
        )
    refuse_closure_optimizer(type(optimizer))
    places = sum(p is latent for group in optimizer.param_groups for p in group["params"])
    if places != 1:
        found = "none" if places == 0 else f"it {places} times"
        raise OptimizerError(
            f"{type(optimizer).__name__} must have the latent exactly once in its parameter groups; found {found}."
        )
    attached = optimizer._optimizer_step_post_hooks.values()
    if any(isinstance(hook, Retraction) and hook.latent is latent for hook in attached):
        raise OptimizerError(f"This {type(optimizer).__name__} already retracts the latent; attach() it once.")
    hook = Retraction(latent)
    return RetractionHandle(hook, optimizer.register_step_post_hook(hook))


def refuse_closure_optimizer(kind: type[Optimizer]) -> None:
    """Raise OptimizerError for optimizers whose step requires a closure.

    Such a step (LBFGS and its line search) evaluates the loss at several points and combines their
    gradients as in a flat space; a retraction after the step would invalidate its history.
    """
    closure = inspect.signature(kind.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise OptimizerError(
            f"{kind.__name__} evaluates its closure at several points within a step and combines their "
            "gradients as in a flat space, so codes cannot be kept on the hypersphere. "
            "Use an optimizer that updates once per step, such as Adam or SGD."
        )
