"""GANInverter (caopulan/GANInverter): codes in Z+, optimised or from an encoder such as LSAP's, and then refined."""

from __future__ import annotations

from zplus_plugins.adapters.needs.ganinverter import scripts as needs
from zplus_plugins.adapters.needs.ganinverter.inputs import EditDirection
from zplus_plugins.adapters.needs.ganinverter.networks import DOWNLOADS
from zplus_plugins.adapters.needs.ganinverter.relied_on import RELIES_ON
from zplus_plugins.patches import checkpoints, device, device_names, downloads
from zplus_plugins.patches.ops import extensions, rosinality_ops
from zplus_plugins.upstreams import Adapter, ArgumentOf, Estimate, Move, Script, Writable, Writer

ADAPTER = Adapter(
    name="ganinverter",
    summary="GANInverter: W+ and encoders' estimates become Z+, before PTI, SAM or DHR",
    upstream="https://github.com/caopulan/GANInverter",
    tested_commits=("e3d5d4d",),
    markers=("inference/two_stage_inference.py", "inference/dhr_infer.py"),
    scripts=(
        needs.inverting("scripts/infer.py", "inference_results", loop=needs.LOOP),
        needs.inverting("scripts/test.py", "inference_results", *needs.EVALUATION),
        needs.inverting("scripts/edit.py", "", *needs.EDIT, fits=(EditDirection(),)),
        Script("scripts/calc_id_loss.py", folder=".", needs=(*needs.IDENTITY, Writable("{data_path}/.."))),
    ),
    relies_on=RELIES_ON,
    # Captured where it is used, not by its class: refinements tune further generators of the same class.
    generator=(
        ArgumentOf("inference.optim_infer:OptimizerInference.inverse", "self", pick="decoder"),
        ArgumentOf("inference.encoder_infer:EncoderInference.inverse", "self", pick="decoder"),
        ArgumentOf("inference.code_infer:CodeInference.inverse", "self", pick="decoder"),
    ),
    estimates=(Estimate("models.encoder:Encoder.forward"),),
    # Embedding is done by then, and its coarse inversion only makes a mask.
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
    downloads=DOWNLOADS,
    patches=(
        device.PATCH,
        device_names.PATCH,
        checkpoints.PATCH,
        downloads.PATCH,
        extensions.PATCH,
        rosinality_ops.PATCH,
    ),
)
