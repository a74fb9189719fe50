"""One run of an upstream script: its options, the captured generator, and the results.

The Run connects the adapter's captures and patches, the argument gate, the leaf swap and the editor. The launcher
executes it inside an open journal.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zplus_plugins._version import __version__
from zplus_plugins.errors import RequirementError, SwapError, UsageError
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.leaf import LeafSwap
from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation, mapping_of
from zplus_plugins.ops import choice as choice_of_ops
from zplus_plugins.records.inversion import Provenance
from zplus_plugins.system.device import Device
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.adapter.description import Adapter, Script, Switch
from zplus_plugins.upstreams.adapter.protocols import (
    ASKED_DEVICE,
    TRUSTED,
    FileRequirement,
    Finding,
    FolderRequirement,
    Requirement,
)
from zplus_plugins.upstreams.adapter.summary import EditResult, Summary
from zplus_plugins.upstreams.checkout.checkout import Upstream
from zplus_plugins.upstreams.checkout.plugins import Choice
from zplus_plugins.upstreams.run.claims import claimed
from zplus_plugins.upstreams.run.codes import Codes
from zplus_plugins.upstreams.run.outputs import Outputs
from zplus_plugins.upstreams.run.recorder import Recorder
from zplus_plugins.upstreams.run.starts import Starts
from zplus_plugins.upstreams.run.swapper import LeafSwapper
from zplus_plugins.upstreams.script.call import read_call
from zplus_plugins.upstreams.script.code_files import CodeFiles
from zplus_plugins.upstreams.script.settings import read_assignments


class Run:
    """One run of an upstream script; see the module's docstring.

    Attributes:
        arguments: the script's parsed arguments; empty until they are parsed.
        generator: the captured generator; None until it is built.
        switches: the adapter's flags that were given.
        init: initialisation of inversions.
        code_files: which files are codes.
        codes: inverted codes, saved by this run or loaded from an earlier one.
        recorder: tracks what the script saves.
        assignments: settings to change when their modules are imported.
        call: the call to make in the script; None to run it as ``__main__``.
        edits: the edits made so far.
        notes: the notes of the requirements.
        ops: the implementations of the custom operations that were used.
        moved_in_w: how often the script moved a code of another method, which has no z.
    """

    def __init__(self, choice: Choice, options: Options) -> None:
        self.adapter: Adapter = choice.upstream.adapter
        self.upstream: Upstream = choice.upstream
        self.hooks = choice.hooks
        self.options = options
        assert choice.upstream.script is not None
        self.script: Script = choice.upstream.script
        self.latent = self._resolve_latent()
        self.switches = self._resolve_switches()
        self.init = options.init or self.script.init or self.adapter.init
        self.code_files = CodeFiles(self.adapter.codes, lambda: self.arguments)
        self.codes = Codes(self.adapter, self.code_files, self.latent)
        self.recorder = Recorder(
            self.code_files,
            self.codes,
            self.adapter.code_item,
            code_is_result=self.script.role == "invert",
            provenance=self._provenance if self.inverts else None,
        )
        self.assignments = read_assignments(self.adapter.settings, self.root, options.settings)
        self.call = None if options.call is None else read_call(self.root / self.script.path, options.call)
        self.device = Device(options.device)
        self.arguments: Mapping[str, Any] = {}
        self.generator: nn.Module | None = None
        self.swapper = LeafSwapper(
            self._is_style_code,
            self._make,
            retract=options.retract == "step",
            on_swap=self._swapped,
            excused=lambda: bool(self.codes.loaded),
        )
        self.edits: list[EditResult] = []
        self.ops = choice_of_ops.UNUSED
        self.moved_in_w = 0
        self.notes: list[str] = []
        self._starts = Starts(self.init)
        self._started = time.monotonic()

    def _resolve_switches(self) -> tuple[Switch, ...]:
        declared = {switch.name: switch for switch in self.adapter.switches} if self.inverts else {}
        for name in self.options.switches:
            if name not in declared:
                raise UsageError(
                    f"--{name} has no effect on {self.script.path} with --latent {self.latent}: it is only for "
                    "inversions in Z or Z+ by scripts whose adapter declares it."
                )
        return tuple(declared[name] for name in self.options.switches)

    @property
    def inverts(self) -> bool:
        """Whether this run replaces the style code of an inversion."""
        return self.script.role == "invert" and self.latent != "off"

    @property
    def outputs(self) -> Outputs:
        """The files that the script writes."""
        return self.recorder.outputs

    def written(self) -> Collection[Path]:
        """The files that the script has written so far."""
        return (*self.outputs.complete, *self.outputs.pending)

    def space(self) -> str:
        """The latent space in the papers' notation: Z, Z+, F/Z, F/Z+ or W+."""
        name = {"z": "Z", "zplus": "Z+", "off": "W+"}[self.latent]
        return f"F/{name}" if self._with_f else name

    @property
    def _with_f(self) -> bool:
        return self.adapter.feature_map is not None and not self.options.without_f

    @property
    def root(self) -> Path:
        """The upstream's root folder."""
        return self.upstream.root

    @property
    def seed(self) -> int:
        """The seed of the start: the user's, or else the script's, or else 0."""
        if self.options.seed is not None:
            return self.options.seed
        return int(self.arguments.get(self.adapter.seed) or 0)

    @property
    def truncation(self) -> Truncation:
        """The truncation that the script's arguments give."""
        names = self.adapter.truncation
        if names is None or names.psi not in self.arguments:
            return Truncation()
        cutoff = self.arguments[names.cutoff] if names.cutoff else None
        return Truncation(float(self.arguments[names.psi]), cutoff)

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Store the script's arguments and check everything that it needs.

        Raises:
            RequirementError, UsageError: something is missing; the message lists everything that is, one per line.
        """
        derived = self.script.derived
        self.arguments = derived.complete(arguments) if derived else dict(arguments)
        given = {**self.arguments, TRUSTED: self.options.trusted, ASKED_DEVICE: self.device.choice}
        self.code_files.pattern()  # raises if the pattern is wrong, before any work is done
        findings = [finding for need in self._needs() for finding in need.check(given)]
        fatal = ("missing", "download") if self.options.offline else ("missing",)
        self.notes += [finding.text for finding in findings if finding.kind not in fatal]
        missing = [finding for finding in findings if finding.kind in fatal]
        if missing:
            raise _as_error(missing)
        for path in self.script.earlier(self.arguments) if self.script.earlier else ():
            if path.exists():
                self.notes.append(self.codes.examine(path))

    def note_ops(self) -> None:
        """Note which custom operations were used, before another run chooses its own."""
        self.ops = choice_of_ops.served()

    def files(self) -> list[NeededFile]:
        """The files that the script needs, whether or not they exist; none before its arguments are parsed."""
        if not self.arguments:
            return []
        return [f for need in self._needs() if isinstance(need, FileRequirement) for f in need.asks_for(self.arguments)]

    def work(self) -> AbstractContextManager[None]:
        """Claim what the script will write for as long as it runs, and protect its inputs from being overwritten.

        Raises:
            RequirementError: another run is writing the same results.
        """
        self.outputs.protect(file.path for file in self.files() if file.present and not file.made)
        folders = [need.folder(self.arguments) for need in self._needs() if isinstance(need, FolderRequirement)]
        names = {file.path.stem for file in self.files() if file.work}
        if self.script.role != "invert" or not names:
            names = {" ".join([self.script.path, *(f"{k}={v}" for k, v in sorted(self.arguments.items()))])}
        return claimed(folders, names)

    def set_generator(self, generator: nn.Module) -> None:
        """Called by a capture when the upstream has built its generator."""
        self.generator = generator
        if self.inverts:
            mapping = self.mapping()  # raises before the weights are loaded if the generator does not support Z+
            findings = [finding for need in self.script.fits for finding in need.check(self.arguments, mapping)]
            if findings:
                raise _as_error(findings)

    def mapping(self, truncation: Truncation | None = None) -> StyleMapping:
        """The captured generator's map from z to w, by default with the script's truncation.

        Raises:
            SwapError: no generator has been built yet.
        """
        if self.generator is None:
            raise SwapError(
                f"{self.script.path} used a style code before it built a generator that the adapter "
                f"{self.adapter.name!r} captures, so there is no mapping network to use."
            )
        return mapping_of(self.generator, truncation or self.truncation)

    def summary(self) -> Summary:
        """A summary of what has been done so far."""
        progress = self.swapper.progress
        return Summary(
            adapter=self.adapter.name,
            script=self.script.path,
            upstream_commit=self.upstream.commit,
            fingerprint=self.upstream.status,
            latent=self.latent,
            init=self.init,
            retract=self.options.retract,
            without_f=self.options.without_f,
            seed=self.seed,
            images=self.recorder.images,
            steps=sum(p.steps for p in progress),
            retractions=sum(p.retractions for p in progress),
            max_sphere_error=max((float(p.largest_error) for p in progress), default=None),
            device=self.device.name(),
            ops=self.ops,
            torch=torch.__version__,
            package=__version__,
            seconds=round(time.monotonic() - self._started, 3),
            outputs=tuple(map(str, self.outputs.complete)),
            records=tuple(map(str, self.recorder.records)),
            reused=tuple(map(str, self.codes.loaded)),
            edits=tuple(self.edits),
            moved_in_w=self.moved_in_w,
        )

    def _needs(self) -> tuple[Requirement, ...]:
        if self.latent == "off":
            return self.script.needs + self.script.off_needs
        return self.script.needs + (self.script.zplus_needs if self.inverts else ())

    def _resolve_latent(self) -> str:
        asked, role = self.options.latent, self.script.role
        if role == "other" and asked not in (None, "off"):
            raise UsageError(
                f"{self.script.path} neither optimises nor edits a style code, so --latent {asked} cannot take "
                "effect. Run it with --latent off."
            )
        if self.options.without_f and (self.adapter.feature_map is None or role != "invert"):
            raise UsageError(f"--without-f has no effect on {self.script.path}: it optimises no feature map F.")
        default = "off" if role == "other" else "zplus"
        return asked or default

    def _is_style_code(self, leaf: Tensor) -> bool:
        if self.generator is None:
            return False
        mapping = self.mapping()
        return leaf.ndim == 3 and tuple(leaf.shape[1:]) == (mapping.num_ws, mapping.w_dim)

    def _make(self, leaf: Tensor) -> tuple[SphericalLatent, StyleMapping]:
        mapping = self.mapping()
        codes = mapping.num_ws if self.latent == "zplus" else 1
        start = self.hooks.zplus_start(mapping=mapping, codes=codes, seed=self.seed)
        if start is None:
            start = self._starts.at(mapping, codes, self.seed, leaf)
        z = start.detach().to(leaf.device).expand(leaf.shape[0], -1, -1).clone()
        return SphericalLatent(z, radius=start.radius), mapping

    def _swapped(self, swap: LeafSwap) -> None:
        self.recorder.swap = swap
        self.hooks.zplus_swapped(swap=swap)

    def _provenance(self, swap: LeafSwap) -> Provenance:
        return Provenance(
            latent=self.latent,
            without_f=self.options.without_f,
            init=self.init,
            retract=self.options.retract,
            seed=self.seed,
            steps=swap.progress.steps,
            adapter=self.adapter.name,
            package=__version__,
            upstream_commit=self.upstream.commit,
            fingerprint=self.upstream.status,
            with_f=self._with_f,
        )


def _as_error(missing: list[Finding]) -> RequirementError | UsageError:
    kind = UsageError if all(finding.usage for finding in missing) else RequirementError
    texts = [finding.text for finding in missing]
    if len(texts) == 1:
        return kind(texts[0])
    return kind("\n".join([f"{len(texts)} requirements are not met:", *(f"  - {text}" for text in texts)]))
