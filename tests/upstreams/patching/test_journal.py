"""Reversible patches: patch, use, close, and nothing is different."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from zplus_plugins.errors import PatchError
from zplus_plugins.upstreams import Journal


class Base:
    def method(self) -> str:
        return "base"

    @staticmethod
    def static(x: int) -> int:
        return x

    @classmethod
    def make(cls) -> str:
        return cls.__name__

    @property
    def prop(self) -> str:
        return "prop"


class Child(Base):
    pass


def louder(original: Any) -> Any:
    return lambda *args, **kwargs: f"{original(*args, **kwargs)}!"


def snapshot(*owners: type) -> list[dict[str, Any]]:
    return [dict(vars(owner)) for owner in owners]


def test_wraps_and_restores_every_kind_of_attribute() -> None:
    before = snapshot(Base, Child)
    with Journal() as journal:
        journal.wrap(Base, "method", louder)
        journal.wrap(Base, "static", louder)
        journal.wrap(Base, "make", louder)
        journal.set(Base, "prop", property(lambda self: "other"))
        journal.wrap(Child, "method", louder)
        assert Child().method() == "base!!"
        assert Base().method() == "base!"
        assert Base.static(3) == Child().static(3) == "3!"
        assert Child.make() == "Child!"
        assert Base().prop == "other"
        assert Child.method.__name__ == "method"
    assert snapshot(Base, Child) == before
    assert "method" not in vars(Child)


def test_inherited_builtin_attributes_are_inherited_again() -> None:
    assert "cuda" not in vars(torch.Tensor)
    with Journal() as journal:
        journal.wrap(torch.Tensor, "cuda", lambda cuda: lambda self: self)
        assert torch.ones(1).cuda().tolist() == [1.0]
        assert "cuda" in vars(torch.Tensor)
    assert "cuda" not in vars(torch.Tensor)


def test_undone_in_reverse_order_after_an_exception_and_on_ctrl_c() -> None:
    for error in (RuntimeError, KeyboardInterrupt, SystemExit):
        before = snapshot(Base)
        values, mapping = [1, 2], {"kept": 1, "changed": 2}
        with pytest.raises(error), Journal() as journal:
            journal.wrap(Base, "method", louder)
            journal.wrap(Base, "method", louder)
            journal.keep_list(values)
            journal.set_item(mapping, "changed", 3)
            journal.set_item(mapping, "new", 4)
            values.append(3)
            assert Base().method() == "base!!"
            raise error
        assert snapshot(Base) == before
        assert values == [1, 2]
        assert mapping == {"kept": 1, "changed": 2}


def test_a_patch_that_cannot_be_applied_leaves_nothing_patched() -> None:
    before = snapshot(Base)
    with pytest.raises(PatchError, match=r"Base\.absent: expected a function there, found nothing"), Journal() as j:
        j.wrap(Base, "method", louder)
        j.wrap(Base, "absent", louder)
    assert snapshot(Base) == before
    with pytest.raises(PatchError, match="found property"), Journal() as journal:
        journal.wrap(Base, "prop", louder)


def test_closing_twice_does_nothing() -> None:
    journal = Journal()
    journal.wrap(Base, "method", louder)
    journal.close()
    journal.close()
    assert Base().method() == "base"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package ``zplus_test_upstream`` with a module ``nets`` that is not imported yet."""
    folder = tmp_path / "zplus_test_upstream"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "nets.py").write_text("class Net:\n    def forward(self, x):\n        return x\n\nLOADS = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder.name
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_waits_for_an_import(package: str) -> None:
    finders = list(sys.meta_path)
    with Journal() as journal:
        journal.wrap_when_imported(f"{package}.nets:Net.forward", louder)
        assert f"{package}.nets" not in sys.modules
        nets = importlib.import_module(f"{package}.nets")
        assert nets.Net().forward("x") == "x!"
        assert "exec_module" not in vars(nets.__spec__.loader)
        assert importlib.reload(nets).Net().forward("x") == "x"
    assert sys.meta_path == finders
    assert nets.Net().forward("x") == "x"


def test_patches_a_module_that_is_imported_already(package: str) -> None:
    nets = importlib.import_module(f"{package}.nets")
    with Journal() as journal:
        journal.wrap_when_imported(f"{package}.nets:Net.forward", louder)
        assert nets.Net().forward("x") == "x!"
    assert nets.Net().forward("x") == "x"


def test_never_imported_is_never_patched(package: str) -> None:
    with Journal() as journal:
        journal.wrap_when_imported(f"{package}.nets:Net.forward", louder)
    nets = importlib.import_module(f"{package}.nets")
    assert nets.Net().forward("x") == "x"


def test_a_missing_place_stops_the_import_and_says_what_was_expected(package: str) -> None:
    with Journal() as journal:
        journal.wrap_when_imported(f"{package}.nets:Absent.forward", louder)
        with pytest.raises(PatchError, match=rf"{package}.nets:Absent: .* has no 'Absent' \(loaded from .*nets.py\)"):
            importlib.import_module(f"{package}.nets")
        assert f"{package}.nets" not in sys.modules


def test_several_actions_on_one_module_run_in_order(package: str) -> None:
    seen: list[str] = []

    def noting(text: str) -> Any:
        def action(module: ModuleType) -> None:
            seen.append(text)

        return action

    with Journal() as journal:
        journal.when_imported(f"{package}.nets", noting("first"))
        journal.when_imported(f"{package}.nets", noting("second"))
        importlib.import_module(f"{package}.nets")
        journal.when_imported(f"{package}.nets", noting("at once"))
    assert seen == ["first", "second", "at once"]


def test_instances_and_modules_are_owners_too() -> None:
    parser = argparse.ArgumentParser()
    with Journal() as journal:
        journal.wrap(parser, "format_usage", lambda original: lambda: "patched")
        assert parser.format_usage() == "patched"
        journal.wrap(sys.modules[__name__], "louder", lambda original: lambda f: "quiet")
        assert louder(print) == "quiet"
    assert "format_usage" not in vars(parser)
    assert louder(str)(1) == "1!"
