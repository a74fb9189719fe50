"""GANInverter (caopulan/GANInverter): optimised codes, and those of encoders such as LSAP's, in Z+, refined as ever."""

from __future__ import annotations

from zplus_plugins.adapters.needs.ganinverter import (
    EDIT,
    EVALUATION,
    IDENTITY,
    INVERSION,
    ON_THE_HYPERSPHERE,
    RELEASE,
    Configs,
    EditDirection,
    Output,
    codes,
)
from zplus_plugins.patches import checkpoints, device, device_names, downloads
from zplus_plugins.patches.ops import extensions, rosinality_ops
from zplus_plugins.upstreams import (
    Adapter,
    ArgumentOf,
    Download,
    Estimate,
    Gate,
    Move,
    Reliance,
    Requirement,
    Script,
    Writable,
    Writer,
)

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


def _inverting(path: str, results: str, *more: Requirement, fits: tuple[EditDirection, ...] = ()) -> Script:
    return Script(
        path,
        role="invert",
        folder=".",
        gate=Gate("options.base_options:BaseOptions.parse", first=(Configs(),)),
        needs=(*INVERSION, *more, Output(results)),
        zplus_needs=ON_THE_HYPERSPHERE,
        zplus_defaults={"save_code": True},  # the records lie beside the codes
        fits=fits,
        earlier=codes,
    )


ADAPTER = Adapter(
    name="ganinverter",
    summary="GANInverter: W+ and encoders' estimates become Z+, before PTI, SAM or DHR",
    upstream="https://github.com/caopulan/GANInverter",
    tested_commits=("e3d5d4d",),
    markers=("inference/two_stage_inference.py", "inference/dhr_infer.py"),
    scripts=(
        _inverting("scripts/infer.py", "inference_results"),
        _inverting("scripts/test.py", "inference_results", *EVALUATION),
        _inverting("scripts/edit.py", "", *EDIT, fits=(EditDirection(),)),
        Script("scripts/calc_id_loss.py", folder=".", needs=(*IDENTITY, Writable("{data_path}/.."))),
    ),
    relies_on=RELIES_ON,
    # By use, not by class: refinements build generators of the same class and tune them.
    generator=(
        ArgumentOf("inference.optim_infer:OptimizerInference.inverse", "self", pick="decoder"),
        ArgumentOf("inference.encoder_infer:EncoderInference.inverse", "self", pick="decoder"),
        ArgumentOf("inference.code_infer:CodeInference.inverse", "self", pick="decoder"),
    ),
    estimates=(Estimate("models.encoder:Encoder.forward"),),
    # Its coarse inversion makes a mask; embedding is done before.
    untouched=("inference.dhr_infer:DHRInference.inverse",),
    init="project",
    codes="code/*.pt",
    moves=(
        Move("editing.interfacegan:InterFaceGAN.edit_code", code="code"),
        Move("editing.ganspace:GANSpace.edit_code", code="code"),
    ),
    writers=(
        Writer("torch:save", path=1, content=0),
        Writer("PIL.Image:Image.save", path=1, content=0),
        Writer("numpy:save", suffix=".npy"),
        Writer("cv2:imwrite"),
    ),
    downloads=(
        Download(
            "pretrained_models/**/*.pt",
            what="encoder checkpoint or generator",
            remedy=f"Download lsap_ffhq_r50_wp_official.pt from {RELEASE} to pretrained_models/lsap/.",
        ),
    ),
    patches=(
        device.PATCH,
        device_names.PATCH,
        checkpoints.PATCH,
        downloads.PATCH,
        extensions.PATCH,
        rosinality_ops.PATCH,
    ),
)
