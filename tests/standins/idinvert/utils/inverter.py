"""Inversion from the encoder's code on, with the encoder as a judge of the picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from models.perceptual_model import PerceptualModel
from models.stylegan_encoder import StyleGANEncoder
from models.stylegan_generator import StyleGANGenerator
from torch import Tensor
from tqdm import tqdm


def _array(tensor: Any) -> Any:
    return tensor.cpu().detach().numpy()


class StyleGANInverter:
    """The networks of a model, and how much each loss counts."""

    def __init__(
        self,
        model_name: str,
        learning_rate: float,
        iteration: int,
        perceptual_loss_weight: float,
        regularization_loss_weight: float,
        logger: Any,
    ) -> None:
        self.G = StyleGANGenerator(model_name, logger)
        self.E = StyleGANEncoder(model_name, logger)
        self.F = PerceptualModel()
        self.learning_rate, self.iteration, self.logger = learning_rate, iteration, logger
        self.loss_feat_weight, self.loss_reg_weight = perceptual_loss_weight, regularization_loss_weight

    def preprocess(self, image: Any) -> Any:
        image = cv2.resize(image, (self.G.resolution, self.G.resolution))
        return (image.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)

    def get_init_code(self, image: Any) -> Any:
        x = self.G.to_tensor(image[np.newaxis])
        return _array(self.E.net(x).view(1, *self.E.encode_dim))

    def _shown(self, x: Tensor) -> Any:
        return self.G.postprocess(_array(x))

    def invert(self, image: Any, num_viz: int = 0) -> Any:
        """The code (1, L, D) of a picture, and pictures of the way there."""
        x = self.G.to_tensor(image[np.newaxis])
        z = torch.Tensor(self.get_init_code(image)).to(self.G.run_device)
        z.requires_grad = True
        optimizer = torch.optim.Adam([z], lr=self.learning_rate)
        viz_results = [self._shown(x)[0], self._shown(self.G.net.synthesis(z))[0]]
        for step in tqdm(range(1, self.iteration + 1)):
            x_rec = self.G.net.synthesis(z)
            loss = torch.mean((x - x_rec) ** 2)
            if self.loss_feat_weight:
                loss = loss + self.loss_feat_weight * torch.mean((self.F.net(x) - self.F.net(x_rec)) ** 2)
            if self.loss_reg_weight:
                z_rec = self.E.net(x_rec).view(1, *self.E.encode_dim)
                loss = loss + self.loss_reg_weight * torch.mean((z - z_rec) ** 2)
            self.logger.debug(f"step {step}: {_array(loss):.3f}")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if num_viz > 0 and step % (self.iteration // num_viz) == 0:
                viz_results.append(self._shown(x_rec)[0])
        return _array(z), viz_results

    def easy_invert(self, image: Any, num_viz: int = 0) -> Any:
        return self.invert(self.preprocess(image), num_viz)

    def diffuse(
        self, target: Any, context: Any, center_x: int, center_y: int, crop_x: int, crop_y: int, num_viz: int = 0
    ) -> Any:
        """The codes (B, L, D) of a target's middle in some contexts, and pictures of the way there, by context."""
        context = np.asarray([self.preprocess(one) for one in context])
        mask = np.zeros((1, *target.shape), dtype=np.float32)
        left, top = center_x - crop_x // 2, center_y - crop_y // 2
        mask[:, :, top : top + crop_y, left : left + crop_x] = 1
        x = self.G.to_tensor((target[np.newaxis] * mask + context * (1 - mask)).astype(np.float32))
        mask = self.G.to_tensor(mask)
        z = torch.Tensor(_array(self.E.net(x).view(-1, *self.E.encode_dim))).to(self.G.run_device)
        z.requires_grad = True
        optimizer = torch.optim.Adam([z], lr=self.learning_rate)
        stages = [self._shown(x), self._shown(self.G.net.synthesis(z))]
        for step in tqdm(range(1, self.iteration + 1)):
            x_rec = self.G.net.synthesis(z)
            loss = torch.mean(((x - x_rec) * mask) ** 2, dim=[1, 2, 3])
            if self.loss_feat_weight:
                features = self.F.net(x * mask) - self.F.net(x_rec * mask)
                loss = loss + self.loss_feat_weight * torch.mean(features**2, dim=[1, 2, 3])
            optimizer.zero_grad()
            loss.backward(torch.ones_like(loss))
            optimizer.step()
            if num_viz > 0 and step % (self.iteration // num_viz) == 0:
                stages.append(self._shown(x_rec))
        return _array(z), {i: [stage[i] for stage in stages] for i in range(len(context))}

    def easy_diffuse(self, target: Any, context: Any, **kwargs: Any) -> Any:
        return self.diffuse(self.preprocess(target), context, **kwargs)
