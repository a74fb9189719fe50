"""Networks, and synthesis with W+ codes and feature maps."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

# The block that a feature map is added after, counted from 1.
PLACES = {3: "F4", 4: "F6", 5: "F8", 6: "F10"}
ALL_LATENTS = "W+,F4,F6,F8,F10"


class layer_head(nn.Module):
    """How hard a place is to invert in one latent, from the base network's features."""

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Sequential(
            nn.ConvTranspose2d(8, 4, kernel_size=3, padding=1),
            nn.BatchNorm2d(4),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(4, 1, kernel_size=1),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.m(x)
        return out


def load_generator(gan_name: str, gan_weights: str, device: torch.device = torch.device("cuda")) -> Any:  # noqa: B008
    """The generator of a pickle, on the GPU."""
    sys.path.append("./src/nets/stylegan3")
    import dnnlib
    import legacy

    with dnnlib.util.open_url(gan_weights) as file:
        return legacy.load_network_pkl(file)["G_ema"].to(device).eval()


def load_invertibility(latent_names: str, ckpt_path: str) -> Callable[[Tensor], dict[str, Tensor]]:
    """A function from images to one map (N, 1, H, W) for each latent."""
    sys.path.append("./src/nets/pytorch-deeplab-xception")
    from modeling.deeplab import DeepLab

    base = DeepLab(num_classes=8, backbone="resnet", output_stride=16, sync_bn=False, freeze_bn=False)
    weights = torch.load(ckpt_path)
    base.load_state_dict(weights["sd_base"])
    base.eval().cuda()
    heads = {name: layer_head().cuda() for name in latent_names.split(",")}
    for name, head in heads.items():
        head.load_state_dict(weights[name])
        head.eval()

    def fn_inv(x: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            features = base(x)
            return {name: head(features) for name, head in heads.items()}

    return fn_inv


def load_segmenter(segmenter_name: str, H: int = 192, W: int = 256) -> Any:
    """A segmenter by its name."""
    if segmenter_name == "hrnet_ade20k":
        from segmenter_utils import segmenter_hrnet

        return segmenter_hrnet(ds="ade20k", H=H, W=W)
    if segmenter_name == "face_parser_fused":
        from segmenter_utils import segmenter_face

        return segmenter_face("ckpt/79999_iter.pth", fuse_face_regions=True)
    from segmenter_utils import segmenter_detectron

    assert segmenter_name == "detectron_coco"
    return segmenter_detectron("coco")


def load_encoder(ckpt_path: str, model_type: str = "e4e") -> Any:
    """The encoder that the W+ codes start from, on the GPU."""
    sys.path.insert(0, "src/nets/encoder4editing")
    from models.psp import pSp

    options = torch.load(ckpt_path, map_location="cpu")["opts"]
    options.update(checkpoint_path=ckpt_path, device=torch.device("cuda"))
    return pSp(argparse.Namespace(**options)).eval().cuda()


def custom_forward(
    G: Any, d_latents: dict[str, Tensor], gan_name: str, latent_name: str, d_masks: dict[str, Tensor] | None = None
) -> Tensor:
    """The image of W+ and feature maps: of all five latents with masks, of one feature map without."""
    assert gan_name == "stylegan2"
    everything = latent_name == ALL_LATENTS
    assert d_masks is not None or not everything
    x = img = None
    for layer, block, codes in _blocks(G, d_latents["W+"]):
        x, img = block(x, img, codes)
        if layer is not None and everything:
            x = x + d_latents[layer] * d_masks[layer]
        elif layer == latent_name:
            x = x + d_latents[layer]
    return img


def partial_forward(
    G: Any, d_latents: dict[str, Tensor], gan_name: str, out_layer: str, d_masks: dict[str, Tensor]
) -> Tensor:
    """The features at one layer."""
    assert gan_name == "stylegan2" and d_masks is not None
    x = img = None
    for layer, block, codes in _blocks(G, d_latents["W+"]):
        x, img = block(x, img, codes)
        if layer is not None:
            x = x + d_latents[layer] * d_masks[layer]
        if layer == out_layer:
            return x
    raise ValueError(f"There is no layer {out_layer}")


def edit_image(
    G: Any, d_latents: dict[str, Tensor], gan_name: str, edit_dir_wp: Tensor, d_masks: dict[str, Tensor]
) -> Tensor:
    """The image of an edited W+; where a feature map was used, the features stay as they were without the edit."""
    assert gan_name == "stylegan2"
    kept = {layer: partial_forward(G, d_latents, gan_name, layer, d_masks) for layer in PLACES.values()}
    x = img = None
    for layer, block, codes in _blocks(G, d_latents["W+"].detach().clone() + edit_dir_wp, check=False):
        x, img = block(x, img, codes)
        if layer is not None:
            x = x * (1 - d_masks[layer]) + kept[layer] * d_masks[layer]
    return img


def _blocks(G: Any, ws: Tensor, check: bool = True) -> Iterator[tuple[str | None, Any, Tensor]]:
    """The synthesis blocks, each with the name of the feature map that follows it and its share of the codes."""
    from torch_utils import misc

    if check:
        misc.assert_shape(ws, [None, G.synthesis.num_ws, G.synthesis.w_dim])
    start = 0
    for number, resolution in enumerate(G.synthesis.block_resolutions, start=1):
        block = getattr(G.synthesis, f"b{resolution}")
        yield PLACES.get(number), block, ws.float().narrow(1, start, block.num_conv + block.num_torgb)
        start += block.num_conv
