"""All networks in one module: those of the inference, and those that only losses need."""

from __future__ import annotations

import sys
from typing import Any

import lpips
import numpy as np
import torch
from torch import Tensor, nn

sys.path.append("pixel2style2pixel/")
from arcface.iresnet import *
from face_parsing.model import BiSeNet
from nets.feature_style_encoder import *
from pixel2style2pixel.models.stylegan2.model import Generator, get_keys
from ranger import Ranger
from utils.functions import *

SIZE = 64  # in the original, too, the generator's size is not the configuration's


class Trainer(nn.Module):
    """See the module."""

    def __init__(self, config: dict[str, Any], opts: Any) -> None:
        super().__init__()
        self.config = config
        self.device = torch.device(config["device"])
        self.scale = int(np.log2(config["resolution"] / config["enc_resolution"]))
        self.scale_mode = "bilinear"
        self.opts = opts
        self.n_styles = 2 * int(np.log2(config["resolution"])) - 2
        self.idx_k = config.get("idx_k", 5)
        stride = (config["fs_stride"], config["fs_stride"])
        self.enc = fs_encoder_v2(n_styles=self.n_styles, opts=opts, stride=stride)
        self.StyleGAN = self.init_stylegan(config)
        self.Arcface = iresnet50()
        self.parsing_net = BiSeNet(n_classes=19)
        betas = config["beta_1"], config["beta_2"]
        self.enc_opt = Ranger(self.enc.parameters(), lr=config["lr"], betas=betas, weight_decay=config["weight_decay"])
        schedule = torch.optim.lr_scheduler.StepLR
        self.enc_scheduler = schedule(self.enc_opt, step_size=config["step_size"], gamma=config["gamma"])

    def initialize(self, stylegan_model_path: str, arcface_model_path: str, parsing_model_path: str) -> None:
        """Load all weights but the encoder's."""
        state = torch.load(stylegan_model_path, map_location="cpu")
        self.StyleGAN.load_state_dict(get_keys(state, "decoder"), strict=True)
        self.StyleGAN.to(self.device)
        self.dlatent_avg = state["latent_avg"].to(self.device)
        self.Arcface.load_state_dict(torch.load(self.opts.arcface_model_path))
        self.Arcface.eval()
        self.parsing_net.load_state_dict(torch.load(self.opts.parsing_model_path))
        self.parsing_net.eval()
        self.loss_fn = lpips.LPIPS(net="alex", spatial=False)
        self.loss_fn.to(self.device)

    def init_stylegan(self, config: dict[str, Any]) -> Generator:
        """Of the one size that the encoder is for."""
        return Generator(SIZE, STYLE_DIM, 4)

    def encode(self, img: Tensor) -> tuple[Tensor, Tensor]:
        """The style codes and F of a picture."""
        w_recon, fea = self.enc(downscale(img, self.scale, self.scale_mode))
        w_recon = w_recon + self.dlatent_avg
        return w_recon, fea

    def get_image(
        self,
        w: Any = None,
        img: Any = None,
        noise: Any = None,
        zero_noise_input: bool = True,
        training_mode: bool = True,
    ) -> list[Any]:
        """Encode a picture, and make it anew."""
        x_1, n_1 = img, noise
        w_recon, fea = self.enc(downscale(x_1, self.scale, self.scale_mode))
        w_recon = w_recon + self.dlatent_avg
        features = self.features(fea)
        x_1_recon, fea_recon = self.StyleGAN(
            [w_recon],
            input_is_latent=True,
            return_features=True,
            features_in=features,
            feature_scale=min(1.0, 0.0001 * self.n_iter),
        )
        return [x_1_recon, x_1[:, :3], w_recon, None, n_1, fea, fea_recon[self.idx_k].detach()]

    def features(self, fea: Tensor) -> list[Tensor | None]:
        """F in the place where the generator takes it."""
        return [None] * self.idx_k + [fea] + [None] * (self.n_styles - 1 - self.idx_k)

    def test(
        self,
        w: Any = None,
        img: Any = None,
        noise: Any = None,
        zero_noise_input: bool = True,
        return_latent: bool = False,
        training_mode: bool = False,
    ) -> list[Any]:
        """The picture, its reconstruction, and on request their code and F."""
        if "n_iter" not in vars(self):
            self.n_iter = 1e5
        out = self.get_image(w=w, img=img, noise=noise, training_mode=training_mode)
        return [out[1], out[0], *((out[2], out[5]) if return_latent else ())]
