"""One run of an upstream script: its options, the captured generator, and the results.

The Run connects the adapter's captures and patches, the argument gate, the leaf swap and the editor. The launcher
executes it inside an open journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from zplus_plugins._version import __version__
from zplus_plugins.errors import SwapError, UsageError
from zplus_plugins.hypersphere.families import mapping_of
from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
from zplus_plugins.hypersphere.swap.layers import LayeredSwap
from zplus_plugins.hypersphere.swap.leaf import LeafSwap
from zplus_plugins.ops import choice as choice_of_ops
from zplus_plugins.records.inversion import Provenance
from zplus_plugins.system.device import Device
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.adapter.description import Adapter, Script
from zplus_plugins.upstreams.adapter.functions import Estimate
from zplus_plugins.upstreams.adapter.precision import require_precision
from zplus_plugins.upstreams.adapter.summary import EditResult, PrecisionCheck
from zplus_plugins.upstreams.checkout.checkout import Upstream
from zplus_plugins.upstreams.checkout.plugins import Choice
from zplus_plugins.upstreams.patching.definitions import Wrapper
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.results.claims import claimed
from zplus_plugins.upstreams.results.codes import Codes
from zplus_plugins.upstreams.results.live import LiveCodes
from zplus_plugins.upstreams.results.outputs import Outputs, writing_own
from zplus_plugins.upstreams.results.recorder import Recorder
from zplus_plugins.upstreams.results.worklist import Asked, Progress, Worklist
from zplus_plugins.upstreams.run.asked import latent_of, switches_of
from zplus_plugins.upstreams.run.repeating import Repeating
from zplus_plugins.upstreams.run.starts import Starts
from zplus_plugins.upstreams.run.style_codes import StyleCodes
from zplus_plugins.upstreams.run.swapper import LeafSwapper
from zplus_plugins.upstreams.script.call import read_call
from zplus_plugins.upstreams.script.code_files import CodeFiles
from zplus_plugins.upstreams.script.needs import Needs
from zplus_plugins.upstreams.script.settings import read_assignments


class Run:
    """One run of an upstream script; see the module's docstring.

    Attributes:
        journal: the changes of this run, open while the script runs.
        arguments: the script's parsed arguments; empty until they are parsed.
        checked: whether the arguments are known and the script's needs have been checked.
        generator: the captured generator; None until it is built.
        switches: the adapter's flags that were given.
        starts: where inversions start.
        init: its name.
        code_files: which files are codes.
        codes: inverted codes, saved by this run or loaded from an earlier one.
        live: the codes that this run has found.
        recorder: tracks what the script saves.
        style_codes: recognises style codes, and gives them their z.
        repeating: puts a code a layer in the place of the one that the script repeats; None if it repeats none.
        assignments: settings to change when their modules are imported.
        call: the call to make in the script; None to run it as ``__main__``.
        edits: the edits made so far.
        precision_checks: how inversions in another precision compare with float32.
        ops: the implementations of the custom operations that were used.
        moved_in_w: how often the script moved a code of another method, which has no z.
        needs: what the script needs.
        worklist: the images to work on.
        started: when the run began, on the clock of :func:`time.monotonic`.
    """

    def __init__(self, choice: Choice, options: Options) -> None:
        self.adapter: Adapter = choice.upstream.adapter
        self.upstream: Upstream = choice.upstream
        self.hooks = choice.hooks
        self.options = options
        assert choice.upstream.script is not None
        self.script: Script = choice.upstream.script
        self.latent = latent_of(options, self.adapter, self.script)
        require_precision(options.precision, self.adapter, self.script, self.latent)
        self.switches = switches_of(options, self.adapter, self.script, self.latent)
        init = options.init or self.script.init or self.adapter.init
        self.starts = Starts(init, self.latent, inverts=self.inverts)
        self.init = self.starts.name
        self.code_files = CodeFiles(self.adapter.codes, lambda: self.arguments)
        self.live = LiveCodes(self._provenance)
        any_latent = self.script.role == "edit" and options.latent is None
        self.codes = Codes(self.adapter, self.code_files, self.live, None if any_latent else self.latent)
        self.recorder = Recorder(
            self.adapter,
            self.code_files,
            CodeFiles(self.adapter.images, lambda: self.arguments),
            self.codes,
            self.live,
            code_is_result=self.script.role == "invert",
            records=self.inverts,
            before=lambda: self.require_checked("started to write its results"),
        )
        self.assignments = read_assignments(self.adapter.settings, self.root, options.settings, self.adapter.paths)
        self.call = None if options.call is None else read_call(self.root / self.script.path, options.call)
        self.device = Device(options.device)
        self.arguments: Mapping[str, Any] = {}
        self.generator: nn.Module | None = None
        self.journal = Journal()
        self.style_codes = StyleCodes(
            self,
            self.script.path,
            start=lambda mapping, codes: self.hooks.zplus_start(mapping=mapping, codes=codes, seed=self.seed),
            starts=self.starts,
            seed=lambda: self.seed,
            live=self.live,
            codes=self.codes,
            repeated=self.adapter.repeated is not None,
        )
        self.swapper = LeafSwapper(
            self.style_codes.has_code_per_layer,
            self.style_codes.make,
            is_one_code=self.style_codes.has_one_code,
            listed=self.style_codes.listed,
            before=lambda: self.require_checked("built an optimizer"),
            retract=options.retract == "step",
            on_swap=self._swapped,
            watched=self._watched_in_vain,
            excused=lambda: bool(self.codes.loaded or self.live.estimates),
        )
        self.repeating = None if self.adapter.repeated is None else Repeating(self.adapter.repeated)
        self.checked = False
        self.edits: list[EditResult] = []
        self.precision_checks: list[PrecisionCheck] = []
        self._at_end: list[Callable[[], object]] = []
        self.ops = choice_of_ops.UNUSED
        self.moved_in_w = 0
        self.needs = Needs(self.script, options, self.latent, inverts=self.inverts, device=self.device.choice)
        self.worklist = Worklist(
            self.script.loop,
            Asked(options.shard, options.resume, self.latent == "off"),
            f"{self.script.path} (adapter {self.adapter.name!r})",
            inverts=self.inverts,
            progress=self._progress,
        )
        self.started = time.monotonic()

    @property
    def inverts(self) -> bool:
        """Whether this run replaces the style code of an inversion."""
        return self.script.role == "invert" and self.latent != "off"

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The functions whose style codes are projected."""
        if self.script.estimates is not None:
            return self.script.estimates
        return self.adapter.estimates if self.inverts else ()

    @property
    def outputs(self) -> Outputs:
        """The files that the script writes."""
        return self.recorder.outputs

    @property
    def swaps(self) -> Collection[LeafSwap]:
        """The swaps whose optimizers are alive."""
        return self.swapper.live

    def wrap(self, where: str, wrapper: Wrapper) -> None:
        """Wrap the function ``"package.module:Class.function"``, except for this package's own calls of it."""

        def except_ours(function: Callable[..., Any]) -> Callable[..., Any]:
            wrapped = wrapper(function)

            def either(*args: Any, **kwargs: Any) -> Any:
                return (function if writing_own.get() else wrapped)(*args, **kwargs)

            return either

        self.journal.wrap_when_imported(where, except_ours)

    def save_record(self, path: Path, w: Tensor) -> list[Path]:
        """Write the records of codes (B, L, D) or (L, D) that this run has found beside the file ``path``."""
        return self.recorder.save(path, w)

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
        self.checked = True
        self.arguments = derived.complete(arguments) if derived else dict(arguments)
        self.code_files.pattern()  # raises if the pattern is wrong, before any work is done
        self.needs.check_all(self.arguments)
        for path in self.script.earlier(self.arguments) if self.script.earlier else ():
            if path.exists():
                self.needs.notes.append(self.codes.examine(path))

    def at_end(self, action: Callable[[], object]) -> None:
        """Call ``action`` when the script has ended without an error, before anything is undone."""
        self._at_end.append(action)

    def end(self) -> None:
        """The script has ended without an error."""
        for action in self._at_end:
            action()

    def note_ops(self) -> None:
        """Note which custom operations were used, before another run chooses its own."""
        self.ops = choice_of_ops.served()

    def files(self) -> list[NeededFile]:
        """The files that the script needs, whether or not they exist; none before its arguments are parsed."""
        return self.needs.files(self.arguments) if self.arguments else []

    def work(self) -> AbstractContextManager[None]:
        """Claim what the script will write for as long as it runs, and protect its inputs from being overwritten.

        Raises:
            RequirementError: another run is writing the same results.
        """
        inputs = [file.path for file in self.files() if file.present and not file.made]
        self.outputs.protect((*inputs, *self.starts.files))
        left = self.worklist.left
        names = {file.results for file in self.files() if file.work} if left is None else set(left)
        if self.script.role != "invert" or not names:
            names = {" ".join([self.script.path, *(f"{k}={v}" for k, v in sorted(self.arguments.items()))])}
        return claimed(self.needs.folders(self.arguments), names)

    def set_generator(self, generator: nn.Module) -> None:
        """Called by a capture when the upstream has built its generator."""
        self.require_checked("built its generator")
        self.generator = generator
        if self.inverts:
            # raises before the weights are loaded if the generator does not support Z+
            self.needs.check_fit(self.arguments, self.mapping())
            self.starts.require_fit(self.mapping())

    def mapping(self, truncation: Truncation | None = None) -> StyleMapping:
        """The captured generator's map from z to w, by default with the script's truncation.

        Raises:
            SwapError: no generator has been built yet.
        """
        if self.generator is None:
            raise SwapError(
                f"{self.script.path} used a style code before a generator was captured, so there is no mapping network "
                f"to use. The adapter {self.adapter.name!r} watches {self._watched_in_vain()}."
            )
        truncation = truncation or self.truncation
        if self.adapter.mapping is not None:
            return self.adapter.mapping(self.generator, truncation)
        given: StyleMapping | None = self.hooks.zplus_mapping(generator=self.generator, truncation=truncation)
        return given or mapping_of(self.generator, truncation)

    def require_checked(self, work: str) -> None:
        """End a dry run whose script starts its work although its arguments were never seen.

        Args:
            work: what the script has just done, as a clause.

        Raises:
            UsageError: this is a dry run, and nothing has been checked yet.
        """
        if self.options.dry_run and not self.checked:
            raise UsageError(
                f"--dry-run: {self.script.path} {work} before its arguments were checked, and was stopped. The adapter "
                f"{self.adapter.name!r} does not say where the arguments are known; name the function that returns "
                'them: Script(..., gate=Gate("package.module:function")).'
            )

    def _watched_in_vain(self) -> str:
        """The places that are watched for a generator, while none has been caught."""
        return "" if self.generator is not None else ", ".join(c.where for c in self.adapter.generator) or "nothing"

    def _swapped(self, swap: LeafSwap) -> None:
        self.live.add(swap, self.init)
        if self.repeating is not None and isinstance(swap, LayeredSwap) and self.generator is not None:
            self.repeating.follow(swap, self.generator, self.journal)
        self.hooks.zplus_swapped(swap=swap)

    def _progress(self) -> Progress:
        made, spoiling = self.recorder, len(self.recorder.unmatched) + len(self.codes.loaded)
        return Progress((*self.outputs.complete, *self.outputs.pending), len(made.records), spoiling)

    def _provenance(self, steps: int, init: str) -> Provenance:
        return Provenance(
            latent=self.latent,
            without_f=self.options.without_f,
            init=init,
            retract=self.options.retract,
            seed=self.seed,
            steps=steps,
            adapter=self.adapter.name,
            package=__version__,
            upstream_commit=self.upstream.commit,
            fingerprint=self.upstream.status,
            with_f=self._with_f,
            precision=None if self.options.precision == "float32" else self.options.precision,
        )
