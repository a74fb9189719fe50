"""GANInverter (caopulan/GANInverter): optimised codes, and those of encoders such as LSAP's, in Z+, refined as ever."""

from __future__ import annotations

from zplus_plugins.adapters.ganinverter_needs import (
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
    relies_on=(
        Reliance("options/base_options.py:BaseOptions.parse"),
        Reliance("inference/optim_infer.py:OptimizerInference.inverse", takes=("images", "images_resize")),
        Reliance("inference/encoder_infer.py:EncoderInference.inverse", takes=("images", "images_resize")),
        Reliance("inference/code_infer.py:CodeInference.inverse", takes=("image_name",)),
        Reliance("inference/pti_infer.py:PTIInference.inverse", takes=REFINED),
        Reliance("inference/sam_infer.py:SamInference.inverse", takes=REFINED),
        Reliance("inference/dhr_infer.py:DHRInference.inverse", takes=REFINED),
        Reliance("models/encoder.py:Encoder.forward", takes=("x",)),
        Reliance("editing/interfacegan.py:InterFaceGAN.edit_code", takes=("code",)),
        Reliance("editing/ganspace.py:GANSpace.edit_code", takes=("code",)),
        Reliance("models/stylegan2/op/fused_act.py:fused_leaky_relu", takes=("input", "bias")),
        Reliance("models/stylegan2/op/upfirdn2d.py:upfirdn2d", takes=("input", "kernel")),
    ),
    # By use, not by class: refinements build generators of the same class and tune them.
    generator=tuple(
        ArgumentOf(f"inference.{place}.inverse", "self", pick="decoder")
        for place in (
            "optim_infer:OptimizerInference",
            "encoder_infer:EncoderInference",
            "code_infer:CodeInference",
        )
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
