"""The functions of GANInverter that the adapter relies on."""

from __future__ import annotations

from zplus_plugins.upstreams.adapter.description import Reliance

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
