"""Console output: which messages are shown, at which volume, in which colour and on which stream."""

from __future__ import annotations

import ast
import logging
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from support.places import ROOT, STANDINS
from zplus_plugins.cli import inversion
from zplus_plugins.cli.main import COMMANDS, main
from zplus_plugins.errors import UsageError
from zplus_plugins.inversion import Settings
from zplus_plugins.system import console, options
from zplus_plugins.system.guard import Guarded

TEMPLATE = ROOT / "zplus_plugins" / "upstreams" / "template"  # becomes an adapter's own distribution
STANDIN = STANDINS / "bdinvert"
LOGGER = logging.getLogger("zplus_plugins")


def zplus(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@click.command(cls=Guarded)
@options.voice
def talking() -> None:
    LOGGER.debug("a %s", "detail")
    LOGGER.info("a fact")
    LOGGER.warning("note: a %s", "problem")
    console.say("something")
    console.result("the result")
    console.insist("in any case")


@click.command(cls=Guarded)
@options.voice
def failing() -> None:
    raise UsageError("no error, a test")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["a fact", "note: a problem", "something", "in any case"]),
        (["--quiet"], ["in any case"]),
        (["--verbose"], ["a detail", "a fact", "note: a problem", "something", "in any case"]),
    ],
)
def test_quiet_and_verbose_choose_the_messages(arguments: list[str], lines: list[str]) -> None:
    result = CliRunner().invoke(talking, arguments)
    assert result.stdout == "the result\n"
    assert result.stderr.splitlines() == [f"zplus: {line}" for line in lines]


def test_the_volume_applies_to_other_threads() -> None:
    """For example, those in which torch computes gradients."""

    @click.command(cls=Guarded)
    @options.voice
    def threaded() -> None:
        thread = threading.Thread(target=LOGGER.warning, args=("from a thread",))
        thread.start()
        thread.join()

    assert CliRunner().invoke(threaded, ["--quiet"]).stderr == ""
    assert CliRunner().invoke(threaded, []).stderr == "zplus: from a thread\n"


def test_errors_are_shown_with_quiet() -> None:
    result = CliRunner().invoke(failing, ["--quiet"])
    assert (result.exit_code, result.stderr) == (2, "zplus: error: no error, a test\n")


def test_the_library_only_logs(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    code = "import logging, zplus_plugins; logging.getLogger('zplus_plugins').warning('something')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    LOGGER.warning("to whom it may concern")
    assert caplog.messages == ["to whom it may concern"]
    assert capfd.readouterr() == ("", "")


def test_a_command_leaves_the_logger_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    before = (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers))
    CliRunner().invoke(talking, ["--verbose"])
    assert (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers)) == before
    assert caplog.messages == []  # no other handler shows the messages again


SCRIPT = """
import logging, logging.config, sys
import click
from zplus_plugins.system import console, options
from zplus_plugins.system.guard import Guarded

ours, theirs = logging.getLogger("zplus_plugins"), logging.getLogger("somebody")

@click.command(cls=Guarded)
@options.voice
def command():
    {silence}
    ours.debug("a detail")
    ours.info("a fact")
    ours.warning("a problem")
    theirs.error("of somebody else's")

try:
    command()
finally:
    assert type(ours) is logging.Logger and not ours.disabled and theirs.disabled == {disabled}
"""
INI = "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n"


@pytest.mark.parametrize(
    ("silence", "disabled"),
    [
        ("logging.config.dictConfig({'version': 1})", True),
        ("logging.config.fileConfig('logging.ini')", True),
        ("logging.disable(logging.CRITICAL)", False),
    ],
)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--quiet"], []),
        ([], ["a fact", "a problem"]),
        (["--verbose"], ["a detail", "a fact", "a problem"]),
    ],
)
def test_a_script_that_silences_all_loggers_silences_its_own_libraries_alone(
    silence: str, disabled: bool, arguments: list[str], told: list[str], tmp_path: Path
) -> None:
    """In a process of its own, for the others' loggers stay disabled."""
    (tmp_path / "logging.ini").write_text(INI)
    code = SCRIPT.format(silence=silence, disabled=disabled)
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr.splitlines()) == ("", [f"zplus: {line}" for line in told])


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_the_word_error_alone(environment: dict[str, str], coloured: bool) -> None:
    clean = {"NO_COLOR": None, "TERM": "xterm"}
    on_a_terminal = CliRunner(env=clean | environment).invoke(failing, [], color=True)
    word = click.style("error", fg="red") if coloured else "error"
    assert on_a_terminal.stderr == f"zplus: {word}: no error, a test\n"
    assert CliRunner(env=clean | environment).invoke(failing, []).stderr == "zplus: error: no error, a test\n"


@pytest.mark.parametrize(
    ("arguments", "terminal", "shown"),
    [([], True, True), ([], False, False), (["--quiet"], True, False), (["--verbose"], False, False)],
)
def test_progress_is_for_terminals(arguments: list[str], terminal: bool, shown: bool) -> None:
    @click.command(cls=Guarded)
    @options.voice
    def working() -> None:
        sys.stderr.isatty = lambda: terminal  # type: ignore[method-assign]
        with console.bar(3, "step", "work") as bar:
            bar.update(3)

    result = CliRunner().invoke(working, arguments)
    assert result.exit_code == 0
    assert ("work: 100%" in result.stderr) == shown
    assert bool(result.stderr) == shown


def test_the_volume_may_precede_or_follow_the_command() -> None:
    for arguments in (("--quiet", "adapters"), ("adapters", "--quiet"), ("--quiet", "adapters", "--quiet")):
        assert zplus(*arguments).exit_code == 0
    for arguments in (("--quiet", "adapters", "--verbose"), ("adapters", "--quiet", "--verbose")):
        result = zplus(*arguments)
        assert result.exit_code == 2
        assert "--quiet and --verbose" in result.stderr


def test_every_command_takes_the_volume() -> None:
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert {"--quiet", "--verbose"} <= {option for parameter in command.params for option in parameter.opts}, name


def test_options_after_the_script_belong_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.cli import run as command

    seen: list[tuple[int, list[str]]] = []

    def launch(run: Any, script: Path, arguments: list[str]) -> None:
        seen.append((console.volume(), arguments))
        raise UsageError("enough")

    script = _bdinvert(tmp_path, monkeypatch)
    monkeypatch.setattr(command, "launch", launch)
    zplus("run", script, "--quiet", "--verbose", "--json")
    zplus("run", "--quiet", script, "--verbose")
    zplus("--verbose", "run", script)
    assert seen == [
        (console.NORMAL, ["--quiet", "--verbose", "--json"]),
        (console.QUIET, ["--verbose"]),
        (console.VERBOSE, []),
    ]


def test_verbose_names_the_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = _bdinvert(tmp_path, monkeypatch)
    (line,) = [line for line in zplus("--verbose", "check", script).stderr.splitlines() if "adapter" in line]
    assert "bdinvert" in line and "zplus-plugins" in line
    assert zplus("check", script).stderr == ""


def _bdinvert(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    shutil.copytree(STANDIN, folder / "repository")
    monkeypatch.chdir(folder / "repository" / "BDInvert")
    return "invert.py"


def _calls_that_write(path: Path) -> list[str]:
    """Every ``print`` and ``click.echo`` in a file."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            names += [f"{path}:{node.lineno}"] * (name in ("print", "click.echo", "click.secho", "echo", "tqdm"))
    return names


def test_the_console_alone_writes_to_the_terminal() -> None:
    files = [path for room in ("zplus_plugins", "patches", "adapters") for path in (ROOT / room).rglob("*.py")]
    others = [p for p in files if not p.is_relative_to(TEMPLATE) and p.name != "console.py"]
    assert len(others) > 200
    assert [call for path in others for call in _calls_that_write(path)] == []


def test_quiet_keeps_errors_and_results(material: Path) -> None:
    common = ("--generator", "generator.pt", "--likeness", "none", "--steps", "2", "--out", "out")
    for _ in range(2):  # the second time, they are there
        result = zplus("invert", "faces", *common, "--quiet")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines()
    assert "inverted before" in zplus("invert", "faces", *common).stderr
    result = zplus("--quiet", "invert", "absent.png", *common)
    assert result.exit_code == 1 and result.stderr.startswith("zplus: error: ") and "absent.png" in result.stderr


def test_rate_and_seed_of_an_inversion(material: Path) -> None:
    """Options that are not given leave no trace in a record: it is the same, bit for bit, as with their defaults."""
    assert Settings().steps == inversion.STEPS and Settings().lr == inversion.LR
    assert "seed" not in Settings().stated() and Settings(seed=0).stated()["seed"] == 0

    def record(out: str, *extra: str) -> bytes:
        common = ("--generator", "generator.pt", "--likeness", "none", "--steps", "2", "--space", "zplus", "--quiet")
        result = zplus("invert", "faces", *common, "--out", out, *extra)
        assert result.exit_code == 0, result.output
        return Path(result.stdout.splitlines()[0]).read_bytes()

    assert record("a") == record("b", "--lr", "0.1")
    seeded = record("c", "--seed", "0")
    assert seeded == record("d", "--seed", "0") != record("e", "--seed", "1")
    assert len({record("a"), record("f", "--lr", "0.2"), seeded}) == 3


@pytest.mark.parametrize("lr", ["0", "-1", "nan", "inf", "fast"])
def test_invalid_learning_rates(lr: str) -> None:
    result = zplus("invert", "a.png", "--out", "x", "--lr", lr)
    assert result.exit_code == 2 and "'--lr'" in result.stderr


SHARED = ("--steps", "--seed", "--out", "--device", "--graph")


def test_options_of_the_same_name_mean_the_same() -> None:
    """Their help is the same in all commands, but for what a seed is of."""
    seen: dict[str, list[str]] = {option: [] for option in SHARED}
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.opts[-1] in SHARED:
                seen[parameter.opts[-1]].append(parameter.help or "")
                shown = parameter.required or parameter.show_default or "[default: " in (parameter.help or "")
                assert shown, (name, parameter.opts)
            elif isinstance(parameter, click.Argument):
                assert parameter.name != "pictures", name
    assert {option: len(texts) for option, texts in seen.items()} == {
        "--steps": 5,
        "--seed": 5,
        "--out": 12,
        "--device": 11,
        "--graph": 3,
    }
    assert all(text.startswith("Seed of ") for text in seen["--seed"])
    assert all(len(set(texts)) == 1 for option, texts in seen.items() if option != "--seed")
    assert "--out" not in seen["--out"][0] and "never" in seen["--out"][0]


def test_the_help_lists_the_exit_statuses() -> None:
    text = zplus("--help").output.partition("Exit status")[2]
    for status in ("0 ", "1 ", "2 ", "130 Ctrl-C", "143 SIGTERM"):
        assert status in text
