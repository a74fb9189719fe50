"""Waiting for imports: whatever finds and loads a module, it is what it would have been, and Python's importer too."""

from __future__ import annotations

import copy
import importlib.abc
import importlib.machinery
import importlib.resources
import importlib.util
import inspect
import pickle
import pkgutil
import runpy
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.awaited_modules import (
    IMPORTERS,
    KINDS,
    NAME,
    SOURCE,
    Shared,
    findable,
    looks,
    package,
    source,
)
from zplus_plugins.upstreams import Journal

LATER = pytest.mark.filterwarnings("ignore::ImportWarning", "ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules and finders of a test are gone after it, and the importers of Python are as they were."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    importers = [dict(vars(importer)) for importer in IMPORTERS]
    yield
    assert [dict(vars(importer)) for importer in IMPORTERS] == importers
    for name in set(sys.modules) - before:
        del sys.modules[name]


@LATER
@pytest.mark.parametrize("kind", KINDS)
def test_a_module_that_was_awaited_is_as_any_other(kind: str, tmp_path: Path) -> None:
    name = KINDS[kind](tmp_path)
    if not findable(name):
        pytest.skip(f"this Python has no {name}")
    expected = looks(importlib.import_module(name))
    for loaded in [n for n in sys.modules if n.partition(".")[0] == name.partition(".")[0]]:
        del sys.modules[loaded]
    arrived: list[ModuleType] = []
    with Journal() as journal:
        journal.when_imported(name, arrived.append)
        module = importlib.import_module(name)
        assert arrived == [module]
        assert looks(module) == expected
    del sys.modules[name]
    assert looks(importlib.import_module(name)) == expected  # and the next import, without us
    assert len(arrived) == 1


@LATER
@pytest.mark.parametrize("kind", KINDS)
def test_a_module_that_was_looked_for_and_not_imported(kind: str, tmp_path: Path) -> None:
    """Scripts ask ``find_spec`` whether something is installed."""
    name = KINDS[kind](tmp_path)
    if not findable(name):
        pytest.skip(f"this Python has no {name}")
    with Journal() as journal:
        journal.when_imported(name, lambda module: pytest.fail("it is not imported"))
        first, second = importlib.util.find_spec(name), importlib.util.find_spec(name)
        assert first is not None
        assert second is not None
        assert (first.name, first.origin) == (name, second.origin)
    importlib.import_module(name)


def test_what_a_spec_s_loader_can_do_it_can_while_it_is_awaited(tmp_path: Path) -> None:
    package(tmp_path)
    with Journal() as journal:
        journal.when_imported(NAME, lambda module: None)
        spec = importlib.util.find_spec(NAME)
        assert spec is not None
        loader: Any = spec.loader
        assert loader.is_package(NAME)
        assert loader.get_source(NAME) == SOURCE
        assert loader.get_code(NAME).co_filename == loader.get_filename(NAME)
        assert loader.get_resource_reader(NAME).contents()
        assert not hasattr(loader, "no_such_thing")
        assert copy.copy(loader).get_source(NAME) == SOURCE
        assert pkgutil.get_data(NAME, "data.txt") == b"data"


def test_what_is_asked_of_a_module_that_was_awaited(tmp_path: Path) -> None:
    package(tmp_path)
    with Journal() as journal:
        journal.when_imported(NAME, lambda module: None)
        module = importlib.import_module(NAME)
        assert (importlib.resources.files(NAME) / "data.txt").read_text() == "data"
        assert inspect.getsource(module) == SOURCE
        assert inspect.getsource(module.Net).startswith("class Net")
        assert pickle.loads(pickle.dumps(module.Net)) is module.Net
        assert runpy.run_module(NAME + ".__init__", alter_sys=False)["Net"].depth == 3


def test_load_module_of_an_awaited_loader_acts_too(tmp_path: Path) -> None:
    source(tmp_path)
    arrived: list[ModuleType] = []
    with Journal() as journal:
        journal.when_imported(NAME, arrived.append)
        spec = importlib.util.find_spec(NAME)
        assert spec is not None
        loader: Any = spec.loader
        with pytest.warns(DeprecationWarning, match="load_module"):
            assert arrived == [loader.load_module(NAME)]
        assert "zplus_plugins" not in type(arrived[0].__loader__).__module__


def test_reload(tmp_path: Path) -> None:
    source(tmp_path)
    module = importlib.import_module(NAME)
    arrived: list[ModuleType] = []
    with Journal() as journal:
        del sys.modules[NAME]
        journal.when_imported(NAME, arrived.append)
        sys.modules[NAME] = module
        assert importlib.reload(module) is module
        assert arrived == [module]
        assert importlib.reload(module) is module
        assert arrived == [module]
        assert type(module.__spec__.loader) is type(module.__loader__) is SourceFileLoader  # type: ignore[union-attr]


def test_imports_within_an_action(tmp_path: Path) -> None:
    """Of another awaited module, of the same one, and a new wait for the same one."""
    source(tmp_path)
    (tmp_path / "zplus_other.py").write_text(f"import {NAME}\nNUMBER = 1\n")
    seen: list[str] = []

    def first(module: ModuleType) -> None:
        assert importlib.import_module(NAME) is module
        other = importlib.import_module("zplus_other")
        seen.append(f"first, other is {other.NUMBER}")
        journal.when_imported(NAME, lambda module: seen.append("at once"))

    with Journal() as journal:
        journal.when_imported(NAME, first)
        journal.when_imported(NAME, lambda module: seen.append("second"))
        journal.when_imported("zplus_other", lambda module: seen.append("other"))
        importlib.import_module(NAME)
    assert seen == ["other", "first, other is 1", "at once", "second"]


def test_an_import_that_fails_is_awaited_again() -> None:
    sys.meta_path.insert(0, Shared(NAME, None, failures=2))  # type: ignore[arg-type]
    arrived: list[ModuleType] = []
    with Journal() as journal:
        journal.when_imported(NAME, arrived.append)
        for _ in range(2):
            with pytest.raises(ImportError, match="a failure of the module's own"):
                importlib.import_module(NAME)
        assert importlib.import_module(NAME) is arrived[0]


def test_an_action_that_fails_is_run_again_at_the_next_attempt(tmp_path: Path) -> None:
    """Scripts catch errors of imports and try again, which must not leave the module unpatched."""
    source(tmp_path)
    attempts: list[ModuleType] = []

    def fail_once(module: ModuleType) -> None:
        attempts.append(module)
        if len(attempts) == 1:
            raise RuntimeError("not yet")

    with Journal() as journal:
        journal.when_imported(NAME, fail_once)
        with pytest.raises(RuntimeError, match="not yet"):
            importlib.import_module(NAME)
        assert NAME not in sys.modules
        assert importlib.import_module(NAME) is attempts[1]


def test_a_module_that_puts_another_object_in_its_place(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.py").write_text(
        "import sys\nfrom types import ModuleType\nsys.modules[__name__] = ModuleType('x')\n"
    )
    arrived: list[ModuleType] = []
    with Journal() as journal:
        journal.when_imported(NAME, arrived.append)
        assert importlib.import_module(NAME) is arrived[0]
        assert arrived[0].__name__ == "x"


def test_a_module_that_is_forbidden_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """None in sys.modules is how an import is forbidden."""
    monkeypatch.setitem(sys.modules, NAME, None)
    with Journal() as journal:
        journal.when_imported(NAME, lambda module: pytest.fail("it cannot be imported"))
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(NAME)


@pytest.mark.parametrize("kind", ["source", "builtin", "namespace package"])
def test_two_journals_wait_for_the_same_module(kind: str, tmp_path: Path) -> None:
    name = KINDS[kind](tmp_path)
    expected = looks(importlib.import_module(name))
    del sys.modules[name]
    seen: list[str] = []
    with Journal() as outer, Journal() as inner:
        outer.when_imported(name, lambda module: seen.append("outer"))
        inner.when_imported(name, lambda module: seen.append("inner"))
        assert looks(importlib.import_module(name)) == expected
    assert seen == ["outer", "inner"]


def test_what_is_executed_after_the_close_is_left_alone(tmp_path: Path) -> None:
    """Found while the journal was open, and executed at its first use, as lazy imports are."""
    source(tmp_path)
    with Journal() as journal:
        journal.when_imported(NAME, lambda module: pytest.fail("the journal is closed"))
        spec = importlib.util.find_spec(NAME)
        assert spec is not None
        loader: Any = spec.loader
        spec.loader = importlib.util.LazyLoader(loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
    assert module.Net.depth == 3


def test_a_journal_can_be_used_again(tmp_path: Path) -> None:
    source(tmp_path)
    journal, arrived = Journal(), []  # type: ignore[var-annotated]
    with journal:
        journal.when_imported(NAME, arrived.append)
    with journal:
        journal.when_imported(NAME, arrived.append)
        importlib.import_module(NAME)
    assert len(arrived) == 1


def in_threads(*actions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)


def test_threads_that_import_at_the_same_time_all_find_it_patched(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.py").write_text("import time\ntime.sleep(0.05)\ndepth = 3\n")
    found: list[int] = []
    together = threading.Barrier(4)

    def load() -> None:
        together.wait()
        found.append(importlib.import_module(NAME).depth)

    with Journal() as journal:
        journal.when_imported(NAME, lambda module: journal.set(module, "depth", 4))
        in_threads(*[load] * 4)
        assert found == [4, 4, 4, 4]
    assert sys.modules[NAME].depth == 3  # type: ignore[attr-defined]


def test_a_module_that_another_thread_is_importing_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.py").write_text("import time\ntime.sleep(0.1)\ndepth = 3\n")
    thread = threading.Thread(target=importlib.import_module, args=(NAME,))
    thread.start()
    while NAME not in sys.modules:
        pass
    with Journal() as journal:
        journal.when_imported(NAME, lambda module: journal.set(module, "depth", module.depth + 1))
        assert sys.modules[NAME].depth == 4  # type: ignore[attr-defined]
    thread.join(20)
