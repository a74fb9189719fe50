"""One voice: what is told, how loudly, in which colour and on which stream; and the documents for machines."""

from __future__ import annotations

import ast
import json
import logging
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
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
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.system import console, options
from zplus_plugins.system.guard import Guarded

TEMPLATE = ROOT / "zplus_plugins" / "upstreams" / "template"  # somebody else's distribution
STANDIN = STANDINS / "bdinvert"
LOGGER = logging.getLogger("zplus_plugins")


def zplus(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def document(result: Result) -> dict[str, Any]:
    """The one JSON document, which is all there is on the standard output."""
    found = json.loads(result.stdout)
    assert isinstance(found, dict) and found["format"] == 1
    return found


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
    ("arguments", "told"),
    [
        ([], ["a fact", "note: a problem", "something", "in any case"]),
        (["--quiet"], ["in any case"]),
        (["--verbose"], ["a detail", "a fact", "note: a problem", "something", "in any case"]),
    ],
)
def test_how_loudly(arguments: list[str], told: list[str]) -> None:
    result = CliRunner().invoke(talking, arguments)
    assert result.stdout == "the result\n"
    assert result.stderr.splitlines() == [f"zplus: {line}" for line in told]


def test_threads_are_as_quiet() -> None:
    """Such as those in which torch computes gradients."""

    @click.command(cls=Guarded)
    @options.voice
    def threaded() -> None:
        thread = threading.Thread(target=LOGGER.warning, args=("from a thread",))
        thread.start()
        thread.join()

    assert CliRunner().invoke(threaded, ["--quiet"]).stderr == ""
    assert CliRunner().invoke(threaded, []).stderr == "zplus: from a thread\n"


def test_errors_are_told_quietly_too() -> None:
    result = CliRunner().invoke(failing, ["--quiet"])
    assert (result.exit_code, result.stderr) == (2, "zplus: error: no error, a test\n")


def test_the_library_is_silent_unless_somebody_listens(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
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
    assert caplog.messages == []  # nobody shows once more what was shown


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


def test_the_volume_stands_before_or_after_the_name_of_the_command() -> None:
    for arguments in (("--quiet", "adapters"), ("adapters", "--quiet"), ("--quiet", "adapters", "--quiet")):
        assert zplus(*arguments).exit_code == 0
    for arguments in (("--quiet", "adapters", "--verbose"), ("adapters", "--quiet", "--verbose")):
        result = zplus(*arguments)
        assert result.exit_code == 2
        assert "--quiet and --verbose contradict each other" in result.stderr


def test_every_command_takes_the_volume() -> None:
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert {"--quiet", "--verbose"} <= {option for parameter in command.params for option in parameter.opts}, name


def test_what_stands_after_a_script_is_the_script_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_verbose_tells_which_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = _bdinvert(tmp_path, monkeypatch)
    assert "zplus: the adapter is bdinvert, of zplus-plugins" in zplus("--verbose", "check", script).stderr
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


DOCUMENTED = (ROOT / "docs" / "json.md").read_text()


def fields(name: str) -> set[str]:
    """Those that the documentation names in the table of a command."""
    section = DOCUMENTED.partition(f"## zplus {name}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))


def paths(content: Any, prefix: str = "") -> set[str]:
    """Fields of a document by their paths, where ``[]`` stands for each entry of a list."""
    if isinstance(content, list):
        return set().union(*(paths(item, f"{prefix}[]") for item in content if isinstance(item, dict)))
    below = {f"{prefix}.{key}".lstrip("."): value for key, value in content.items()}
    deep = {key: value for key, value in below.items() if isinstance(value, dict | list) and key != "settings"}
    return set(below).union(*(paths(value, key) for key, value in deep.items()))


def test_doctor_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.ops import measure

    monkeypatch.setattr(measure, "SECONDS", 0.01)
    monkeypatch.setattr(measure, "SIDE", 64)
    _bdinvert(tmp_path, monkeypatch)
    result = zplus("doctor", "--json")
    found = document(result)
    assert (result.exit_code, result.stderr) == (1, "")
    assert found["missing"] == len([one for one in found["findings"] if one["remedy"]]) > 0
    assert paths(found) == fields("doctor")


def test_check_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = _bdinvert(tmp_path, monkeypatch)
    result = zplus("check", "--json", script)
    found = document(result)
    assert (result.exit_code, found["fits"], found["checkout"]["status"]) == (0, True, "compatible")
    assert paths(found) == fields("check")
    assert zplus("check", script).stdout.endswith(f"{found['verdict']}\n")
    source = tmp_path / "repository" / "models" / "stylegan2_generator.py"
    source.write_text(source.read_text().replace("basecode_layer", "feature_layer"))
    result = zplus("check", "--json", script)
    assert (result.exit_code, document(result)["fits"]) == (1, False)
    result = zplus("check", "--json", "absent.py")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "There is no script absent.py" in result.stderr
    assert zplus("check", "--json", "--fingerprints", script).exit_code == 2


def test_adapters_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _bdinvert(tmp_path, monkeypatch)
    found = document(zplus("adapters", "--json"))
    ours = {one["name"]: one for one in found["adapters"]}
    assert ours["bdinvert"]["checkout"]["root"] == str(tmp_path / "repository")
    assert ours["pti"]["checkout"] is None and "scripts/run_pti.py" in ours["pti"]["scripts"]
    assert paths(found) == fields("adapters")
    assert zplus("adapters", "--json", "--patches").exit_code == 2


def test_invert_and_edit_as_json(material: Path) -> None:
    (material / "faces" / "broken.png").write_bytes(b"no picture")
    common = ("--generator", "generator.pt", "--json")
    asked = ("invert", "faces", "--steps", "2", "--likeness", "none", "--skip-bad", "--out", "out", *common)
    result = zplus(*asked)
    found = document(result)
    assert result.exit_code == 0, result.output
    assert [one["made"] for one in found["results"]] == [True] * len(found["results"])
    assert len(found["left_out"]) == 1 and "broken.png" in found["left_out"][0]
    assert "1 of " in result.stderr and paths(found) == fields("invert")
    first = found["results"][0]
    assert PointRecord.load(first["record"]).about["loss"] == first["loss"]
    assert Path(first["reconstruction"]).is_file() and Path(first["image"]).is_file()
    again = document(zplus(*asked))
    assert [one | {"made": True} for one in again["results"]] == found["results"]
    assert not any(one["made"] for one in again["results"])

    direction = next((material / "found_generator").glob("*.npz"))
    moved = ("edit", first["record"], "--direction", direction, "--strength", "-1:1:3", "--out", "edits", *common)
    found = document(zplus(*moved))
    assert [one["strength"] for one in found["results"]] == [-1, 0, 1] and found["made"]
    assert all(Path(one["image"]).is_file() for one in found["results"]) and Path(found["sheet"]).is_file()
    assert paths(found) == fields("edit")
    assert document(zplus(*moved)) == found | {"made": False}


def test_interpolate_walk_and_generate_as_json(material: Path) -> None:
    records, common = sorted((material / "inverted").glob("*.npz")), ("--generator", "generator.pt", "--frames", "2")
    for name, given in (("interpolate", records), ("walk", records[:1])):
        assert paths(document(zplus(name, *given, *common, "--out", "out", "--json"))) == fields(name)
    assert paths(document(zplus("generate", *common[:2], "--seeds", "1", "--out", "out", "--json"))) == fields(
        "generate"
    )


def test_quiet_leaves_errors_and_results(material: Path) -> None:
    common = ("--generator", "generator.pt", "--likeness", "none", "--steps", "2", "--out", "out")
    for _ in range(2):  # the second time, they are there
        result = zplus("invert", "faces", *common, "--quiet")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines()
    assert "were inverted before" in zplus("invert", "faces", *common).stderr
    result = zplus("--quiet", "invert", "absent.png", *common)
    assert result.exit_code == 1 and result.stderr.startswith("zplus: error: There is no picture")


def test_rate_and_seed_of_an_inversion(material: Path) -> None:
    """What was not asked for is in no record: those of before are the same, bit for bit."""
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
def test_learning_rates_that_are_none(lr: str) -> None:
    result = zplus("invert", "a.png", "--out", "x", "--lr", lr)
    assert result.exit_code == 2 and "'--lr'" in result.stderr


SHARED: dict[str, Callable[[str], bool]] = {
    "--steps": lambda text: text == "Optimizer steps of each inversion.",
    "--seed": lambda text: text.startswith("Seed of "),
    "--out": lambda text: text == "Folder for the results. Files that zplus did not make there are never touched.",
    "--device": lambda text: text.startswith("Where to compute: auto takes a GPU"),
}


def test_what_is_called_alike_is_alike() -> None:
    seen = []
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.opts[-1] in SHARED:
                seen.append(parameter.opts[-1])
                assert SHARED[parameter.opts[-1]](parameter.help or ""), (name, parameter.opts)
                shown = parameter.required or parameter.show_default or "[default: " in (parameter.help or "")
                assert shown, (name, parameter.opts)
            elif isinstance(parameter, click.Argument):
                assert parameter.name != "pictures", name
    assert {option: seen.count(option) for option in SHARED} == {"--steps": 3, "--seed": 5, "--out": 8, "--device": 8}


def test_the_help_tells_the_exit_statuses() -> None:
    text = zplus("--help").output
    assert "Exit status: 0 done; 1 failed" in text and "2 wrong usage;" in text and "130 Ctrl-C; 143 SIGTERM" in text
