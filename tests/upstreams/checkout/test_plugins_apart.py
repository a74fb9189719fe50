"""Plugins that misbehave: none ends or changes the process, shadows another, or passes for success."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zplus_plugins.cli.main import main
from zplus_plugins.errors import PluginError, UsageError
from zplus_plugins.system.process import Stopped
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.containment import why

GOOD = """\
from zplus_plugins.upstreams import Adapter, Script, hookimpl
ADAPTER = Adapter(name={name!r}, summary="of somebody else", upstream="https://example.org",
                  scripts=(Script("{name}_script.py"),))
"""
HOOK = """
@hookimpl
def zplus_adapter():
    return ADAPTER
@hookimpl
def zplus_finished(summary):
    {body}
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put distributions into a folder on the import path, as pip leaves them."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)

    def add(distribution: str, name: str, code: str, target: str = "", entry_points: str = "") -> None:
        module = f"plugin_{distribution.replace('-', '_')}"
        monkeypatch.delitem(sys.modules, module, raising=False)
        (site / f"{module}.py").write_text(code)
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        text = entry_points or f"[zplus_plugins]\n{name} = {module}{target}\n"
        (info / "entry_points.txt").write_text(text)

    return add


def zplus(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def lines(result: Result) -> dict[str, str]:
    return {line.split()[0]: line for line in result.output.splitlines() if line.strip()}


def require_the_others(result: Result) -> None:
    """All that the bad plugin must not disturb."""
    assert result.exit_code == 0, result.output
    listed = lines(result)
    assert {"bdinvert", "pti", "sam", "zzz"} <= set(listed)
    assert not [name for name in ("bdinvert", "pti", "sam", "zzz") if "broken" in listed[name]]


BAD = {
    "sys.exit(0)": ("import sys; sys.exit(0)", "it called sys.exit(0)"),
    "sys.exit(3)": ("import sys; sys.exit(3)", "it called sys.exit(3)"),
    "sys.exit()": ("import sys; sys.exit()", "it called sys.exit()"),
    "os._exit(0)": ("import os; os._exit(0)", "it called os._exit(0)"),
    "os._exit by name": ("from os import _exit\n_exit(4)", "it called os._exit(4)"),
    "BaseException": ("raise BaseException('no')", "BaseException: no"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit('over')", "GeneratorExit: over"),
    "RecursionError": ("def f(): return f()\nf()", "RecursionError: maximum recursion"),
    "SyntaxError": ("def", "SyntaxError: "),
    "an error of several lines": ("raise ValueError('one\\ntwo')", "ValueError: one"),
    "no adapter": ("ADAPTER = 3", "plugin_aaa_bad:ADAPTER is not an Adapter"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_goes_wrong_at_import_is_one_line_of_the_list(install: Install, tmp_path: Path, kind: str) -> None:
    code, reason = BAD[kind]
    install("aaa-bad", "aaa", code, ":ADAPTER" if kind == "no adapter" else "")
    install("zzz-good", "zzz", GOOD.format(name="zzz"), ":ADAPTER")
    result = zplus("adapters")
    require_the_others(result)
    assert "aaa-bad 1.0" in lines(result)["aaa"]
    assert reason in lines(result)["aaa"]
    for command in ("run", "check"):
        (tmp_path / "zzz_script.py").touch()
        assert zplus(command, "zzz_script.py").exit_code == 0
        asked = zplus(command, "--adapter", "aaa", "zzz_script.py")
        assert asked.exit_code == 1
        assert f"The adapter 'aaa' (aaa-bad 1.0) cannot be loaded: {reason}" in asked.output
        (tmp_path / "unknown.py").touch()
        unknown = zplus(command, "unknown.py")
        assert unknown.exit_code == 2
        assert "aaa (aaa-bad 1.0) is broken" in unknown.output


@pytest.mark.parametrize("command", ["doctor", "new-adapter"])
def test_other_commands_go_on(install: Install, command: str) -> None:
    install("aaa-bad", "aaa", "import sys; sys.exit(0)")
    result = zplus(command, *(["mine"] if command == "new-adapter" else []))
    if command == "doctor":
        assert result.exit_code == 1
        assert "unusable: adapter aaa: broken: it called sys.exit(0)" in result.output
        assert "adapter bdinvert" in result.output
    else:
        assert result.exit_code == 0, result.output


def test_a_plugin_changes_nothing(install: Install, tmp_path: Path) -> None:
    code = "import os, signal, sys\nprint('hello')\nsys.path.insert(0, '/nowhere')\nos.chdir('/')\n"
    code += "signal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGUSR1, lambda *a: None)\n"
    install("zzz-good", "zzz", code + GOOD.format(name="zzz"), ":ADAPTER")
    before = (list(sys.path), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGUSR1), os._exit)
    result = zplus("adapters")
    require_the_others(result)
    assert "hello" not in result.stdout
    assert (list(sys.path), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGUSR1), os._exit) == before
    assert Path.cwd() == tmp_path


def test_ctrl_c_while_a_plugin_is_imported(install: Install) -> None:
    install("aaa-slow", "aaa", "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n")
    result = zplus("adapters")
    assert result.exit_code == 130
    assert "interrupted" in result.output
    with pytest.raises(Stopped):
        plugins.all_plugins()


def test_a_name_taken_twice_is_nobody_s(install: Install, tmp_path: Path) -> None:
    install("one", "same", GOOD.format(name="same"), ":ADAPTER")
    install("two", "same", GOOD.format(name="same"), ":ADAPTER")
    install("zzz-good", "zzz", GOOD.format(name="zzz"), ":ADAPTER")
    result = zplus("adapters")
    require_the_others(result)
    broken = [line for line in result.output.splitlines() if line.startswith("same")]
    assert len(broken) == 2
    assert all("'same'" in line and "by one 1.0 and two 1.0" in line for line in broken)
    (tmp_path / "same_script.py").touch()
    for options, status in ((("--adapter", "same"), 1), ((), 2)):
        result = zplus("run", *options, "same_script.py")
        assert result.exit_code == status
        assert "by one 1.0 and two 1.0: uninstall all but one" in result.output


def test_two_entry_points_with_one_adapter_s_name(install: Install, tmp_path: Path) -> None:
    install("one", "first", GOOD.format(name="same"), ":ADAPTER")
    install("two", "second", GOOD.format(name="same"), ":ADAPTER")
    result = zplus("adapters")
    assert result.exit_code == 0
    for name in ("first", "second"):
        assert "by one 1.0 and two 1.0" in lines(result)[name]
    (tmp_path / "same_script.py").touch()
    with pytest.raises(PluginError, match=r"by one 1\.0 and two 1\.0"):
        plugins.named("same")
    with pytest.raises(UsageError, match=r"by one 1\.0 and two 1\.0"):
        plugins.choose(tmp_path / "same_script.py")


@pytest.mark.parametrize("name", ["bdinvert", "pti", "sam"])
def test_our_names_cannot_be_taken(install: Install, name: str) -> None:
    install("aaa-thief", name, GOOD.format(name=name), ":ADAPTER")
    install("bbb-thief", "other", GOOD.format(name=name), ":ADAPTER")
    result = zplus("adapters")
    rows = [line for line in result.output.splitlines() if "thief" in line]
    assert len(rows) == 2
    assert all(f"'{name}' is taken by zplus-plugins" in row for row in rows)
    assert plugins.named(name).origin.startswith("zplus-plugins")
    with pytest.raises(PluginError, match="taken by zplus-plugins"):
        plugins.named("other")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("name=3", "name is 3, expected str"),
        ("name=''", "name is empty"),
        ("scripts=Script('a.py')", "scripts is Script("),
        ("scripts=('a.py',)", "scripts is ('a.py',)"),
        ("scripts=(Script(3),)", "scripts[0].path is 3"),
        ("scripts=(Script('a.py', role='do'),)", "scripts[0].role is 'do'"),
        ("markers='README'", "markers is 'README'"),
        ("generator=(3,)", "generator is (3,)"),
        ("foreign_codes='yes'", "foreign_codes is 'yes'"),
        ("redirect={'a': 3}", "redirect is {'a': 3}"),
    ],
)
def test_an_adapter_of_wrong_types(install: Install, change: str, fault: str) -> None:
    code = GOOD.format(name="aaa") + f"import dataclasses\nADAPTER = dataclasses.replace(ADAPTER, {change})\n"
    install("aaa-bad", "aaa", code, ":ADAPTER")
    assert f"valid Adapter: {fault}" in lines(zplus("adapters"))["aaa"]


def test_entry_points_that_cannot_be_read(install: Install) -> None:
    install("aaa-bad", "aaa", "", entry_points="[zplus_plugins]\nno equals sign\n")
    install("zzz-good", "zzz", GOOD.format(name="zzz"), ":ADAPTER")
    result = zplus("adapters")
    require_the_others(result)
    assert "its entry points cannot be read" in lines(result)["aaa-bad"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import sys; sys.exit(0)", "it called sys.exit(0)"),
        ("import os; os._exit(0)", "it called os._exit(0)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_hook_that_fails_is_no_success(install: Install, tmp_path: Path, body: str, reason: str) -> None:
    install("aaa-hook", "aaa", GOOD.format(name="aaa") + HOOK.format(body=body))
    (tmp_path / "aaa_script.py").touch()
    result = zplus("run", "aaa_script.py")
    assert result.exit_code == 1, result.output
    assert f"The plugin 'aaa' (aaa-hook 1.0) failed in zplus_finished: {reason} (" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("old", ["from zplus_plugins import Adapter", "import zplus_plugins.captures"])
def test_an_adapter_with_old_imports_is_told_the_new_one(old: str) -> None:
    with pytest.raises(ImportError) as caught:
        exec(old)
    assert why(caught.value).endswith("from zplus_plugins.upstreams")
    assert ("Adapter" if "Adapter" in old else "zplus_plugins.captures") in why(caught.value)


def test_an_adapter_that_lacks_another_module_is_told_that() -> None:
    with pytest.raises(ImportError) as caught:
        exec("import no_such_module")
    assert why(caught.value) == "ModuleNotFoundError: No module named 'no_such_module'"
