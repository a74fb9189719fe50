"""The metrics and losses for a domain: drawn portraits, or photographs of faces."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor, nn

from zplus_plugins.compare.work.plan import Figure, Instruments, Look, fingerprint
from zplus_plugins.errors import DownloadError, RequirementError
from zplus_plugins.metrics import (
    Identity,
    Lpips,
    attribute_change,
    attribute_leakage,
    facenet_identity,
    mse,
    nscd,
    psnr,
    shown,
    ssim,
)
from zplus_plugins.metrics.perceptual import LOSS_RESOLUTION
from zplus_plugins.portraits.networks.regressor import UNSEEN, Regressor, perceptual
from zplus_plugins.system.device import require_torchvision
from zplus_plugins.system.downloads import lpips_weights, or_without

_PIXELS: dict[str, Figure] = {"mse": mse, "ssim": ssim, "psnr": psnr}


def of_portraits(own_encoder: bool, device: torch.device) -> Instruments:
    """Instruments for drawn portraits: the embedded networks, and LPIPS if its weights are on the machine.

    Args:
        own_encoder: whether the generator is the embedded one, so that its encoder provides the start of F.
        device: device of the images.

    Raises:
        RequirementError: an embedded network cannot be read, or torchvision, which SSIM imports, is of another build
            than torch.
    """
    require_torchvision()
    from zplus_plugins.portraits.networks.embedded import embedded_encoder, embedded_regressor

    regressor = embedded_regressor().to(device)
    encoder = embedded_encoder().to(device) if own_encoder else None
    figures: dict[str, Figure] = {**_PIXELS, "perceptual": partial(_perceptual, regressor)}
    missing = {}
    weights = lpips_weights("vgg")
    if weights.present:
        figures["lpips"] = Lpips()
    else:
        missing["LPIPS"] = f"the {weights.what} {weights.path} are missing, and are not downloaded automatically"
    return Instruments(
        figures=figures,
        look=partial(_at_portraits, regressor),
        change=attribute_change,
        leakage=attribute_leakage,
        nscd=nscd,
        likeness=partial(perceptual, regressor),
        encode=encoder,
        about={
            "measures": "the embedded regressor's attributes, identity and perceptual distance, of 8-bit pictures",
            "left out of leakage": ", ".join(UNSEEN),
            "regressor": _hash(regressor),
            "start of F": "the mean picture" if encoder is None else f"encoder {_hash(encoder)}",
            **_versions(figures),
        },
        missing=missing,
    )


def of_photographs(with_lpips: bool, resolution: int) -> Instruments:
    """Instruments for photographed faces: LPIPS as loss and metric, and FaceNet's identity if available.

    Args:
        with_lpips: whether to use LPIPS; otherwise the loss is the mean squared error alone.
        resolution: of the images. LPIPS as a loss reduces large ones, as a metric it does not.

    Raises:
        DownloadError: the backbone of LPIPS is missing, and cannot be downloaded.
        RequirementError: torchvision, which SSIM imports, is of another build than torch.
    """
    require_torchvision()
    lpips = Lpips() if with_lpips else None
    if lpips is not None:
        with or_without("--without-lpips"):
            lpips.require()
    figures: dict[str, Figure] = {**_PIXELS, **({} if lpips is None else {"lpips": lpips})}
    missing = {"attributes": "there is no attribute regressor for these images; edits are compared by strength"}
    if lpips is None:
        missing["LPIPS"] = "it was left out"
    identity: Identity | None = None
    try:
        identity = facenet_identity()
    except (RequirementError, DownloadError) as error:
        missing["identity"] = str(error).rstrip(".")
    return Instruments(
        figures=figures,
        look=partial(_at_faces, identity),
        nscd=nscd,
        likeness=None if lpips is None else lpips.distance,
        about={
            "measures": f"{'LPIPS with VGG' if lpips else 'no LPIPS'}, {'FaceNet' if identity else 'no'} identity",
            "start of F": "the mean picture",
            **({"LPIPS as loss": f"at {LOSS_RESOLUTION} pixels"} if lpips and resolution > LOSS_RESOLUTION else {}),
            **_versions(figures, *(["facenet-pytorch"] if identity else [])),
        },
        missing=missing,
    )


def _at_portraits(regressor: Regressor, pictures: Tensor) -> Look:
    return Look(*regressor.look(_in_files(pictures)))


def _perceptual(regressor: Regressor, pictures: Tensor, targets: Tensor) -> Tensor:
    return perceptual(regressor, _in_files(pictures), _in_files(targets))


def _in_files(pictures: Tensor) -> Tensor:
    """Images rounded to 8 bits, on their device, so that all metrics use the same values."""
    return shown(pictures).to(pictures)


def _at_faces(identity: Identity | None, pictures: Tensor) -> Look:
    return Look(identity=None if identity is None else identity(pictures))


def _versions(figures: Iterable[str], *more: str) -> dict[str, str]:
    """Versions of the packages that compute metrics, because other versions may differ. SSIM is from torchmetrics."""
    return {name: version(name) for name in ("torchmetrics", *(["lpips"] if "lpips" in figures else []), *more)}


def _hash(network: nn.Module) -> str:
    return fingerprint(*network.state_dict().values())
