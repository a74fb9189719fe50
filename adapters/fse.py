"""Feature-Style Encoder (InterDigitalInc/FeatureStyleEncoder): its encoder's F/W+ becomes F/Z+."""

from __future__ import annotations

from zplus_plugins.adapters.needs.fse import FUNCTION, FUNCTIONS, IMAGES, NETWORKS, Slashed
from zplus_plugins.patches import checkpoints, device, device_names, downloads
from zplus_plugins.patches.ops import extensions, rosinality_ops
from zplus_plugins.upstreams.adapter.captures import InstanceOf
from zplus_plugins.upstreams.adapter.description import (
    Adapter,
    Download,
    Estimate,
    FeatureMap,
    Move,
    Reliance,
    Script,
    Writer,
)
from zplus_plugins.upstreams.requirements.files import Writable

MODEL = "pixel2style2pixel.models.stylegan2.model"
SYNTHESIS = ("styles", "return_features", "input_is_latent", "noise", "features_in", "feature_scale")
WEIGHTS = (
    *(f"pretrained_models/{name}.pth" for name in ("143_enc", "backbone", "79999_iter")),
    "pixel2style2pixel/pretrained_models/psp_ffhq_encode.pt",
)

ADAPTER = Adapter(
    name="fse",
    summary="Feature-Style Encoder: F/W+ becomes F/Z+",
    upstream="https://github.com/InterDigitalInc/FeatureStyleEncoder",
    tested_commits=("4aa0069",),
    markers=("trainer.py", "nets/feature_style_encoder.py"),
    scripts=(
        Script(
            "test.py",
            role="invert",
            folder=".",
            needs=(*NETWORKS, Slashed("input_path"), IMAGES, Slashed("save_path"), Writable("{save_path}")),
        ),
        # Of its functions, one encodes and moves a code; the others have none.
        Script(
            "video_processing.py",
            role="edit",
            folder=".",
            needs=(FUNCTION, *FUNCTIONS, Slashed("output_path"), Writable("{output_path}")),
            estimates=(Estimate("trainer:Trainer.encode", pick="0"),),
        ),
    ),
    relies_on=(
        Reliance("trainer.py:Trainer.init_stylegan", "b3ab32affb10f3d5"),
        Reliance("trainer.py:Trainer.encode", "a4ad83468dd93347", takes=("img",)),
        Reliance("trainer.py:Trainer.get_image", "4fe3d3aa335447a8", takes=("img",)),
        Reliance("video_processing.py:linear_interpolate", "8dc52128925343db", takes=("latent_code",)),
        Reliance("video_processing.py:latent_manipulation", "e0249d702f5a3924"),
        Reliance(
            "pixel2style2pixel/models/stylegan2/model.py:Generator.__init__",
            "ed7f8685f6257330",
            takes=("size", "style_dim"),
        ),
        Reliance("pixel2style2pixel/models/stylegan2/model.py:Generator.forward", "5167928527336164", takes=SYNTHESIS),
    ),
    generator=(InstanceOf("trainer:Trainer", pick="StyleGAN"),),
    # The encoder's code is a difference from the mean: it is projected where the sum is used.
    estimates=(Estimate(f"{MODEL}:Generator.forward", argument="styles", pick="0"),),
    feature_map=FeatureMap(synthesis=(f"{MODEL}:Generator.forward",), arguments=("features_in",)),
    init="project",
    images="{save_path}*",
    moves=(Move("video_processing:linear_interpolate", code="latent_code"),),
    writers=(Writer("PIL.Image:Image.save", path=1, content=0), Writer("cv2:imwrite"), Writer("numpy:save", ".npy")),
    downloads=tuple(Download(file, what="weights", remedy="sh download_models.sh") for file in WEIGHTS),
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
