"""Advice on installing missing modules; a package is named only if it is known to contain the module.

An upstream's own modules have names such as models, utils or clip, and the package index has unrelated packages with
the same names. Guessing a package from a module's name would tell users to install the wrong one.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Modules that inversion repositories import and whose distribution has another name,
_OTHERWISE = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "face_alignment": "face-alignment",
    "facenet_pytorch": "facenet-pytorch",
    "hydra": "hydra-core",
    "IPython": "ipython",
    "OpenGL": "PyOpenGL",
    "PIL": "Pillow",
    "pkg_resources": "setuptools",
    "pytorch_lightning": "pytorch-lightning",
    "pytorch_msssim": "pytorch-msssim",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "skvideo": "scikit-video",
    "tensorboard_logger": "tensorboard-logger",
    "turbojpeg": "PyTurboJPEG",
    "yaml": "PyYAML",
}
# and those whose distribution has the same name.
# fmt: off
_ALIKE = frozenset((
    "accelerate", "addict", "albumentations", "click", "cryptography", "diffusers", "dlib", "dominate",
    "easydict", "einops", "gdown", "glfw", "h5py", "imageio", "imgui", "insightface", "joblib", "kornia",
    "lmdb", "loguru", "lpips", "matplotlib", "mediapipe", "moviepy", "mrcfile", "mxnet", "ninja", "numba",
    "numpy", "omegaconf", "onnx", "onnxruntime", "onnxsim", "pandas", "plyfile", "prettytable", "psutil",
    "pyspng", "rawpy", "requests", "rich", "scipy", "seaborn", "setuptools", "six", "streamlit",
    "tensorboard", "tensorboardX", "tensorflow", "termcolor", "timm", "torch", "torchmetrics", "torchvision",
    "tqdm", "transformers", "trimesh", "wandb", "wget", "yacs",
))
# fmt: on


@dataclass(frozen=True)
class MissingModule:
    """A module that is imported but cannot be found.

    Attributes:
        name: the name under which it is imported.
        file, line: the location of the import; None and 0 if unknown.
        hint: what the checkout shows, such as another folder that contains the module; empty if nothing.
    """

    name: str
    file: Path | None = None
    line: int = 0
    hint: str = ""

    def told(self) -> str:
        """Sentences about a module for which no package is known."""
        found = self.hint or "It is neither installed nor in the checkout."
        where = "" if self.file is None else f" {self.file} imports it on line {self.line}."
        return f"No package is known for the module {self.name!r}.{where} {found}"


def package_of(module: str) -> str | None:
    """The distribution that contains a module; None if unknown."""
    top = module.split(".")[0]
    return _OTHERWISE.get(top, top if top in _ALIKE else None)


def install_command(modules: Iterable[str]) -> str:
    """``pip install ...`` for those of the modules whose packages are known; empty if there are none."""
    known = dict.fromkeys(package for module in modules if (package := package_of(module)) is not None)
    return f"pip install {' '.join(known)}" if known else ""


def how_to_get(missing: Iterable[MissingModule]) -> str:
    """What to do about missing modules: a command for those with a known package, and sentences about the others."""
    missing = list(missing)
    command = install_command(module.name for module in missing)
    unknown = [module.told() for module in missing if package_of(module.name) is None]
    if not unknown:
        return f"Install {'it' if len(missing) == 1 else 'them'}: {command}"
    installing = [f"Install the known packages: {command}."] if command else []
    return " ".join([*installing, *unknown, "See the repository's README for where to get it."])


def version_of(top: str) -> str:
    """The installed distribution of a module with its version, or else the module's name."""
    for name in importlib.metadata.packages_distributions().get(top, [])[:1]:
        return f"{name} {importlib.metadata.version(name)}"
    return top
