"""Edits of codes in W+ by directions that the repository brings."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from configs import paths_config
from editings.latent_editor import LatentEditor
from torch import Tensor


class LatentEditorWrapper:
    """Loads the directions and applies them."""

    def __init__(self) -> None:
        self.interfacegan_directions = {
            "age": f"{paths_config.interfacegan_age}",
            "smile": f"{paths_config.interfacegan_smile}",
            "rotation": f"{paths_config.interfacegan_rotation}",
        }
        self.interfacegan_directions_tensors = {
            name: torch.load(path).cuda() for name, path in self.interfacegan_directions.items()
        }
        self.ganspace_pca = torch.load(f"{paths_config.ffhq_pca}")
        # Component, first layer, layer after the last, coordinate.
        self.ganspace_directions = {"trimmed_beard": (58, 7, 9, 7)}
        self.latent_editor = LatentEditor()

    def get_single_ganspace_edits(self, start_w: Tensor, factors: Iterable[float]) -> list[Tensor]:
        """All components, each with all factors as its coordinate."""
        return [
            self.latent_editor.apply_ganspace(start_w, self.ganspace_pca, [(component, start, end, factor)])
            for component, start, end, _ in self.ganspace_directions.values()
            for factor in factors
        ]

    def get_single_interface_gan_edits(
        self, start_w: Tensor, factors: Iterable[float]
    ) -> dict[str, dict[float, Tensor]]:
        """By direction and factor; the code moves by half the factor."""
        return {
            name: {
                factor: self.latent_editor.apply_interfacegan(
                    start_w, self.interfacegan_directions_tensors[name], factor / 2
                )
                for factor in factors
            }
            for name in ("age",)
        }
