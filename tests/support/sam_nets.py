"""Networks in the place of submodules that SAM's scripts import and a checkout may lack.

Those are ``modeling.deeplab`` (base of the invertibility network) and the segmenters' ``mit_semseg``, ``model``
and ``detectron2``. :func:`support.sam_assets.prepare` puts modules of these names on PYTHONPATH that import
from here. All of them see brightness only: six levels of it are six classes, so one photograph has segments
of every difficulty.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Classes that SAM's segmenters merge with no other.
CLASSES = (0, 9, 15, 16, 17, 18)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def segment(brightness: Tensor) -> Tensor:
    """Brightness in [0, 1] to one of the classes, element by element."""
    levels = (brightness * len(CLASSES)).long().clamp(0, len(CLASSES) - 1)
    return torch.tensor(CLASSES)[levels]


def scores(images: Tensor, classes: int) -> Tensor:
    """Images (N, 3, H, W), normalised as ImageNet's, to one-hot scores (N, classes, H, W)."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    found = segment((images.cpu() * std + mean).mean(1))
    return F.one_hot(found, classes).movedim(-1, 1).float().to(images.device)


class DeepLab(nn.Module):
    """The invertibility network's base: images (N, 3, H, W) to features (N, num_classes, H, W)."""

    def __init__(
        self,
        backbone: str = "resnet",
        output_stride: int = 16,
        num_classes: int = 21,
        sync_bn: bool = True,
        freeze_bn: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, num_classes, kernel_size=1)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.conv(images)
        return features


class BiSeNet(nn.Module):
    """The face parser: scores first, then two auxiliary outputs."""

    classes: Tensor

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.register_buffer("classes", torch.tensor(n_classes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        result = scores(images, int(self.classes))
        return result, result, result


class SceneConfig(SimpleNamespace):
    """The configuration of ``mit_semseg``; the file that is merged into the original's holds these names."""

    def merge_from_file(self, path: str) -> None:
        self.MODEL = SimpleNamespace(arch_encoder="resnet50dilated", arch_decoder="ppm_deepsup", fc_dim=2048)
        self.DATASET = SimpleNamespace(num_class=150)


cfg = SceneConfig()


class ModelBuilder:
    """Both halves of the scene parser."""

    @staticmethod
    def build_encoder(arch: str, fc_dim: int, weights: str) -> nn.Module:
        return nn.Identity()

    @staticmethod
    def build_decoder(arch: str, fc_dim: int, num_class: int, weights: str, use_softmax: bool) -> nn.Module:
        return nn.Conv2d(1, num_class, kernel_size=1)


class SegmentationModule(nn.Module):
    """The scene parser."""

    def __init__(self, net_enc: nn.Module, net_dec: nn.Module, crit: nn.Module) -> None:
        super().__init__()
        self.classes: Any = net_dec.out_channels

    def forward(self, feed_dict: dict[str, Tensor], *, segSize: tuple[int, int]) -> Tensor:
        return scores(F.interpolate(feed_dict["img_data"], size=segSize), self.classes)


def get_cfg() -> Any:
    """A configuration of ``detectron2`` that takes whatever is set."""
    model = SimpleNamespace(ROI_HEADS=SimpleNamespace())
    return SimpleNamespace(MODEL=model, merge_from_file=lambda path: None)


def get_config_file(name: str) -> str:
    return name


def get_checkpoint_url(name: str) -> str:
    return name


class DefaultPredictor:
    """Finds one instance of every class that an image (H, W, 3) of bytes has."""

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg

    def __call__(self, image: np.ndarray) -> dict[str, list[SimpleNamespace]]:
        found = segment(torch.from_numpy(image / 255.0).mean(-1))
        instances = (SimpleNamespace(pred_masks=(found == c)[None], pred_classes=c) for c in found.unique())
        return {"instances": list(instances)}
