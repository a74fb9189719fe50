"""What GANInverter's scripts need, which saved codes they load, and what the adapter relies on in them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.errors import DirectionError
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.records.directions import read_direction
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.system.picture_file import picture_size
from zplus_plugins.upstreams.adapter.description import Download, Gate, Reliance, Script
from zplus_plugins.upstreams.adapter.loop import Loop
from zplus_plugins.upstreams.adapter.protocols import LATENT, Finding, Requirement
from zplus_plugins.upstreams.requirements.arguments import OneOf, When
from zplus_plugins.upstreams.requirements.files import Checkpoint, Folder, HubWeights, Writable
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures
from zplus_plugins.upstreams.requirements.pictures.images import ImageFile, LpipsWeights
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import Walked
from zplus_plugins.upstreams.requirements.states import items_of, outline_or_none, shapes_in

RELEASE = "https://github.com/caopulan/GANInverter/releases/download/v0.1"
REFINED = ("images", "images_resize", "emb_codes")
RELIES_ON = (
    Reliance("options/base_options.py:BaseOptions.parse", "b249cc89ff45e779"),
    Reliance("inference/optim_infer.py:OptimizerInference.inverse", "9614b16ffb0eb15d", takes=REFINED[:2]),
    Reliance("inference/encoder_infer.py:EncoderInference.inverse", "54f962c3b5974723", takes=REFINED[:2]),
    Reliance("inference/code_infer.py:CodeInference.inverse", "8f827cf8e694f588", takes=("image_name",)),
    Reliance("inference/pti_infer.py:PTIInference.inverse", "b284835593f7d1b9", takes=REFINED),
    Reliance("inference/sam_infer.py:SamInference.inverse", "0492083f8b59fe49", takes=REFINED),
    Reliance("inference/dhr_infer.py:DHRInference.inverse", "efca5e210f480188", takes=REFINED),
    Reliance("models/encoder.py:Encoder.forward", "92097f623d88b3f9", takes=("x",)),
    Reliance("editing/interfacegan.py:InterFaceGAN.edit_code", "bf3fccd83c940dad", takes=("code",)),
    Reliance("editing/ganspace.py:GANSpace.edit_code", "cbba30a4049aaa4f", takes=("code",)),
    Reliance("models/stylegan2/op/fused_act.py:fused_leaky_relu", "bd30ac1cda8362d7", takes=("input", "bias")),
    Reliance("models/stylegan2/op/upfirdn2d.py:upfirdn2d", "ff5a74edf11ed327", takes=("input", "kernel")),
)
SQUARE = ("resolution", "resolution")  # the script resizes to a square
FOLDER = Pictures(
    "{test_dataset_path}",
    selection=Walked((".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff")),
    reader=PILLOW_RGB,
    what="image folder (--test_dataset_path)",
    remedy="Choose another folder, or a single image.",
    shape=SQUARE,
)
FILE = ImageFile(FOLDER.path, reader=PILLOW_RGB, shape=SQUARE)


@dataclass(frozen=True)
class Configs:
    """The YAML files of ``--config``, each a mapping of arguments."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        problems = ((name, self._problem(Path(name))) for name in arguments["config"] or ())
        return [Finding("missing", f"The configuration {name} {problem}") for name, problem in problems if problem]

    def _problem(self, path: Path) -> str | None:
        if not path.is_file():
            return "(--config) does not exist. The repository's configurations are in configs/."
        yaml: Any = importlib.import_module("yaml")
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            return f"cannot be read as YAML: {str(error).splitlines()[0]}."
        return None if isinstance(content, dict) else "is not a mapping of arguments to values, such as `lr: 0.1`."


@dataclass(frozen=True)
class Targets:
    """One image, or a folder of images, which a refinement compares with the generator's without resizing them."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        findings = (FOLDER if _is_folder(arguments) else FILE).check(arguments)
        return findings or [Finding("missing", text) for text in self._sizes(arguments)]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        return (FOLDER if _is_folder(arguments) else FILE).asks_for(arguments)

    def _sizes(self, arguments: Mapping[str, Any]) -> Iterable[str]:
        side = arguments["resolution"]
        sizes = {path: picture_size(path) for path in targets(arguments)}
        if arguments["refine_mode"] in REFINED_AS_THEY_ARE:
            for path, size in sizes.items():
                if size != (side, side):
                    shown = "an unknown size" if size is None else f"{size[0]} x {size[1]} pixels"
                    yield f"The image {path} has {shown}; the generator makes {side} x {side}. Resize it."
        elif arguments["test_batch_size"] > 1 and len(set(sizes.values())) > 1:
            yield "The images have different sizes, so they cannot form a batch. Use --test_batch_size 1."


@dataclass(frozen=True)
class Weights:
    """The generator's weights: in a checkpoint, together with an encoder's, or in a file of their own."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        need, values = self._need(arguments)
        if need is GENERATOR and arguments["embed_mode"] in ("encoder", "restyle"):
            text = "The encoder's checkpoint: none was given, so the script would use an untrained encoder."
            return [Finding("missing", f"{text} {TRAINED.remedy}")]
        if need is GENERATOR and not arguments["stylegan_weights"]:
            return [Finding("missing", f"The {GENERATOR.what}: none was given. {GENERATOR.remedy}")]
        return need.check(values) or self._other_size(need, values)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        need, values = self._need(arguments)
        return need.asks_for(values) if need is TRAINED or values["stylegan_weights"] else []

    def _need(self, arguments: Mapping[str, Any]) -> tuple[Checkpoint, Mapping[str, Any]]:
        path = arguments["checkpoint_path"]
        if path is None or arguments["auto_resume"]:
            best = Path(arguments["exp_dir"], "checkpoints", "best_model.pt")
            path = best if best.is_file() else None
        return (GENERATOR, arguments) if path is None else (TRAINED, {**arguments, "checkpoint": path})

    def _other_size(self, need: Checkpoint, values: Mapping[str, Any]) -> list[Finding]:
        path = Path(need.path.format_map(values))
        content = outline_or_none(path)
        names = shapes_in(content, "g_ema", "decoder", "state_dict")
        layers = [name for name in names if name.endswith(".conv.weight") and "to_rgbs." in name]
        made = 4 * 2 ** len(layers)
        if "latent_avg" not in items_of(content) and need is GENERATOR:
            text = f"The {need.what} {path} has no latent_avg, which the script reads from it. {need.remedy}"
            return [Finding("missing", text)]
        if not layers or made == values["resolution"]:
            return []
        text = f"The {need.what} {path} makes {made} x {made} pixels; --resolution is {values['resolution']}."
        return [Finding("missing", f"{text} Use --resolution {made}.", usage=True)]


@dataclass(frozen=True)
class SavedCodes:
    """What ``--embed_mode code`` loads: one code per image, from a folder that contains nothing but codes."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = arguments["code_path"]
        if folder is None:
            return [Finding("missing", "--embed_mode code needs --code_path, a folder of saved codes.", usage=True)]
        if arguments[LATENT] != "off" and Path(folder).name != "code":
            text = f"--code_path {folder} must be a folder named code: --save_code saves codes with records there."
            return [Finding("missing", text, usage=True)]
        absent = [path for path in codes(arguments) if not path.is_file()]
        text = f"There is no saved code {absent[0]} ({len(absent)} missing)." if absent else ""
        return [Finding("missing", f"{text} Invert the images first, with --save_code True.")] if absent else []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        found = codes(arguments) if arguments["code_path"] is not None else ()
        return [NeededFile(path, "saved code", "--save_code True", path.is_file(), made=True) for path in found]


@dataclass(frozen=True)
class EarlierRefinement:
    """Notes about masks and tuned weights of an earlier run, which DHR reuses instead of computing new ones."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        out = Path(arguments["output_dir"] or "None")
        parts = ("mask_refine_pt", "weight", "feature")
        files = [out / part / f"{_stem(path)}.pt" for path in targets(arguments) for part in parts]
        text = "{} is from an earlier run, and will be reused. To have it computed again, delete it."
        return [Finding("note", text.format(file)) for file in files if file.exists()]


@dataclass(frozen=True)
class Output(Writable):
    """The folder for the results: ``--output_dir`` or, if that is not given, ``path`` in ``--exp_dir``."""

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        return Path(arguments["output_dir"] or Path(arguments["exp_dir"], self.path))


@dataclass(frozen=True)
class EditDirection:
    """InterFaceGAN's direction must fit the generator's codes: one vector for all layers, or one per layer."""

    def check(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> list[Finding]:
        if arguments.get("edit_mode") != "interfacegan" or not arguments.get("edit_path"):
            return []
        try:
            shape = tuple(read_direction(Path(arguments["edit_path"])).shape)
        except DirectionError as error:
            return [Finding("missing", f"{error} Choose another one with --edit_path.")]
        if shape[-1] == mapping.w_dim and shape[-2:-1] in ((), (1,), (mapping.num_ws,)):
            return []
        codes = f"{mapping.num_ws} codes of dimension {mapping.w_dim}"
        text = f"The direction {arguments['edit_path']} has shape {shape}; this generator has {codes}."
        return [Finding("missing", f"{text} Choose another one with --edit_path.")]


def targets(arguments: Mapping[str, Any]) -> list[str]:
    """The images that a script will invert."""
    if _is_folder(arguments):
        return [path for _, path in FOLDER.chosen(arguments)]
    return [arguments["test_dataset_path"]]


def codes(arguments: Mapping[str, Any]) -> list[Path]:
    """The codes that ``--embed_mode code`` loads; the script cuts four characters off an image's name."""
    if arguments["embed_mode"] != "code" or arguments["code_path"] is None:
        return []
    return [Path(arguments["code_path"], f"{_stem(path)}.pt") for path in targets(arguments)]


def _stem(path: str) -> str:
    return path.rpartition("/")[2][:-4]


def _is_folder(arguments: Mapping[str, Any]) -> bool:
    return Path(arguments["test_dataset_path"]).is_dir()


def _lpips(net: str) -> tuple[Requirement, ...]:
    url = f"https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/{net}.pth"
    return LpipsWeights(net), HubWeights(f"{net}.pth", what="LPIPS weights", url=url)


TRAINED = Checkpoint(
    "{checkpoint}",
    what="checkpoint (--checkpoint_path)",
    remedy=f"Download one from {RELEASE}, such as lsap_ffhq_r50_wp_official.pt, and give it with --checkpoint_path.",
    keys=("encoder", "state_dict"),
)
GENERATOR = Checkpoint(
    "{stylegan_weights}",
    what="generator (--stylegan_weights)",
    remedy=f"Download {RELEASE}/stylegan2-ffhq-config-f.pt and give it with --stylegan_weights.",
    keys=("g_ema",),
)
REFINED_AS_THEY_ARE = ("pti", "sam", "dhr")
ONE_AT_A_TIME = OneOf("test_batch_size", values=(1,), why="this refinement processes one image at a time.")
FACER, FARL = "https://github.com/elliottzheng/face-detection/releases/download/0.0.1", "face_parsing.farl.celebm"
PARSER = f"{FARL}.main_ema_181500_jit.pt"
REFINEMENTS: dict[str, tuple[Requirement, ...]] = {
    "pti": (ONE_AT_A_TIME, *_lpips("alex")),
    "sam": (
        ONE_AT_A_TIME,
        Checkpoint(
            "pretrained_models/invertibility_faces_sg2.pt",
            what="invertibility network",
            remedy="Download it from the link in the README of adobe-research/sam_inversion.",
            keys=("sd_base",),
        ),
        Checkpoint(
            "pretrained_models/79999_iter.pth",
            what="face parser",
            remedy="Download it from the link in the README of zllrunning/face-parsing.PyTorch.",
        ),
        HubWeights("resnet101-5d3b4d8f.pth", what="backbone weights of the invertibility network"),
        HubWeights("resnet18-5c106cde.pth", what="backbone weights of the face parser"),
        *_lpips("vgg"),
    ),
    "dhr": (
        ONE_AT_A_TIME,
        EarlierRefinement(),
        *_lpips("alex"),
        *_lpips("vgg"),
        HubWeights("mobilenet0.25_Final.pth", what="face detector", url=f"{FACER}/mobilenet0.25_Final.pth"),
        HubWeights(
            PARSER,
            what="face parser",
            url=f"https://github.com/FacePerceiver/facer/releases/download/models-v1/{PARSER}",
        ),
    ),
}
INVERSION: tuple[Requirement, ...] = (
    OneOf("embed_mode", values=("encoder", "optim", "code", "restyle"), why="the repository has no other mode."),
    OneOf(
        "refine_mode",
        values=(None, *REFINEMENTS, "hfgi", "hyperstyle"),
        why="the repository has no other refinement.",
    ),
    OneOf("output_resolution", values=(None,), why="the script calls torch.nn.functional.resize, which torch lacks."),
    Targets(),
    Weights(),
    When("embed_mode", "code", (SavedCodes(),)),
    When("embed_mode", "optim", _lpips("vgg")),
    *(When("refine_mode", mode, needs) for mode, needs in REFINEMENTS.items()),
)
ON_THE_HYPERSPHERE: tuple[Requirement, ...] = (
    OneOf(
        "embed_mode",
        values=("encoder", "optim", "code"),
        why="ReStyle's code is the sum of several encoder outputs. Use --latent off.",
    ),
    OneOf("refine_mode", values=(None, *REFINEMENTS), why="no others have been tested in Z and Z+. Use --latent off."),
    When(
        LATENT,
        "zplus",
        (
            When(
                "embed_mode",
                "optim",
                (
                    OneOf(
                        "w_plus",
                        values=(True,),
                        why="Z+ has one code per layer. Give --w_plus True, or --latent z.",
                    ),
                ),
            ),
        ),
    ),
)
EVALUATION = _lpips("alex")
EDIT: tuple[Requirement, ...] = (
    OneOf("edit_mode", values=("interfacegan", "ganspace"), why="the repository has no other mode."),
    OneOf(
        "refine_mode",
        values=(None, "pti", "dhr", "hfgi", "hyperstyle"),
        why="SAM's edit does not accept the arguments that the script passes.",
    ),
    When("edit_mode", "interfacegan", (Checkpoint("{edit_path}", what="direction (--edit_path)", remedy=""),)),
    When(
        "edit_mode",
        "ganspace",
        (Checkpoint("{edit_path}", what="components (--edit_path)", remedy="", keys=("comp",)),),
    ),
)
IDENTITY: tuple[Requirement, ...] = (
    Checkpoint(
        "pretrained_models/CurricularFace_Backbone.pth",
        what="face recognition network",
        remedy="Download it from the link in the README of eladrich/pixel2style2pixel.",
    ),
    Folder(
        "pretrained_models/mtcnn",
        files=("pnet.npy", "rnet.npy", "onet.npy"),
        what="face detector",
        remedy="Download them from the link in the README of eladrich/pixel2style2pixel.",
    ),
    Folder("{data_path}", files=("*",), what="results (--data_path)", remedy="Invert the images first."),
    Folder("{gt_path}", files=("*.jpg",), what="originals (--gt_path)", remedy="The script looks for .jpg files only."),
)
DOWNLOADS = (
    Download(
        "pretrained_models/**/*.pt",
        what="encoder checkpoint or generator",
        remedy=f"Download lsap_ffhq_r50_wp_official.pt from {RELEASE} to pretrained_models/lsap/.",
    ),
)


LOOP = Loop(
    Output("inference_results").folder,
    opened="PIL.Image:open",
    listed="utils.data_utils:make_dataset",
    beside=("test_dataset_path", "output_dir", "exp_dir", "config"),
    needs=(
        OneOf("embed_mode", values=("encoder", "code"), why="what the first image draws at random differs."),
        OneOf("test_batch_size", values=(1,), why="the images of a batch are inverted together."),
        OneOf("test_workers", values=(0,), why="other processes open images before it is their turn."),
        OneOf("refine_mode", values=(None, "pti", "sam"), why="DHR takes the masks and weights that it finds."),
    ),
)


def inverting(
    path: str, results: str, *more: Requirement, fits: tuple[EditDirection, ...] = (), loop: Loop | None = None
) -> Script:
    """A script that inverts, with its results in a folder of ``--exp_dir`` and further requirements."""
    return Script(
        path,
        role="invert",
        folder=".",
        gate=Gate("options.base_options:BaseOptions.parse", first=(Configs(),)),
        needs=(*INVERSION, *more, Output(results)),
        zplus_needs=ON_THE_HYPERSPHERE,
        zplus_defaults={"save_code": True},  # the records are saved next to the codes
        fits=fits,
        earlier=codes,
        loop=loop,
    )
