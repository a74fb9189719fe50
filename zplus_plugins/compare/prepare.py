"""From what the command line asks for to a plan, a model and instruments; all that can be wrong is found here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from zplus_plugins.compare import kit
from zplus_plugins.compare.work.plan import PICTURES, STEPS, Edit, Instruments, PictureSet, Plan, Way
from zplus_plugins.compare.work.workers import workers_for
from zplus_plugins.directions import Direction, embedded_directions, find_ganspace
from zplus_plugins.errors import UsageError
from zplus_plugins.generators import Generator
from zplus_plugins.inversion import SPACES, Model, Settings, Space, space_named
from zplus_plugins.inversion.domain import is_embedded, open_model
from zplus_plugins.inversion.images import read_pictures
from zplus_plugins.portraits import RESOLUTION, draw, out_of_range, sample
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, ODD
from zplus_plugins.portraits.networks.regressor import NAMES
from zplus_plugins.system.threads import limited_to

_COMPONENTS = 5
OUTSIDE = (
    "Unless they were drawn by this package, pictures of yours are none that this generator has learnt to make: "
    "reconstructions, edits and figures of them say little. Photographs need a generator of photographs, which zplus "
    "invert and zplus compare take: --generator FILE."
)


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for; see there. ``pictures`` and ``seed`` of portraits are None for the defaults."""

    images: tuple[Path, ...] = ()
    spaces: str = "all"
    steps: int = STEPS
    generator: Path | None = None
    pictures: int | None = None
    out_of_range: bool = False
    resize: bool = False
    directions: tuple[Path, ...] = ()
    seed: int | None = None
    way: Way = "local"
    device: str = "auto"
    with_lpips: bool = True
    workers: int | None = None


@dataclass(frozen=True)
class Prepared:
    """A comparison that can begin.

    Attributes:
        plan: of it.
        model: the generator.
        instruments: that measure.
        evidence: what figures of this generator can show, in words.
        workers: processes that share the work.
        threads: with which each computes.
    """

    plan: Plan
    model: Model
    instruments: Instruments
    evidence: str
    workers: int
    threads: int


def prepare(wishes: Wishes) -> Prepared:
    """All that a comparison needs.

    Raises:
        UsageError: wishes contradict each other, or name no space.
        ZPlusError: a generator, a picture, a direction or an instrument cannot be had; see there.
    """
    spaces = chosen_spaces(wishes.spaces)
    if wishes.images and (wishes.pictures is not None or wishes.seed is not None or wishes.out_of_range):
        raise UsageError(
            "--pictures, --seed and --out-of-range are about drawn portraits: leave them out, or the IMAGES."
        )
    if wishes.resize and not wishes.images:
        raise UsageError("--resize is about IMAGES, and there are none: drawn portraits have the generator's size.")
    model = open_model(wishes.generator, wishes.device)
    generator = model.generator
    workers, threads = workers_for(generator, wishes.workers)
    own = wishes.generator is None or is_embedded(generator)
    sets = _sets(wishes, generator)
    portraits = own or not wishes.images
    with limited_to(threads):
        edits = _edits(wishes, model, own, portraits)
    plan = Plan(sets, spaces, edits, replace(Settings(), steps=wishes.steps), wishes.seed or 0, way=wishes.way)
    # last, for LPIPS's weights may be downloaded
    instruments = kit.of_portraits(own, generator.const.device) if portraits else kit.of_photographs(wishes.with_lpips)
    evidence = " ".join([_evidence(generator, own, portraits), *([OUTSIDE] if own and wishes.images else [])])
    return Prepared(plan, model, instruments, evidence, workers, threads)


def chosen_spaces(text: str) -> tuple[Space, ...]:
    """Spaces by their names, separated by commas, each once; ``all`` for all.

    Raises:
        UsageError: there is no such space.
    """
    names = SPACES if text == "all" else dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError(f"--spaces names no space; expected all, or some of {', '.join(SPACES)}.")
    return tuple(space_named(name) for name in names)


def _sets(wishes: Wishes, generator: Generator) -> tuple[PictureSet, ...]:
    resolution = generator.architecture.resolution
    if wishes.images:
        pictures = read_pictures(wishes.images, resolution, wishes.resize)
        return (PictureSet("pictures", "Pictures", pictures),)
    if resolution != RESOLUTION:
        raise UsageError(
            f"This generator makes pictures of {resolution} pixels, and the drawn portraits have {RESOLUTION}: give "
            "IMAGES that it has learnt to make, zplus compare IMAGES... --generator FILE."
        )
    n, seed = wishes.pictures or PICTURES, HELD_OUT_SEED + (wishes.seed or 0)
    sets = [PictureSet("held-out", "Held-out portraits", draw(sample(n, seed)))]
    if wishes.out_of_range:
        sets += [PictureSet(kind, f"{kind.capitalize()} portraits", draw(out_of_range(n, seed, kind))) for kind in ODD]
    return tuple(sets)


def _edits(wishes: Wishes, model: Model, own: bool, portraits: bool) -> tuple[Edit, ...]:
    if wishes.directions:
        found = [Direction.load(file, model.generator) for file in wishes.directions]
    elif own:
        found = list(embedded_directions().values())
    else:
        found = find_ganspace(model, _COMPONENTS)
    return tuple(Edit(d.name, d.z, d.w, _index(d.attribute) if portraits else None) for d in found)


def _index(attribute: str | None) -> int | None:
    return NAMES.index(attribute) if attribute in NAMES else None


def _evidence(generator: Generator, own: bool, portraits: bool) -> str:
    if own:
        return (
            "A small generator that was trained on drawn portraits of 64 pixels: the figures are evidence about the "
            "spaces in this domain. What holds for photographs, only photographs can tell."
        )
    if not bool(generator.w_mean.any()):
        return (
            "This generator has no mean code, as one has that was never trained. A random network shows that the "
            "mechanics work, and nothing about the quality of a space."
        )
    measured = "drawn portraits" if portraits else "these pictures"
    return (
        f"The figures hold for this generator and {measured}, as far as the generator has learnt to make such "
        "pictures. With a random network they would show that the mechanics work, and no more."
    )
