"""What generator and encoder have in common: settings, weights, a device."""

from __future__ import annotations

import logging
import os

import torch

from . import model_settings


class BaseModule:
    """Holds a network; is none itself."""

    def __init__(self, model_name: str, module_name: str, logger: logging.Logger | None = None) -> None:
        self.logger = logger or logging.getLogger(model_name)
        for key, value in model_settings.MODEL_POOL[model_name].items():
            setattr(self, key, value)
        self.run_device = "cuda" if torch.cuda.is_available() else "cpu"
        self.min_val, self.max_val = -1.0, 1.0
        self.model_specific_vars = []
        self.build()
        path = model_settings.get_weight_path(f"{model_name}_{module_name}")
        if os.path.isfile(path):
            self.load(path)
        else:
            self.logger.warning("There are no weights.")
        self.net.eval().to(self.run_device)

    def load(self, path: str) -> None:
        """Fill the network, but for what depends on the settings."""
        state = torch.load(path)
        own = self.net.state_dict()
        self.net.load_state_dict({**state, **{name: own[name] for name in self.model_specific_vars}})
        self.logger.info(f"Weights loaded from {path}.")
