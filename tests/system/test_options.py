"""Invalid command lines are refused immediately, with status 2 and a message."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from zplus_plugins.cli.main import main
from zplus_plugins.directions.edit import strengths_of
from zplus_plugins.errors import UsageError
from zplus_plugins.portraits.training import command as portraits

HUGE = str(10**30)
CONTEXT = click.Context(main)


def zplus(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def single_valued() -> list[tuple[str, str]]:
    """Every option of every command that takes one value."""
    found = []
    for name in main.list_commands(CONTEXT):
        command = main.get_command(CONTEXT, name)
        assert command is not None
        options = [p for p in command.params if isinstance(p, click.Option)]
        found += [(name, option.opts[-1]) for option in options if not (option.multiple or option.is_flag)]
    return found


def test_options_with_one_value_cannot_be_repeated() -> None:
    assert len(single_valued()) > 30
    for name, option in single_valued():
        for given in ((option, "1", option, "2"), (f"{option}=1", f"{option}=2"), (option, "1", option, "1")):
            result = zplus(name, *given)
            assert result.exit_code == 2, (name, option)
            assert f"{option} takes one value" in result.output and "2 times" in result.output


def test_options_that_may_be_repeated() -> None:
    repeated = ("--set", "a.b=1", "--set", "a.c=2", "--trust-checkpoint", "x", "--trust-checkpoint", "y")
    assert "takes one value" not in zplus("run", *repeated, "x.py").output
    assert "takes one value" not in zplus("run", "x.py", "--size", "1", "--size", "2").output  # the script's own


def test_directions_may_be_repeated() -> None:
    result = zplus("edit", "a.npz", "--out", "x", "--direction", "smile=1", "--direction", "age")
    assert "takes one value" not in result.output


@pytest.mark.parametrize("after", [("--latent", "z", "--latent", "z"), ("--latent=z", "--size", "3", "--latent=zplus")])
def test_latent_after_the_script_is_given_once(after: tuple[str, ...]) -> None:
    result = zplus("run", __file__, *after)
    assert result.exit_code == 2
    assert "--latent takes one value" in result.output and "2 times" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("invert", "a.png", "--out", "x", "--steps", HUGE),
        ("invert", "a.png", "--out", "x", "--steps", "9" * 5000),
        ("invert", "a.png", "--out", "x", "--steps", "10000001"),
        ("compare", "--steps", HUGE),
        ("compare", "--pictures", HUGE),
        ("compare", "--workers", HUGE),
        ("compare", "--seed", HUGE),
        ("demo", "--steps", HUGE),
        ("directions", "--out", "x", "--components", HUGE),
        ("directions", "--out", "x", "--seed", "-1"),
        ("run", "--seed", HUGE, "x.py"),
        ("edit", "a.npz", "--out", "x", "--direction", "smile", "--strength", "nan:inf:3"),
        ("edit", "a.npz", "--out", "x", "--direction", "smile", "--strength", f"0:1:{HUGE}"),
        ("edit", "a.npz", "--out", "x", "--direction", "smile", "--strength", HUGE),
    ],
)
def test_absurd_numbers(arguments: tuple[str, ...]) -> None:
    result = zplus(*arguments)
    assert result.exit_code == 2
    assert arguments[-2] in result.output or "--seed" in result.output


def test_the_largest_numbers_that_make_sense() -> None:
    assert len(strengths_of("-3:3:1001")) == 1001
    with pytest.raises(UsageError):
        strengths_of("-3:3:1002")


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800", "\0"])
@pytest.mark.parametrize("command", ["adapters", "invert", "run", "new-adapter", "nothing"])
def test_characters_that_no_path_can_contain(command: str, bad: str) -> None:
    result = zplus(command, bad)
    assert result.exit_code == 2
    assert f"argument {bad!r}" in result.output


LONG = "a" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("new-adapter", LONG),
        ("new-adapter", "mine", "--folder", LONG),
        ("new-adapter", "mine", "--folder", f"{LONG}/b"),
        ("check", LONG),
        ("check", f"{LONG}/invert.py"),
        ("run", LONG),
        ("run", "--summary", LONG, __file__),
        ("invert", LONG, "--out", "x"),
        ("edit", LONG, "--direction", "smile", "--out", "x"),
        ("directions", "--method", "chase", "--w", LONG, "--out", "x"),
        ("directions", "--generator", LONG, "--out", "x"),
        ("compare", LONG),
        ("compare", "--direction", LONG, "--pictures", "1"),
        ("demo", "--image", LONG),
    ],
)
def test_names_that_are_too_long(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    result = zplus(*arguments)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert LONG in result.output


def test_the_portraits_commands_do_the_same() -> None:
    @click.command(cls=portraits.Command)
    @portraits.seed
    @portraits.threads
    def command(seed: int, threads: int) -> None:
        raise UsageError("no")

    for arguments, message in (
        (["--seed", "1", "--seed", "2"], "--seed takes one value"),
        (["--threads", HUGE], "--th"),
    ):
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == 2
        assert message in result.output
    assert "error: no" in CliRunner().invoke(command, []).output
