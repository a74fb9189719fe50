"""Adapter: a frozen description of one upstream repository. An adapter's author reads this file.

An adapter says which scripts of a repository it knows, what it relies on there, which object holds the mapping
network, and where codes are saved. It contains no patch: the core reads it, and installs the patches that it lists.

Places in upstream code are written ``"package.module:Class.function"``; files relative to the repository's root;
``{name}`` in a path stands for the script's argument of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
from zplus_plugins.upstreams.adapter.picking import Call, Pick
from zplus_plugins.upstreams.adapter.protocols import LEFT_OUT, Capture, Fit, Requirement

if TYPE_CHECKING:
    from zplus_plugins.upstreams.adapter.context import RunContext
    from zplus_plugins.upstreams.patching.journal import Journal

PROJECT = "zplus_plugins"
hookimpl = pluggy.HookimplMarker(PROJECT)

Role = Literal["invert", "edit", "other"]
Init = Literal["random", "mean", "project"]


@dataclass(frozen=True)
class Patch:
    """One problem of upstream code on today's libraries, and its fix.

    Attributes:
        name: short, unique, as listed to the user.
        problem: what breaks without it, in one line.
        install: makes the change through the journal, which undoes it.
        provides: top-level modules that scripts can import with it although they are not installed.
    """

    name: str
    problem: str
    install: Callable[[Journal, RunContext], None]
    provides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reliance:
    """A function or class of the upstream that the adapter relies on.

    Attributes:
        where: ``"path/to/file.py:Class.function"``.
        fingerprint: of its source at the tested commits, as ``zplus check --fingerprints`` prints it.
        takes: parameters that it must have; with them a changed function is still compatible.
    """

    where: str
    fingerprint: str = ""
    takes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Derived:
    """Values that a script itself gives to its arguments, by the value of another one.

    Attributes:
        argument: the other one.
        defaults: for each of its values, arguments that get a value where they are None.
        overrides: likewise, arguments that get a value whatever the user gave.
    """

    argument: str
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def complete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the script will use them, and under ``LEFT_OUT`` those that it gives a value itself."""
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
    """

    where: str = ""
    pick: Pick = ""
    parses: int = 1


@dataclass(frozen=True)
class Estimate:
    """A function that returns a style code which nothing optimises, such as an encoder.

    In Z and Z+ its code (B, L, D) is projected onto the hypersphere, and map(z) handed on in its place.

    Attributes:
        where: ``"package.module:Class.function"``.
        pick: path to the code in what it returns, such as ``"0"`` or ``"codes.w"``.
        add: from the :class:`~zplus_plugins.upstreams.Call`, what the script adds to the code afterwards, such as a
            ``latent_avg``; the sum is projected.
    """

    where: str
    pick: str = ""
    add: Callable[[Call], Any] | None = None


@dataclass(frozen=True)
class Script:
    """One script of the upstream.

    Attributes:
        path: relative to the repository's root.
        role: ``invert`` optimises a W or W+ code, ``edit`` moves saved codes, ``other`` runs with the patches alone.
        folder: the current folder that it expects, relative to the root (``.``); None if any will do.
        needs: checked before the script does anything.
        zplus_needs: checked in addition where a style code is replaced.
        off_needs: checked in addition with ``--latent off``.
        zplus_defaults: defaults of its arguments that differ in Z and Z+; what the user gives wins.
        derived: values that the script gives to its arguments; needs are checked with them.
        fits: checked where a style code is replaced, once the generator is there.
        init: where its inversions start, if not where the adapter says.
        earlier: from the arguments, code files that the script would use again instead of inverting.
        gate: where it knows its arguments.
        latent: what it runs in unless ``--latent`` says otherwise, if not Z+.
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
    latent: Literal["z", "zplus"] = "zplus"


@dataclass(frozen=True)
class TruncationArguments:
    """Names of the script's arguments that hold the truncation psi and its number of layers."""

    psi: str
    cutoff: str | None = None


@dataclass(frozen=True)
class EditArguments:
    """Names of an editing script's arguments.

    Attributes:
        inversion: the folder with the inversion's results.
        direction: the file with the direction, read by ``torch.load``.
        start, end, steps: the distances are ``linspace(start, end, steps)``.
    """

    inversion: str
    direction: str
    start: str
    end: str
    steps: str


@dataclass(frozen=True)
class Move:
    """A function of the upstream that moves a style code; in Z and Z+ it moves on the hypersphere.

    Attributes:
        where: ``"package.module:Class.function"``.
        code: its argument that is the code, shape (1, num_ws, w_dim), or the dictionary that holds it.
        direction: its argument that is added to the code, broadcastable to the code's shape; empty if
            the function returns the moved codes, shape (M, num_ws, w_dim).
    """

    where: str
    code: str
    direction: str = ""


@dataclass(frozen=True)
class Switch:
    """A flag of ``zplus run`` for one upstream: it gives its scripts' arguments other values in Z and Z+.

    Attributes:
        name: of the flag, without the dashes.
        help: what it does, a sentence.
        sets: values of the script's arguments.
    """

    name: str
    help: str
    sets: Mapping[str, Any]


@dataclass(frozen=True)
class FeatureMap:
    """Where F enters the synthesis network.

    Attributes:
        synthesis: functions that take w+ (and F) and make the picture.
        arguments: their keyword arguments that bring F in; ``--without-f`` drops them.
    """

    synthesis: tuple[str, ...]
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Writer:
    """A function of the upstream's libraries that writes a file.

    Attributes:
        where: ``"module:function"``.
        suffix: what the function itself appends to a path without it.
        path: position of the path among its arguments.
        content: position of what is written; None if it is the keyword arguments, as of ``numpy.savez``.
    """

    where: str
    suffix: str = ""
    path: int = 0
    content: int | None = 1


@dataclass(frozen=True)
class Settings:
    """Settings that are module attributes instead of command line arguments.

    Attributes:
        modules: that hold them; ``--set module.name=value`` changes one for a run.
        gates: functions before whose first call everything that the script needs is checked.
    """

    modules: tuple[str, ...]
    gates: tuple[str, ...]


@dataclass(frozen=True)
class Download:
    """A file that users must fetch before a first run; ``zplus doctor`` looks for it.

    Attributes:
        path: file pattern relative to the repository's root.
        what: the file is.
        remedy: where it comes from and where to put it.
    """

    path: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Adapter:
    """One upstream repository; see the module.

    Attributes:
        name: what ``--adapter`` takes.
        summary: one line for the list of adapters.
        upstream: URL of the repository.
        tested_commits: abbreviated commits on which this description was tried.
        markers: files that, together with a script's path, tell this repository from others.
        scripts: what can be run.
        relies_on: sources whose change may break the adapter.
        generator: how the generator is caught.
        mapping: the generator's map from z to w, where it is of no known family or takes a label.
        estimates: functions whose codes nothing optimises.
        paths: folders, relative to the root, that its scripts import from, beside their own folder, the root, and
            those that they put on ``sys.path`` themselves.
        feature_map: where F enters, if the method has one.
        init: where inversions start, unless their script or ``--init`` says otherwise; ``project`` where the
            upstream starts at an encoder's estimate.
        codes: of the W+ codes that the upstream saves and loads, the end of their paths, as ``folder/*.npy``;
            with the script's arguments in it, as in ``{out}/*.npy``, the whole of them.
        code_item: path to the code, where such a file holds more, such as its key in a dictionary; ``*`` stands for
            all keys or positions, as in ``*.latent``. A code is (L, D), or a batch (B, L, D), or (D,) for all layers.
        find_codes: from a path and what was written there, the codes in it, each with the path that names its record;
            where ``codes`` and ``code_item`` cannot say it.
        foreign_codes: whether the scripts also load codes of other methods, which have no record, to compare with;
            their moves stay in W+. Otherwise such a code is an error in Z and Z+.
        code_is_last: whether the code is the last file that the scripts write for an image; then files of an
            image whose code is missing are unfinished, and are taken away if the script ends there.
        writers: functions that write results; they are followed and made atomic.
        truncation: the script's truncation arguments.
        settings: where the scripts' settings are, if they parse no command line.
        redirect: ``"package.module:function"`` to the one that takes its place in Z and Z+.
        edit: the editing script's arguments.
        moves: functions that move codes, in scripts of any role.
        switches: flags that ``zplus run`` takes for this upstream.
        downloads: files that a first run by the scripts' own defaults needs.
        seed: the script's argument that seeds it; the start in Z+ follows it unless told otherwise.
        optional: modules that the scripts import but use only if asked to, such as loggers; where one is not
            installed, a stand-in takes its place that says so when it is used.
        patches: compatibility patches, installed for every latent, ``off`` too.
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
    paths: tuple[str, ...] = ()
    feature_map: FeatureMap | None = None
    init: Init = "random"
    codes: str = ""
    code_item: str = ""
    find_codes: Callable[[Path, Any], Iterable[tuple[str | Path, Any]]] | None = None
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
        """An adapter is a plugin by itself: an entry point may name it directly."""
        return self
