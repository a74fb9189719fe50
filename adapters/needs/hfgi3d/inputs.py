"""HFGI3D's inputs: images with their poses, networks, and pivots of earlier runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.adapters.needs.hfgi3d.poses import LABEL
from zplus_plugins.records.arrays import ContentError, npy_header
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.files import DnnlibDownload
from zplus_plugins.upstreams.requirements.networks import Networks
from zplus_plugins.upstreams.requirements.pickles import PickleFile
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures, SavedCodes
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import MAKE_DATASET, Walked

CODES = "{embedding_base_dir}/{input_data_id}/{pti_results_keyword}"


@dataclass(frozen=True)
class Named(Walked):
    """The images in a folder whose names contain a certain text, which is the last part of the path."""

    def files(self, folder: str) -> list[str]:
        place, _, name = folder.rpartition("/")
        found = super().files(place)
        return sorted((path for path in found if name in path.rpartition("/")[2]), key=lambda p: (self.name(p), p))


IMAGES = Pictures(
    "{input_data_path}/{name}",
    selection=Named(MAKE_DATASET),
    reader=PILLOW_RGB,
    what="aligned images (input_data_path and name of the configuration)",
    remedy="Name them in the configuration, or with --set example_configs.config.input_data_path=FOLDER and "
    "--set example_configs.config.name=NAME.",
    at_most="max_images_to_invert",
    generator="{stylegan2_ada_ffhq}",
)
GENERATOR = PickleFile(
    IMAGES.generator,
    what="EG3D generator (stylegan2_ada_ffhq of the configuration)",
    remedy="Download ffhq512-128.pkl from the link in the repository's README to inversion/.",
    networks=Networks(labels=True, families=("TriPlaneGenerator",)),
)
FEATURES = DnnlibDownload(
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt",
    what="VGG-16 weights of the projector's loss",
)
PIVOT = SavedCodes(
    f"{CODES}/{{image}}/0.pt",
    pictures=IMAGES,
    remedy="Find them first, with --set configs.hyperparameters.use_last_w_pivots=False",
    unless="",
)


def earlier_pivots(arguments: Mapping[str, Any]) -> Iterable[Path]:
    """Saved pivots that the script reuses instead of finding new ones."""
    return PIVOT.paths(arguments) if arguments["use_last_w_pivots"] else ()


@dataclass(frozen=True)
class Poses:
    """The camera pose of every image: 25 numbers in a ``.npy`` file next to it."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        problems = (self._problem(image, self._pose(image)) for _, image in IMAGES.chosen(arguments))
        return [Finding("missing", text) for text in problems if text]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        poses = [Path(self._pose(image)) for _, image in IMAGES.chosen(arguments)]
        return [NeededFile(pose, "camera pose", "pose_estimation creates it", pose.is_file()) for pose in poses]

    @staticmethod
    def _pose(image: str) -> str:
        """Where the script looks for it: it replaces these letters everywhere in the path."""
        return image.replace("png" if "png" in image else "jpg", "npy")

    @staticmethod
    def _problem(image: str, pose: str) -> str | None:
        remedy = "pose_estimation/extract_pose.py creates these files: see the repository's README."
        if pose == image:
            return f"The image {image} has no camera pose: the script only finds poses of .png and .jpg files."
        try:
            shape = npy_header(Path(pose)).shape
        except OSError as error:
            return f"The camera pose {pose} of {image} cannot be read: {error.strerror or error}. {remedy}"
        except ContentError as error:
            return f"The camera pose {pose} of {image} cannot be read: {error}. {remedy}"
        if shape == (LABEL,):
            return None
        return f"The camera pose {pose} of {image} has shape {shape}; expected ({LABEL},). {remedy}"


@dataclass(frozen=True)
class NoBoundaries:
    """The authors' fork adds directions to the code during tuning, in the middle of a function."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = arguments.get("boundaries_dir")
        files = sorted(Path(folder).glob("*.npy")) if folder else []
        if not files:
            return []
        text = (
            f"The script would add {files[0]} to the code as if it were in W+, off the hypersphere. Remove these "
            "files from boundaries_dir, and edit the saved code with zplus edit."
        )
        return [Finding("missing", text)]
