"""A process that has imported torch, and is forked for every Python process that a test wants.

``python template.py`` reads an order a line on its standard input, in JSON, and answers with the exit status of the
process, or with its id if the order says not to wait; a later order waits for that. In the process, all is as in one
that was started afresh, but that torch is there: two thirds of a short run's time are imports. It holds nothing of this
package's, but what upstreams and this package import of others; and classifiers that nobody uses hold no numbers.
Processes of ``zplus`` are forks of a fork that holds this package, too: the others, which are compared with them, must
not. Bytecode that must not lie beside its source goes to a folder that all the processes share.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import random
import runpy
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, TextIO

import numpy as np
import torch
from torch import nn

IMPORTED = ("PIL.Image", "click", "filelock", "lpips", "packaging.requirements", "pluggy", "torchvision")
IMPORTED_WHERE_PRESENT = ("requests", "setuptools")
IMPORTED_BY_ZPLUS = ("zplus_plugins.cli.run", "zplus_plugins.upstreams.run.launcher")
SEARCH = sys.path[1:]  # without this file's own folder, and without PYTHONPATH
UNUSED = 10_000_000  # weights: only classifiers of LPIPS's backbones have as many, and LPIPS leaves these out


def main() -> None:
    """Serve orders until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    sys.path[:] = SEARCH
    _spare_classifiers()
    _import(*IMPORTED)
    for name in IMPORTED_WHERE_PRESENT:
        with contextlib.suppress(ModuleNotFoundError):
            _import(name)
    with tempfile.TemporaryDirectory(prefix="bytecode-") as bytecode:
        _serve(sys.stdin, answers, bytecode)


def _serve(orders: TextIO, answers: TextIO, bytecode: str, *, holds_zplus: bool = False) -> None:
    """Fork for every order."""
    gc.collect()
    gc.freeze()
    zplus: tuple[TextIO, TextIO] | None = None
    for line in orders:
        order = json.loads(line)
        if order.pop("zplus") and not holds_zplus:
            zplus = zplus or _fork_with_zplus(answers, bytecode)
            print(line, end="", file=zplus[0], flush=True)
            print(zplus[1].readline(), end="", file=answers, flush=True)
            continue
        process = order.pop("begun", 0) or os.fork()
        if process == 0:
            answers.close()
            _be(**order, bytecode=bytecode)
        answer = process
        if order.pop("wait", True):
            answer = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(answer, file=answers, flush=True)


def _fork_with_zplus(others: TextIO, bytecode: str) -> tuple[TextIO, TextIO]:
    """Fork a server that holds this package; where it takes orders, and where it answers."""
    taken, given = os.pipe()
    heard, said = os.pipe()
    if os.fork() == 0:
        for end in (given, heard):
            os.close(end)
        others.close()
        _import(*IMPORTED_BY_ZPLUS)
        adapters = importlib.import_module("zplus_plugins.adapters")
        _import(*(f"{adapters.__name__}.{module.name}" for module in pkgutil.iter_modules(adapters.__path__)))
        _serve(os.fdopen(taken), os.fdopen(said, "w"), bytecode, holds_zplus=True)
        os._exit(0)
    for end in (taken, said):
        os.close(end)
    return os.fdopen(given, "w"), os.fdopen(heard)


def _import(*names: str) -> None:
    for name in names:
        importlib.import_module(name)


def _spare_classifiers() -> None:
    """A third of a short run's time is 120 million random numbers, over which others are loaded that nobody uses."""
    build = nn.Linear.__init__

    def building(self: nn.Linear, in_features: int, out_features: int, *rest: Any, **named: Any) -> None:
        with torch.device("meta") if in_features * out_features > UNUSED else contextlib.nullcontext():
            build(self, in_features, out_features, *rest, **named)

    nn.Linear.__init__ = building  # type: ignore[method-assign]
    warnings.filterwarnings("ignore", "for .*: copying from a non-meta parameter", UserWarning)


def _be(
    arguments: list[str], cwd: str, env: dict[str, str], output: str, errors: str, *, bytecode: str, wait: bool = True
) -> NoReturn:
    """Be ``python ARGUMENTS`` until the end; if nobody waits, in a session of its own, where Ctrl-C is heeded."""
    status = 1
    try:
        if not wait:
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _redirect(output, errors)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        random.seed()
        np.random.seed()
        sys.dont_write_bytecode = False
        sys.pycache_prefix = bytecode if os.environ.get("PYTHONDONTWRITEBYTECODE") else None
        _run(arguments)
        status = 0
    except SystemExit as end:
        status = _status(end)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _redirect(output: str, errors: str) -> None:
    """Print into these files, as an interpreter's own streams would."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)


def _run(arguments: list[str]) -> None:
    sys.path[:] = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), *SEARCH]
    sys.modules.pop("sitecustomize", None)
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")
    match arguments:
        case ["-c", code, *rest]:
            sys.argv[:], sys.path[:] = ["-c", *rest], ["", *sys.path]
            sys.modules["__main__"] = main = ModuleType("__main__")
            exec(compile(code, "<string>", "exec"), main.__dict__)
        case ["-m", module, *rest]:
            sys.argv[:], sys.path[:] = ["-m", *rest], [str(Path.cwd()), *sys.path]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case [script, *rest]:
            sys.argv[:], sys.path[:] = [script, *rest], [str(Path(script).resolve().parent), *sys.path]
            runpy.run_path(script, run_name="__main__")


def _status(end: SystemExit) -> int:
    code: Any = end.code
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
