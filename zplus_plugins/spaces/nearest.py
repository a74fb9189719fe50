"""The z nearest to a generator's mean style code, where inversions in Z and Z+ start; computed once and cached."""

from __future__ import annotations

import io

import torch
from torch import Tensor

from zplus_plugins.errors import RequirementError
from zplus_plugins.generators import StyleGenerator, weights_hash
from zplus_plugins.hypersphere.chase import project
from zplus_plugins.hypersphere.families import mapping_of
from zplus_plugins.hypersphere.geometry import sphere_error
from zplus_plugins.system import cache
from zplus_plugins.system.files import write_whole
from zplus_plugins.untrusted import DamagedError, RefusedError, checkpoint
from zplus_plugins.untrusted.checkpoint import PlacementError

FORMAT = 1
_OFF_SPHERE = 1e-3


def nearest_z(generator: StyleGenerator, w: Tensor) -> Tensor:
    """The z, (1, 1, z_dim), whose style code is nearest to w, (w_dim,).

    It is the same for the same weights, w, version of torch, type of device and number of threads, on which the last
    digits depend; cached or computed.

    Raises:
        GeneratorError: the generator's style codes are not finite.
        LatentError: w is not finite.
    """
    shape = (1, 1, generator.architecture.z_dim)
    threads = torch.get_num_threads() if w.device.type == "cpu" else 0
    given = w.detach().cpu().contiguous().numpy().tobytes()
    key = cache.digest(weights_hash(generator), given, torch.__version__, w.device.type, str(threads), str(FORMAT))
    path = cache.folder() / "nearest" / f"{key}.pt"
    try:
        found = checkpoint.load(path, w.device)["z"]
        if found.shape == shape and found.dtype == w.dtype and bool(sphere_error(found) < _OFF_SPHERE):
            return torch.as_tensor(found)
    except (RefusedError, DamagedError, PlacementError, TypeError, KeyError, AttributeError, OSError):
        pass  # absent or damaged
    target = w.expand(1, generator.num_layers, -1)
    z = project(mapping_of(generator), target, codes=1).latent.detach().as_subclass(Tensor)
    buffer = io.BytesIO()
    torch.save({"z": z.cpu()}, buffer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, buffer.getvalue())
    except (OSError, RequirementError):
        pass  # it takes a second to compute again
    return z
