"""The process of a command: signals at any moment, streams that cannot be written, and errors of the system."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from zplus_plugins.system import console, process
from zplus_plugins.system.guard import Guarded

COMMAND = [sys.executable, "-m", "zplus_plugins"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def default_signals() -> None:
    """Reset signals that the parent of the test run may ignore, so that a command handles them as on a terminal."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def failing(error: Callable[[], BaseException]) -> Result:
    """A command that ends with this error."""

    @click.command(cls=Guarded)
    def command() -> None:
        raise error()

    return CliRunner().invoke(command, [])


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_while_torch_is_imported(number: int, status: int) -> None:
    """In the middle of the import, however long it takes: one message, no traceback and no crash."""
    code = (
        "import sys, time\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch._tensor': print('importing', flush=True); time.sleep(20)\n"
        "sys.meta_path.insert(0, Watch())\n"
        "sys.argv[:] = ['zplus', 'adapters']\n"
        "from zplus_plugins.__main__ import main\n"
        "main()\n"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "importing\n"
    started.send_signal(number)
    _, message = started.communicate(timeout=60)
    assert started.returncode == status
    assert message.startswith("\nzplus: interrupted") and message.count("\n") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_output_that_cannot_be_written() -> None:
    """These need no torch, so they are quick."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "--version"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("zplus: error: ") and "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, "--version"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    closed = subprocess.run(["sh", "-c", '"$0" "$@" >&- <&-', *COMMAND, "--version"], capture_output=True, text=True)
    assert (closed.returncode, closed.stderr) == (0, "")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (lambda: OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 1, "Choose a shorter one."),
        (lambda: PermissionError(errno.EACCES, "Permission denied", "x.npz"), 1, "x.npz cannot be used: Permission"),
        (lambda: IsADirectoryError(errno.EISDIR, "Is a directory", b"x"), 1, "the path x cannot be used: Is a dir"),
        (lambda: OSError(errno.ENOSPC, "No space left on device"), 1, "the output cannot be written: No space"),
        (lambda: UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"), 1, "surrogates not allowed"),
        (KeyboardInterrupt, 130, "zplus: interrupted: everything was restored"),
        (lambda: process.Stopped(signal.SIGINT), 130, "zplus: interrupted: everything was restored"),
        (lambda: process.Stopped(signal.SIGTERM), 143, "zplus: interrupted by SIGTERM: everything was restored"),
        (lambda: process.Stopped(signal.SIGHUP), 129, "zplus: interrupted by SIGHUP: everything was restored"),
    ],
)
def test_how_a_command_ends(error: Callable[[], BaseException], status: int, message: str) -> None:
    result = failing(error)
    assert result.exit_code == status
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_bug_of_ours_is_not_hidden() -> None:
    result = failing(lambda: ZeroDivisionError("ours"))
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_closed_pipe_is_not_reported() -> None:
    result = failing(lambda: BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert (result.exit_code, result.output) == (1, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_cleaned_up_after(number: int) -> None:
    """In this process: the command's ``finally`` runs, and the previous handlers are restored."""
    cleaned, before = [], [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    @click.command(cls=Guarded)
    def command() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            cleaned.append(number)

    with pytest.MonkeyPatch.context() as patch:
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            result = CliRunner().invoke(command, [])
        finally:
            signal.signal(signal.SIGINT, handler)
        patch.undo()
    assert result.exit_code == 128 + number
    assert cleaned == [number]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_an_ignored_signal_stays_ignored() -> None:
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as by nohup
    try:
        with process.interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, handler)


def test_the_console_is_light() -> None:
    """Torch is not imported unless it is needed, so that signals are handled quickly."""
    code = "import sys, zplus_plugins.__main__, zplus_plugins.cli.main; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert console.columns([("a", "b")]) == "a  b"
