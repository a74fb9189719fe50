"""Whether a run can compute in the precision that was asked for."""

from __future__ import annotations

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.adapter.description import Adapter, Script


def require_precision(precision: str, adapter: Adapter, script: Script, latent: str) -> None:
    """Require that ``--precision`` can take effect: in float32 always, otherwise by a patch of the adapter.

    Raises:
        UsageError: it cannot.
    """
    if precision == "float32":
        return
    if script.role != "invert":
        raise UsageError(
            f"--precision {precision} has no effect on {script.path}: it is for the steps of an inversion. Leave it "
            "out."
        )
    if latent == "off":
        raise UsageError(
            f"--precision {precision} does not go with --latent off, which gives the upstream's own results bit for "
            "bit. Leave one of them out."
        )
    if not any(precision in patch.precisions for patch in adapter.patches):
        raise UsageError(
            f"--precision {precision}: the adapter {adapter.name!r} has no patch that computes its generator in "
            f"{precision}. Leave --precision out, or use float32."
        )
