"""StyleGAN's two custom operations for any version of PyTorch, compiled for the device where possible.

The signatures are those of the StyleGAN repositories, so that the functions are drop-in replacements.
"""

from zplus_plugins.ops.bias_act import bias_act
from zplus_plugins.ops.choice import backend, use
from zplus_plugins.ops.definition.filters import setup_filter
from zplus_plugins.ops.upfirdn2d import downsample2d, filter2d, upfirdn2d, upsample2d

__all__ = [
    "backend",
    "bias_act",
    "downsample2d",
    "filter2d",
    "setup_filter",
    "upfirdn2d",
    "upsample2d",
    "use",
]
