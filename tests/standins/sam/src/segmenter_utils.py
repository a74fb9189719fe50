"""Segmenters, each a network of some other repository."""

from __future__ import annotations

import os
import sys

import numpy as np
import torch
import wget
from PIL import Image
from torch import Tensor
from torchvision import transforms

SCENE_PARSER = "src/nets/semantic-segmentation-pytorch"
SCENES = "ade20k-resnet50dilated-ppm_deepsup"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def to_gpu(img_pil: Image.Image) -> Tensor:
    """An image as ImageNet's networks take it, (1, 3, H, W)."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return transform(img_pil).unsqueeze(0).cuda()


class segmenter_hrnet:
    """Scenes."""

    def __init__(self, ds: str = "ade20k", H: int = 192, W: int = 256) -> None:
        sys.path.append(f"./{SCENE_PARSER}")
        from mit_semseg.config import cfg
        from mit_semseg.models import ModelBuilder, SegmentationModule

        cfg.merge_from_file(f"{SCENE_PARSER}/config/{SCENES}.yaml")
        weights = {half: f"{SCENE_PARSER}/ckpt/{SCENES}/{half}_epoch_20.pth" for half in ("encoder", "decoder")}
        for path in weights.values():
            if not os.path.exists(path):
                wget.download(f"http://127.0.0.1:9/{os.path.basename(path)}", out=path)
        encoder = ModelBuilder.build_encoder(
            arch=cfg.MODEL.arch_encoder, fc_dim=cfg.MODEL.fc_dim, weights=weights["encoder"]
        )
        decoder = ModelBuilder.build_decoder(
            arch=cfg.MODEL.arch_decoder,
            fc_dim=cfg.MODEL.fc_dim,
            num_class=cfg.DATASET.num_class,
            weights=weights["decoder"],
            use_softmax=True,
        )
        self.module = SegmentationModule(encoder, decoder, torch.nn.NLLLoss(ignore_index=-1)).eval().cuda()
        self.size = (H, W)

    def segment_pil(self, img_pil: Image.Image) -> np.ndarray:
        with torch.no_grad():
            scores = self.module({"img_data": to_gpu(img_pil)}, segSize=self.size)
        return scores.argmax(1)[0].cpu().numpy()


class segmenter_face:
    """Parts of a face."""

    def __init__(self, ckpt_path: str = "ckpt/79999_iter.pth", fuse_face_regions: bool = True) -> None:
        sys.path.append("./src/nets/face-parsing.PyTorch")
        from model import BiSeNet

        self.net = BiSeNet(n_classes=19).cuda()
        self.net.load_state_dict(torch.load(ckpt_path))
        self.net.eval()

    def segment_pil(self, img_pil: Image.Image) -> np.ndarray:
        return self.net(to_gpu(img_pil))[0][0].detach().cpu().numpy().argmax(0)


class segmenter_detectron:
    """Things."""

    def __init__(self, ds_name: str = "coco", t: float = 0.1) -> None:
        from detectron2 import model_zoo
        from detectron2.config import get_cfg
        from detectron2.engine import DefaultPredictor

        name = "COCO-PanopticSegmentation/panoptic_fpn_R_101_3x.yaml"
        cfg = get_cfg()
        cfg.merge_from_file(model_zoo.get_config_file(name))
        cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST = t
        cfg.MODEL.WEIGHTS = model_zoo.get_checkpoint_url(name)
        self.pred = DefaultPredictor(cfg)

    def segment_pil(self, img_pil: Image.Image) -> np.ndarray:
        classes = np.zeros(img_pil.size[::-1])
        for instance in self.pred(np.array(img_pil))["instances"]:
            classes[instance.pred_masks[0].cpu().numpy()] = instance.pred_classes.item()
        return classes
