"""Arguments of all scripts; files may change their defaults."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import yaml


def str2bool(arg: str) -> bool:
    """The beginning of a word is enough."""
    return "TRUE".startswith(str(arg).upper())


class BaseOptions:
    """See the module."""

    def __init__(self) -> None:
        self.config_parser = self.parser = ArgumentParser()
        self.initialize()

    def initialize(self) -> None:
        add = self.parser.add_argument
        add("-c", "--config", default="", type=str, nargs="+")
        add("--exp_dir", default="one_shot", type=str)
        add("--resolution", default=1024, type=int)
        add("--test_dataset_path", default="../test", type=str)
        add("--test_batch_size", default=1, type=int)
        add("--test_workers", default=0, type=int)
        add("--auto_resume", default="False", type=str2bool)
        add("--checkpoint_path", default=None, type=str)
        add("--stylegan_weights", default="", type=str)
        add("--encoder_type", default="Encoder4Editing", type=str)
        add("--start_from_latent_avg", action="store_true")
        add("--input_nc", default=3, type=int)

    def parse(self) -> Namespace:
        opts = self.config_parser.parse_args()
        for config in opts.config or ():
            with open(config) as file:
                self.parser.set_defaults(**yaml.safe_load(file))
        return self.parser.parse_args()
