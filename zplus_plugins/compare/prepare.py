"""From the command line to a plan, a model and instruments; everything that can be wrong with it is found here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from zplus_plugins.compare import kit
from zplus_plugins.compare.work.pictures import StreamedPictures
from zplus_plugins.compare.work.plan import (
    PICTURES,
    SHOWN,
    STEPS,
    STRENGTHS,
    Edit,
    Instruments,
    PictureSet,
    Plan,
    Way,
    strengths_up_to,
)
from zplus_plugins.directions import Direction, embedded_directions, find_ganspace
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.options import require_one_place
from zplus_plugins.execution.processors import Share, share
from zplus_plugins.execution.progress import Place
from zplus_plugins.generators import StyleGenerator
from zplus_plugins.generators.network.label import Label
from zplus_plugins.inversion import SPACES, Model, Settings, Space, space_named
from zplus_plugins.inversion.domain import is_embedded, open_model
from zplus_plugins.inversion.images import picture_files
from zplus_plugins.inversion.picture_files import aligner_for
from zplus_plugins.inversion.step.graph import Choice
from zplus_plugins.inversion.step.precision import Precision
from zplus_plugins.portraits import RESOLUTION, draw, out_of_range, sample
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, ODD
from zplus_plugins.portraits.networks.regressor import NAMES
from zplus_plugins.system.threads import limited_to, threads_for

_COMPONENTS = 5
OUTSIDE = (
    "Unless they were drawn by this package, your images are outside the domain of this generator: their "
    "reconstructions, edits and metrics say little. Photographs need a generator of photographs; give one to zplus "
    "invert or zplus compare with --generator FILE."
)


@dataclass(frozen=True)
class Request:
    """The options of the command line; see there. ``pictures`` and ``seed`` of portraits are None for the defaults.
    Without edits, no direction is looked for."""

    images: tuple[Path, ...] = ()
    spaces: str = "all"
    steps: int = STEPS
    generator: Path | None = None
    label: Label | None = None
    pictures: int | None = None
    out_of_range: bool = False
    resize: bool = False
    align: bool = False
    directions: tuple[Path, ...] = ()
    seed: int | None = None
    way: Way = "local"
    furthest: float = STRENGTHS[-1]
    precision: Precision = "float32"
    device: str = "auto"
    graph: Choice = "auto"
    with_lpips: bool = True
    workers: int | None = None
    on: str | None = None
    with_edits: bool = True


@dataclass(frozen=True)
class Prepared:
    """A comparison that is ready to run.

    Attributes:
        plan: what to compare.
        model: the generator.
        instruments: metrics and losses.
        evidence: what results for this generator can show, in words.
        share: processes that share the work, and threads of each.
        on: the address of a cluster that does the work instead.
    """

    plan: Plan
    model: Model
    instruments: Instruments
    evidence: str
    share: Share
    on: str | None = None

    @property
    def place(self) -> Place:
        """Where the inversions run."""
        return Place(self.model.generator.w_mean.device, self.share, self.on)


def prepare(request: Request) -> Prepared:
    """Prepare a comparison.

    Raises:
        UsageError: options contradict each other, or name no space.
        ZPlusError: a generator, image, direction or instrument is not available; see there.
    """
    require_one_place(request.on, request.workers)
    spaces = chosen_spaces(request.spaces)
    if request.images and (request.pictures is not None or request.seed is not None or request.out_of_range):
        raise UsageError(
            "--pictures, --seed and --out-of-range apply to drawn portraits: leave out either these or the IMAGES."
        )
    if request.align and not request.images:
        raise UsageError("--align applies to IMAGES, but none were given: drawn portraits are aligned.")
    if request.resize and not request.images:
        raise UsageError("--resize applies to IMAGES, but none were given: drawn portraits have the generator's size.")
    model = open_model(request.generator, request.device, label=request.label)
    generator = model.generator
    threads = threads_for(generator)
    shared = Share(1, threads) if request.on else share(threads, generator.w_mean.device.type, request.workers)
    own = request.generator is None or is_embedded(generator)
    sets = _sets(request, generator)
    portraits = own or not request.images
    with limited_to(shared.threads):
        edits = _edits(request, model, own, portraits) if request.with_edits else ()
    settings = replace(Settings(), steps=request.steps, precision=request.precision)
    plan = Plan(
        sets,
        spaces,
        edits,
        settings,
        request.seed or 0,
        strengths_up_to(request.furthest),
        way=request.way,
        graph=request.graph,
    )
    # last, because this may download the weights of LPIPS
    if portraits:
        instruments = kit.of_portraits(own, generator.w_mean.device)
    else:
        instruments = kit.of_photographs(request.with_lpips, generator.architecture.resolution)
    evidence = " ".join([_evidence(generator, own, portraits), *([OUTSIDE] if own and request.images else [])])
    return Prepared(plan, model, instruments, evidence, shared, request.on)


def chosen_spaces(text: str) -> tuple[Space, ...]:
    """The spaces in a comma-separated list, each once; ``all`` for all.

    Raises:
        UsageError: there is no such space.
    """
    names = SPACES if text == "all" else dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError(f"--spaces names no space; expected all, or some of {', '.join(SPACES)}.")
    return tuple(space_named(name) for name in names)


def _sets(request: Request, generator: StyleGenerator) -> tuple[PictureSet, ...]:
    resolution = generator.architecture.resolution
    if request.images:
        aligner = aligner_for(resolution, request.align, request.resize, request.device)
        pictures = StreamedPictures.of(picture_files(request.images), resolution, request.resize, SHOWN, aligner)
        return (PictureSet("pictures", "Pictures", pictures),)
    if resolution != RESOLUTION:
        raise UsageError(
            f"This generator's images have {resolution} pixels, but the drawn portraits have {RESOLUTION}: give "
            "IMAGES from its domain, zplus compare IMAGES... --generator FILE."
        )
    n, seed = request.pictures or PICTURES, HELD_OUT_SEED + (request.seed or 0)
    sets = [PictureSet("held-out", "Held-out portraits", draw(sample(n, seed)))]
    if request.out_of_range:
        sets += [PictureSet(kind, f"{kind.capitalize()} portraits", draw(out_of_range(n, seed, kind))) for kind in ODD]
    return tuple(sets)


def _edits(request: Request, model: Model, own: bool, portraits: bool) -> tuple[Edit, ...]:
    if request.directions:
        found = [Direction.load(file, model.generator) for file in request.directions]
    elif own:
        found = list(embedded_directions().values())
    else:
        found = find_ganspace(model, _COMPONENTS)
    return edits_along(found, portraits)


def edits_along(directions: Iterable[Direction], portraits: bool) -> tuple[Edit, ...]:
    """Edits along directions; only of portraits is it known which attribute they change."""
    return tuple(Edit(d.name, d.z, d.w, _index(d.attribute) if portraits else None) for d in directions)


def _index(attribute: str | None) -> int | None:
    return NAMES.index(attribute) if attribute in NAMES else None


def _evidence(generator: StyleGenerator, own: bool, portraits: bool) -> str:
    if own:
        return (
            "This is a small generator, trained on drawn portraits of 64 pixels: the results are evidence about the "
            "spaces in this domain. They may not hold for photographs."
        )
    if not bool(generator.w_mean.any()):
        return (
            "This generator has no mean code, so it was probably never trained. A random network shows that the "
            "mechanics work, and nothing about the quality of a space."
        )
    measured = "drawn portraits" if portraits else "these images"
    return (
        f"The results hold for this generator and {measured}, as far as the generator has learnt to generate such "
        "images. With a random network, they would only show that the mechanics work."
    )
