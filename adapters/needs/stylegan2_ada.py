"""What NVlabs' projector and the projectors derived from it need."""

from __future__ import annotations

from zplus_plugins.upstreams import (
    PILLOW_RGB,
    Above,
    DnnlibDownload,
    ImageFile,
    Module,
    Networks,
    PickleFile,
    When,
    Writable,
)

GENERATOR = PickleFile(
    "{network_pkl}",
    what="generator pickle (--network)",
    remedy="Download one from a link in the repository's README, such as ffhq.pkl, and name it with --network=FILE.",
    or_url=True,
    networks=Networks(keys=("G", "D", "G_ema"), tensorflow=True),
)
TARGET = ImageFile("{target_fname}", reader=PILLOW_RGB)
VIDEO = When(
    "save_video",
    True,
    tuple(
        Module(name, remedy="pip install imageio imageio-ffmpeg. Or turn the video off: see the script's --help")
        for name in ("imageio", "imageio_ffmpeg")
    ),
)
# What both projectors need; their networks and losses differ.
SHARED = (
    TARGET,
    Above("num_steps", 0, why="the script saves the code of the last step."),
    VIDEO,
    Writable("{outdir}"),
)
FEATURES = DnnlibDownload(
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt",
    what="VGG-16 weights of the projector's loss",
)
NEEDS = (GENERATOR, FEATURES, *SHARED)
