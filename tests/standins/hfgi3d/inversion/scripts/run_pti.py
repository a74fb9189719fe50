from __future__ import annotations

import os
import shutil
import sys
from random import choice
from string import ascii_uppercase
from typing import Any

sys.path.append("..")
sys.path.append("../..")

import wandb
from configs import global_config
from torch.utils.data import DataLoader
from torchvision.transforms import transforms
from training.coaches.multi_id_coach import MultiIDCoach
from training.coaches.single_id_coach import SingleIDCoach
from utils.ImagesDataset import ImagesDataset


def run_PTI(
    path_config: Any,
    run_name: Any = "",
    multi_views: Any = False,
    use_wandb: Any = False,
    use_multi_id_training: Any = False,
) -> Any:
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.environ["CUDA_VISIBLE_DEVICES"] = global_config.cuda_visible_devices
    global_config.run_name = run_name or "".join(choice(ascii_uppercase) for _ in range(12))
    if use_wandb:
        wandb.init(project=path_config.pti_results_keyword)
    embeddings = f"{path_config.embedding_base_dir}/{path_config.input_data_id}/{path_config.pti_results_keyword}"
    os.makedirs(embeddings, exist_ok=True)
    normalised = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
    dataset = ImagesDataset(path_config.input_data_path, path_config.name, normalised)
    coach = MultiIDCoach if use_multi_id_training else SingleIDCoach
    coach(DataLoader(dataset, batch_size=1, shuffle=False), path_config, multi_views, use_wandb).train()
    return global_config.run_name


if __name__ == "__main__":
    example_config = sys.argv[1]
    print(example_config)
    shutil.copy(example_config, "../../example_configs/config.py")
    import example_configs.config as config

    run_PTI(config)
    given = (config.name, config.experiments_output_dir, config.input_data_path, config.multi_views_output_dir)
    os.system(" ".join(("python", "../../multi_views/generate_multi_views.py", *given)))
    out, views = config.experiments_output_dir, config.multi_views_output_dir
    if config.optimization:
        run_PTI(config, multi_views=True)
    else:
        if os.path.exists(f"{out}/{config.name}"):
            shutil.rmtree(f"{out}/{config.name}")
        shutil.copytree(f"{views}/{config.name}", f"{out}/{config.name}")
        shutil.move(f"{out}/{config.name}/{config.name}.png", f"{out}/{config.name}.png")
        shutil.move(f"{out}/{config.name}/{config.name}.mp4", f"{out}/{config.name}.mp4")
