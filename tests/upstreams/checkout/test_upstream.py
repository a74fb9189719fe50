"""Fingerprints of upstream sources: known, compatible, incompatible."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from zplus_plugins.errors import UpstreamError
from zplus_plugins.upstreams import Adapter, Reliance, Script
from zplus_plugins.upstreams.checkout.checkout import head_commit, match_folder, match_script
from zplus_plugins.upstreams.checkout.report import in_short, verdict
from zplus_plugins.upstreams.checkout.sources import Unseen, fingerprint, read_place, require_place

SOURCE = '''\
class Net:
    # a comment
    def forward(self, x, scale=1, *, gain=2):
        """Scale."""

        return x * scale

@decorated
def main():
    pass
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "tools").mkdir(parents=True)
    (root / "nets.py").write_text(SOURCE)
    (root / "tools" / "run.py").write_text("print('run')\n")
    return root


def adapter(checkout: Path) -> Adapter:
    where = "nets.py:Net.forward"
    return Adapter(
        name="toy",
        summary="",
        upstream="https://example.org/toy",
        tested_commits=("abc1234",),
        markers=("nets.py",),
        scripts=(Script("tools/run.py"),),
        relies_on=(Reliance(where, fingerprint(read_place(checkout, where)[0]), takes=("x", "gain")),),
    )


def test_layout_does_not_change_a_fingerprint() -> None:
    first = "def f(x):\n    return x\n"
    assert fingerprint(first) == fingerprint("    def f(x):\r\n\r\n        # why\n        return x   \n\n")
    assert fingerprint(first) != fingerprint("def f(x):\n    return -x\n")


def test_reads_a_function_and_its_parameters(checkout: Path) -> None:
    source, parameters = read_place(checkout, "nets.py:Net.forward")
    assert source.lstrip().startswith("def forward")
    assert parameters == ("self", "x", "scale", "gain")
    assert read_place(checkout, "tools/run.py") == ("print('run')\n", ())
    for where, message in (
        ("absent.py:f", r"absent\.py"),
        ("nets.py:Net.backward", r"nets\.py .*Net\.backward"),
    ):
        with pytest.raises(LookupError, match=message):
            read_place(checkout, where)
    (checkout / "nets.py").write_text("def broken(:\n")
    with pytest.raises(LookupError, match=r"nets\.py .*Python"):
        read_place(checkout, "nets.py:broken")


PLACES = """\
from elsewhere import taken
assigned = taken
if assigned:
    def conditional():
        local = 1
class Own:
    def method(self): ...
class Heir(Own):
    pass
"""


def test_places_are_looked_for_where_imports_would(checkout: Path) -> None:
    (checkout / "tools" / "places.py").write_text(PLACES)
    folders = [checkout / "tools", checkout]

    def look(place: str) -> None:
        require_place(checkout, folders, place)

    for place in ("places:conditional", "places:Own.method", "places:Heir", "nets", "nets:Net.forward", "torch:save"):
        look(place)
    for place in ("places:taken", "places:assigned", "places:Heir.method", "no_such_module:f"):
        with pytest.raises(Unseen):
            look(place)
    for place, message in (
        ("places:local", r"tools/places\.py .*local"),
        ("places:Own.other", r"Own\.other"),
        ("tools.other:f", r"module tools\.other"),
    ):
        with pytest.raises(LookupError, match=message):
            look(place)


def test_known_compatible_incompatible(checkout: Path) -> None:
    declared = adapter(checkout)
    script = checkout / "tools" / "run.py"
    upstream = match_script(declared, script)
    assert upstream is not None
    assert (upstream.root, upstream.status) == (checkout, "known")
    upstream.require_compatible()

    (checkout / "nets.py").write_text(SOURCE.replace("x * scale", "x * scale * gain"))
    upstream = match_script(declared, script)
    assert upstream is not None
    assert upstream.status == "compatible"
    assert upstream.differences[0].where == "nets.py:Net.forward"
    upstream.require_compatible()

    (checkout / "nets.py").write_text(SOURCE.replace("gain=2", "amount=2"))
    upstream = match_script(declared, script)
    assert upstream is not None
    assert upstream.status == "incompatible"
    with pytest.raises(UpstreamError) as error:
        upstream.require_compatible()
    message = str(error.value)
    for part in (
        "nets.py:Net.forward: lacks the parameter gain",
        "x, gain",
        "found self, x, scale, amount",
        "abc1234",
        "--adapter",
    ):
        assert part in message


def test_what_was_never_tested_is_not_known(checkout: Path) -> None:
    declared, script = adapter(checkout), checkout / "tools" / "run.py"
    without = tuple(replace(one, fingerprint="") for one in declared.relies_on)
    for described, text in (
        (replace(declared, tested_commits=()), "fits by name: the adapter gives no commit that it was tested on"),
        (replace(declared, tested_commits=(), relies_on=()), "fits by name: the adapter gives no commit"),
        (replace(declared, relies_on=without), "fits by name: the adapter does not give a fingerprint for all"),
    ):
        upstream = match_script(described, script)
        assert upstream is not None
        assert upstream.status == "untested"
        assert verdict(upstream).startswith(text)
        assert in_short(upstream) == "fits by name"
        upstream.require_compatible()


def test_only_its_own_repository_matches(checkout: Path, tmp_path: Path) -> None:
    declared = adapter(checkout)
    assert match_folder(declared, checkout / "tools").root == checkout  # type: ignore[union-attr]
    assert match_folder(declared, tmp_path) is None
    assert match_script(declared, checkout / "nets.py") is None
    assert match_script(replace(declared, markers=("other.py",)), checkout / "tools" / "run.py") is None


def test_commit(checkout: Path) -> None:
    assert head_commit(checkout) is None
    git = ["git", "-C", str(checkout), "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    commit = head_commit(checkout)
    assert commit is not None
    assert len(commit) == 7
    assert head_commit(checkout / "tools") is None
