"""Facts about a run: what its results depend on, and what it has done so far."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch

from zplus_plugins._version import __version__
from zplus_plugins.upstreams.adapter.loop import Loop
from zplus_plugins.upstreams.adapter.summary import Summary
from zplus_plugins.upstreams.results.identity import hash_sources, identity
from zplus_plugins.upstreams.run.session import Run


def summarise(run: Run) -> Summary:
    """A summary of what a run has done so far."""
    progress = run.swapper.progress
    return Summary(
        adapter=run.adapter.name,
        script=run.script.path,
        upstream_commit=run.upstream.commit,
        fingerprint=run.upstream.status,
        latent=run.latent,
        init=run.init,
        retract=run.options.retract,
        without_f=run.options.without_f,
        seed=run.seed,
        images=run.recorder.images,
        steps=sum(p.steps for p in progress),
        retractions=sum(p.retractions for p in progress),
        max_sphere_error=max((float(p.largest_error) for p in progress), default=None),
        device=run.device.name(),
        ops=run.ops,
        torch=torch.__version__,
        package=__version__,
        seconds=round(time.monotonic() - run.started, 3),
        outputs=tuple(map(str, run.outputs.complete)),
        records=tuple(map(str, run.recorder.records)),
        reused=tuple(map(str, run.codes.loaded)),
        edits=tuple(run.edits),
        moved_in_w=run.moved_in_w,
        estimates=run.live.estimates,
        unmatched=tuple(map(str, run.recorder.unmatched)),
        precision=run.options.precision,
        precision_checks=tuple(run.precision_checks),
        shard=None if run.options.shard.is_all else str(run.options.shard),
        skipped=run.worklist.skipped,
        left_out=run.worklist.line,
    )


def settings_of(run: Run, loop: Loop) -> Mapping[str, Any]:
    """All that an image's results depend on, apart from the image."""
    on_cuda = run.device.choice != "cpu" and torch.cuda.device_count() > 0  # which leaves CUDA uninitialised
    resolved = {
        "the script": run.script.path,
        "the adapter": run.adapter.name,
        "the upstream's commit": run.upstream.commit,
        "the sources": hash_sources(run.root / run.script.path, run.root),
        "--latent": run.latent,
        "--init": run.init,
        "--seed": run.seed,
        "--device": "cuda" if on_cuda else "cpu",
        "--ops": run.options.operations,
    }
    return identity(run.options, resolved, run.arguments, run.files(), loop.beside)
