"""What a file of weights is that holds no generator which can be used, told by the names in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from torch import Tensor

from zplus_plugins.generators.formats.containers import AVERAGED, OTHERS, TRAINED
from zplus_plugins.generators.formats.layout import listed
from zplus_plugins.generators.unpickling.unpickle import Record, printable

GENERATOR = "Give the file of a StyleGAN2 generator."
MOST_NAMES = 20_000  # that are looked at; a whole diffusion model has 2,000

_CONVERT = "Convert it to the names of NVlabs, rosinality or genforce."
_DEEPER = (*AVERAGED, *TRAINED, *OTHERS, "D", "d", "discriminator", "encoder", "mapper", "ckpt")

_KINDS: tuple[tuple[str, str, str], ...] = (
    # what matches a tensor's name, what the file is then, and what to do
    (r"(.*\.)?synthesis\.(input\.(freqs|phases)|L\d+_\d+_\d+\.).*", "a StyleGAN3 (alias-free) generator", GENERATOR),
    (r"(.*\.)?(g_mapping|g_synthesis)\..*|generator\.progression\..*", "a StyleGAN1 generator", GENERATOR),
    (r"(.*\.)?(triplane|backbone\.synthesis|superresolution)\..*", "an EG3D generator of 3D scenes", GENERATOR),
    (r"(.*\.)?stylegan_decoder\..*", "GFPGAN, which restores faces around a generator", GENERATOR),
    (r"(.*\.)?style_convs?\d*\..*|(.*\.)?style_mlp\..*", "a StyleGAN2 generator by BasicSR's names", _CONVERT),
    (r"(.*\.)?model\.diffusion_model\..*|(.*\.)?down_blocks\.\d+\..*", "a diffusion model", GENERATOR),
    (r"(.*\.)?(course|medium|fine)_mapping\..*", "a mapper of StyleCLIP", GENERATOR),
    (
        r"(.*\.)?(input_layer\.0\.weight|styles\.\d+\.(convs|linear)\..*)",
        "an encoder (e4e, pSp or ArcFace's backbone) without its generator",
        "Take the whole checkpoint, which has decoder. too, or the file of a StyleGAN2 generator.",
    ),
    (r"(.*\.)?(final_conv|final_linear)\..*|(.*\.)?b4\.(mbstd|out|fc)\..*", "a discriminator", GENERATOR),
    (r"(.*\.)?(input\d+\.weight|layer\d+\.skip.*)", "a discriminator", GENERATOR),
    (r"(.*\.)?lin\d\.model\.1\.weight", "the weights of LPIPS, a distance between pictures", GENERATOR),
    (r"(.*\.)?Mixed_\d\w\..*", "an Inception network, as FID takes it", GENERATOR),
    (r"(.*\.)?features\.\d+\.(weight|bias)", "a VGG or AlexNet, which compares or classifies pictures", GENERATOR),
    (r"(.*\.)?layer[1-4]\.\d+\.conv1\.weight", "a ResNet, which classifies or segments pictures", GENERATOR),
    (r"(.*\.)?visual\.transformer\..*", "CLIP, which compares pictures with texts", GENERATOR),
    (r"model\.\d+\.(weight|bias)", "a sequence of layers, such as BDInvert's base code encoder", GENERATOR),
)


def described(content: Any) -> tuple[str, str]:
    """What a file holds, with an article, and what to do."""
    if isinstance(content, Record):
        return _network(content)
    if isinstance(content, Tensor):
        shape = " x ".join(map(str, content.shape)) or "no axes"
        return f"a Tensor of {shape}, such as a style code or a direction of editing", GENERATOR
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
    """Names of tensors, in the dictionary and in those that it is known to hold."""
    for key, value in islice(content.items(), MOST_NAMES):
        if isinstance(value, Tensor) and isinstance(key, str) and len(key) < 200:
            yield key
        elif isinstance(value, Mapping) and depth and key in _DEEPER:
            yield from _names(value, depth - 1)
