"""Upsample, filter and downsample a batch of images (Karras et al., 2020)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def upfirdn2d(
    x: Tensor,
    kernel: Tensor,
    *,
    up: tuple[int, int] = (1, 1),
    down: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Tensor:
    """Follow each sample by zeros, pad with zeros, convolve each channel with the kernel, keep every n-th sample.

    Its transpose, and so its derivative, is an operation of the same kind, with up and down exchanged
    and the kernel turned by 180 degrees.

    Args:
        x: images of shape (N, C, H, W).
        kernel: of shape (kernel_h, kernel_w); a true convolution, so it is applied turned by 180 degrees.
        up: samples made of each one, along (x, y).
        down: samples of which one is kept, along (x, y).
        padding: (left, right, top, bottom), in samples after upsampling; negative values crop.

    Returns:
        Images of shape (N, C, out_h, out_w) with
        ``out_h = (H * up_y + top + bottom - kernel_h) // down_y + 1``, and likewise out_w.
    """
    batch, channels, height, width = x.shape
    (up_x, up_y), (down_x, down_y) = up, down
    if up != (1, 1):
        spread = x.new_zeros(batch, channels, height * up_y, width * up_x)
        spread[..., ::up_y, ::up_x] = x
        x = spread
    x = F.pad(x, padding)
    # One convolution with a channel for each image's channel: many times faster than a batch of one-channel images.
    planes = x.reshape(1, batch * channels, *x.shape[2:])
    weight = kernel.to(x.dtype).flip(0, 1).expand(batch * channels, 1, -1, -1)
    filtered = F.conv2d(planes, weight, stride=(down_y, down_x), groups=batch * channels)
    return filtered.reshape(batch, channels, *filtered.shape[2:])
