"""--call: one call of what a script defines, checked by its source before anything is imported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.script.call import read_call
from zplus_plugins.upstreams.script.execution import execute

SCRIPT = """\
import functools

MADE = []

def run(name, steps=3, *, multi=False):
    MADE.append((name, steps, multi))

class Base:
    def __init__(self, steps=5):
        MADE.append(("Base", steps))

    def create(self, count):
        MADE.append(("create", count))

class Creator(Base):
    def make(self, x, /):
        MADE.append(("make", x))

    @staticmethod
    def free(x):
        MADE.append(("free", x))

def decorate(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args, 7)
    del inner.__wrapped__
    return inner

@decorate
def decorated(a, b):
    MADE.append((a, b))

if __name__ == "__main__":
    raise AssertionError("run by itself")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "zpt_script.py"
    path.write_text(SCRIPT)
    return path


def made(script: Path, text: str) -> list[Any]:
    call = read_call(script, text)
    with Journal() as journal:
        module = execute(journal, script, "zpt_package.zpt_script")
        assert sys.modules["zpt_package.zpt_script"] is module
        call.make(module)
        found: list[Any] = module.MADE
    assert "zpt_package.zpt_script" not in sys.modules
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run('a')", [("a", 3, False)]),
        (" run(name='a', steps=-1, multi=True) ", [("a", -1, True)]),
        ("run(['a', {'b': None}], 5)", [(["a", {"b": None}], 5, False)]),
        ("Creator(2).make('x')", [("Base", 2), ("make", "x")]),
        ("Creator().create(count=1)", [("Base", 5), ("create", 1)]),
        ("Creator().free(1)", [("Base", 5), ("free", 1)]),
        ("decorated(1)", [(1, 7)]),
    ],
)
def test_the_call_is_made_and_the_script_s_own_is_not(script: Path, text: str, expected: list[Any]) -> None:
    assert made(script, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rum('a')", r" rum\. Did you mean run\? .* run, Base, Creator, decorate, decorated\."),
        ("run()", r"missing a required argument: 'name'; .*run\(name, steps, \*, multi\)"),
        ("run('a', step=3)", r"unexpected keyword argument 'step'"),
        ("run('a', 1, 2)", "too many positional"),
        ("run(name)", "not a literal"),
        ("run(*[1])", "not a literal"),
        ("run(**{'name': 1})", r": \*\* is"),
        ("run(__import__('os').getcwd())", "not a literal"),
        ("run", "expected FUNCTION"),
        ("run('a'", "never closed|unexpected EOF"),
        ("run('a').real()", "run is a function"),
        ("Creator()", r"Creator\(\.\.\.\)\.METHOD\(\.\.\.\).* make, free\."),
        ("Creator().make(x=1)", "make"),
        ("Base(stps=1).create(1)", "unexpected keyword argument 'stps'"),
    ],
)
def test_mistakes_are_told_by_the_source_alone(script: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_call(script, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Creator().creat(1)", "Creator has no method creat"),
        ("Creator().create()", "missing a required argument: 'count'"),
        ("Creator(1, 2).create(1)", "too many positional"),
    ],
)
def test_what_is_inherited_is_checked_before_the_call(script: Path, text: str, message: str) -> None:
    with Journal() as journal:
        module = execute(journal, script, "zpt_script")
        with pytest.raises(UsageError, match=message):
            read_call(script, text).make(module)
        assert module.MADE == []


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("run('a', 2)", {"name": "a", "steps": 2}),
        ("run('a', multi=True)", {"name": "a", "multi": True}),
        ("Base(4).create(2)", {"steps": 4, "count": 2}),
        ("Creator(steps=4).create(2)", {"steps": 4}),
        ("decorated(1)", {}),
    ],
)
def test_arguments_by_name_are_known_to_the_checks(script: Path, text: str, arguments: dict[str, Any]) -> None:
    assert read_call(script, text).arguments == arguments


def test_a_script_without_functions(script: Path) -> None:
    script.write_text("print(1)\n")
    with pytest.raises(UsageError, match=r" main\. It defines nothing"):
        read_call(script, "main()")
