"""Feature-Style Encoder (InterDigitalInc/FeatureStyleEncoder): its encoder's F/W+ becomes F/Z+."""

from __future__ import annotations

from zplus_plugins.adapters.needs.fse import DOWNLOADS, INVERT, RELIES_ON, VIDEO
from zplus_plugins.patches import checkpoints, device, device_names, downloads
from zplus_plugins.patches.ops import extensions, rosinality_ops
from zplus_plugins.upstreams import Adapter, Estimate, FeatureMap, InstanceOf, Move, Script, Writer

GENERATOR = "pixel2style2pixel.models.stylegan2.model:Generator"

ADAPTER = Adapter(
    name="fse",
    summary="Feature-Style Encoder: F/W+ becomes F/Z+",
    upstream="https://github.com/InterDigitalInc/FeatureStyleEncoder",
    tested_commits=("4aa0069",),
    markers=("trainer.py", "nets/feature_style_encoder.py"),
    scripts=(
        Script("test.py", role="invert", folder=".", needs=INVERT),
        # Only its function latent_manipulation has a code, which it encodes and then moves.
        Script(
            "video_processing.py",
            role="edit",
            folder=".",
            needs=VIDEO,
            estimates=(Estimate("trainer:Trainer.encode", pick="0"),),
        ),
    ),
    relies_on=RELIES_ON,
    generator=(InstanceOf("trainer:Trainer", pick="StyleGAN"),),
    # The encoder outputs an offset from the mean style code: their sum is projected, where it is used.
    estimates=(Estimate(f"{GENERATOR}.forward", argument="styles", pick="0"),),
    feature_map=FeatureMap(synthesis=(f"{GENERATOR}.forward",), arguments=("features_in",)),
    init="project",
    images="{save_path}*",
    moves=(Move("video_processing:linear_interpolate", code="latent_code"),),
    writers=(Writer("PIL.Image:Image.save", path=1, content=0), Writer("cv2:imwrite"), Writer("numpy:save", ".npy")),
    downloads=DOWNLOADS,
    optional=("face_alignment",),
    patches=(
        device.PATCH,
        device_names.PATCH,
        checkpoints.PATCH,
        downloads.PATCH,
        extensions.PATCH,
        rosinality_ops.PATCH,
    ),
)
