"""What HFGI3D's script needs, the label with which its codes are mapped, and patches for this script only."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.hypersphere.families import FunctionMapping
from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
from zplus_plugins.records.arrays import ContentError, npy_header
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch, Reliance
from zplus_plugins.upstreams.adapter.picking import Call
from zplus_plugins.upstreams.adapter.protocols import Finding, Requirement
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.requirements.arguments import Above, OneOf, When
from zplus_plugins.upstreams.requirements.device_settings import VisibleGpus
from zplus_plugins.upstreams.requirements.files import DnnlibDownload, Writable
from zplus_plugins.upstreams.requirements.modules import Module
from zplus_plugins.upstreams.requirements.networks import Networks
from zplus_plugins.upstreams.requirements.pickles import PickleFile
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures, SavedCodes, Unsaved
from zplus_plugins.upstreams.requirements.pictures.images import LpipsWeights
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import Walked

CONFIG = "example_configs.config"
CODES = "{embedding_base_dir}/{input_data_id}/{pti_results_keyword}"
VIEWS = "generate_multi_views.py"
LABEL = 25  # a camera's pose, 4 x 4, and its intrinsics, 3 x 3
SKIPPED = {"multi_views_output_dir": ""}
"""The settings that end a run once the images are inverted and the generator is tuned for them."""
SKIP = (
    "To skip it, and stop once the code is found and the generator is tuned for the image, give "
    "--without-multi-views (with --latent off: --set example_configs.config.multi_views_output_dir=)."
)
# What the script and its modules read from the user's configuration.
READ = (
    *("stylegan2_ada_ffhq", "checkpoints_dir", "embedding_base_dir", "experiments_output_dir"),
    *("multi_views_output_dir", "input_data_path", "name", "input_data_id", "pti_results_keyword", "optimization"),
)

COACHES = "inversion/training/coaches"
RELIES_ON = (
    Reliance(
        "inversion/training/projectors/w_plus_projector.py:project",
        "445ed98d287dc16f",
        takes=("G", "target", "pose", "num_steps", "w_avg_samples", "device"),
    ),
    Reliance(
        f"{COACHES}/base_coach.py:BaseCoach.calc_inversions",
        "0342fc3ed290bf8d",
        takes=("image", "pose", "image_name"),
    ),
    Reliance(f"{COACHES}/base_coach.py:BaseCoach.load_inversions", "2031bb40f4159637"),
    Reliance(f"{COACHES}/base_coach.py:BaseCoach.forward", "63549fa5fb0e5df6"),
    Reliance(f"{COACHES}/single_id_coach.py:SingleIDCoach.train", "a5a8d3a3a2c30763"),
    Reliance(
        "inversion/camera_utils.py:LookAtPoseSampler.sample",
        "3045a27f3878c1fb",
        takes=("lookat_position", "radius"),
    ),
    Reliance("inversion/training/triplane.py:TriPlaneGenerator.mapping", "3fbab9b3ac9dfb92", takes=("z", "c")),
    Reliance("inversion/utils/data_utils.py:make_dataset", "e4efe0646fac43fc"),
)


class Posed(nn.Module):
    """An EG3D generator with the label (1, 25) with which the codes of one image are mapped.

    The label is that of the upstream's own projector: a camera in front of the face, with the image's intrinsics.
    """

    def __init__(self, generator: nn.Module, label: Tensor) -> None:
        super().__init__()
        self.generator, self.label = generator, label


def posed(call: Call) -> Posed:
    """The generator and pose that the projector is given."""
    generator, pose = call.arguments["G"], call.arguments["pose"]
    sampler = importlib.import_module("camera_utils").LookAtPoseSampler
    around = torch.tensor(generator.rendering_kwargs.get("avg_camera_pivot", [0, 0, 0.2]), device=pose.device)
    # The sampler draws random numbers and multiplies them by 0; the upstream's own draws must stay what they are.
    with torch.random.fork_rng([pose.device] if pose.is_cuda else []):
        camera = sampler.sample(np.pi / 2, np.pi / 2, around, radius=2.7, device=pose.device)
    return Posed(generator, torch.cat([camera.reshape(-1, 16), pose[:, 16:]], dim=1))


def mapping(generator: Posed, truncation: Truncation) -> StyleMapping:
    """The map from z to w of a generator with its label."""
    network, label = generator.generator, generator.label
    made: Any = network

    def styles(z: Tensor) -> Tensor:
        w: Tensor = made.mapping(z, label.expand(len(z), -1))
        return w

    return FunctionMapping(
        made,
        styles,
        network=made.backbone.mapping,
        z_dim=made.z_dim,
        w_dim=made.w_dim,
        num_ws=made.backbone.num_ws,
        truncation=truncation,
    )


@dataclass(frozen=True)
class Named(Walked):
    """The images in a folder whose names contain a certain text, which is the last part of the path."""

    def files(self, folder: str) -> list[str]:
        place, _, name = folder.rpartition("/")
        found = super().files(place)
        return sorted((path for path in found if name in path.rpartition("/")[2]), key=lambda p: (self.name(p), p))


IMAGES = Pictures(
    "{input_data_path}/{name}",
    selection=Named((".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff")),
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
class MultiViews:
    """What ``generate_multi_views.py`` needs, which the script runs with ``python`` in a separate process."""

    modules: tuple[str, ...] = ("pytorch3d", "trimesh", "cv2", "imageio", "torch")

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if not arguments["multi_views_output_dir"]:
            return []
        given = ("name", "experiments_output_dir", "input_data_path", "multi_views_output_dir")
        unsafe = [name for name in given if shlex.quote(str(arguments[name])) != str(arguments[name])]
        if unsafe:
            text = f"{unsafe[0]} is {arguments[unsafe[0]]!r}, which the script passes to a shell unquoted."
            return [Finding("missing", f"{text} Use only letters, digits and -_./.", usage=True)]
        problem = self._problem()
        return [] if problem is None else [Finding("missing", f"The script's second part, {VIEWS}, {problem}. {SKIP}")]

    def _problem(self) -> str | None:
        python = shutil.which("python")
        if python is None:
            return "is started with the command python, which was not found"
        code = (
            "import importlib.util as u, json, sys; absent = [m for m in sys.argv[1:] if u.find_spec(m) is None]; "
            "ok = bool(absent) or __import__('torch').cuda.is_available(); print(json.dumps([absent, ok]))"
        )
        done = subprocess.run([python, "-c", code, *self.modules], capture_output=True, text=True)
        try:
            absent, cuda = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            return f"is run with {python}, which does not work"
        if absent:
            return f"needs {', '.join(absent)}, which {python} does not have"
        return None if cuda else "needs CUDA, and no CUDA device was found"


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


_TYPE = (
    "the script's other types do not work: its encoder is commented out, and the fork's z_plus_projector was "
    "not published. Give --set configs.hyperparameters.first_inv_type=w."
)
NEEDS: tuple[Requirement, ...] = (
    VisibleGpus("cuda_visible_devices", device="device"),
    GENERATOR,
    IMAGES,
    Poses(),
    Unsaved("use_last_w_pivots", codes=PIVOT, need=FEATURES),
    When("use_last_w_pivots", True, (PIVOT,)),
    LpipsWeights("{lpips_type}"),
    OneOf("first_inv_type", values=("w",), why=_TYPE),
    Above("pt_l2_lambda", 0, why="the script fails without this loss."),
    Above("pt_lpips_lambda", 0, why="the script fails without this loss."),
    OneOf("use_locality_regularization", values=(False,), why="the script's own code for it does not work."),
    Module("imageio_ffmpeg", remedy="pip install imageio-ffmpeg"),
    MultiViews(),
    *(Writable(path) for path in (CODES, "{checkpoints_dir}", "{experiments_output_dir}")),
    Writable("{multi_views_output_dir}", fallback="{experiments_output_dir}"),
)
OPTIMISED = (Above("first_inv_steps", 0, why="without steps, nothing is optimised in Z+."), NoBoundaries())


def _require_config(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"There is no configuration {path}. Give one, such as ../../example_configs/config_00001.py.")
    try:
        tree = parse_source(path)[1]
    except UnreadableSourceError as error:
        raise UsageError(f"The configuration {path} cannot be read as Python: {error}") from None
    text = {getattr(node, "id", "") for statement in tree.body for node in getattr(statement, "targets", ())}
    absent = [name for name in READ if name not in text]
    if absent:
        raise UsageError(f"The configuration {path} does not set {', '.join(absent)}, which the script reads.")


def _configure(journal: Journal, run: RunContext) -> None:
    def find_config(settings: ModuleType) -> None:
        if len(sys.argv) < 2:
            raise UsageError("The script needs a configuration, such as ../../example_configs/config_00001.py.")
        given = Path(sys.argv[1])
        _require_config(given)
        folder = tempfile.TemporaryDirectory(prefix="zplus-config-")
        journal.callback(folder.cleanup)
        # The journal forgets the checkout's modules after the run, but this package is outside the checkout.
        for name in (CONFIG, CONFIG.partition(".")[0]):
            journal.callback(functools.partial(sys.modules.pop, name, None))
        package = Path(folder.name, "example_configs")
        package.mkdir()
        shutil.copyfile(given, package / "config.py")
        sys.path.insert(0, folder.name)

    def keeping(copy: Callable[..., Any]) -> Callable[..., Any]:
        def keep_theirs(source: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
            is_config = str(target).endswith("example_configs/config.py")
            return target if is_config else copy(source, target, *args, **kwargs)

        return keep_theirs

    # The script imports this module before it reads its command line.
    journal.when_imported("configs.global_config", find_config)
    journal.wrap(shutil, "copy", keeping)


def _watch_views(journal: Journal, run: RunContext) -> None:
    def watching(system: Callable[[str], int]) -> Callable[[str], int]:
        def run_views(command: str) -> int:
            if VIEWS not in command:
                return system(command)
            if not run.arguments.get("multi_views_output_dir"):
                raise SystemExit(0)
            status = os.waitstatus_to_exitcode(system(command))
            if status in (-2, 130):  # only the child receives Ctrl-C
                raise KeyboardInterrupt
            if status:
                raise RequirementError(
                    f"{VIEWS} ended with status {status}; its output is above. The codes and generators that were "
                    f"saved before are kept. {SKIP}"
                )
            return status

        return run_views

    journal.wrap(os, "system", watching)


def _stand_in_projector(journal: Journal, run: RunContext) -> None:
    def add(projectors: ModuleType) -> None:
        if any(Path(folder, "z_plus_projector.py").exists() for folder in projectors.__path__):
            return
        journal.set(projectors, "z_plus_projector", ModuleType("training.projectors.z_plus_projector"))

    journal.when_imported("training.projectors", add)


def _provide_turtle(journal: Journal, run: RunContext) -> None:
    if importlib.util.find_spec("_tkinter") is None:
        turtle = ModuleType("turtle")
        vars(turtle)["pd"] = _no_turtle
        journal.set_item(sys.modules, "turtle", turtle)


def _no_turtle(*args: Any) -> None:
    raise RequirementError("The script draws with turtle, which needs Python's tkinter. Install it.")


CONFIGURATION = Patch(
    name="configuration",
    problem="the configuration is copied over a file of the checkout, where another run reads it",
    install=_configure,
)
MULTI_VIEWS = Patch(
    name="multi views",
    problem="a failure of `generate_multi_views.py` is ignored, and shows as missing images later",
    install=_watch_views,
)
PROJECTOR = Patch(
    name="projector",
    problem="the authors' fork imports `z_plus_projector`, which it does not have",
    install=_stand_in_projector,
)
TURTLE = Patch(
    name="turtle",
    problem="`from turtle import pd`, which nothing uses, needs Python's tkinter",
    install=_provide_turtle,
)
