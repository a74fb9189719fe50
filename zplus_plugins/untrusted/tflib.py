"""Networks of the TensorFlow version of StyleGAN, as pickled by its ``dnnlib.tflib``.

A file contains one network, or a tuple of three: G, D, and Gs, the moving average of G. Each has a version, the
settings of its constructor (``static_kwargs``), its variables, subnetworks (``components``), and source code. The
supported settings are those that ``legacy.py`` of https://github.com/NVlabs/stylegan3 converts: those of StyleGAN2's
configurations E and F, and of StyleGAN2-ADA.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from zplus_plugins.untrusted import printable

NAME = "dnnlib.tflib.network.Network"
OLDEST = 4  # version of these files; those of StyleGAN1 and ProGAN are lower

SETTINGS: Mapping[str, Any] = {
    **{"latent_size": 512, "dlatent_size": 512, "label_size": 0, "resolution": 1024, "num_channels": 3},
    **{"fmap_base": 16384, "fmap_max": 512, "num_fp16_res": 0, "conv_clamp": None, "architecture": "skip"},
    **{"resample_kernel": (1, 3, 3, 1), "use_noise": True, "nonlinearity": "lrelu", "fused_modconv": True},
    **{"mapping_layers": 8, "mapping_fmaps": None, "mapping_nonlinearity": "lrelu", "mapping_lrmul": 0.01},
    **{"label_fmaps": None, "w_avg_beta": 0.995, "truncation_psi": None, "truncation_cutoff": None},
    **{"style_mixing_prob": None, "structure": None, "conditioning": None},
}
"""The settings of a generator and their defaults."""

OF_DISCRIMINATOR = frozenset(
    {
        *("label_size", "resolution", "num_channels", "architecture", "fmap_base", "fmap_max", "num_fp16_res"),
        *("conv_clamp", "mapping_fmaps", "nonlinearity", "resample_kernel", "freeze_layers", "mapping_layers"),
        *("mapping_lrmul", "mbstd_group_size", "mbstd_num_features", "structure", "conditioning"),
    }
)

_LARGEST = 2**13


def problem(state: Mapping[Any, Any], known: Collection[str] = SETTINGS.keys()) -> str | None:
    """Why a network cannot be converted, as the end of a sentence, starting with a verb; None if it can.

    Args:
        state: its pickled state.
        known: the settings that it may have.
    """
    version = state.get("version")
    if type(version) is not int:
        return "does not state its version"
    if version < OLDEST:
        return f"has version {max(version, 0)}, and StyleGAN2 starts with {OLDEST}: it is StyleGAN1 or older"
    given = state.get("static_kwargs")
    if not isinstance(given, Mapping):
        return "has no settings (static_kwargs)"
    strange = next((name for name in given if name not in known), None)
    if strange is not None:
        return f"has a setting {printable(str(strange))}, which StyleGAN2's configurations E and F do not have"
    return None


def channels(settings: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Feature channels at resolutions 4, 8 and so on, from a generator's settings; None if these are not integers."""
    resolution, base, most = (settings[name] for name in ("resolution", "fmap_base", "fmap_max"))
    if not all(type(number) is int for number in (resolution, base, most)):
        return None
    return tuple(min(2 * base // side, most) for side in _sides(resolution))


def _sides(resolution: int) -> Iterator[int]:
    side = 4
    while side <= min(resolution, _LARGEST):
        yield side
        side *= 2


def pairs(variables: Any) -> Iterator[tuple[str, Any]]:
    """A network's own variables with their names; anything else is skipped."""
    for pair in variables if isinstance(variables, list | tuple) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str):
            yield pair[0], pair[1]
