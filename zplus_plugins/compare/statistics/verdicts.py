"""The findings of a comparison, in sentences."""

from __future__ import annotations

import numpy as np

from zplus_plugins.compare.statistics import paper
from zplus_plugins.compare.statistics.figures import CONFIDENCE, Gain, Mean
from zplus_plugins.compare.statistics.findings import CANDIDATE, GROUPS, RIVAL, Findings, Loss, Test
from zplus_plugins.compare.statistics.turning import Turning
from zplus_plugins.compare.work.plan import STRENGTHS, Plan
from zplus_plugins.inversion import SPACES

NAMES = {"mse": "MSE", "ssim": "SSIM", "psnr": "PSNR", "lpips": "LPIPS", "nscd": "NSCD", "loss_bf16": "loss (bf16)"}
_LEVEL = 1 - CONFIDENCE
_GAINS = {
    "eleven": "at the same strengths, over all {steps}",
    "two": "at the same strengths, over the two ends",
    "equal": "at the same attribute change",
    "furthest": "at the largest attribute change that both reach",
}


def verdicts(plan: Plan, one: Findings) -> list[str]:
    """The main findings for one set of images."""
    texts = [_of_test(test) for test in one.tests]
    as_in_paper = plan.strengths == STRENGTHS
    texts += [_of_gain(name, gain, len(plan.strengths), as_in_paper) for name, gain in one.gains.items()]
    texts += [_of_loss(name, loss) for name, loss in one.losses.items()]
    texts += [_of_turning(space, one.turning[space]) for space in (CANDIDATE, RIVAL) if space in one.turning]
    if one.gains and "equal" not in one.gains and plan.edits:
        texts.append("Edits could not be compared at the same attribute change; the report, under Edits, says why.")
    if not texts:
        texts.append(
            "The paper's claims concern F/Z+ compared with F/W+(P_N), and edits compared with F/W+; without these, "
            "there are only the tables."
        )
    return texts


def _of_test(test: Test) -> str:
    found, name = test.result, NAMES[test.figure]
    margin = "the paper's margin" if test.margin == "paper" else "the chosen margin"
    difference = f"{'worse' if found.worse > 0 else 'better'} by {abs(found.worse):.2g} in the mean"
    if found.p is None:
        return f"{name}: F/Z+ is {difference} than F/W+(P_N); a test needs more than one image."
    shown = "is not inferior" if found.p < _LEVEL else "is not shown to be non-inferior"
    beside = f"; the paper: {probability(paper.P_VALUES[test.figure])}" if test.margin == "paper" else ""
    return (
        f"{name}: F/Z+ {shown} to F/W+(P_N) within {margin} of {found.margin:.2g} "
        f"({probability(found.p)}{beside}; {difference}, n = {found.n})."
    )


def _of_gain(name: str, gain: Gain, steps: int, as_in_paper: bool) -> str:
    where = _GAINS[name].format(steps=steps)
    if gain.gain is None:
        return f"Identity after edits {where}: {gain.first:.3f} in F/Z+, {gain.second:.3f} in F/W+, n = {gain.n}."
    interval = "" if gain.low is None or gain.high is None else f" [{gain.low:+.1%}, {gain.high:+.1%}]"
    beside = f"; the paper: {paper.GAIN:+.0%}" if name == "eleven" and as_in_paper else ""
    return (
        f"Identity after edits {where}: {gain.first:.3f} in F/Z+ and {gain.second:.3f} in F/W+, "
        f"{gain.gain:+.1%}{interval}, n = {gain.n}{beside}."
    )


def _of_loss(name: str, loss: Loss) -> str:
    kept = "less" if loss.difference.mean < 0 else "more"
    return (
        f"Identity that edits cost {_GAINS[name]}, net of the reconstruction: {loss.first.mean:.3f} in F/Z+ and "
        f"{loss.second.mean:.3f} in F/W+, {abs(loss.difference.mean):.4f} {kept} in F/Z+"
        f"{_between(loss.difference, '+.4f')}, n = {loss.difference.n}."
    )


def _of_turning(space: str, found: Turning) -> str:
    title = SPACES[space].title
    change = f"{found.change.mean:.3f}{_between(found.change, '.3f')} of the attributes' ranges"
    if not found.turned:
        return f"Edits in {title} have not turned round by strength {found.last:g}, where they change {change}."
    return (
        f"Edits in {title} turn round at strength {found.strength.mean:g}{_between(found.strength, 'g')}, where they "
        f"change {change}; at {found.last:g} it is {found.end.mean:.3f}{_between(found.end, '.3f')}."
    )


def _between(mean: Mean, form: str) -> str:
    return "" if mean.low is None or mean.high is None else f" [{mean.low:{form}}, {mean.high:{form}}]"


def edit_notes(plan: Plan, one: Findings) -> list[str]:
    """The change up to which each direction is compared, and what could not be compared."""
    texts = []
    for group, equal in one.equal.items():
        compared, left = [], []
        for d, edit in enumerate(plan.edits):
            for column, side in enumerate(("less", "more")):
                name, limit = f"{side} {edit.name}", equal.limited_by[d][column]
                reach = equal.reach[d, column]
                if edit.attribute is None:
                    continue
                if np.isnan(reach):
                    left.append(f"{name} ({SPACES[limit].title} changes it too little)")
                else:
                    compared.append(f"{name} up to {reach:.2f} ({SPACES[limit].title} reaches no more)")
        texts.append(f"Among {GROUPS[group]}: {'; '.join(compared) or 'nothing could be compared'}.")
        if left:
            texts.append(f"Not compared among {GROUPS[group]}: {'; '.join(left)}.")
    unknown = [edit.name for edit in plan.edits if edit.attribute is None]
    if unknown:
        texts.append(f"Without a known attribute, and compared by strength alone: {', '.join(unknown)}.")
    return texts


def probability(p: float) -> str:
    """A p-value as text, with its relation."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
