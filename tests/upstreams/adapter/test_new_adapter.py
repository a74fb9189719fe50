"""``zplus new-adapter``: what it writes, from the template and from a script's source, and what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from support.written_adapters import imported, make_checkout, register, run_here, zplus
from zplus_plugins.upstreams import unfinished

FROM_SCRIPT = {"README.md", "pyproject.toml", "setup.cfg", "tests/test_description.py", "zplus_mine.py"}
FILES = FROM_SCRIPT | {"tests/standin/invert.py", "tests/standin/model.py", "tests/test_mine.py"}
SCRIPT = ("invert.py", "--ckpt", "generator.pt", "picture.png")


def new_adapter(*arguments: object) -> Result:
    return zplus("new-adapter", *arguments)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_writes_all_files_with_the_name_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = new_adapter("mine")
    assert result.exit_code == 0, result.output
    assert files(tmp_path) == {f"zplus-mine/{name}" for name in FILES}
    assert set(result.stdout.split()) == {str(tmp_path / "zplus-mine" / name) for name in FILES}
    assert new_adapter("two-words", "--folder", tmp_path / "deep" / "er").exit_code == 0
    assert (tmp_path / "deep" / "er" / "zplus_two_words.py").is_file()
    for name in files(tmp_path):
        text = (tmp_path / name).read_text()
        assert "new-name" not in text
        assert "new_name" not in text
        if name.endswith(".py"):
            compile(text, name, "exec")
    config = (tmp_path / "deep" / "er" / "setup.cfg").read_text()
    assert "name = zplus-two-words" in config
    assert "two-words = zplus_two_words:ADAPTER" in config


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path / "checkout")


@pytest.fixture
def proposed(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Result]:
    """The distribution that is proposed for the template's own script, and what the command said; in the checkout."""
    monkeypatch.chdir(checkout)
    folder = tmp_path / "zplus-mine"
    return folder, new_adapter("mine", "--folder", folder, "--from", "invert.py")


def fill_in(folder: Path, old: str, new: str) -> None:
    """Replace a text in a distribution's adapter, where it is once."""
    file = folder / "zplus_mine.py"
    assert file.read_text().count(old) == 1
    file.write_text(file.read_text().replace(old, new))


def test_a_script_s_source_fills_in_the_description(
    proposed: tuple[Path, Result], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its two texts that say TODO replaced, the proposal for the template's own script runs it."""
    folder, result = proposed
    assert result.exit_code == 0, result.output
    assert files(folder) == FROM_SCRIPT
    fill_in(folder, "TODO: the repository's address", "https://example.org/us/it")
    fill_in(folder, "TODO: where to download it", "Train it.")
    adapter = register(monkeypatch, folder)
    assert adapter.generator[0].where == "model:Generator" and adapter.markers == ("model.py",)  # type: ignore[attr-defined]
    assert "ckpt, steps, out, picture" in (folder / "zplus_mine.py").read_text()
    assert "yes (no git history; fits by name)" in zplus("adapters").output
    absent = zplus("run", "invert.py", "--ckpt", "generator.pt", "absent.png")
    assert absent.exit_code == 1 and "there is no image absent.png" in absent.output
    run = zplus("run", *SCRIPT)
    assert run.exit_code == 0, run.output
    assert "(no git history; fits by name)" in run.output
    assert "20 steps, 20 retractions" in run.output
    assert (checkout / "results" / "picture.zplus.npz").is_file()


def test_what_is_left_to_find_out_is_listed_with_the_next_commands(proposed: tuple[Path, Result]) -> None:
    folder, result = proposed
    lines = (folder / "zplus_mine.py").read_text().splitlines()
    listed = re.findall(rf"^  {re.escape(str(folder))}/zplus_mine.py:(\d+): (TODO: .+)$", result.stderr, re.MULTILINE)
    assert [text for _, text in listed] == ["TODO: the repository's address", "TODO: where to download it"]
    assert all(text in lines[int(number) - 1] for number, text in listed)
    assert f"pip install -e '{folder}[test]' && pytest {folder}" in result.stderr
    assert "zplus check --adapter mine invert.py\n" in result.stderr
    assert "zplus run --adapter mine --dry-run invert.py, followed by the script's own arguments\n" in result.stderr
    assert "TODO" not in result.stdout


def test_an_unfinished_adapter_runs_nothing(
    proposed: tuple[Path, Result], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = proposed
    register(monkeypatch, folder)
    before = files(checkout)
    for left in (["upstream", "scripts[0].needs[0].remedy"], ["scripts[0].needs[0].remedy"]):
        check = zplus("check", "invert.py")
        assert check.exit_code == 1
        found = re.findall(r"^missing +TODO +(\S+) +TODO: .+$", check.output, re.MULTILINE)
        assert found == left
        assert (
            f"not finished: replace what says TODO in the description of the adapter 'mine': {', '.join(left)}\n"
            in (check.output)
        )
        for options in ((), ("--dry-run",), ("--latent", "off")):
            run = zplus("run", *options, *SCRIPT)
            assert run.exit_code == 1
            assert "The adapter 'mine' is not finished." in run.output
            assert "scripts[0].needs[0].remedy: TODO: where to download it" in run.output
        if len(left) == 2:
            fill_in(folder, "TODO: the repository's address", "https://example.org/us/it")
            register(monkeypatch, folder)
    assert "yes (no git history; not finished)" in zplus("adapters").output
    assert files(checkout) == before


def test_the_proposal_s_own_tests(
    proposed: tuple[Path, Result], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = proposed
    fill_in(folder, "TODO: the repository's address", "https://example.org/us/it")

    def tests() -> Any:
        adapter = register(monkeypatch, folder)
        module: Any = imported(folder / "tests" / "test_description.py")
        monkeypatch.setattr(module, "subprocess", SimpleNamespace(run=run_here))
        assert adapter is module.ADAPTER
        return module

    monkeypatch.setenv("CHECKOUT", str(checkout))
    early = tests()
    with pytest.raises(AssertionError):
        early.test_nothing_is_left_to_find_out()
    with pytest.raises(AssertionError, match=re.escape("scripts[0].needs[0].remedy")):
        early.test_it_fits_the_checkout("invert.py")
    fill_in(folder, "TODO: where to download it", "Train it.")
    finished = tests()
    finished.test_nothing_is_left_to_find_out()
    finished.test_it_fits_the_checkout("invert.py")
    (checkout / "model.py").write_text("class Other: ...\n")
    with pytest.raises(AssertionError, match=r"model\.py defines no Generator"):
        finished.test_it_fits_the_checkout("invert.py")


MAPPING = """
def mapping(generator, truncation):
    return FunctionMapping(
        generator,
        lambda z: 2 * generator.style(z),
        z_dim=16,
        w_dim=16,
        num_ws=4,
        network=generator.style,
        truncation=truncation,
    )


ADAPTER = Adapter(
    mapping=mapping,
"""


def test_the_template_s_test_takes_the_description_s_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "zplus-mine"
    assert new_adapter("mine", "--folder", folder).exit_code == 0
    fill_in(folder, "ADAPTER = Adapter(\n", MAPPING)
    fill_in(folder, "import Adapter, ", "import FunctionMapping, Adapter, ")
    register(monkeypatch, folder)
    tests: Any = imported(folder / "tests" / "test_mine.py")

    def python(root: Path, *command: str) -> Path:
        monkeypatch.chdir(root)
        done = run_here([sys.executable, *command])
        assert done.returncode == 0, done.stderr
        return root / "results" / "picture.npy"

    monkeypatch.setattr(tests, "python", python)
    root = make_checkout(tmp_path / "checkout")
    tests.test_runs_in_z_plus(root)
    assert np.abs(np.load(root / "results" / "picture.npy")).max() > 0


@pytest.mark.parametrize(
    ("script", "parts"),
    [
        (
            "import click\n@click.option('--out-dir', 'outdir')\ndef main(outdir):\n"
            "    np.savez(f'{outdir}/x.npz', seed=0, w=code)\n",
            ['codes="{outdir}/x.npz"', 'code_item="w"', "content=None", 'Writable("{outdir}")'],
        ),
        (
            "def main():\n    G = legacy.load_network_pkl(f)['G_ema'].cuda()\n    torch.optim.Adam([w])\n",
            ['ResultOf("legacy:load_network_pkl", pick="G_ema")', "device.PATCH", "gate=Gate(", "invert.py:main"],
        ),
        ("import argparse\n", ['codes="TODO: nothing', 'Estimate("TODO: no optimizer', 'InstanceOf("TODO: no class']),
        (
            "torch.save({'latent': w}, os.path.join(opts.out, 'codes', name))\n",
            ['codes="*/codes/*"', 'code_item="latent"'],
        ),
    ],
)
def test_what_a_source_tells_and_what_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, parts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "invert.py").write_text(f"\ufeff{script}", encoding="utf-8")
    result = new_adapter("mine", "--from", "invert.py")
    assert result.exit_code == 0, result.output
    source = (tmp_path / "zplus-mine" / "zplus_mine.py").read_text()
    names: dict[str, Any] = {}
    exec(source, names)
    for part in parts:
        assert part in source, source
    left = unfinished(names["ADAPTER"])
    assert left["upstream"] == "TODO: the repository's address"
    assert source.count("TODO") == len(left) == result.stderr.count(" TODO: ")
    assert max(map(len, source.splitlines())) <= 120


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/some/one.git", "https://github.com/some/one"),
        ("https://name:secret@gitlab.com/some/one/", "https://gitlab.com/some/one"),
        ("git@github.com:some/one.git", "https://github.com/some/one"),
        ("ssh://git@github.com/some/one", "https://github.com/some/one"),
        ("/home/me/one", "TODO: the repository's address"),
    ],
)
def test_the_address_is_that_which_the_checkout_was_cloned_from(tmp_path: Path, url: str, address: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", url], check=True)
    (tmp_path / "invert.py").write_text("")
    assert new_adapter("mine", "--folder", tmp_path / "mine", "--from", tmp_path / "invert.py").exit_code == 0
    assert f'    upstream="{address}",\n' in (tmp_path / "mine" / "zplus_mine.py").read_text()


def test_comments_end_at_words(tmp_path: Path) -> None:
    calls = f"torch.optim.Adam([{', '.join(f'parameter_{n}' for n in range(20))}])\n"
    (tmp_path / "invert.py").write_text(f"{calls}np.save(name, np.concatenate([{', '.join(['codes'] * 30)}]))\n")
    assert new_adapter("mine", "--folder", tmp_path / "mine", "--from", tmp_path / "invert.py").exit_code == 0
    comments = re.findall(r"# .*invert\.py:\d: (.+)", (tmp_path / "mine" / "zplus_mine.py").read_text())
    assert [comment.split()[-2:] for comment in comments] == [["parameter_4,", "..."], ["codes,", "..."]]


def test_the_readme_says_where_the_package_is_from(tmp_path: Path) -> None:
    (tmp_path / "invert.py").write_text("")
    for name, options in (("one", ()), ("two", ("--from", tmp_path / "invert.py"))):
        assert new_adapter(name, "--folder", tmp_path / name, *options).exit_code == 0
        readme = (tmp_path / name / "README.md").read_text()
        assert "on no package index" in readme and "from a clone" in readme and "http" not in readme


def test_a_script_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "invert.py").write_text("def (")
    for script in ("invert.py", "absent.py", "."):
        result = new_adapter("mine", "--from", script)
        assert result.exit_code == 2 and script in result.output, result.output
    assert files(tmp_path) == {"invert.py"}


@pytest.mark.upstream
@pytest.mark.parametrize(
    "script",
    [
        "stylegan2-ada-pytorch/projector.py",
        "stylegan2-pytorch/projector.py",
        "StyleCLIP/optimization/run_optimization.py",
    ],
)
def test_every_place_that_is_proposed_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstreams: Path, script: str
) -> None:
    result = new_adapter("mine", "--from", upstreams / script, "--folder", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    file = tmp_path / "mine" / "zplus_mine.py"
    file.write_text(file.read_text().replace("TODO", "done"))
    register(monkeypatch, tmp_path / "mine")
    check = zplus("check", upstreams / script)
    assert check.exit_code == 0, check.output
    assert "missing" not in check.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My_Adapter", "Did you mean my-adapter?"),
        ("mine-", "Did you mean mine?"),
        ("../mine", "Did you mean mine?"),
        ("", "use lower-case letters, digits and hyphens."),
        ("pti", "adapter 'pti', from zplus-plugins"),
        ("plugins", "zplus-plugins is the name of this package"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = new_adapter(name)
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("keep")
    result = new_adapter("mine", "--folder", folder)
    assert result.exit_code == 2
    assert "exists. Choose another folder" in result.output
    assert files(tmp_path) == {"mine/notes.txt"}


def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text, written = Path.write_text, []

    def full_disk(path: Path, *args: Any, **kwargs: Any) -> int:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        return write_text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full_disk)
    result = new_adapter("mine", "--folder", tmp_path / "mine")
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert list(tmp_path.iterdir()) == []
