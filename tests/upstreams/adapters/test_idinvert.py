"""IDInvert in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the real checkout."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from support.idinvert_assets import (
    MODEL,
    STEPS,
    Assets,
    Case,
    checkout_of,
    drive,
    prepare,
    refusals,
    run,
    summary,
    untouched,
    zplus,
)
from support.outcome import files, refused
from zplus_plugins import InversionRecord
from zplus_plugins.adapters.needs.idinvert.inversions import codes_in

KINDS = ["standin", pytest.param("upstream", marks=pytest.mark.upstream)]
Prepare = Callable[[str], Assets]

THEN_UNTOUCHED = """
import logging, runpy, sys
logging.getLogger("inversion_logger").handlers.clear()  # or the script takes it for in use
sys.argv[:], sys.path[:0] = ["invert.py", *{arguments!r}], ["."]
import sitecustomize
sitecustomize.encode_to_old_arrays()
runpy.run_path("invert.py", run_name="__main__")
"""
INTERRUPTED = f"""
from torch.optim.optimizer import register_optimizer_step_post_hook
from zplus_plugins import SphericalLatent
from zplus_plugins.upstreams.run.swapper import LeafSwapper
def stop(optimizer, *_):
    if sum(p.steps for p in swappers[0].progress) > {STEPS}:
        raise KeyboardInterrupt
swappers, install = [], LeafSwapper.install
LeafSwapper.install = lambda self, journal: (swappers.append(self), install(self, journal))
register_optimizer_step_post_hook(stop)
from zplus_plugins.__main__ import main
main()
"""
# w of a mixture of codes, and that of the mixture of their z.
MIXED = """
import sys, numpy as np, torch
from zplus_plugins import InversionRecord, mapping_of
sys.path.insert(0, ".")
from models.stylegan_generator import StyleGANGenerator
from utils.editor import mix_style
mapping = mapping_of(StyleGANGenerator(sys.argv[1]).net)
first, last = (InversionRecord.load(path) for path in sys.argv[2:])
w, z = (mix_style(a, b, num_layers=8, mix_layers=[4, 5, 6, 7])[0] for a, b in ((first.w, last.w), (first.z, last.z)))
with torch.no_grad():
    assert torch.equal(mapping(torch.from_numpy(z)), torch.from_numpy(w)) and not np.array_equal(w, last.w)
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """Copies of checkouts with synthetic assets; prepared once, tests write to folders of their own."""
    return functools.cache(lambda kind: prepare(tmp_path_factory.mktemp(kind), checkout_of(kind)))


@pytest.fixture(params=KINDS)
def assets(request: pytest.FixtureRequest, prepared: Prepare) -> Assets:
    return prepared(request.param)


@pytest.fixture(scope="module")
def inverted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Assets], Any]:
    """One inversion in Z+ of each checkout: its folder and its summary. Tests only read it."""
    made: dict[Path, Any] = {}

    def get(assets: Assets) -> Any:
        if assets.root not in made:
            folder = tmp_path_factory.mktemp("inverted")
            found = summary(assets, folder, "invert.py", *assets.inverting(folder / "test"))
            made[assets.root] = SimpleNamespace(folder=folder / "test", summary=found)
        return made[assets.root]

    return get


def results(folder: Path) -> dict[str, bytes]:
    """All files but the logs, in which there is the time."""
    return {name: content for name, content in files(folder).items() if not name.endswith(".log")}


def pictures(page: Path, columns: int) -> np.ndarray[Any, Any]:
    """The pictures in a page's table, as they are encoded there, with the texts of the cells without one."""
    cells = re.findall(r"<td>(.*?)</td>", page.read_text(), re.DOTALL)
    cells = [cell for cell in cells if "base64" in cell]
    return np.array(cells).reshape(-1, columns)


def require_records(found: dict[str, Any], folder: Path, code_file: str, names: list[str]) -> None:
    """Every code has a record by its picture's name, and z of it is on the hypersphere."""
    codes = np.load(folder / f"{code_file}.npy")
    assert codes.shape == (len(names), 8, 16)
    assert [Path(record).name for record in found["records"]] == [f"{code_file}-{name}.zplus.npz" for name in names]
    for name, code in zip(names, codes, strict=True):
        record = InversionRecord.load(folder / f"{code_file}-{name}.zplus.npz")
        record.require_code(code[None], folder)
        assert record.latent("cpu", name).sphere_error() <= 1e-5
        assert (record.provenance.init, record.provenance.steps) == ("project", STEPS)
        assert record.truncation.psi == 1  # the inverter goes around it


def require_mapped(watched: Path, steps: int) -> None:
    """In every step z was on the hypersphere, and w was map(z), bit for bit."""
    lines = [line.split() for line in watched.read_text().splitlines()]
    assert len(lines) == steps
    assert max(float(error) for error, _ in lines) <= 1e-5
    assert {same for _, same in lines} == {"True"}


class TestInvert:
    def test_writes_upstream_s_files_and_a_record_for_each_picture(
        self, assets: Assets, inverted: Callable[[Assets], Any]
    ) -> None:
        done = inverted(assets)
        found = done.summary
        assert (found["images"], found["steps"], found["retractions"]) == (2, 2 * STEPS, 2 * STEPS)
        assert found["max_sphere_error"] <= 1e-5
        require_records(found, done.folder, "inverted_codes", ["crop0", "crop1"])
        of_each = {f"crop{number}_{kind}.png" for number in (0, 1) for kind in ("ori", "enc", "inv")}
        own = {"image_list.txt", "inversion.html", "inversion.log", "inverted_codes.npy"}
        assert {name for name in files(done.folder) if not name.endswith(".npz")} == of_each | own

    def test_diffuse_inverts_some_at_once(self, assets: Assets, tmp_path: Path) -> None:
        found = summary(assets, tmp_path, "diffuse.py", *assets.diffusing(tmp_path / "out"))
        assert (found["images"], found["steps"], found["retractions"]) == (2, STEPS, STEPS)
        names = ["crop0-crop0", "crop0-crop1"]
        require_records(found, tmp_path / "out", "first_TO_all_inverted_codes", names)

    def test_one_code_for_all_layers(self, assets: Assets, tmp_path: Path) -> None:
        settings = {"watch": str(tmp_path / "watch.txt"), "options": {"latent": "z"}}
        drive(assets, tmp_path, settings, "diffuse.py", *assets.diffusing(tmp_path / "out"))
        require_mapped(tmp_path / "watch.txt", STEPS)

    def test_off_is_the_untouched_upstream_byte_for_byte(self, assets: Assets, tmp_path: Path) -> None:
        untouched(assets, "invert.py", *assets.inverting(tmp_path / "untouched"))
        zplus(assets, "run", "--latent", "off", "invert.py", *assets.inverting(tmp_path / "off"))
        # In Z+, then the untouched upstream in the same process.
        after = THEN_UNTOUCHED.format(arguments=assets.inverting(tmp_path / "after"))
        settings = {"watch": str(tmp_path / "watch.txt"), "then_untouched": after}
        drive(assets, tmp_path, settings, "invert.py", *assets.inverting(tmp_path / "before"))
        require_mapped(tmp_path / "watch.txt", 2 * STEPS)
        expected = results(tmp_path / "untouched")
        assert len(expected) == 9
        assert results(tmp_path / "off") == expected == results(tmp_path / "after")
        assert results(tmp_path / "before")["crop0_inv.png"] != expected["crop0_inv.png"]
        for out, options in (("plain", None), ("with", "off")):
            arguments = ["manipulate.py", MODEL, tmp_path / "off", boundary(assets), "-o", tmp_path / out, "--step", 3]
            untouched(assets, *arguments) if options is None else zplus(assets, "run", "--latent", options, *arguments)
        assert results(tmp_path / "plain") == results(tmp_path / "with")

    def test_diffuse_off_is_the_untouched_upstream_byte_for_byte(self, assets: Assets, tmp_path: Path) -> None:
        untouched(assets, "diffuse.py", *assets.diffusing(tmp_path / "untouched"))
        zplus(assets, "run", "--latent", "off", "diffuse.py", *assets.diffusing(tmp_path / "off"))
        expected = results(tmp_path / "untouched")
        assert len(expected) == 4
        assert results(tmp_path / "off") == expected

    def test_ctrl_c_leaves_nothing_half_written(self, assets: Assets, tmp_path: Path) -> None:
        ended = run(assets, "-c", INTERRUPTED, "run", "invert.py", *assets.inverting(tmp_path / "out"))
        assert ended.returncode == 130, ended.stderr[-3000:]
        assert "zplus: interrupted" in ended.stderr and "Traceback" not in ended.stderr
        assert set(files(tmp_path / "out")) == {"inversion.log"}


def boundary(assets: Assets) -> Path:
    """The normal of a boundary in two layers, as upstream's are saved."""
    path = assets.root / "synthetic" / "smile.npy"
    normal = np.random.default_rng(0).normal(size=(1, 8, 16))
    content = {"boundary": normal / np.linalg.norm(normal), "meta_data": {"manipulate_layers": [2, 3]}}
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    return path


class TestEdits:
    def test_manipulated_codes_stay_on_the_sphere(
        self, assets: Assets, inverted: Callable[[Assets], Any], tmp_path: Path
    ) -> None:
        arguments = ["manipulate.py", MODEL, inverted(assets).folder, boundary(assets), "--step", 3, "--viz_size", 0]
        distances = ["--start_distance", -2, "--end_distance", 2]
        found = summary(assets, tmp_path, *arguments, *distances, "-o", tmp_path / "z")
        zplus(assets, "run", "--latent", "off", *arguments, *distances, "-o", tmp_path / "w")
        assert len(found["edits"]) == 6
        for i, edit in enumerate(found["edits"]):
            assert edit["sphere_error"] <= 1e-5
            assert (edit["wanted"] == 0) == (edit["gain"] is None) == (i % 3 == 1)
            assert i % 3 == 1 or edit["residual"] < edit["wanted"]
        in_z, in_w = (pictures(tmp_path / space / "SMILE_test.html", 5) for space in "zw")
        assert (in_z[:, :2] == in_w[:, :2]).all()  # the original and its inversion
        assert (in_z[:, 2:] == in_w[:, 2:]).tolist() == [[False, True, False]] * 2

    def test_interpolations_start_and_end_at_the_saved_codes(
        self, assets: Assets, inverted: Callable[[Assets], Any], tmp_path: Path
    ) -> None:
        folder = inverted(assets).folder
        arguments = ["interpolate.py", MODEL, folder, folder, "--step", 1, "--viz_size", 0]
        found = summary(assets, tmp_path, *arguments, "-o", tmp_path / "z")
        zplus(assets, "run", "--latent", "off", *arguments, "-o", tmp_path / "w")
        assert [edit["distance"] for edit in found["edits"]] == pytest.approx(
            [0, 0, 0, *[0, 0.5, 0], *[0, 0.5, 0], 0, 0, 0]
        )
        assert max(edit["sphere_error"] for edit in found["edits"]) <= 1e-5
        in_z, in_w = (pictures(tmp_path / space / "test_TO_test.html", 5) for space in "zw")
        same = (in_z == in_w)[:, 1:4].tolist()
        assert same == [[True, True, True], [True, False, True], [True, False, True], [True, True, True]]

    def test_mixed_codes_are_the_map_of_mixed_z_as_they_are(
        self, assets: Assets, inverted: Callable[[Assets], Any], tmp_path: Path
    ) -> None:
        done = inverted(assets)
        arguments = ["mix_style.py", MODEL, done.folder, done.folder, "--mix_layer_start_idx", 4]
        zplus(assets, "run", *arguments, "-o", tmp_path / "z")
        zplus(assets, "run", "--latent", "off", *arguments, "-o", tmp_path / "w")
        assert results(tmp_path / "z") == results(tmp_path / "w")
        ended = run(assets, "-c", MIXED, MODEL, *done.summary["records"])
        assert ended.returncode == 0, ended.stderr[-3000:]


def test_what_cannot_work_is_refused_before_anything_is_done(
    assets: Assets, inverted: Callable[[Assets], Any], tmp_path: Path
) -> None:
    normal, folder = boundary(assets), inverted(assets).folder
    weights = f"models/pretrain/{MODEL}"
    for name, content in {"text": b"hello", "blank.list": b"synthetic/crop0.png\n\n", "gone.list": b"gone.png"}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "damaged.list").write_text(f"{tmp_path / 'text'}\n")
    np.save(tmp_path / "flat.npy", np.zeros(16))
    (tmp_path / "logged").mkdir()
    (tmp_path / "logged" / "inversion.log").touch()
    (tmp_path / "with space").mkdir()
    (tmp_path / "w").mkdir()
    for name, content in files(folder).items():
        if not name.endswith(".npz"):
            (tmp_path / "w" / name).write_bytes(content)

    def invert(*arguments: object, out: object = tmp_path / "out") -> list[object]:
        return ["run", "invert.py", *assets.inverting(out), *arguments]

    def of_list(name: str) -> list[object]:
        return ["run", "invert.py", MODEL, tmp_path / name, "-o", tmp_path / "out"]

    def manipulate(*arguments: object) -> list[object]:
        return ["run", "manipulate.py", MODEL, *arguments, "-o", tmp_path / "out"]

    text = str(tmp_path / "text")
    cases = [
        Case(invert(), 1, (f"{MODEL}_generator.pth", "README"), f"{weights}_generator.pth"),
        Case(invert(), 1, (f"{MODEL}_encoder.pth", "README"), f"{weights}_encoder.pth"),
        Case(invert(), 1, ("vgg16.pth", "README"), "models/pretrain/vgg16.pth"),
        Case(invert(), 1, (f"{MODEL}_generator.pth", "cannot be read"), f"{weights}_generator.pth", text),
        Case(
            invert(),
            1,
            (f"{MODEL}_generator.pth", "mapping.dense0.fc.weight"),
            f"{weights}_generator.pth",
            f"{weights}_encoder.pth",
        ),
        Case(
            ["run", "invert.py", "styleganinv_tower256", "synthetic/all.list"],
            1,
            ("32 x 32", "256 x 256"),
            f"{weights.replace(MODEL, 'styleganinv_tower256')}_generator.pth",
            f"{weights}_generator.pth",
        ),
        Case(["run", "invert.py", "unknown", "synthetic/all.list"], 2, ("unknown", "styleganinv_ffhq256")),
        Case(of_list("absent.list"), 1, ("absent.list", "cannot be read")),
        Case(of_list("blank.list"), 1, ("line 2", "blank")),
        Case(of_list("gone.list"), 1, ("gone.png",)),
        Case(of_list("damaged.list"), 1, (text, "damaged.list")),
        Case(invert("--num_results", 0), 2, ("--num_results 0", f"1 to {STEPS}")),
        Case(invert("--num_results", STEPS + 1), 2, (f"--num_results {STEPS + 1}",)),
        Case(invert("--num_iterations", 0), 2, ("num_iterations is 0", "--latent off")),
        Case(invert(out=tmp_path / "logged"), 1, ("inversion.log", "-o")),
        Case(invert(out=tmp_path / "with space"), 2, ("output_dir", "with space", "shell")),
        Case(invert(out=text), 1, ("output folder", f"{text} is a file")),
        Case(manipulate(folder, tmp_path / "absent.npy"), 1, ("boundary", "absent.npy")),
        Case(manipulate(folder, text), 1, ("boundary", "numpy.save")),
        Case(manipulate(folder, tmp_path / "flat.npy"), 1, ("flat.npy", "(16,)", "(1, layers, dim)")),
        Case(manipulate(tmp_path, normal), 1, ("image_dir", "image_list.txt", "invert.py")),
        Case(manipulate(tmp_path / "w", normal), 1, (str(tmp_path / "w"), "record", "--latent off")),
    ]
    for case, (status, said) in zip(cases, refusals(assets, cases), strict=True):
        refused(SimpleNamespace(exit_code=status, output=said), case.status, *case.says)
    assert set(files(tmp_path / "logged")) == {"inversion.log"}
    assert not list((tmp_path / "with space").iterdir())
    assert not [name for name in files(tmp_path) if name.startswith("out/") and not name.endswith(".log")]


LISTS = {"two": ["a/x.png", "b.c.jpg"], "the same name": ["a/x.png", "b/x.png"], "another number": ["a.png"]}


@pytest.mark.parametrize(("name", "expected"), [*zip(LISTS, [["x", "b.c"], ["0", "1"], ["0", "1"]], strict=True)])
def test_records_are_named_by_pictures_where_that_tells_them_apart(
    name: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "image_list.txt").write_text("".join(f"{line}\n" for line in LISTS[name]))
    codes = np.zeros((2, 8, 16), np.float32)
    found = list(codes_in(tmp_path / "inverted_codes.npy", codes))
    assert [path.name for path, _ in found] == [f"inverted_codes-{one}.npy" for one in expected]
    assert not list(codes_in(tmp_path / "x_inv.npy", codes))


def test_commands_that_only_look(assets: Assets, tmp_path: Path) -> None:
    cases = [Case(["run", "--dry-run", "diffuse.py", *assets.diffusing(tmp_path / "out")], 0, ("\nready ",))]
    cases += [Case(["check", f"{name}.py"], 0, ()) for name in ("invert", "interpolate")]
    for case, (status, said) in zip(cases, refusals(assets, cases), strict=True):
        assert status == 0, said
        for part in case.says:
            assert part in said
    assert not (tmp_path / "out").exists()
