"""From a prepared plan to all that the demo shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.running import NOT_COUNTED
from zplus_plugins.demo.blocks import Block, blocks
from zplus_plugins.demo.candidates import Candidate, candidates
from zplus_plugins.demo.choice import Curves
from zplus_plugins.demo.drawn import drawn_realism
from zplus_plugins.demo.following import Following
from zplus_plugins.demo.trial import Attempt, attempt
from zplus_plugins.execution.progress import Announced
from zplus_plugins.system.console import bar


@dataclass(frozen=True)
class Found:
    """What the demo finds.

    Attributes:
        attempts: the inversions.
        edits: the candidates.
        curves: of all candidates, by space.
        blocks: the edits to show.
        left_out: sentences about those that the rule does not find.
        realism: distance of each reconstruction to drawn portraits, by space.
        within: the distance that 95 % of other drawn portraits do not exceed.
    """

    attempts: list[Attempt]
    edits: list[Candidate]
    curves: Curves
    blocks: list[Block]
    left_out: list[str]
    realism: dict[str, float]
    within: float


def find(ready: Prepared) -> Found:
    """Invert, follow all edits, and make the images of those that the rule chooses.

    Raises:
        RecordError: an inversion ended in codes that are not finite.
        RequirementError: an embedded network cannot be read.
    """
    plan, resolution = ready.plan, ready.model.generator.architecture.resolution
    edits = candidates([edit.name for edit in plan.edits], plan.seed)
    spaces = " and ".join(space.title for space in plan.spaces)
    work = f"inverting 1 image of {resolution} px in {spaces}, {plan.settings.steps} steps each"
    further = sum(strength > 0 for strength in plan.strengths)
    with bar(len(plan.spaces) * (plan.settings.steps + further), "step") as shown:
        advance = Announced(shown, work, len(plan.spaces) * plan.settings.steps, ready.place, rest=NOT_COUNTED)
        attempts = [attempt(ready, space, advance) for space in plan.spaces]
        realism = drawn_realism(ready.model.generator.w_mean.device)
        follow = {one.space.name: Following(ready, one, realism) for one in attempts}
        curves = {
            one.space.name: follow[one.space.name].curves(edits, partial(advance, f"{one.space.title}, edits", 1))
            for one in attempts
        }
    chosen, lacking = blocks(edits, curves, follow)
    own = {space: one.realism for space, one in follow.items()}
    return Found(attempts, edits, curves, chosen, lacking, own, realism.reach)
