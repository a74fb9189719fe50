"""What each of GANInverter's scripts needs."""

from __future__ import annotations

from zplus_plugins.adapters.needs.ganinverter.inputs import (
    Configs,
    EarlierRefinement,
    EditDirection,
    Output,
    SavedCodes,
    Targets,
    codes,
)
from zplus_plugins.adapters.needs.ganinverter.networks import Weights, lpips
from zplus_plugins.upstreams.adapter.description import Gate, Script
from zplus_plugins.upstreams.adapter.loop import Loop
from zplus_plugins.upstreams.adapter.protocols import LATENT, Requirement
from zplus_plugins.upstreams.requirements.arguments import OneOf, When
from zplus_plugins.upstreams.requirements.files import Checkpoint, Folder, HubWeights

ONE_AT_A_TIME = OneOf("test_batch_size", values=(1,), why="this refinement processes one image at a time.")
FACER, FARL = "https://github.com/elliottzheng/face-detection/releases/download/0.0.1", "face_parsing.farl.celebm"
PARSER = f"{FARL}.main_ema_181500_jit.pt"
REFINEMENTS: dict[str, tuple[Requirement, ...]] = {
    "pti": (ONE_AT_A_TIME, *lpips("alex")),
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
        *lpips("vgg"),
    ),
    "dhr": (
        ONE_AT_A_TIME,
        EarlierRefinement(),
        *lpips("alex"),
        *lpips("vgg"),
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
    When("embed_mode", "optim", lpips("vgg")),
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
EVALUATION = lpips("alex")
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
