"""Which texts of a description count as not filled in, and by which fields they are named."""

from __future__ import annotations

from zplus_plugins.adapters import bdinvert, hfgi3d, idinvert, pti, sam, stylegan2_ada
from zplus_plugins.upstreams import Adapter, Checkpoint, Gate, InstanceOf, Script, Switch, When, Writable, unfinished


def test_every_text_is_looked_at_wherever_it_is() -> None:
    adapter = Adapter(
        name="toy",
        summary="todo lists and TODOS in Z+",
        upstream="https://example.org/TODO",
        scripts=(
            Script("a.py", needs=(Writable("{out}"),)),
            Script("b.py", needs=(When("x", 1, (Checkpoint("{a}", "TODO", "TODO: where"),)),), gate=Gate("TODO: m:f")),
        ),
        generator=(InstanceOf("TODO: the class"),),
        switches=(Switch("off", "", sets={"TODO": 1, "y": "TODO"}),),
        redirect={"a:f": "TODO"},
    )
    assert unfinished(adapter) == {
        "upstream": "https://example.org/TODO",
        "scripts[1].needs[0].needs[0].what": "TODO",
        "scripts[1].needs[0].needs[0].remedy": "TODO: where",
        "scripts[1].gate.where": "TODO: m:f",
        "generator[0].where": "TODO: the class",
        "redirect['a:f']": "TODO",
        "switches[0].sets['TODO']": "TODO",
        "switches[0].sets['y']": "TODO",
    }


def test_our_own_adapters_are_finished() -> None:
    for module in (bdinvert, hfgi3d, idinvert, pti, sam, stylegan2_ada):
        assert unfinished(module.ADAPTER) == {}
