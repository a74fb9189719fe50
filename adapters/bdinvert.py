"""BDInvert (kkang831/BDInvert_Release): F/W+ becomes F/Z+."""

from __future__ import annotations

from zplus_plugins.adapters.needs.bdinvert import (
    CHECKPOINT,
    ENCODER_FITS,
    GENERATOR_FITS,
    KEYS,
    InZoo,
    resolution_of,
    results,
)
from zplus_plugins.patches import checkpoints, device, downloads, transpose
from zplus_plugins.patches.ops import genforce_ops
from zplus_plugins.patches.speed import below_f, frozen, genforce_bf16, lpips_bf16, lpips_target
from zplus_plugins.upstreams.adapter.captures import InstanceOf
from zplus_plugins.upstreams.adapter.description import (
    Adapter,
    Download,
    EditArguments,
    Reliance,
    Script,
    TruncationArguments,
)
from zplus_plugins.upstreams.adapter.functions import FeatureMap, Writer
from zplus_plugins.upstreams.adapter.loop import Loop
from zplus_plugins.upstreams.requirements.arguments import PowerOfTwo
from zplus_plugins.upstreams.requirements.device_settings import VisibleGpus
from zplus_plugins.upstreams.requirements.files import Checkpoint, Folder, HubWeights, SavedFeatures, Writable
from zplus_plugins.upstreams.requirements.pictures.images import ImageList
from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV

STYLEGAN1, STYLEGAN2 = "models/stylegan_generator.py", "models/stylegan2_generator.py"
SYNTHESIS = ("wp", "randomize_noise", "basecode_layer", "basecode")


GENERATOR = Checkpoint(
    CHECKPOINT,
    what="generator checkpoint",
    remedy="Download {model_name} from the link in MODEL_ZOO.md of the repository.",
    keys=KEYS,
    downloadable=True,
)
ENCODER = Checkpoint(
    "{encoder_pt_path}",
    what="base code encoder",
    remedy="Download it from the link in the repository's README, or train it: zplus run train_basecode_encoder.py",
    keys=("encoder",),
)
P_NORM = Folder(
    "{pnorm_root}",
    files=("mean_latent.npy", "eigen_values.npy", "eigen_vectors.npy"),
    what="P_N statistics",
    remedy="Compute them: zplus run pca_p_space.py --model_name {model_name}",
)
INVERSION = Folder(
    "{inversion_dir}",
    files=("invert_results/*.png", "invert_detailcode/*.npy"),
    what="results of an inversion",
    remedy="Give the folder that invert.py wrote, work_dirs/inversion/<job name>.",
)
BASE_CODES = SavedFeatures(
    "{inversion_dir}/invert_basecode",
    images="{inversion_dir}/invert_results/*.png",
    size="basecode_spatial_size",
    used="use_FW_space",
)
MODEL = (InZoo(), GENERATOR, GENERATOR_FITS)
GPU = VisibleGpus("gpu_id")
LPIPS = HubWeights("vgg16-397923af.pth", what="LPIPS backbone weights")
BASE_SIZE = PowerOfTwo("basecode_spatial_size", at_least=8, at_most=resolution_of, what="base code's size")

ADAPTER = Adapter(
    name="bdinvert",
    summary="BDInvert: F/W+ becomes F/Z+",
    upstream="https://github.com/kkang831/BDInvert_Release",
    tested_commits=("8bbd373",),
    markers=("BDInvert/image_tools.py", "models/model_zoo.py"),
    scripts=(
        Script(
            "BDInvert/invert.py",
            role="invert",
            folder="BDInvert",
            needs=(
                GPU,
                BASE_SIZE,
                ImageList(
                    "{image_list}",
                    remedy="Make one: python make_list.py --image_folder FOLDER",
                    reader=OPENCV,
                    shape=(1, 1),
                ),
                ENCODER,
                ENCODER_FITS,
                P_NORM,
                *MODEL,
                LPIPS,
                Writable("{save_dir}", fallback="work_dirs/inversion"),
            ),
            # P_N regularises W+; in Z+ the hypersphere itself keeps the code near the data.
            zplus_defaults={"weight_pnorm_term": 0.0},
            loop=Loop(
                results, "cv2:imread", lines="{image_list}", beside=("image_list", "save_dir", "job_name", "gpu_id")
            ),
        ),
        Script(
            "BDInvert/edit.py",
            role="edit",
            folder="BDInvert",
            needs=(GPU, BASE_SIZE, INVERSION, BASE_CODES, *MODEL, Writable("{inversion_dir}")),
        ),
        Script("BDInvert/pca_p_space.py", folder="BDInvert", needs=(GPU, *MODEL, Writable("{save_dir}", "pnorm"))),
        Script(
            "BDInvert/train_basecode_encoder.py",
            folder="BDInvert",
            needs=(GPU, BASE_SIZE, *MODEL, LPIPS, Writable("{save_dir}", "work_dirs/train_encoder")),
        ),
    ),
    relies_on=(
        Reliance("BDInvert/invert.py:main", "9852c0db6ebb75fc"),
        Reliance("BDInvert/edit.py:main", "a58c8aa3a3a9e23c"),
        Reliance(
            f"{STYLEGAN2}:StyleGAN2Generator.__init__",
            "7b6d24dabbc8d91a",
            takes=("z_space_dim", "w_space_dim", "repeat_w"),
        ),
        Reliance(f"{STYLEGAN2}:MappingModule.forward", "68949502ae7ac968", takes=("z",)),
        Reliance(f"{STYLEGAN2}:TruncationModule.forward", "3ca6d3081976400a", takes=("w", "trunc_psi", "trunc_layers")),
        Reliance(f"{STYLEGAN2}:SynthesisModule.forward", "c788db40de3f6bd0", takes=SYNTHESIS),
        Reliance(f"{STYLEGAN2}:UpsamplingLayer.forward", "976d774ed3f42b4b", takes=("x",)),
        Reliance(f"{STYLEGAN2}:ModulateConvBlock.forward", "08eb5fdabe25551f", takes=("x", "w")),
        Reliance(
            f"{STYLEGAN1}:StyleGANGenerator.__init__",
            "b1c606e69cacf073",
            takes=("z_space_dim", "w_space_dim", "repeat_w"),
        ),
        Reliance(f"{STYLEGAN1}:MappingModule.forward", "68949502ae7ac968", takes=("z",)),
        Reliance(f"{STYLEGAN1}:TruncationModule.forward", "3ca6d3081976400a", takes=("w", "trunc_psi", "trunc_layers")),
        Reliance(f"{STYLEGAN1}:SynthesisModule.forward", "d378ad098b8c1592", takes=SYNTHESIS),
        Reliance(f"{STYLEGAN1}:BlurLayer.forward", "46d7e3acddb9d5b0", takes=("x",)),
        Reliance(f"{STYLEGAN1}:ConvBlock.forward", "e841784d732aef46", takes=("x", "w")),
    ),
    generator=(
        InstanceOf("models.stylegan2_generator:StyleGAN2Generator"),
        InstanceOf("models.stylegan_generator:StyleGANGenerator"),
    ),
    feature_map=FeatureMap(
        synthesis=(
            "models.stylegan2_generator:SynthesisModule.forward",
            "models.stylegan_generator:SynthesisModule.forward",
        ),
        arguments=("basecode_layer", "basecode"),
    ),
    codes="invert_detailcode/*.npy",
    code_is_last=True,
    writers=(Writer("numpy:save", suffix=".npy"), Writer("cv2:imwrite")),
    downloads=(
        Download(
            "BDInvert/checkpoints/*.pth",
            what="generator checkpoint",
            remedy="Download the row ffhq-1024x1024 under StyleGAN2 Official in MODEL_ZOO.md, and save it as "
            "BDInvert/checkpoints/stylegan2_ffhq1024.pth (the scripts also try to do this, with wget).",
        ),
        Download(
            "BDInvert/pretrained_models/**/*.pth",
            what="base code encoder",
            remedy="Download and unzip https://drive.google.com/file/d/1Gwi7I72vL7rdwET1Q0QnR71ZuZ0M3Jx1/view to "
            "BDInvert/pretrained_models/ (the link in the repository's README).",
        ),
    ),
    truncation=TruncationArguments(psi="trunc_psi", cutoff="trunc_layers"),
    edit=EditArguments(
        inversion="inversion_dir",
        direction="edit_direction",
        start="start_distance",
        end="end_distance",
        steps="step",
    ),
    patches=(
        device.PATCH,
        checkpoints.PATCH,
        transpose.PATCH,
        downloads.PATCH,
        genforce_ops.PATCH,
        genforce_bf16.PATCH,
        below_f.PATCH,
        frozen.PATCH,
        lpips_bf16.PATCH,  # before the next, which remembers the features that are in use
        lpips_target.PATCH,
    ),
)
