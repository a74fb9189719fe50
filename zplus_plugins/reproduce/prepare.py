"""From a protocol and the command line to a comparison, and what sets it apart from the paper's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from zplus_plugins.compare import prepare as comparing
from zplus_plugins.compare.prepare import Prepared, edits_along
from zplus_plugins.compare.work.plan import Edit
from zplus_plugins.directions import Direction, embedded_directions, find_ganspace
from zplus_plugins.directions.edit import direction_named
from zplus_plugins.directions.embedded import NAMES as EMBEDDED
from zplus_plugins.errors import LabelError, RequirementError, UsageError
from zplus_plugins.inversion import Model, Settings
from zplus_plugins.inversion.domain import is_embedded
from zplus_plugins.inversion.images import picture_files
from zplus_plugins.inversion.step.graph import Choice
from zplus_plugins.inversion.step.precision import Precision
from zplus_plugins.reproduce.protocol import Protocol
from zplus_plugins.system.threads import limited_to

RESOLUTION = 1024  # of the paper's generator
NEEDED = """zplus reproduce {name} needs a generator and images, which are not part of this package:
  --generator ffhq.pkl   NVlabs' StyleGAN2 of FFHQ at 1024 px: pretrained/ffhq.pkl, linked in the README of
                         github.com/NVlabs/stylegan2-ada-pytorch (a copy in another format will do: docs/generators.md)
  --images celeba_hq/    CelebA-HQ at 1024 px, from its authors: github.com/tkarras/progressive_growing_of_gans
{missing} To run the same protocol on drawn portraits, without any file: zplus reproduce {name} --embedded"""


@dataclass(frozen=True)
class Request:
    """The options of the command line; see there. Numbers are None for those of the protocol."""

    protocol: Protocol
    generator: Path | None = None
    images: Path | None = None
    embedded: bool = False
    pictures: int | None = None
    steps: int | None = None
    resize: bool = False
    directions: tuple[str, ...] = ()
    with_lpips: bool = True
    precision: Precision = "float32"
    device: str = "auto"
    graph: Choice = "auto"
    workers: int | None = None
    on: str | None = None


@dataclass(frozen=True)
class Ready:
    """A protocol that is ready to run.

    Attributes:
        protocol: of what.
        comparison: the comparison that measures it.
        domain: the images and the generator, in words.
        mismatch: why this is another domain than the paper's; empty if nothing tells so.
        departures: how the settings depart from the protocol.
        directions: the editing directions, in words; empty without edits.
    """

    protocol: Protocol
    comparison: Prepared
    domain: str
    mismatch: str
    departures: tuple[str, ...]
    directions: str = ""

    @property
    def comparable(self) -> bool:
        """Whether nothing tells that the figures cannot be compared with the paper's."""
        return not self.mismatch and not self.departures

    def identified(self) -> dict[str, str]:
        """Everything on which a finished part depends, by name, as short texts."""
        plan, model = self.comparison.plan, self.comparison.model
        return {
            **plan.identified(model, self.comparison.instruments),
            "protocol": self.protocol.name,
            "truncation": f"{model.truncation.psi:g}, {model.truncation.cutoff} layers",
        }


def prepare(request: Request) -> Ready:
    """Prepare a protocol.

    Raises:
        UsageError: what is needed is not given, or options contradict each other or the protocol.
        RequirementError: there are too few images, or they are unusable; or no identity can be measured.
        ZPlusError: a generator, direction or instrument is not available; see :func:`comparing.prepare`.
    """
    _require_consistent(request)
    protocol, ready = request.protocol, _comparison(request)
    if protocol.directions and "identity" in ready.instruments.missing:
        raise RequirementError(
            f"{protocol.name} measures identity, which is not available: {ready.instruments.missing['identity']}."
        )
    own = is_embedded(ready.model.generator)
    model = Model(
        ready.model.generator,
        ready.model.statistics,
        ready.model.f_resolution,
        ready.model.noise,
        protocol.truncation,
    )
    with limited_to(ready.share.threads):
        edits, directions = _edits(request, model, own)
    plan = replace(ready.plan, settings=_settings(request, ready), edits=edits)
    ready = replace(ready, plan=plan, model=model)
    domain = f"{request.images}, the generator {request.generator}"
    if request.embedded:
        domain = "drawn portraits, the embedded generator"
    departures = tuple(_departures(request, ready, own))
    return Ready(protocol, ready, domain, _mismatch(ready, own), departures, directions)


def _comparison(request: Request) -> Prepared:
    """The comparison of the protocol's spaces, still with the settings and the truncation of ``zplus compare``."""
    protocol = request.protocol
    try:
        return comparing.prepare(
            comparing.Request(
                images=() if request.images is None else _first(request.images, request.pictures, protocol),
                spaces=",".join(protocol.spaces),
                steps=request.steps or protocol.settings.steps,
                generator=request.generator,
                pictures=(request.pictures or protocol.pictures) if request.embedded else None,
                resize=request.resize,
                way="global",
                precision=request.precision,
                device=request.device,
                graph=request.graph,
                with_lpips=request.with_lpips,
                workers=request.workers,
                on=request.on,
                with_edits=False,
            )
        )
    except LabelError:
        raise LabelError(
            f"The generator in {request.generator} is conditional, and that of {protocol.name} takes no labels: "
            "give StyleGAN2 of FFHQ with --generator."
        ) from None


def _require_consistent(request: Request) -> None:
    name, given = request.protocol.name, (request.generator, request.images)
    if request.embedded and any(given):
        raise UsageError(
            "--embedded runs the protocol on drawn portraits with the embedded generator: leave out either it, or "
            "--generator and --images."
        )
    if not request.embedded and None in given:
        missing = " and ".join(
            option for option, value in zip(("--generator", "--images"), given, strict=True) if value is None
        )
        several = "are" if missing.count("--") > 1 else "is"
        raise UsageError(NEEDED.format(name=name, missing=f"{missing} {several} missing."))
    if request.directions and not request.protocol.directions:
        raise UsageError(f"--direction applies to fig5: {name} edits nothing.")
    if request.embedded and (request.resize or not request.with_lpips):
        raise UsageError(
            "--resize and --without-lpips apply to --images: drawn portraits have the generator's size, and a loss of "
            "their own."
        )


def _first(folder: Path, pictures: int | None, protocol: Protocol) -> tuple[Path, ...]:
    """The first images by name."""
    files, wanted = picture_files([folder]), pictures or protocol.pictures
    if len(files) < wanted:
        raise RequirementError(
            f"{folder} has {len(files)} image{'s' * (len(files) != 1)}, but {protocol.name} takes {wanted}. Add more, "
            f"or use fewer: --pictures {len(files)}."
        )
    return tuple(files[:wanted])


def _settings(request: Request, ready: Prepared) -> Settings:
    """The protocol's, but F is not held to a start that estimates nothing."""
    settings = replace(request.protocol.settings, steps=ready.plan.settings.steps, precision=request.precision)
    return settings if ready.instruments.encode is not None else replace(settings, keep_f=Settings().keep_f)


def _edits(request: Request, model: Model, own: bool) -> tuple[tuple[Edit, ...], str]:
    """The edits, and in words along which directions they are."""
    wanted = request.protocol.directions
    if not wanted:
        return (), ""
    found: list[Direction]
    if request.directions:
        found = [direction_named(name, model.generator) for name in request.directions]
        kind = "given"
    elif own:
        found = [embedded_directions()[name] for name in EMBEDDED[:wanted]]
        kind = "InterFaceGAN's of the embedded generator"
    else:
        found = find_ganspace(model, wanted)
        kind = "GANSpace's first components, found in this generator, because none was given"
    return edits_along(found, own), f"{', '.join(direction.name for direction in found)} ({kind})"


def _mismatch(ready: Prepared, own: bool) -> str:
    resolution = ready.model.generator.architecture.resolution
    if own:
        return (
            f"this is a small generator of drawn portraits of {resolution} px, not StyleGAN2 of FFHQ; its own "
            "regressor takes the place of LPIPS and of FaceNet's identity"
        )
    if not bool(ready.model.generator.w_mean.any()):
        return "this generator has no mean code, so it was probably never trained: it shows mechanics, no quality"
    if resolution != RESOLUTION:
        return f"this generator's images have {resolution} px, those of the paper's generator {RESOLUTION}"
    return ""


def _departures(request: Request, ready: Prepared, own: bool) -> list[str]:
    protocol, plan = request.protocol, ready.plan
    pairs = [
        (sum(len(one.pictures) for one in plan.sets), protocol.pictures, "image"),
        (plan.settings.steps, protocol.settings.steps, "step"),
        (len(plan.edits), protocol.directions, "direction"),
    ]
    found = [f"{here} {what}{'s' * (here != 1)} instead of {there}" for here, there, what in pairs if here != there]
    if not request.with_lpips and not own:
        found.append("no LPIPS in the loss")
    if request.precision != "float32":
        found.append("convolutions in bfloat16")
    return found
