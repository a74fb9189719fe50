"""The authors' own Z+ scripts as an oracle: what they start from, their loss at each step, what they save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .bdinvert_assets import Assets, invert_args, oracle_env, run_script


@dataclass(frozen=True)
class LossRecorder:
    """Records the loss of every step of one run, of the fork's or of ours.

    Add ``env`` to the run's environment; ``PYTHONPATH`` must be that of the assets.

    Attributes:
        path: the file that the run appends to.
    """

    path: Path

    @property
    def env(self) -> dict[str, str]:
        """The variable that switches the recording on."""
        return {"ZPLUS_TEST_LOSSES": str(self.path.resolve())}

    def losses(self) -> list[float]:
        """Every scalar that ``backward()`` was called on, in order and exact."""
        return [float.fromhex(line) for line in self.path.read_text().split()]


@dataclass(frozen=True)
class ForkRun:
    """What a run of the fork did.

    Attributes:
        starts: for each image, the code that its optimizer began with, (num_layers, z_dim).
        losses: of every step, all images in a row.
        outputs: the folder with ``invert_results``, ``invert_detailcode`` and so on.
    """

    starts: list[np.ndarray[Any, Any]]
    losses: list[float]
    outputs: Path


ZPLUS = "invert_zp.py"
_START = """        zs = generator.mapping.norm(torch.randn(generator.num_layers, generator.z_space_dim).cuda())
        zs.requires_grad_(True)

        def wp() -> Tensor:
            w = generator.mapping(zs, None)["w"].view(1, generator.num_layers, generator.w_space_dim)
            return generator.truncation(w, trunc_psi=args.trunc_psi, trunc_layers=args.trunc_layers)

"""
_CHANGES = {
    "        optimizer = torch.optim.Adam([detailcode, basecode], lr=args.lr)\n": _START
    + "        optimizer = torch.optim.Adam([zs, basecode], lr=args.lr)\n",
    "generator.synthesis(detailcode, ": "generator.synthesis(wp(), ",
    "            if args.weight_pnorm_term:\n": "            if False:\n",
    "target, x_rec, detailcode, basecode)\n\n\ndef read": "target, x_rec, zs, basecode)\n\n\ndef read",
}


def make_fork(assets: Assets) -> Assets:
    """Add to a copy of the stand-in what the authors add to BDInvert: ``invert.py`` with z in place of w.

    Like theirs, it normalises only the start, leaves out P_N, and saves z.
    """
    script = (assets.cwd / "invert.py").read_text()
    for before, after in _CHANGES.items():
        assert before in script, before
        script = script.replace(before, after)
    (assets.cwd / ZPLUS).write_text(script)
    return assets


def run_fork(
    assets: Assets, script: str, steps: int, out: Path, *, extra: Sequence[str] = (), timeout: float = 900
) -> ForkRun:
    """Run one of the fork's inversion scripts, untouched, and record it.

    Args:
        assets: prepared from the fork's ``BDInvert_Release``.
        script: such as ``invert_zp.py`` or ``invert_zp_wo_f.py``.
        steps: optimizer steps for each image.
        out: a folder for the outputs and the records; must not exist yet.
        extra: more arguments of the script.
        timeout: in seconds.

    Raises:
        RuntimeError: the script failed.
    """
    starts = out.resolve() / "starts"
    starts.mkdir(parents=True)
    recorder = LossRecorder(starts.parent / "losses.txt")
    args = [*invert_args(assets, steps), "--save_dir", str(starts.parent), "--job_name", "outputs", *extra]
    env = {**oracle_env(assets), **recorder.env, "ZPLUS_TEST_STARTS": str(starts)}
    done = run_script(assets, script, args, env, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{done.stderr[-4000:]}")
    codes = [np.load(path) for path in sorted(starts.glob("*.npy"))]
    return ForkRun(codes, recorder.losses(), starts.parent / "outputs")
