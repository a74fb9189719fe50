"""Between image files and tensors."""

from __future__ import annotations

import numpy as np
from PIL import Image
from torch import Tensor
from torchvision import transforms

d_l2rgb = {
    "W+": [230, 25, 75],
    "F4": [60, 180, 75],
    "F6": [255, 225, 25],
    "F8": [0, 130, 200],
    "F10": [245, 130, 48],
}


def build_t(H: int | None = None, W: int | None = None, center_crop: bool = False) -> transforms.Compose:
    """From PIL images to tensors (3, H, W) in [-1, 1]; the size stays if none is given."""
    if center_crop:
        raise ValueError("Crops are not supported")
    resize = [] if H is None or W is None else [transforms.Resize((H, W), interpolation=Image.LANCZOS)]
    return transforms.Compose([*resize, transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])


def segments2rgb(seg_map: np.ndarray, outf: str) -> None:
    """Draw a map of classes."""
    Image.fromarray((seg_map * 10).astype(np.uint8)).save(outf)


def view_invertibility(image_input: Tensor, d_invmap: dict[str, Tensor], outf: str) -> None:
    """Draw maps in [0, 1] side by side; the original draws the image beside them."""
    maps = [Image.fromarray((255 * d_invmap[name][0, 0].clamp(0, 1)).cpu().numpy().astype("uint8")) for name in d_l2rgb]
    Image.fromarray(np.hstack([np.array(one.resize((256, 256))) for one in maps])).save(outf)


def tensor2pil(var: Tensor) -> Image.Image:
    """A tensor (3, H, W) in [-1, 1] to an image; it rounds down."""
    levels = var.detach().cpu().permute(1, 2, 0).numpy() / 2 + 0.5
    return Image.fromarray((levels.clip(0, 1) * 255).astype("uint8"))
