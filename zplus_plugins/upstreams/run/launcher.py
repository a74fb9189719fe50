"""Run an unmodified upstream script inside an open journal, and restore everything afterwards."""

from __future__ import annotations

import functools
import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.errors import RequirementError, ScriptError, SwapError, UsageError, ZPlusError
from zplus_plugins.ops.choice import asked, require, use
from zplus_plugins.upstreams.adapter.summary import Summary
from zplus_plugins.upstreams.imports.advice import MissingModule, how_to_get, version_of
from zplus_plugins.upstreams.imports.packages import is_installed
from zplus_plugins.upstreams.imports.script import imports_any
from zplus_plugins.upstreams.patching.journal import Journal, resolve
from zplus_plugins.upstreams.patching.malloc import tune
from zplus_plugins.upstreams.patching.namesakes import set_aside_namesakes
from zplus_plugins.upstreams.patching.offline import forbid_network
from zplus_plugins.upstreams.patching.stand_ins import stand_in_for_absent
from zplus_plugins.upstreams.patching.surroundings import keep_surroundings
from zplus_plugins.upstreams.run.editing import Editor
from zplus_plugins.upstreams.run.estimates import watch_estimates
from zplus_plugins.upstreams.run.facts import summarise
from zplus_plugins.upstreams.run.gate import ChecksDone, Gatekeeper, watch_arguments
from zplus_plugins.upstreams.run.moving import Mover
from zplus_plugins.upstreams.run.session import Run
from zplus_plugins.upstreams.script.execution import execute, module_names
from zplus_plugins.upstreams.script.parsers import KNOWN, HelpShown, Interrupted

_log = logging.getLogger("zplus_plugins")


def launch(run: Run, script: Path, arguments: Sequence[str]) -> Summary:
    """Run a script as ``python script arguments...`` would, with the run's latent in place of W+.

    Args:
        run: the run to launch; its upstream must be compatible.
        script: path as the user typed it.
        arguments: the script's own arguments.

    Returns:
        A summary of what was done; that is nothing after a dry run, or if all images were finished before.

    Raises:
        ZPlusError: an error that the user can act on; everything is restored before it is raised.
        KeyboardInterrupt: Ctrl-C; everything is restored before it is raised.
        SystemExit: the script exited with a failure, or only printed its help.
    """
    run.upstream.require_compatible()
    run.device.require()
    _require_folder(run)
    try:
        with Journal() as journal, journal:
            keep_surroundings(journal)
            _choose_ops(journal, run)
            run.journal = journal
            set_aside_namesakes(journal, _search_path(run, script.resolve()))
            gate = _prepare(journal, run)
            _require_gate(run, script)
            _execute(journal, run, gate, script, arguments)
            run.end()
    except ChecksDone:
        return summarise(run)
    except HelpShown:
        raise SystemExit(0) from None
    except BaseException:
        _abandon(run)
        raise
    run.recorder.save_unrecorded(run.outputs.folder())
    run.outputs.finish_image()
    if run.inverts:
        _require_effect(run)
    run.worklist.finish()
    summary = summarise(run)
    run.hooks.zplus_finished(summary=summary)
    return summary


def _choose_ops(journal: Journal, run: Run) -> None:
    """Choose the custom operations for this run; if the user named an implementation, require it right away."""
    operations, device = run.options.operations, run.options.device
    if operations in ("cuda", "cpu") and device not in ("auto", operations):
        raise UsageError(f"--ops {operations} does not work with --device {device}; use --ops auto.")
    journal.callback(functools.partial(use, asked()))
    use(operations)
    journal.callback(run.note_ops)
    require()


def _prepare(journal: Journal, run: Run) -> Gatekeeper:
    """Install all patches; the upstream's modules are patched as they are imported."""
    adapter, editor, mover = run.adapter, None, Mover(run)
    journal.name_script(*module_names(run.script.path))
    if run.script.role == "edit" and run.latent != "off" and adapter.edit is not None:
        editor = Editor(run, mover, adapter.edit)
    if run.options.tune_malloc:
        tune(journal)
    stand_in_for_absent(journal, adapter.optional)
    if run.options.offline:
        forbid_network(journal)
    for patch in adapter.patches:
        patch.install(journal, run)
        _log.debug("patch %s is installed: %s", patch.name, patch.problem)
    run.worklist.install(journal, run.root)
    for writer in adapter.writers:
        run.outputs.follow(journal, writer)
    if run.latent != "off":
        for capture in adapter.generator:
            capture.install(journal, run)
        if editor is None:  # which reads the codes itself
            run.codes.follow(journal)
        mover.install(journal)
        watch_estimates(journal, run)
    if run.inverts:
        run.swapper.install(journal)
        if run.repeating is not None:
            run.repeating.install(journal)
        for place in adapter.untouched:
            run.swapper.leave(journal, place)
        for place, target in adapter.redirect.items():
            _redirect(journal, place, target)
    if adapter.feature_map is not None and (run.inverts or run.options.without_f):
        contiguous = functools.partial(_with_contiguous_f, run.options.operations == "upstream")
        change = _without_f if run.options.without_f else contiguous
        for where in adapter.feature_map.synthesis:
            journal.wrap_when_imported(where, functools.partial(change, adapter.feature_map.arguments))
    if editor is not None:
        editor.install(journal)
    return watch_arguments(journal, run, editor)


def _require_gate(run: Run, script: Path) -> None:
    """A dry run needs to know where the script's arguments are known, or it would be a real one."""
    if not run.options.dry_run or run.adapter.settings is not None or run.script.gate.where or run.call is not None:
        return
    if not imports_any(script.resolve(), run.root, KNOWN):
        raise UsageError(
            f"--dry-run: {run.script.path} uses none of the known argument parsers ({', '.join(KNOWN[:4])}), so "
            "nothing would stop it before its work. Name the function that returns its arguments in the adapter: "
            'Script(..., gate=Gate("package.module:function")).'
        )


def _redirect(journal: Journal, place: str, target: str) -> None:
    """Replace the function ``place`` (``package.module:Class.function``) by ``target``."""
    source, _, path = target.partition(":")

    def redirecting(function: Callable[..., Any]) -> Callable[..., Any]:
        def redirected(*args: Any, **kwargs: Any) -> Any:
            # the target may be defined by the script itself, below the place
            module = journal.script_module(source) or importlib.import_module(source)
            return resolve(module, path.split("."))(*args, **kwargs)

        return redirected

    journal.wrap_when_imported(place, redirecting)


def _execute(journal: Journal, run: Run, gate: Gatekeeper, script: Path, arguments: Sequence[str]) -> None:
    """Run the script as ``__main__``, or make the requested call; the upstream's modules are unloaded afterwards."""
    path = script.resolve()
    journal.callback(functools.partial(_forget_modules, run.root, set(sys.modules)))
    sys.argv[:] = [str(script), *arguments]
    # First on the path, because upstreams have modules with common names such as models and utils.
    sys.path[:0] = map(str, _search_path(run, path))
    try:
        if run.call is None:
            execute(journal, path)
        else:
            module = execute(journal, path, module_names(run.script.path)[0])
            gate.require_call_checked()
            run.call.make(module)
    except Interrupted as interrupted:
        raise interrupted.interrupt from None
    except SystemExit as stop:
        _examine_exit(stop, run, arguments)
    except (ZPlusError, BrokenPipeError):  # BrokenPipeError: the reader of the script's output has closed the pipe
        raise
    except ModuleNotFoundError as error:
        raise RequirementError(_missing_module(run, error)) from None
    except Exception as error:
        cause = _our_error(error)
        if cause is not None:
            raise cause from None
        trace = "".join(traceback.format_exception(error))
        raise ScriptError(f"{run.script.path} itself failed, with the error above.", trace) from None


def _search_path(run: Run, script: Path) -> list[Path]:
    return [script.parent, run.root, *(run.root / folder for folder in run.adapter.paths)]


def _examine_exit(stop: SystemExit, run: Run, arguments: Sequence[str]) -> None:
    """Tell apart the reasons for an exit: click turns Ctrl-C, errors and the normal end of a command into exits."""
    cause: BaseException | None = stop
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt | ZPlusError):
            raise cause from None
        cause = cause.__context__
    if stop.code not in (None, 0):
        raise stop
    if not run.checked and {"-h", "--help"}.intersection(arguments):
        raise HelpShown


def _without_f(names: tuple[str, ...], synthesise: Callable[..., Any]) -> Callable[..., Any]:
    """The synthesis network, called without the arguments that pass F."""

    def synthesise_without_f(*args: Any, **kwargs: Any) -> Any:
        return synthesise(*args, **{name: value for name, value in kwargs.items() if name not in names})

    return synthesise_without_f


def _with_contiguous_f(
    steps_unchanged: bool, names: tuple[str, ...], synthesise: Callable[..., Any]
) -> Callable[..., Any]:
    """The synthesis network, called with F in the memory format in which it is saved.

    Saved files contain F in contiguous format. In another format, such as an encoder's channels_last, convolutions
    round differently, and an image made from the files would differ from the reconstruction.

    Args:
        steps_unchanged: leave F's format as it is where gradients are computed, so that a run with the upstream's own
            operations rounds as the upstream does. Only the image synthesised without gradients is then made from the
            F of the files.
        names: the arguments that pass F.
        synthesise: the synthesis network's forward.
    """

    def synthesise_contiguous(*args: Any, **kwargs: Any) -> Any:
        if steps_unchanged and torch.is_grad_enabled():
            return synthesise(*args, **kwargs)
        features = {name: kwargs[name].contiguous() for name in names if isinstance(kwargs.get(name), Tensor)}
        return synthesise(*args, **kwargs | features)

    return synthesise_contiguous


def _abandon(run: Run) -> None:
    """After a failure of the script, keep only what is complete."""
    if run.script.role == "invert" and run.adapter.code_is_last:
        run.outputs.discard_pending()
    else:
        run.outputs.finish_image()


def _require_folder(run: Run) -> None:
    """Raise UsageError unless the current folder is the one that the script must be started in."""
    if run.script.folder is None:
        return
    expected = (run.root / run.script.folder).resolve()
    if Path.cwd().resolve() != expected:
        raise UsageError(
            f"{run.script.path} must be started in {expected}, because it reads and writes files relative to that "
            f"folder; the current folder is {Path.cwd()}. Change to it first: cd {expected}"
        )


def _require_effect(run: Run) -> None:
    """Raise SwapError unless the requested latent took effect in every step."""
    summary = summarise(run)
    if (run.codes.loaded or run.live.estimates) and not run.swapper.progress:
        return  # codes of an earlier run with this latent were reused, or an encoder's codes were projected
    if not run.swapper.progress or not summary.steps:
        raise SwapError(run.swapper.nothing_swapped())
    if run.options.retract == "step" and summary.retractions != summary.steps:
        raise SwapError(
            f"Only {summary.retractions} of {summary.steps} optimizer steps were followed by a retraction; the "
            "codes may be off the hypersphere."
        )


def _forget_modules(root: Path, before: set[str]) -> None:
    """Unload the upstream's own modules, because another checkout may have modules with the same names."""
    own = [
        name
        for name, module in list(sys.modules.items())
        if name not in before and any(place.is_relative_to(root) for place in _places(module))
    ]
    for name in own:  # in a second loop, because a namespace package looks up its path through its parent
        sys.modules.pop(name, None)


def _places(module: ModuleType) -> list[Path]:
    """The file of a module, or the folders of a namespace package."""
    content = getattr(module, "__dict__", {})  # not by attribute access: a lazy module would import its target
    file = content.get("__file__")
    try:
        places = [file] if isinstance(file, str) else list(content.get("__path__") or ())
    except KeyError:  # the script itself has unloaded the parent
        return []
    return [Path(place).resolve() for place in places]


def _missing_module(run: Run, error: ModuleNotFoundError) -> str:
    name, frames = error.name or "", traceback.extract_tb(error.__traceback__)
    inner = [frame for frame in frames if not frame.filename.startswith("<frozen")][-1]
    where = MissingModule(name, Path(inner.filename), inner.lineno or 0)
    top = name.split(".")[0]
    if top != name and is_installed(top):
        return (
            f"{run.script.path} needs the module {name!r} ({where.file}, line {where.line}), which {version_of(top)} "
            "does not have: the script was written for another version."
        )
    return f"{run.script.path} needs the module {name!r}, which was not found. {how_to_get([where])}"


def _our_error(error: BaseException) -> ZPlusError | None:
    """The error of ours that an upstream's error wraps or was raised from, if there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ZPlusError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
