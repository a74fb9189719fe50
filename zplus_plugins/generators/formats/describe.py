"""Describe a file of weights that contains no usable generator, by the names in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from torch import Tensor

from zplus_plugins.generators.formats.containers import AVERAGED, OTHERS, TRAINED
from zplus_plugins.generators.unpickling.standins import Record
from zplus_plugins.untrusted import listed, printable

GENERATOR = "Give the file of a StyleGAN2 or StyleGAN3 generator."
MOST_NAMES = 20_000  # to look at; a complete diffusion model has 2,000

_CONVERT = "Convert it to the parameter names of NVlabs, rosinality or genforce."
_DEEPER = (*AVERAGED, *TRAINED, *OTHERS, "D", "d", "discriminator", "encoder", "mapper", "ckpt")

_KINDS: tuple[tuple[str, str, str], ...] = (
    # a pattern of tensor names, what a file with such a name is, and what to do
    (r"(.*\.)?(input\.phases|L\d+_\d+_\d+\..*)", "a part of a StyleGAN3 (alias-free) generator", GENERATOR),
    (r"(.*\.)?(g_mapping|g_synthesis)\..*|generator\.progression\..*", "a StyleGAN1 generator", GENERATOR),
    (r"(.*\.)?(triplane|backbone\.synthesis|superresolution)\..*", "an EG3D generator of 3D scenes", GENERATOR),
    (r"(.*\.)?stylegan_decoder\..*", "GFPGAN, a face restoration model around a generator", GENERATOR),
    (
        r"(.*\.)?style_convs?\d*\..*|(.*\.)?style_mlp\..*",
        "a StyleGAN2 generator with BasicSR's names",
        _CONVERT,
    ),
    (r"(.*\.)?model\.diffusion_model\..*|(.*\.)?down_blocks\.\d+\..*", "a diffusion model", GENERATOR),
    (r"(.*\.)?(course|medium|fine)_mapping\..*", "a mapper of StyleCLIP", GENERATOR),
    (
        r"(.*\.)?(input_layer\.0\.weight|styles\.\d+\.(convs|linear)\..*)",
        "an encoder (e4e, pSp or ArcFace's backbone) without its generator",
        "Give the complete checkpoint, which also has decoder., or the file of a StyleGAN2 or StyleGAN3 generator.",
    ),
    (r"(.*\.)?(final_conv|final_linear)\..*|(.*\.)?b4\.(mbstd|out|fc)\..*", "a discriminator", GENERATOR),
    (r"(.*\.)?(input\d+\.weight|layer\d+\.skip.*)", "a discriminator", GENERATOR),
    (r"(.*\.)?lin\d\.model\.1\.weight", "the weights of LPIPS, an image metric", GENERATOR),
    (r"(.*\.)?Mixed_\d\w\..*", "an Inception network, as used for FID", GENERATOR),
    (r"(.*\.)?features\.\d+\.(weight|bias)", "a VGG or AlexNet image classifier", GENERATOR),
    (r"(.*\.)?layer[1-4]\.\d+\.conv1\.weight", "a ResNet for image classification or segmentation", GENERATOR),
    (r"(.*\.)?visual\.transformer\..*", "CLIP, which compares images with text", GENERATOR),
    (r"model\.\d+\.(weight|bias)", "a sequence of layers, such as BDInvert's base code encoder", GENERATOR),
)


def described(content: Any) -> tuple[str, str]:
    """A description of a file's content, with an article, and what to do."""
    if isinstance(content, Record):
        return _network(content)
    if isinstance(content, Tensor):
        shape = " x ".join(map(str, content.shape)) or "no axes"
        return f"a Tensor of {shape}, such as a style code or an editing direction", GENERATOR
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}", GENERATOR
    names = list(_names(content))
    for pattern, what, remedy in _KINDS:
        found = next((name for name in names if re.fullmatch(pattern, name)), None)
        if found is not None:
            return f"{what} ({printable(found)})", remedy
    network = next((value for value in content.values() if isinstance(value, Record)), None)
    if network is not None:
        return _network(network)
    if {"state", "param_groups"} <= content.keys():
        return "the state of an optimizer, without the weights that it trains", GENERATOR
    return f"a dictionary of {listed([str(key) for key in content]) or 'nothing'}", ""


def _network(network: Record) -> tuple[str, str]:
    return f"a network {printable(network.name)}, not a generator", GENERATOR


def _names(content: Mapping[Any, Any], depth: int = 2) -> Iterator[str]:
    """The names of tensors in a dictionary, and in the nested dictionaries that checkpoints usually have."""
    for key, value in islice(content.items(), MOST_NAMES):
        if isinstance(value, Tensor) and isinstance(key, str) and len(key) < 200:
            yield key
        elif isinstance(value, Mapping) and depth and key in _DEEPER:
            yield from _names(value, depth - 1)
