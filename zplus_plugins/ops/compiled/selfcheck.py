"""The check of compiled kernels before their first use on a machine; see :mod:`zplus_plugins.ops.compiled.parity`.

It runs in a process of its own: a wrong kernel may end its process, and an illegal access on a GPU makes CUDA unusable
for the rest of it. The outcome is remembered in the cache, so the seconds that the process takes to import torch are
spent once for a device, its driver and an object.
"""

from __future__ import annotations

import json
import logging
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled import compilers, cpu, cuda, driver, inputs, parity
from zplus_plugins.ops.compiled.cpu import CpuKernels
from zplus_plugins.ops.compiled.cuda import CudaKernels
from zplus_plugins.ops.definition import reference
from zplus_plugins.system import cache

SECONDS = 120
"""How long the process may take."""

OBJECT = "outcome.json"
REMEDY = "Choose --ops reference to compute without them, and report this line with the output of `zplus doctor`"
_PREFIX = "zplus selfcheck "
_CHILD = (
    "import json, sys; sys.path[:] = [*filter(None, sys.path), *json.loads(sys.argv[1])]; "  # not the working folder
    "from zplus_plugins.ops.compiled import selfcheck; selfcheck.serve(*sys.argv[2:])"
)
_log = logging.getLogger("zplus_plugins")


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        failure: why the kernels must not be used; empty if they agree with the reference.
        date: when it was found, such as ``2025-01-31``.
    """

    failure: str
    date: str


class _Undecided(Exception):
    """The check could not be made, for a reason that is not the kernels'."""


def require(device: torch.device, kernels: CpuKernels | CudaKernels, again: bool = False) -> Outcome:
    """Require that kernels agree with the reference on a device; checked once, then remembered in the cache.

    Args:
        device: the device of the kernels.
        kernels: loaded from a file.
        again: whether to check even if an outcome is remembered.

    Raises:
        OpsError: they do not agree, or end their process, or could not be checked; one line that names the device, the
            operation, its dtype and shape.
    """
    entry = cache.folder() / "checks" / cache.digest(*_identity(device, kernels))
    if again:
        shutil.rmtree(entry, ignore_errors=True)
    outcome = _remembered(entry, lambda: _check(device, kernels))
    if outcome.failure:
        raise OpsError(
            f"The compiled operations {kernels.name} failed their check of {outcome.date} on {_named(device)}: "
            f"{outcome.failure} {REMEDY}."
        )
    return outcome


def _identity(device: torch.device, kernels: CpuKernels | CudaKernels) -> list[str | bytes]:
    """Everything that an outcome depends on."""
    modules = (cpu, cuda, driver, inputs, reference, parity)
    sources = [Path(module.__file__).read_bytes() for module in modules if module.__file__]
    if device.type == "cuda":
        machine = f"{torch.cuda.get_device_name(device)} {driver.version()}"
    else:
        machine = compilers.cpu_features()
    words = [device.type, machine, torch.__version__, platform.machine(), sys.platform]
    return [*words, kernels.name, kernels.file.read_bytes(), *sources]


def _named(device: torch.device) -> str:
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "this CPU"


def _remembered(entry: Path, check: Callable[[], Outcome]) -> Outcome:
    """The outcome in the cache if it is whole; otherwise that of a new check, remembered if possible."""
    made: list[Outcome] = []

    def make(folder: Path) -> None:
        made.append(check())
        (folder / OBJECT).write_text(json.dumps(asdict(made[0])))

    for _ in range(2):
        try:
            file = cache.obtain(entry, OBJECT, make)
        except OpsError as error:
            _log.debug("the check of the operations is not remembered: %s", error)
            return made[0] if made else check()
        outcome = _read(file)
        if outcome is not None:
            return outcome
        shutil.rmtree(entry, ignore_errors=True)
    return check()


def _read(file: Path) -> Outcome | None:
    """What a file remembers; None if it does not hold an outcome."""
    try:
        content = json.loads(file.read_bytes())
        outcome = Outcome(**content)
    except (OSError, ValueError, TypeError):
        return None
    return outcome if all(isinstance(value, str) for value in content.values()) and outcome.date else None


def _check(device: torch.device, kernels: CpuKernels | CudaKernels) -> Outcome:
    """Check in a process of its own; in this one only if that could not be started.

    Raises:
        OpsError: the check could not be made; this is not remembered.
    """
    start = time.perf_counter()
    try:
        failure = _in_child(device, kernels)
    except _Undecided as reason:
        _log.debug("the operations on %s are checked in this process: %s", device, reason)
        failure = _here(device, kernels, str(reason))
    _log.debug("the operations on %s were checked in %.2f s", device, time.perf_counter() - start)
    return Outcome(failure, time.strftime("%Y-%m-%d"))


def _in_child(device: torch.device, kernels: CpuKernels | CudaKernels) -> str:
    """The failure that a process of its own reports, or ends by; empty if there is none."""
    paths = sorted({str(Path(str(sys.modules[name].__file__)).parents[1]) for name in ("zplus_plugins", "torch")})
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    command = [sys.executable, "-c", _CHILD, json.dumps(paths), str(device), name, kernels.name, str(kernels.file)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as stopped:
        output = stopped.stdout.decode(errors="replace") if isinstance(stopped.stdout, bytes) else stopped.stdout or ""
        calls = _said(output, "call")
        if not calls:
            raise _Undecided(f"another process did not start within {SECONDS} s") from None
        raise OpsError(
            f"The compiled operations {kernels.name} were not checked on {_named(device)} within {SECONDS} s; the last "
            f"call was {calls[-1]}. {REMEDY}."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: there is no sys.executable
        raise _Undecided(f"another process could not be started: {error}") from None
    calls, failures = _said(done.stdout, "call"), _said(done.stdout, "failure")
    if failures:
        return failures[0]
    if not calls or _said(done.stdout, "unable"):
        lines = [*_said(done.stdout, "unable"), *done.stderr.strip().splitlines()[-1:], "no output"]
        raise _Undecided(f"another process ended with status {done.returncode}: {lines[0]}")
    if done.returncode != 0:
        return f"{calls[-1]} ended its process{_by(done.returncode)}."
    return ""


def _by(status: int) -> str:
    try:
        return f" by {signal.Signals(-status).name}"
    except ValueError:
        return f" with status {status}"


def _said(output: str, kind: str) -> list[str]:
    """What a child said of one kind."""
    start = f"{_PREFIX}{kind} "
    return [line[len(start) :] for line in output.splitlines() if line.startswith(start)]


def serve(device_name: str, expected: str, kernels_name: str, file: str) -> None:
    """Check in this process, and say on the standard output what is called and what fails: the whole of a child.

    Args:
        device_name: such as ``cuda:0``.
        expected: the name of that GPU in the parent, which may count them otherwise.
        kernels_name: the name of the kernels, which are in ``file``.
    """

    def say(kind: str, text: str) -> None:
        sys.stdout.write(f"{_PREFIX}{kind} {' '.join(text.split())}\n")
        sys.stdout.flush()

    device = torch.device(device_name)
    if device.type == "cuda" and torch.cuda.get_device_name(device) != expected:
        say("unable", f"{device} is {torch.cuda.get_device_name(device)} here")
        return
    kernels: CpuKernels | CudaKernels
    if device.type == "cuda":
        kernels = cuda.opened(device, kernels_name, Path(file))
        torch.zeros(1, device=device).cpu()  # so that what fails now is not the kernels' fault
    else:
        kernels = cpu.opened(kernels_name, Path(file))
    try:
        failure = _failure(device, kernels, lambda label: say("call", label))
    except _Undecided as reason:
        say("unable", str(reason))
        return
    if failure:
        say("failure", failure)


def _here(device: torch.device, kernels: CpuKernels | CudaKernels, why: str) -> str:
    """The failure found in this process; empty if there is none."""
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise OpsError(
            f"The compiled operations {kernels.name} cannot be checked on {_named(device)} while a CUDA graph is "
            f"captured ({why}). Run `zplus build-ops` first."
        )
    try:
        failure = _failure(device, kernels, lambda label: None)
    except _Undecided as reason:
        raise OpsError(f"The compiled operations {kernels.name} could not be checked: {reason}.") from None
    if failure and device.type == "cuda":
        try:
            torch.zeros(1, device=device).cpu()
        except RuntimeError as error:
            cause = str(error).strip().partition("\n")[0]
            _log.error("%s cannot be used any more in this process (%s); start it again.", _named(device), cause)
    return failure


def _failure(device: torch.device, kernels: CpuKernels | CudaKernels, starting: Callable[[str], None]) -> str:
    last = ["loading"]

    def note(label: str) -> None:
        last[:] = [label]
        starting(label)

    try:
        parity.require_parity(kernels, device, note)
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        raise _Undecided(f"there was no memory for {last[0]}: {error}") from None
    except OpsError as error:
        text = str(error)
        return text if text.startswith(last[0]) else f"{last[0]}: {text}"
    except RuntimeError as error:  # CUDA's
        return f"{last[0]}: {str(error).strip().partition(chr(10))[0]}."
    return ""
