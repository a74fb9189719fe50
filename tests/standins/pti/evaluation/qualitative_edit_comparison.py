"""Run PTI, edit every pivot in all ways, and save pictures by the tuned generators."""

from __future__ import annotations

import os
from collections.abc import Iterable
from random import choice
from string import ascii_uppercase
from typing import Any

import torch
from configs import evaluation_config, hyperparameters, paths_config
from evaluation.experiment_setting_creator import ExperimentRunner
from PIL import Image
from scripts.latent_editor_wrapper import LatentEditorWrapper
from torch import Tensor
from tqdm import tqdm
from utils.log_utils import save_concat_image, save_single_image
from utils.models_utils import load_tuned_G


class EditComparison:
    """Pictures of one run, next to those of other inversions."""

    def __init__(self, save_single_images: bool, save_concatenated_images: bool, run_id: str) -> None:
        self.latent_editor, self.experiment_creator = LatentEditorWrapper(), ExperimentRunner(run_id)
        self.save_single_images, self.save_concatenated_images = save_single_images, save_concatenated_images
        self.run_id = run_id

    def save_reconstruction_images(
        self, image_latents: list[Tensor], new_inv_image_latent: Tensor, new_G: Any, target_image: Image.Image
    ) -> None:
        """Pictures without an edit."""
        self.save(image_latents, new_inv_image_latent, new_G, "rec", target_image)
        if self.save_single_images:
            target_image.save(f"{self.single_base_dir}/Original.jpg")

    def create_output_dirs(self, full_image_name: str) -> None:
        """Folders of an image."""
        run = f"{paths_config.experiments_output_dir}/{paths_config.input_data_id}/{self.run_id}"
        self.concat_base_dir = f"{run}/{full_image_name}/concat_images"
        self.single_base_dir = f"{run}/{full_image_name}/single_images"
        for folder in (self.concat_base_dir, self.single_base_dir):
            os.makedirs(folder, exist_ok=True)

    def get_image_latent_codes(self, image_name: str) -> tuple[list[Tensor], Tensor]:
        """Codes of the other methods, then PTI's pivot."""
        base = f"{paths_config.embedding_base_dir}/{paths_config.input_data_id}"
        pivot = f"{base}/{paths_config.pti_results_keyword}/{image_name}/0.pt"
        methods = evaluation_config.evaluated_methods
        paths = [pivot if method == "SG2" else f"{base}/{method}/{image_name}/0.pt" for method in methods]
        return [torch.load(path) for path in paths], torch.load(pivot)

    def save_interfacegan_edits(
        self,
        image_latents: list[Tensor],
        new_inv_image_latent: Tensor,
        interfacegan_factors: list[float],
        new_G: Any,
        target_image: Image.Image,
    ) -> None:
        """Pictures of all directions and factors."""
        edit = self.latent_editor.get_single_interface_gan_edits
        others = [edit(latent, interfacegan_factors) for latent in image_latents]
        for direction, edits in edit(new_inv_image_latent, interfacegan_factors).items():
            for factor, edited in edits.items():
                codes = [other[direction][factor] for other in others]
                self.save(codes, edited, new_G, f"{direction}_{factor}", target_image)

    def save_ganspace_edits(
        self,
        image_latents: list[Tensor],
        new_inv_image_latent: Tensor,
        factors: Iterable[float],
        new_G: Any,
        target_image: Image.Image,
    ) -> None:
        """Pictures of all components and coordinates, numbered."""
        edit = self.latent_editor.get_single_ganspace_edits
        others = [edit(latent, factors) for latent in image_latents]
        for idx, edited in enumerate(edit(new_inv_image_latent, factors)):
            self.save([other[idx] for other in others], edited, new_G, f"ganspace_{idx}", target_image)

    def save(self, codes: list[Tensor], pivot: Tensor, new_G: Any, name: str, target_image: Image.Image) -> None:
        """One picture of the kinds that are wanted."""
        if self.save_concatenated_images:
            old_G = self.experiment_creator.old_G
            save_concat_image(self.concat_base_dir, codes, pivot, new_G, old_G, name, target_image)
        if self.save_single_images:
            save_single_image(self.single_base_dir, pivot, new_G, name)

    def run_experiment(
        self, run_pt: bool, create_other_latents: bool, use_multi_id_training: bool, use_wandb: bool = False
    ) -> None:
        """Everything, image by image."""
        interfacegan_factors = [step / 2 for step in range(-6, 1, 6) if step != 0]
        ganspace_factors = range(-20, 25, 40)
        self.experiment_creator.run_experiment(run_pt, create_other_latents, use_multi_id_training, use_wandb)
        new_G = load_tuned_G(self.run_id, paths_config.multi_id_model_type) if use_multi_id_training else None
        paths = self.experiment_creator.images_paths[: hyperparameters.max_images_to_invert]
        for idx, image_path in tqdm(enumerate(paths), total=len(paths)):
            image_name = image_path.split(".")[0].split("/")[-1]
            with Image.open(self.experiment_creator.target_paths[idx]) as target_image:
                if not use_multi_id_training:
                    new_G = load_tuned_G(self.run_id, image_name)
                codes, pivot = self.get_image_latent_codes(image_name)
                self.create_output_dirs(image_name)
                self.save_reconstruction_images(codes, pivot, new_G, target_image)
                self.save_interfacegan_edits(codes, pivot, interfacegan_factors, new_G, target_image)
                self.save_ganspace_edits(codes, pivot, ganspace_factors, new_G, target_image)
            torch.cuda.empty_cache()


def pti_no_comparison(iid: str) -> None:
    """PTI alone."""
    evaluation_config.evaluated_methods = []
    run_id = f"{paths_config.input_data_id}_pti_no_comparison_{iid}"
    figures = EditComparison(save_single_images=True, save_concatenated_images=True, run_id=run_id)
    figures.run_experiment(True, False, use_multi_id_training=False, use_wandb=False)


if __name__ == "__main__":
    pti_no_comparison("".join(choice(ascii_uppercase) for _ in range(7)))
