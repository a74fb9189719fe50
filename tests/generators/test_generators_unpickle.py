"""Files that nobody vouches for: what they may hold, and that nothing in them runs."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import struct
import subprocess
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from support import generator_files as files
from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.unpickling import unpickle
from zplus_plugins.generators.unpickling.torchfile import read


class Calls:
    """Is pickled as a call."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


class Awakes:
    """A class that runs a command when it is given its state."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __setstate__(self, state: dict[str, str]) -> None:
        os.system(state["command"])


class Born:
    """A class that runs a command as soon as there is an object of it."""

    def __new__(cls, command: str) -> Born:
        os.system(command)
        return super().__new__(cls)

    def __getnewargs__(self) -> tuple[str]:
        return ("true",)


def quoted(command: str) -> bytes:
    return b"S'" + command.encode() + b"'\n"


EXTENSION = 240
PROGRAMS: dict[str, tuple[Callable[[str], bytes], str]] = {
    "REDUCE": (lambda c: pickle.dumps(Calls(os.system, c)), "posix.system"),
    "GLOBAL": (lambda c: b"cos\nsystem\n(" + quoted(c) + b"tR.", "os.system"),
    "INST": (lambda c: b"(" + quoted(c) + b"ios\nsystem\n.", "os.system"),
    "OBJ": (lambda c: b"(cos\nsystem\n" + quoted(c) + b"o.", "os.system"),
    "Popen": (lambda c: pickle.dumps(Calls(subprocess.Popen, ("sh", "-c", c))), "subprocess.Popen"),
    "NEWOBJ": (
        lambda c: pickle.dumps(Born("true")).replace(b"\x8c\x04true", b"X" + struct.pack("<I", len(c)) + c.encode()),
        "Born",
    ),
    "BUILD": (lambda c: pickle.dumps(Awakes(c)), "Awakes"),
    "getattr": (lambda c: nested(c), "builtins.getattr"),
    "dotted name": (lambda c: b"\x80\x04\x8c\x02os\x8c\x06system\x93(" + quoted(c) + b"tR.", "os.system"),
    "through torch": (lambda c: b"\x80\x04\x8c\x05torch\x8c\x09os.system\x93(" + quoted(c) + b"tR.", "torch.os.system"),
    "eval": (lambda c: pickle.dumps(Calls(eval, f"__import__('os').system({c!r})")), "builtins.eval"),
    "exec": (lambda c: pickle.dumps(Calls(exec, f"import os; os.system({c!r})")), "builtins.exec"),
    "pickle in a pickle": (
        lambda c: pickle.dumps(Calls(pickle.loads, pickle.dumps(Calls(os.system, c)))),
        "_pickle.loads",
    ),
    "pickle in a storage": (lambda c: in_storage(c), "posix.system"),
    "extension": (lambda c: b"\x80\x02\x82" + bytes([EXTENSION]) + b"(" + quoted(c) + b"tR.", f"extension {EXTENSION}"),
}


def nested(command: str) -> bytes:
    """``getattr(__import__("os"), "system")(command)``."""
    module = b"cbuiltins\n__import__\n(S'os'\ntR"
    return b"cbuiltins\ngetattr\n(" + module + b"S'system'\ntR(" + quoted(command) + b"tR."


def in_storage(command: str) -> bytes:
    """What torch writes for a storage in a pickle, with a program in its place."""
    inner = io.BytesIO()
    torch.save(Calls(os.system, command), inner, _use_new_zipfile_serialization=False)
    return b"ctorch.storage\n_load_from_bytes\n(" + pickle.dumps(inner.getvalue())[2:-1] + b"tR."


@pytest.fixture
def registered() -> Any:
    copyreg.add_extension("os", "system", EXTENSION)
    pickle.loads(b"\x80\x02\x82" + bytes([EXTENSION]) + b".")  # from now on the unpickler knows it without asking
    yield
    copyreg.remove_extension("os", "system", EXTENSION)


def refused(path: Path, *parts: str) -> None:
    with pytest.raises(GeneratorFileError) as caught:
        read(path)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("kind", PROGRAMS)
def test_programs_are_refused_by_name_and_do_not_run(tmp_path: Path, kind: str) -> None:
    make, name = PROGRAMS[kind]
    trace, path = tmp_path / "trace", tmp_path / "network.pkl"
    path.write_bytes(make(f"mkdir {trace}"))
    refused(path, f"{path} contains ", name, "none of it was run")
    assert not trace.exists()
    result = pickle.loads(path.read_bytes())  # what would have happened
    if isinstance(result, subprocess.Popen):
        result.wait()
    assert trace.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_programs_in_files_of_torch(tmp_path: Path, zipped: bool) -> None:
    trace, path = tmp_path / "trace", tmp_path / "network.pt"
    content = {"g_ema": {"input.input": torch.ones(1), "program": Calls(os.system, f"mkdir {trace}")}}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    refused(path, "posix.system")
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize(
    "name", ["builtins.__build_class__", "torch.load", "torch.hub.load", "numpy.load", "runpy.run_path"]
)
def test_other_names(tmp_path: Path, name: str) -> None:
    module, _, function = name.rpartition(".")
    (tmp_path / "a.pkl").write_bytes(f"c{module}\n{function}\n.".encode())
    refused(tmp_path / "a.pkl", f"contains {name}, which weights do not need")


def test_source_code_of_a_class_is_not_run(tmp_path: Path) -> None:
    files.write_pickle({"G_ema": files.Network("Generator", {})}, tmp_path / "a.pkl")
    assert read(tmp_path / "a.pkl")["G_ema"].name == "Generator"
    files.write_pickle({"G_ema": files.Network("Intruder", {})}, tmp_path / "a.pkl")
    refused(tmp_path / "a.pkl", "contains the class Intruder with its source code")


@pytest.mark.parametrize("name", unpickle.KNOWN)
def test_what_names_stand_for_cannot_be_changed(tmp_path: Path, name: str) -> None:
    """A pickle can give attributes to whatever it gets."""
    module, _, function = name.rpartition(".")
    before = dict(vars(unpickle.Opaque)), {known: repr(value) for known, value in unpickle.KNOWN.items()}
    for change in (b"(S'call'\nS'x'\nS'__init__'\nS'x'\nd", b"(N(S'call'\nS'x'\nS'__init__'\nS'x'\ndt"):
        (tmp_path / "a.pkl").write_bytes(b"\x80\x02c" + f"{module}\n{function}\n".encode() + change + b"b.")
        refused(tmp_path / "a.pkl", "damaged")
    assert (dict(vars(unpickle.Opaque)), {known: repr(value) for known, value in unpickle.KNOWN.items()}) == before


def test_stand_ins_are_lifeless(tmp_path: Path) -> None:
    state = b"(S'__class__'\nS'x'\nd"
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02cargparse\nNamespace\n)\x81" + state + b"b.")
    stand_in = read(tmp_path / "a.pkl")
    assert type(stand_in) is unpickle.Opaque
    assert not hasattr(stand_in, "__dict__")


def test_storages_stay_within_their_bytes(tmp_path: Path) -> None:
    tensor = torch.arange(6.0)
    torch.save(tensor, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "a.pt").read_bytes()
    for found, false in ((b"K\x06", b"K\x07"), (b"K\x06", b"J\xff\xff\xff\x7f"), (b"K\x06", b"J\xff\xff\xff\xff")):
        assert found in whole
        (tmp_path / "a.pt").write_bytes(whole.replace(found, false))
        refused(tmp_path / "a.pt", "damaged")
    torch.save(torch.ones(1).expand(1000, 1000), tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "repeats its storage")


class Legacy(pickle.Pickler):
    """Writes the name of a storage for any list."""

    def persistent_id(self, obj: Any) -> Any:
        return ("storage", torch.FloatStorage, "7", "cpu", 2, None) if isinstance(obj, list) else None


@pytest.mark.parametrize(("keys", "fits"), [(["7"], True), ([], False), (["7", "8"], False)])
def test_storages_are_all_there(tmp_path: Path, keys: list[str], fits: bool) -> None:
    with (tmp_path / "a.pt").open("wb") as file:
        for head in (unpickle.LEGACY_MAGIC, unpickle.LEGACY_VERSION, {"little_endian": True}):
            pickle.dump(head, file, protocol=2)
        Legacy(file, protocol=2).dump([])
        pickle.dump(keys, file, protocol=2)
        file.write(struct.pack("<qff", 2, 0.5, 1.5) * len(keys))
    if fits:
        assert read(tmp_path / "a.pt").tolist() == [0.5, 1.5]
    else:
        refused(tmp_path / "a.pt", "storages are missing")


def test_memory_is_not_made_for_false_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02K\x01r\xff\xff\xff\x7f.")
    assert read(tmp_path / "a.pkl") == 1


def legacy(content: bytes) -> bytes:
    """A file of torch without storages."""
    head = (unpickle.LEGACY_MAGIC, unpickle.LEGACY_VERSION, {"little_endian": True})
    return b"".join(pickle.dumps(part, protocol=2) for part in head) + content + pickle.dumps([], protocol=2)


def twice(data: bytes) -> bytes:
    """A pickle that loads the same storage two times."""
    called = b"h\x00h\x01\x85R"
    return (
        b"\x80\x03ctorch.storage\n_load_from_bytes\nq\x000"
        + pickle.dumps(data, 3)[2:-3]
        + b"q\x010"
        + called * 2
        + b"."
    )


PAIRS = b"K\x01" + b"2\x86" * 20  # a tuple of the same tuple twice, and so on
STORAGE = io.BytesIO()
torch.save(torch.ones(9), STORAGE, _use_new_zipfile_serialization=False)
SMALL_BUT: dict[str, tuple[bytes, str]] = {
    "a key that takes for ever": (b"\x80\x02}" + PAIRS + b"Ns.", "not a plain value"),
    "keys that take for ever": (b"\x80\x02}(" + PAIRS + b"Nu.", "not a plain value"),
    "a dictionary of such keys": (b"\x80\x02(" + PAIRS + b"Nd.", "not a plain value"),
    "a set of them": (b"\x80\x04\x8f(" + PAIRS + b"\x90.", "not a plain value"),
    "a frozen set of them": (b"\x80\x04(" + PAIRS + b"\x91.", "not a plain value"),
    "a set of a list of them": (b"\x80\x02cbuiltins\nset\n](" + PAIRS + b"e\x85R.", "not a plain value"),
    "an ordered dictionary of them": (
        b"\x80\x02ccollections\nOrderedDict\n](" + PAIRS + b"N\x86e\x85R.",
        "not a plain value",
    ),
    "a key that takes all of the stack": (b"\x80\x02}K\x01" + b"\x85" * 10**5 + b"Ns.", "not a plain value"),
    "a key of many digits": (
        b"\x80\x02}\x8b" + struct.pack("<I", 10**5) + bytes(10**5) + b"Ns.",
        "weights do not need",
    ),
    "many copies of bytes": (
        b"\x80\x02c_codecs\nencode\nX" + struct.pack("<I", 10**3) + b"a" * 10**3 + b"U\x06latin1\x86q\x00R"
        b"c_codecs\nencode\nh\x00R.",
        "larger than the file",
    ),
    "many copies of a list": (
        b"\x80\x02](" + b"N" * 10**3 + b"eq\x000" + b"ctorch\nSize\nh\x00\x85R" * 2 + b".",
        "larger than the file",
    ),
    "many arrays of the same bytes": (
        b"\x80\x03C\xc8" + b"a" * 200 + b"q\x000"
        b"cnumpy.core.multiarray\n_reconstruct\nq\x010cnumpy\nndarray\nq\x020cnumpy\ndtype\n"
        b"(X\x02\x00\x00\x00f4K\x00K\x01tRq\x030"
        b"(K\x01K2\x85h\x03\x89h\x00tq\x040" + b"h\x01h\x02K\x00\x85C\x01b\x87Rh\x04b" * 20 + b".",
        "larger than the file",
    ),
    "many sets": (b"\x80\x04(" + b"\x8f" * 2_000_000 + b"l.", "more instructions"),
    "a storage of many sets": (
        legacy(
            b"ctorch.storage\n_load_from_bytes\n("
            + pickle.dumps(legacy(b"(" + b"\x8f" * 1000 + b"l."), 3)[2:-1]
            + b"tR."
        ),
        "more instructions",
    ),
    "storages in a storage": (legacy(twice(legacy(twice(STORAGE.getvalue())))), "larger than the file"),
    "a name that cannot be printed": (
        b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n((S'class_name'\n(lS'state'\n}dtR.",
        "without a name",
    ),
}


@pytest.mark.parametrize("content", SMALL_BUT)
def test_small_files_do_not_become_large_or_slow(tmp_path: Path, content: str) -> None:
    data, said = SMALL_BUT[content]
    (tmp_path / "a.pkl").write_bytes(data)
    refused(tmp_path / "a.pkl", said)


def test_entries_of_archives_are_not_inflated(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02N.", zipfile.ZIP_STORED)
        archive.writestr("a/byteorder", bytes(10**6))
    refused(tmp_path / "a.pt", "a/byteorder is compressed")


def test_storages_of_archives_are_not_larger_than_the_file(tmp_path: Path) -> None:
    """Older versions of Python let entries overlap, so that each is most of the file."""

    def persistent_id(pickler: pickle.Pickler, obj: Any) -> Any:
        return ("storage", torch.FloatStorage, obj[0], "cpu", 1000) if isinstance(obj, list) else None

    pickled = io.BytesIO()
    type("Names", (pickle.Pickler,), {"persistent_id": persistent_id})(pickled, 2).dump((["0"], ["1"]))
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/data.pkl", pickled.getvalue())
        archive.writestr("a/data/0", bytes(4000))
    refused(tmp_path / "a.pt", "storages that are larger than the file")


def test_names_of_a_file_do_not_reach_the_terminal_raw(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"cos\n\x1b[2J" + b"x" * 10**5 + b"\n.")
    with pytest.raises(GeneratorFileError) as caught:
        read(tmp_path / "a.pkl")
    assert r"\x1b[2Jxx" in str(caught.value) and "\x1b" not in str(caught.value) and len(str(caught.value)) < 1000


def test_tensors_take_no_state(tmp_path: Path) -> None:
    """It would give them another storage, shape and strides than those that were checked."""
    state = b"h\x00K\x00(J\x00\xca\x9a\x3bt(K\x00ttb."
    with (tmp_path / "a.pt").open("wb") as file:
        for head in (unpickle.LEGACY_MAGIC, unpickle.LEGACY_VERSION, {"little_endian": True}):
            pickle.dump(head, file, protocol=2)
        whole = io.BytesIO()
        Legacy(whole, protocol=2).dump([])
        file.write(whole.getvalue()[:-1] + b"q\x00(" + state + pickle.dumps(["7"], protocol=2))
        file.write(struct.pack("<qff", 2, 0.5, 1.5))
    refused(tmp_path / "a.pt", "a state for a Tensor")


def test_programs_of_torchscript(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch would have us write something else
        torch.jit.script(nn.Linear(1, 1)).save(tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "a TorchScript program")


def test_persistent_ids_belong_to_torch_s_files(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"Pstorage\n.")
    refused(tmp_path / "a.pkl", "a persistent id")
