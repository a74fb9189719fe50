"""Sources in every encoding that Python itself takes are the same sources."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.adapter.description import Settings
from zplus_plugins.upstreams.checkout.sources import fingerprint, read_place, require_place
from zplus_plugins.upstreams.imports.packages import missing_modules
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source
from zplus_plugins.upstreams.script.call import read_call
from zplus_plugins.upstreams.script.settings import read_assignments

SOURCE = """import no_such_module

SIZE = 3


def project(w, steps=3):
    # as Karras et al. do it
    name = "\u00e9t\u00e9"

    return w, name
"""
LATIN = b"# -*- coding: latin-1 -*-\n"
WRITTEN = {
    "plain": SOURCE.encode(),
    "with a byte order mark": codecs.BOM_UTF8 + SOURCE.encode(),
    "with Windows' line ends": SOURCE.replace("\n", "\r\n").encode(),
    "with old Macs' line ends": SOURCE.replace("\n", "\r").encode(),
    "in latin-1": LATIN + SOURCE.encode("latin-1"),
    "in cp1252, below a shebang": b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + SOURCE.encode("cp1252"),
    "with a mark, a cookie and Windows' line ends": codecs.BOM_UTF8
    + (b"# coding: utf-8\n" + SOURCE.encode()).replace(b"\n", b"\r\n"),
}
SPOILT = {
    "another encoding than it claims": "# coding: ascii\nname = '\u00e9'\n".encode(),
    "an unknown encoding": b"# coding: klingon\n",
    "a mark and a cookie that contradict it": codecs.BOM_UTF8 + LATIN,
    "UTF-16": SOURCE.encode("utf-16"),
    "NUL": b"a = 1\0\n",
    "no Python": b"def project(:\n",
    "a line nested too deeply": b"-" * 200_000 + b"1\n",
}


@pytest.fixture(params=WRITTEN)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "legacy.py").write_bytes(WRITTEN[request.param])
    return tmp_path


def test_every_reader_of_sources_reads_it(root: Path) -> None:
    script = root / "legacy.py"
    text, parameters = read_place(root, "legacy.py:project")
    assert parameters == ("w", "steps")
    assert fingerprint(text) == fingerprint(SOURCE[SOURCE.index("def") :])
    assert fingerprint(read_place(root, "legacy.py")[0]) == fingerprint(SOURCE)
    require_place(root, [root], "legacy:project")
    assert [module.name for module in missing_modules(script, root)] == ["no_such_module"]
    assert read_call(script, "project(1, steps=2)").arguments == {"w": 1, "steps": 2}
    (assignment,) = read_assignments(Settings(modules=("legacy",), gates=()), root, ["legacy.SIZE=4"])
    assert assignment.value == 4


@pytest.mark.parametrize("content", SPOILT.values(), ids=SPOILT)
def test_what_python_does_not_read_is_told_as_that(content: bytes, tmp_path: Path) -> None:
    script = tmp_path / "legacy.py"
    script.write_bytes(content)
    with pytest.raises(UnreadableSourceError, match=r"\w"):
        parse_source(script)
    with pytest.raises(LookupError, match=r"legacy\.py cannot be read as Python: "):
        read_place(tmp_path, "legacy.py:project")
    with pytest.raises(UsageError, match=r"^--call project\(\): .*legacy\.py cannot be read as Python: "):
        read_call(script, "project()")
    with pytest.raises(UsageError, match=r"^--set legacy\.SIZE=4: .*legacy\.py cannot be read as Python: "):
        read_assignments(Settings(modules=("legacy",), gates=()), tmp_path, ["legacy.SIZE=4"])
    assert missing_modules(script, tmp_path) == []


@pytest.mark.upstream
@pytest.mark.parametrize("place", ["stylegan2-ada-pytorch/legacy.py", "stylegan3/legacy.py"])
def test_nvlabs_own_file_with_a_mark(place: str, upstreams: Path) -> None:
    if not (upstreams / place).exists():
        pytest.skip("not there")
    text, parameters = read_place(upstreams, f"{place}:load_network_pkl")
    assert text.startswith("def load_network_pkl")
    assert parameters == ("f", "force_fp16")
