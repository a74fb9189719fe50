"""What a pickle would make is written down without making it, in linear time and little memory."""

from __future__ import annotations

import argparse
import os
import pickle
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support import generator_files as files
from zplus_plugins.upstreams.requirements.networks import (
    PERSISTENT,
    Networks,
    generator_in,
    missing_modules,
    network_of,
    shape_of,
)
from zplus_plugins.upstreams.requirements.outline import LONG, Call, is_of_torch, outline
from zplus_plugins.upstreams.requirements.pickles import contents, read_number
from zplus_plugins.upstreams.requirements.states import items_of, shapes_in


class Program:
    """A pickle that would run a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_come_back(tmp_path: Path, protocol: int) -> None:
    content = {
        **{"text": "a", "number": 3, "real": 0.5, "none": None, "yes": True, 7: "seven"},
        **{"list": [1, [2]], "tuple": (1, 2, 3, 4), "pair": (1, 2), "empty": ((), [], {}), "large": 1 << 40},
    }
    content["again"] = content["list"]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    read = outline(tmp_path / "a.pkl")
    assert read == content
    assert read["again"] is read["list"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"x": Program(f"touch {tmp_path / 'run'}")}, protocol=protocol))
    call = outline(tmp_path / "a.pkl")["x"]
    assert isinstance(call, Call)
    assert call.name.endswith(".system")
    assert call.arguments == (f"touch {tmp_path / 'run'}",)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_shapes_in_a_file_of_torch(tmp_path: Path, zipped: bool) -> None:
    state = OrderedDict(a=torch.ones(2, 3), b=torch.nn.Parameter(torch.ones(4)), c=torch.tensor(1), d=5)
    content = {"state": state, "options": argparse.Namespace(size=8), "score": np.float64(0.5)}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    read = outline(tmp_path / "a.pt")
    assert shapes_in(read, "absent", "state") == {"a": (2, 3), "b": (4,), "c": ()}
    assert read["options"].state == {"size": 8}
    assert is_of_torch(tmp_path / "a.pt")


def test_ordered_dictionaries_of_python_2(tmp_path: Path) -> None:
    text = b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'a'\naI1\naa(lp2\nS'b'\naI2\naatR."
    (tmp_path / "a.pkl").write_bytes(text)
    assert pickle.loads(text) == OrderedDict(a=1, b=2)
    assert items_of(outline(tmp_path / "a.pkl")) == {"a": 1, "b": 2}


def test_numbers_of_tensors_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"large": bytes(5 * LONG), "b": 1}))
    whole = (tmp_path / "a.pkl").stat().st_size
    read: list[int] = []
    seen = os.read
    monkeypatch.setattr(os, "read", lambda *args: read.append(args[1]) or seen(*args))
    assert outline(tmp_path / "a.pkl")["b"] == 1
    assert sum(read) < whole // 2
    (tmp_path / "a.pkl").write_bytes((tmp_path / "a.pkl").read_bytes()[: 3 * LONG])
    with pytest.raises(ValueError, match=r"a\.pkl \(.* is empty, truncated or "):
        outline(tmp_path / "a.pkl")


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "absent memo": b"h\x05.",
    "absent mark": b"t.",
    "no stack": b"R.",
    "a tuple of nothing": b"\x87.",
    "odd items": b"}(K\x01u.",
    "false length": b"\x80\x04\x8e" + b"\xff" * 8 + b".",
    "false length of text": b"X\xff\xff\xff\x7f.",
    "no number": b"I12x\n.",
    "no encoding": b"X\x02\x00\x00\x00\xff\xff.",
    "an unknown instruction": b"\xff.",
    "a cut archive": b"PK\3\4" + bytes(50),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_one_error(tmp_path: Path, case: str) -> None:
    (tmp_path / "a.pkl").write_bytes(DAMAGED[case])
    with pytest.raises(ValueError, match=r"a\.pkl \(.* is empty, truncated or "):
        outline(tmp_path / "a.pkl")


BOMBS: dict[str, bytes] = {
    "many marks": b"(" * 300_000 + b"1" * 300_000 + b"N.",
    "a deep key": b")" + b"\x85" * 200_000 + b"}" + b"\x85" * 3 + b".",
    "deep lists": b"]" * 100_000 + b"a" * 99_999 + b".",
    "endless": b"}" * 5_000_000,
    "copies": b"("
    + b"N" * 100_000
    + b"tq\x00"
    + b"0ccollections\nOrderedDict\nq\x01"
    + b"h\x01h\x00R0" * 50_000
    + b"N.",
    "a huge memo": b"Nr\xff\xff\xff\x7f.",
}


@pytest.mark.parametrize("case", BOMBS)
def test_bombs_do_not_go_off(tmp_path: Path, case: str) -> None:
    (tmp_path / "a.pkl").write_bytes(BOMBS[case])
    start = time.process_time()
    try:
        content = outline(tmp_path / "a.pkl")
        assert generator_in(content) is None
        assert shapes_in(content, "state") == {}
    except ValueError:
        pass
    assert time.process_time() - start < 20


def test_facts_of_a_network(tmp_path: Path) -> None:
    generator = files.trained()
    files.write_pickle(files.nvlabs(generator), tmp_path / "a.pkl")
    network = generator_in(outline(tmp_path / "a.pkl"))
    assert network is not None
    assert (network.kind, network.family) == ("Generator", "StyleGAN2")
    assert [network.number(name) for name in ("z_dim", "w_dim", "img_resolution", "absent")] == [12, 10, 16, None]
    assert network.shapes["synthesis.b16.conv0.weight"] == tuple(generator.blocks[2].up.weight.shape)
    assert network.source == files.SOURCE
    assert read_number(tmp_path / "a.pkl", "img_resolution") == 16


def test_the_facts_are_the_averaged_generator_s(tmp_path: Path) -> None:
    content = files.nvlabs(files.trained())
    other = files.Network("Generator", {}, {}, img_resolution=999)
    files.write_pickle({"G": other, "D": other, **{"G_ema": content["G_ema"]}}, tmp_path / "a.pkl")
    assert read_number(tmp_path / "a.pkl", "img_resolution") == 16


def test_networks_that_hold_themselves(tmp_path: Path) -> None:
    call = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
    call += b"((S'class_name'\nS'Generator'\nS'state'\n}q\x01dtRq\x02"
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02" + call + b"h\x01S'_modules'\n}S'x'\nh\x02ss0.")
    network = network_of(outline(tmp_path / "a.pkl"))
    assert network is not None
    assert network.family == "Generator of another architecture"
    assert shape_of(outline(tmp_path / "a.pkl")) is None


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    assert contents(path) is contents(path)
    path.write_bytes(pickle.dumps({"a": 22222}))
    assert contents(path) == {"a": 22222}


def test_modules_that_source_code_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ops = tmp_path / "torch_utils" / "ops"
    ops.mkdir(parents=True)
    (tmp_path / "torch_utils" / "misc.py").touch()
    (ops / "__init__.py").write_text("VERSION = 1\n")
    (ops / "bias_act.py").write_text("raise RuntimeError('imported')")
    source = (
        "import numpy as np\nimport torch\nfrom torch_utils import misc\n"
        "from torch_utils.ops import bias_act, VERSION\n"
        "def later():\n    import nowhere\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert missing_modules(source) == []
    assert missing_modules(source, str(tmp_path)) == []
    more = "from torch_utils.ops import filtered_lrelu\nimport nowhere\nfrom torch_utils import persistence\n"
    assert missing_modules(source + more) == ["torch_utils.ops.filtered_lrelu", "nowhere", "torch_utils.persistence"]


def alias_free() -> Call:
    """A snapshot's generator of StyleGAN3, as its pickle would make it."""

    def network(kind: str, **state: Any) -> Call:
        return Call(PERSISTENT, ({"state": state, "class_name": kind, "module_src": ""},))

    weight = Call("torch._utils._rebuild_tensor_v2", (None, 0, (4, 2), (2, 1)))
    first = network("SynthesisInput", _buffers={"freqs": weight})
    synthesis = network("SynthesisNetwork", _modules={"input": first})
    return network("Generator", img_channels=3, img_resolution=16, c_dim=0, _modules={"synthesis": synthesis})


def test_alias_free_generators_where_the_script_takes_them() -> None:
    both = ("StyleGAN2", "StyleGAN3")
    assert Networks(families=both).problem({"G_ema": alias_free()}) is None
    assert "a StyleGAN2 generator" in (Networks().problem({"G_ema": alias_free()}) or "")
    needed = Networks(families=both).problem({"G_ema": Call(PERSISTENT, ({"state": {}, "class_name": "D"},))})
    assert "a StyleGAN2 or StyleGAN3 generator" in (needed or "")
