"""What GANInverter's scripts need, and which codes they load by themselves."""

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
from zplus_plugins.upstreams.adapter.protocols import LATENT, Finding, Requirement
from zplus_plugins.upstreams.requirements.arguments import OneOf, When
from zplus_plugins.upstreams.requirements.files import Checkpoint, Folder, HubWeights, Writable
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures
from zplus_plugins.upstreams.requirements.pictures.images import ImageFile, LpipsWeights
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import Walked
from zplus_plugins.upstreams.requirements.states import items_of, outline_or_none, shapes_in

RELEASE = "https://github.com/caopulan/GANInverter/releases/download/v0.1"
SQUARE = ("resolution", "resolution")  # the script resizes to a square
FOLDER = Pictures(
    "{test_dataset_path}",
    selection=Walked((".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff")),
    reader=PILLOW_RGB,
    what="image folder (--test_dataset_path)",
    remedy="Give another folder, or one picture.",
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
            return "(--config) is not there. The repository's are in configs/."
        yaml: Any = importlib.import_module("yaml")
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            return f"cannot be read as YAML: {str(error).splitlines()[0]}."
        return None if isinstance(content, dict) else "does not name arguments with their values, such as `lr: 0.1`."


@dataclass(frozen=True)
class Targets:
    """One picture, or a folder of them; refinement compares them with the generator's images as they are."""

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
                    shown = "unknown" if size is None else f"{size[0]} x {size[1]}"
                    yield f"The image {path} has {shown} pixels; the generator makes {side} x {side}. Resize it."
        elif arguments["test_batch_size"] > 1 and len(set(sizes.values())) > 1:
            yield "The images are of different sizes, which make no batch: give --test_batch_size 1."


@dataclass(frozen=True)
class Weights:
    """The generator's weights: those of a checkpoint, with an encoder's, or else its own file."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        need, told = self._need(arguments)
        if need is GENERATOR and arguments["embed_mode"] in ("encoder", "restyle"):
            text = "The encoder's checkpoint: none was given, so that the script would go on with an untrained encoder."
            return [Finding("missing", f"{text} {TRAINED.remedy}")]
        if need is GENERATOR and not arguments["stylegan_weights"]:
            return [Finding("missing", f"The {GENERATOR.what}: none was given. {GENERATOR.remedy}")]
        return need.check(told) or self._other_size(need, told)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        need, told = self._need(arguments)
        return need.asks_for(told) if need is TRAINED or told["stylegan_weights"] else []

    def _need(self, arguments: Mapping[str, Any]) -> tuple[Checkpoint, Mapping[str, Any]]:
        path = arguments["checkpoint_path"]
        if path is None or arguments["auto_resume"]:
            best = Path(arguments["exp_dir"], "checkpoints", "best_model.pt")
            path = best if best.is_file() else None
        return (GENERATOR, arguments) if path is None else (TRAINED, {**arguments, "checkpoint": path})

    def _other_size(self, need: Checkpoint, told: Mapping[str, Any]) -> list[Finding]:
        path = Path(need.path.format_map(told))
        content = outline_or_none(path)
        names = shapes_in(content, "g_ema", "decoder", "state_dict")
        layers = [name for name in names if name.endswith(".conv.weight") and "to_rgbs." in name]
        made = 4 * 2 ** len(layers)
        if "latent_avg" not in items_of(content) and need is GENERATOR:
            text = f"The {need.what} {path} has no latent_avg, which the script takes from it. {need.remedy}"
            return [Finding("missing", text)]
        if not layers or made == told["resolution"]:
            return []
        text = f"The {need.what} {path} makes {made} x {made} pixels; --resolution is {told['resolution']}."
        return [Finding("missing", f"{text} Give --resolution {made}.", usage=True)]


@dataclass(frozen=True)
class SavedCodes:
    """What ``--embed_mode code`` loads: a code for every picture, from a folder that holds nothing but codes."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder = arguments["code_path"]
        if folder is None:
            return [Finding("missing", "--embed_mode code needs --code_path, a folder of saved codes.", usage=True)]
        if arguments[LATENT] != "off" and Path(folder).name != "code":
            text = f"--code_path {folder}: codes with records are in a folder named code, as --save_code makes it."
            return [Finding("missing", text, usage=True)]
        absent = [path for path in codes(arguments) if not path.is_file()]
        text = f"There is no saved code {absent[0]} ({len(absent)} missing)." if absent else ""
        return [Finding("missing", f"{text} Invert the images first, with --save_code True.")] if absent else []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        found = codes(arguments) if arguments["code_path"] is not None else ()
        return [NeededFile(path, "saved code", "--save_code True", path.is_file(), made=True) for path in found]


@dataclass(frozen=True)
class EarlierRefinement:
    """Notes on masks and tuned weights of an earlier run, which DHR takes instead of making them."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        out = Path(arguments["output_dir"] or "None")
        parts = ("mask_refine_pt", "weight", "feature")
        files = [out / part / f"{_stem(path)}.pt" for path in targets(arguments) for part in parts]
        text = "{} is of an earlier run, and will be taken as it is; remove it to make it anew."
        return [Finding("note", text.format(file)) for file in files if file.exists()]


@dataclass(frozen=True)
class Output(Writable):
    """The folder of the results; ``path`` is its place in ``--exp_dir`` if ``--output_dir`` gives none."""

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        return Path(arguments["output_dir"] or Path(arguments["exp_dir"], self.path))


@dataclass(frozen=True)
class EditDirection:
    """InterFaceGAN's direction must be of the generator's codes, one for all layers or one a layer."""

    def check(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> list[Finding]:
        if arguments.get("edit_mode") != "interfacegan" or not arguments.get("edit_path"):
            return []
        try:
            shape = tuple(read_direction(Path(arguments["edit_path"])).shape)
        except DirectionError as error:
            return [Finding("missing", f"{error} Give another one with --edit_path.")]
        if shape[-1] == mapping.w_dim and shape[-2:-1] in ((), (1,), (mapping.num_ws,)):
            return []
        codes = f"{mapping.num_ws} codes of {mapping.w_dim} numbers"
        text = f"The direction {arguments['edit_path']} has the shape {shape}; this generator takes {codes}."
        return [Finding("missing", f"{text} Give another one with --edit_path.")]


def targets(arguments: Mapping[str, Any]) -> list[str]:
    """The pictures that a script will invert."""
    if _is_folder(arguments):
        return [path for _, path in FOLDER.chosen(arguments)]
    return [arguments["test_dataset_path"]]


def codes(arguments: Mapping[str, Any]) -> list[Path]:
    """The codes that ``--embed_mode code`` loads; of names, the script cuts off four characters."""
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
ONE_AT_A_TIME = OneOf("test_batch_size", values=(1,), why="this refinement takes one picture at a time.")
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
    OneOf("embed_mode", values=("encoder", "optim", "code", "restyle"), why="the repository has no other embedding."),
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
        why="ReStyle adds up its encoder's steps. Run it with --latent off.",
    ),
    OneOf("refine_mode", values=(None, *REFINEMENTS), why="only these were tried. Run it with --latent off."),
    When(
        LATENT,
        "zplus",
        (
            When(
                "embed_mode",
                "optim",
                (
                    OneOf(
                        "w_plus", values=(True,), why="Z+ has a code a layer. Give --w_plus True, or run in --latent z."
                    ),
                ),
            ),
        ),
    ),
)
EVALUATION = _lpips("alex")
EDIT: tuple[Requirement, ...] = (
    OneOf("edit_mode", values=("interfacegan", "ganspace"), why="the repository has no other editing."),
    OneOf(
        "refine_mode",
        values=(None, "pti", "dhr", "hfgi", "hyperstyle"),
        why="SAM's edit takes other arguments than the script gives.",
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
    Folder("{gt_path}", files=("*.jpg",), what="originals (--gt_path)", remedy="The script takes them by .jpg names."),
)
