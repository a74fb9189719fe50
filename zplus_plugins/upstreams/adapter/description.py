"""Adapter: a frozen description of one upstream repository. This is the file for adapter authors to read.

An adapter lists the scripts that it supports, the upstream code that it relies on, the object that contains the
mapping network, and the files in which codes are saved. It contains no code of its own: the core reads the
description and installs the patches that it lists.

Functions and classes of upstream code are written ``"package.module:Class.function"``. Files are relative to the
repository's root. ``{name}`` in a path stands for the script's argument of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
from zplus_plugins.upstreams.adapter.functions import Estimate, FeatureMap, Move, Repeated, Writer
from zplus_plugins.upstreams.adapter.loop import Loop
from zplus_plugins.upstreams.adapter.picking import Pick
from zplus_plugins.upstreams.adapter.protocols import LEFT_OUT, Capture, Fit, Requirement

if TYPE_CHECKING:
    from zplus_plugins.upstreams.adapter.context import RunContext
    from zplus_plugins.upstreams.patching.journal import Journal

PROJECT = "zplus_plugins"
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's implementation of a hook."""

Role = Literal["invert", "edit", "other"]
Init = Literal["random", "mean", "project"]


@dataclass(frozen=True)
class Patch:
    """One problem that upstream code has with current libraries, and its fix.

    Attributes:
        name: short and unique; shown to the user.
        problem: what breaks without the patch, in one line.
        install: makes the change through the journal, which undoes it.
        provides: top-level modules that need not be installed, because the patch provides them.
        precisions: values of ``--precision`` that it gives the upstream's generator, beside ``float32``.
    """

    name: str
    problem: str
    install: Callable[[Journal, RunContext], None]
    provides: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reliance:
    """A function or class of the upstream that the adapter relies on.

    Attributes:
        where: ``"path/to/file.py:Class.function"``.
        fingerprint: hash of its source at the tested commits, as printed by ``zplus check --fingerprints``.
        takes: parameters that it must have; a changed function is still compatible as long as it has them.
    """

    where: str
    fingerprint: str = ""
    takes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Derived:
    """Arguments that the script sets itself, depending on the value of another argument.

    Attributes:
        argument: the argument that decides.
        defaults: for each of its values, the arguments that are set if they are None.
        overrides: for each of its values, the arguments that are set whatever the user gave.
    """

    argument: str
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def complete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the script will use them; ``LEFT_OUT`` lists those that were None and got a default."""
        value = str(arguments[self.argument])
        absent = {k: v for k, v in self.defaults.get(value, {}).items() if arguments.get(k) is None}
        return {**arguments, **absent, **self.overrides.get(value, {}), LEFT_OUT: frozenset(absent)}


@dataclass(frozen=True)
class Gate:
    """Where a script knows its arguments and has done nothing with them yet; there, all that it needs is checked.

    By default, the script's own command line parser: argparse, click, fire or hydra.

    Attributes:
        where: ``"package.module:function"``, which has returned the arguments, in place of the parser.
        pick: path from what it returned to a mapping or an object with the arguments, or a function of the
            :class:`~zplus_plugins.upstreams.Call`.
        parses: how often the script parses its command line, where the last time counts.
        first: checked when it is parsed for the first time, with what that gave, such as that there are the
            configuration files which the script reads before it knows all of its arguments.
    """

    where: str = ""
    pick: Pick = ""
    parses: int = 1
    first: tuple[Requirement, ...] = ()


@dataclass(frozen=True)
class Script:
    """One script of the upstream.

    Attributes:
        path: relative to the repository's root.
        role: ``invert`` optimises a W or W+ code, ``edit`` edits saved codes, ``other`` does neither and only gets
            the patches.
        folder: the working directory that it expects, relative to the root (``.``); None if any will do.
        needs: checked before the script does anything.
        zplus_needs: checked as well when a style code is replaced.
        off_needs: checked as well with ``--latent off``.
        zplus_defaults: argument defaults that are different in Z and Z+; the user's values take precedence. Of a script
            with :class:`Settings`, the values of its modules, which ``--set`` changes.
        derived: arguments that the script sets itself; the needs are checked with these values.
        fits: checked when a style code is replaced, as soon as the generator is built.
        init: initialisation of its inversions, if it differs from the adapter's.
        earlier: from the arguments, the code files of earlier runs that the script would reuse instead of inverting.
        gate: where the script knows its arguments.
        estimates: functions whose style codes no optimizer changes; None for the adapter's, if the script inverts.
        latent: the default of ``--latent`` for this script.
        loop: how it goes through its images, for ``--shard`` and for skipping those that are finished.
    """

    path: str
    role: Role = "other"
    folder: str | None = None
    needs: tuple[Requirement, ...] = ()
    zplus_needs: tuple[Requirement, ...] = ()
    off_needs: tuple[Requirement, ...] = ()
    zplus_defaults: Mapping[str, Any] = field(default_factory=dict)
    derived: Derived | None = None
    fits: tuple[Fit, ...] = ()
    init: Init | None = None
    earlier: Callable[[Mapping[str, Any]], Iterable[Path]] | None = None
    gate: Gate = Gate()
    estimates: tuple[Estimate, ...] | None = None
    latent: Literal["z", "zplus"] = "zplus"
    loop: Loop | None = None


@dataclass(frozen=True)
class TruncationArguments:
    """Names of the script's arguments for the truncation psi and the number of layers that are truncated."""

    psi: str
    cutoff: str | None = None


@dataclass(frozen=True)
class EditArguments:
    """Names of an editing script's arguments.

    Attributes:
        inversion: the folder with the results of the inversion.
        direction: the file with the direction, which the script reads with ``torch.load``.
        start, end, steps: the edit's distances are ``linspace(start, end, steps)``.
    """

    inversion: str
    direction: str
    start: str
    end: str
    steps: str


@dataclass(frozen=True)
class Switch:
    """A flag of ``zplus run`` for one upstream, which changes arguments of its scripts in Z and Z+.

    Attributes:
        name: the flag, without the dashes.
        help: what it does, in one sentence.
        sets: the values that it gives to the script's arguments.
    """

    name: str
    help: str
    sets: Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """Settings that are module attributes instead of command line arguments.

    Attributes:
        modules: the modules that contain them, in the root or in a folder of ``Adapter.paths``;
            ``--set module.name=value`` changes one for a run.
        gates: functions that the script calls early; its needs are checked just before the first call of any of them.
    """

    modules: tuple[str, ...]
    gates: tuple[str, ...]


@dataclass(frozen=True)
class Download:
    """A file that users must download before the first run; ``zplus doctor`` looks for it.

    Attributes:
        path: file pattern, relative to the repository's root.
        what: what the file contains, for messages.
        remedy: where to get the file and where to put it.
    """

    path: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Adapter:
    """The description of one upstream repository; see the module's docstring.

    Attributes:
        name: the adapter's name, for ``--adapter``.
        summary: one line for the list of adapters.
        upstream: URL of the repository.
        tested_commits: abbreviated hashes of the commits that the adapter was tested on.
        markers: files that, together with a script's path, identify this repository.
        scripts: the scripts that can be run.
        relies_on: functions and classes whose change may break the adapter.
        generator: how the generator is captured.
        mapping: returns the generator's map from z to w, if the generator belongs to no known family or is
            conditional.
        estimates: functions whose style codes no optimizer changes, such as encoders.
        repeated: where the scripts repeat one style code over the layers, so that Z+ is possible as well as Z.
        paths: folders to import from, relative to the root, in addition to the script's folder, the root, and the
            folders that the script adds to ``sys.path``.
        feature_map: how F is passed to the synthesis network, if the method has one.
        untouched: functions inside which every code stays in W or W+, such as a coarse inversion that makes a mask.
        init: initialisation of inversions, unless the script or ``--init`` gives another; ``project`` if the
            upstream starts at an encoder's estimate.
        codes: pattern of the files in which the upstream saves W+ codes, such as ``folder/*.npy``, compared with the
            end of a path; if it contains arguments of the script, such as ``{out}/*.npy``, with the whole path.
            Empty if it saves none; see ``images``, and :meth:`~zplus_plugins.upstreams.RunContext.save_record` for
            hooks.
        code_item: path to the code, if such a file contains more, such as its key in a dictionary; ``*`` stands for
            every key or position, as in ``*.latent``. A code is (L, D), a batch (B, L, D), or (D,) for all layers.
        find_codes: for what ``codes`` and ``code_item`` cannot express: returns the codes in a file from its path and
            content, each with the path that names its record.
        images: pattern, as of ``codes``, of the images that show codes which the upstream does not save; the codes
            that have just been found get their records beside such an image.
        foreign_codes: whether the scripts also load codes of other methods for comparison, which have no record;
            these codes are moved in W+. Otherwise such a code is an error in Z and Z+.
        code_is_last: whether the code is the last file that the scripts write for an image. If so, the files of an
            image without a code are incomplete, and are removed if the script ends there.
        writers: functions that write results; their files are tracked and written atomically.
        truncation: the script's truncation arguments.
        settings: the modules with the scripts' settings, if the scripts do not parse a command line.
        redirect: maps ``"package.module:function"`` to the function that replaces it in Z and Z+.
        edit: the editing script's arguments.
        moves: functions that move codes, in scripts of any role.
        switches: additional flags of ``zplus run`` for this upstream.
        downloads: files that a first run with the scripts' defaults needs.
        seed: the script's seed argument, which also seeds the start in Z+ unless ``--seed`` is given.
        optional: modules that the scripts import but use only on request, such as loggers; if one is not installed,
            it is replaced by a stand-in that raises an error when it is used.
        patches: compatibility patches, installed for every latent, including ``off``.
    """

    name: str
    summary: str
    upstream: str
    scripts: tuple[Script, ...]
    tested_commits: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    relies_on: tuple[Reliance, ...] = ()
    generator: tuple[Capture, ...] = ()
    mapping: Callable[[Any, Truncation], StyleMapping] | None = None
    estimates: tuple[Estimate, ...] = ()
    repeated: Repeated | None = None
    paths: tuple[str, ...] = ()
    feature_map: FeatureMap | None = None
    untouched: tuple[str, ...] = ()
    init: Init = "random"
    codes: str = ""
    code_item: str = ""
    find_codes: Callable[[Path, Any], Iterable[tuple[str | Path, Any]]] | None = None
    images: str = ""
    foreign_codes: bool = False
    code_is_last: bool = False
    writers: tuple[Writer, ...] = ()
    truncation: TruncationArguments | None = None
    settings: Settings | None = None
    redirect: Mapping[str, str] = field(default_factory=dict)
    edit: EditArguments | None = None
    moves: tuple[Move, ...] = ()
    switches: tuple[Switch, ...] = ()
    downloads: tuple[Download, ...] = ()
    seed: str = "seed"
    optional: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()

    @property
    def dispensable(self) -> frozenset[str]:
        """Modules that the scripts import and that need not be installed."""
        return frozenset(self.optional).union(*(patch.provides for patch in self.patches))

    @hookimpl
    def zplus_adapter(self) -> Adapter:
        """An adapter is itself a plugin, so that an entry point can refer to it directly."""
        return self
