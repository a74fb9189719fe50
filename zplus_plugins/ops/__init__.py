"""StyleGAN's two custom operations, on any PyTorch: compiled for the device where that is possible.

The signatures are those that StyleGAN repositories know, so that the functions drop in.
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
