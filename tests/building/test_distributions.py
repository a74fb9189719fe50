"""The sdist and its wheel: what is in them, what they say of themselves, and whether an index takes them."""

from __future__ import annotations

import email
import email.message
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from support.places import ROOT
from zplus_plugins import __version__
from zplus_plugins.building.description import VARIABLE

ADDRESS = "https://example.org/someone/zplus-plugins"
IGNORED = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)


@dataclass(frozen=True)
class Made:
    """A wheel, and the files that an index would get."""

    wheel: Path
    files: tuple[Path, ...]

    def metadata(self) -> email.message.Message:
        with zipfile.ZipFile(self.wheel) as archive:
            return email.message_from_bytes(archive.read(f"zplus_plugins-{__version__}.dist-info/METADATA"))

    def description(self) -> str:
        return str(self.metadata().get_payload(decode=True), "utf-8")  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, which stays clean."""
    folder = tmp_path_factory.mktemp("distributions") / "source"
    return Path(shutil.copytree(ROOT, folder, ignore=IGNORED, symlinks=True))


def built(source: Path, out: Path, address: str, *kinds: str) -> list[Path]:
    """What ``python -m build`` makes of it without a compiler; first the sdist, if there is one."""
    environment = {name: value for name, value in os.environ.items() if name != "ZPLUS_PREBUILT"}
    environment |= {VARIABLE: address, "CXX": "/nowhere/c++"}
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deprecat" not in done.stdout + done.stderr
    return sorted(out.iterdir(), key=lambda path: path.suffix)


@pytest.fixture(scope="module")
def both(source: Path) -> tuple[Path, Path]:
    """An sdist, and the wheel built from it."""
    sdist, wheel = built(source, source.parent / "dist", "")
    assert (sdist.name, wheel.name) == (
        f"zplus_plugins-{__version__}.tar.gz",
        f"zplus_plugins-{__version__}-py3-none-any.whl",  # without ZPLUS_PREBUILT, nothing is compiled
    )
    return sdist, wheel


@pytest.fixture(scope="module", params=["", ADDRESS], ids=["no repository", "repository"])
def made(request: pytest.FixtureRequest, source: Path, both: tuple[Path, Path]) -> Made:
    """Those, or where the repository is known a wheel alone: its description and addresses are the sdist's, too."""
    if not request.param:
        return Made(both[1], both)
    (wheel,) = built(source, source.parent / "described", request.param, "--wheel")
    return Made(wheel, (wheel,))


def test_the_sdist_has_all_that_builds_tests_and_explains(both: tuple[Path, Path]) -> None:
    sdist, _ = both
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        links = [member.name for member in archive if member.issym() or member.islnk()]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    wanted = set(listed.stdout.split()) or {"CITATION.cff", "SECURITY.md", "CHANGELOG.md", "docs/comparing.md"}
    wanted -= {"zplus_plugins/adapters", "zplus_plugins/patches"}  # links, of which the files are there
    assert not links
    assert {name for name in wanted if (ROOT / name).is_file()} <= names
    assert not [name for name in names if re.search(r"__pycache__|\.pyc$|\.so$|(^|/)\.(git|venv)(/|$)", name)]
    assert sdist.stat().st_size < 20e6


def test_the_wheel_has_the_package_alone(both: tuple[Path, Path]) -> None:
    _, wheel = both
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"zplus_plugins", f"zplus_plugins-{__version__}.dist-info"}
    packages = ("tests", "docs")
    assert not [name for name in names if name.split("/")[1] in packages or name.endswith((".so", ".pyc"))]
    for folder, below in (
        ("weights", "weights"),
        ("compare/assets", "compare/assets"),
        ("studio/assets", "studio/assets"),
    ):
        files = {
            f"zplus_plugins/{below}/{path.name}"
            for path in (ROOT / "zplus_plugins" / folder).iterdir()
            if path.is_file()
        }
        assert files <= set(names), files - set(names)
    for part in (
        "py.typed",
        "adapters/bdinvert.py",
        "patches/device.py",
        *(f"ops/csrc/{path.name}" for path in (ROOT / "zplus_plugins" / "ops" / "csrc").iterdir()),
        "building/backend.py",
        "upstreams/template/setup.cfg",
        "upstreams/template/zplus_new_name.py",
        "upstreams/template/tests/standin/invert.py",
    ):
        assert f"zplus_plugins/{part}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert wheel.stat().st_size < 10e6


def test_what_it_says_of_itself(made: Made) -> None:
    metadata = made.metadata()
    assert (metadata["Name"], metadata["Version"], metadata["License-Expression"]) == (
        "zplus-plugins",
        __version__,
        "MIT",
    )
    assert metadata["Author"] == metadata["Maintainer"] == "The zplus-plugins authors"
    assert "Author" in metadata and "The zplus-plugins authors" in (ROOT / "LICENSE").read_text()
    classifiers = metadata.get_all("Classifier", [])
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)} <= set(classifiers)
    assert metadata["Requires-Python"] == ">=3.10"
    addresses = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL", []))
    assert addresses.pop("Paper: Z+") == "https://arxiv.org/abs/2307.08995"
    own = {name: address for name, address in addresses.items() if not name.startswith("Paper")}
    assert set(own) in (set(), {"Repository", "Documentation", "Changelog", "Issues"})
    assert all(address.startswith(ADDRESS) for address in own.values())


def test_an_index_takes_it_and_shows_it(made: Made) -> None:
    pytest.importorskip("twine", reason="the extra dev has it")
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, made.files)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("PASSED") == len(made.files), done.stdout + done.stderr


def test_no_link_of_the_description_leads_nowhere(made: Made) -> None:
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", made.description(), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)", prose) + re.findall(r"(?:src|href)=\"([^\"]*)\"", prose)
    assert targets
    assert all(target.startswith("https://") for target in targets), targets
    own = [target for target in targets if target.startswith(ADDRESS)]
    for target in own:
        path = re.sub(rf"^{ADDRESS}/(blob|raw)/v{re.escape(__version__)}/", "", target).partition("#")[0]
        assert (ROOT / path).exists(), target
    repository = any(line.startswith("Repository") for line in made.metadata().get_all("Project-URL", []))
    assert bool(own) == repository


def test_the_citation_and_the_changelog_name_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert citation["version"] == __version__
    assert f"\n## [{__version__}] - {citation['date-released']}\n" in changelog
    assert changelog.index("## [Unreleased]") < changelog.index(f"## [{__version__}]")
