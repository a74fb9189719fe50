"""Opens a converted generator with an upstream's own code and classes, and makes pictures with it.

Run as a script, in a process of its own: the upstreams share module names.
"""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import cpp_extension

from zplus_plugins.patches import removed_modules
from zplus_plugins.upstreams import Journal


def main() -> None:
    """``argv``: a JSON object of family, root, file, codes, pictures, and the call that builds the network.

    The file of codes contains z in Z, and codes w in W+.
    """
    spec = json.loads(sys.argv[1])
    sys.path.insert(0, spec["root"])
    torch.set_num_threads(1)
    nobody: Any = None  # which the patch does not look at
    with Journal() as journal, torch.no_grad():
        removed_modules.PATCH.install(journal, nobody)
        codes = torch.load(spec["codes"], weights_only=True)
        made = FAMILIES[spec["family"]](Path(spec["file"]), spec["call"], codes["z"], codes["w"])
    torch.save(made, spec["pictures"])


def _of_nvlabs(network: Any, z: Tensor, w: Tensor) -> dict[str, Tensor]:
    label = torch.zeros(len(z), 0)
    made = {
        "w": network.mapping(z, label)[:, 0],
        "mean": network.mapping.w_avg,
        "pictures": network.synthesis(w, noise_mode="const"),
        "truncated": network(z, label, truncation_psi=0.5, noise_mode="const"),
        "silent": network.synthesis(w, noise_mode="none"),
    }
    return {name: tensor.clone() for name, tensor in made.items()}


def snapshot(path: Path, call: str, z: Tensor, w: Tensor) -> dict[str, Any]:
    """By ``legacy.py``, as all scripts of NVlabs' open their networks; and what becomes of it there."""
    legacy = importlib.import_module("legacy")
    with path.open("rb") as file:
        data = legacy.load_network_pkl(file)
    network = data["G_ema"]
    pickled = pickle.dumps(network)  # as train.py does, with the source code of the checkout's own classes
    again = pickle.loads(pickled)
    built = type(network)(*network.init_args, **network.init_kwargs).eval()
    importlib.import_module("torch_utils.misc").copy_params_and_buffers(network, built, require_all=True)
    plain = {name: type(module).__name__ for name, module in network.named_modules()}
    attributes = {
        name: sorted(set(vars(of_built)) - set(vars(network.get_submodule(name))))
        for name, of_built in built.named_modules()
    }
    return {
        "own": _of_nvlabs(network, z, w),
        "again": _of_nvlabs(again, z, w),
        "built": _of_nvlabs(built, z, w),
        "G": _of_nvlabs(data["G"], z, w),
        "copied": _of_nvlabs(copy.deepcopy(network), z, w),
        "classes": plain,
        "classes built": {name: type(module).__name__ for name, module in built.named_modules()},
        "missing": {name: names for name, names in attributes.items() if names},
        "training": network.training or any(p.requires_grad for p in network.parameters()),
        "source": b"def modulated_conv2d" in pickled,
    }


def state(path: Path, call: str, z: Tensor, w: Tensor) -> dict[str, Any]:
    """The state dict of NVlabs' network, which the call builds."""
    network: Any = eval(call, vars(importlib.import_module("training.networks"))).eval()
    network.load_state_dict(torch.load(path, weights_only=True)["G_ema"])
    return {"own": _of_nvlabs(network, z, w)}


def rosinality(path: Path, call: str, z: Tensor, w: Tensor) -> dict[str, Any]:
    """As ``generate.py`` of stylegan2-pytorch opens a checkpoint, but strictly."""
    cpp_extension.load = lambda *args, **kwargs: None  # the operations are compiled as they are imported
    network: Any = eval(call, vars(importlib.import_module("model"))).eval()
    content = torch.load(path, weights_only=True)
    network.load_state_dict(content["g_ema"])
    silent = [torch.zeros_like(getattr(network.noises, f"noise_{i}")) for i in range(network.num_layers)]
    mean = content["latent_avg"]
    made = {
        "w": network.style(z),
        "mean": mean,
        "pictures": network([w], input_is_latent=True, randomize_noise=False)[0],
        "truncated": network([z], truncation=0.5, truncation_latent=mean, randomize_noise=False)[0],
        "silent": network([w], input_is_latent=True, noise=silent)[0],
    }
    return {"own": made}


def genforce(path: Path, call: str, z: Tensor, w: Tensor) -> dict[str, Any]:
    """As BDInvert opens a checkpoint."""
    module = importlib.import_module("models.stylegan2_generator")
    network: Any = eval(call, vars(module)).eval()
    network.load_state_dict(torch.load(path, weights_only=True)["generator_smooth"])
    quiet = copy.deepcopy(network)
    for layer in quiet.modules():
        if hasattr(layer, "noise"):
            layer.noise.zero_()
    made = {
        "w": network.mapping(z)["w"],
        "mean": network.truncation.w_avg,
        "pictures": network.synthesis(w)["image"],
        "truncated": network(z, trunc_psi=0.5, trunc_layers=w.shape[1])["image"],
        "silent": quiet.synthesis(w)["image"],
    }
    return {"own": made}


FAMILIES: dict[str, Callable[[Path, str, Tensor, Tensor], dict[str, Any]]] = {
    **{"snapshot": snapshot, "state": state, "rosinality": rosinality, "genforce": genforce}
}

if __name__ == "__main__":
    main()
