"""Fixtures for all tests."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from PIL import Image

from support import hfgi3d_assets, pti_assets, pti_runs, sam_assets, sam_runs
from support.browser import browser as browser
from support.commands import make_material
from support.gpu_report import REPORT, Report, finish
from support.logging_state import heard
from support.places import ADAPTERS
from support.weight_files import write_facenet, write_lpips_backbones
from zplus_plugins.system import console

_PIXELS = Image.MAX_IMAGE_PIXELS
collect_ignore = ["standins"]  # repositories, some of whose files have names of tests


@pytest.fixture(scope="session", autouse=True)
def signals_are_heeded() -> None:
    """Here, and in the processes that tests start, as from a terminal: nohup and a shell's background ignore some."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def one_thread_for_fixtures() -> Iterator[None]:
    """What fixtures of a module make is compared with what its tests make.

    So it is in the processes that they start, each of which would use all cores, and mostly wait for its own threads.
    """
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Bit-identity holds at a fixed thread count only, and tiny networks are faster with one."""
    yield
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def logging_is_given_back() -> Iterator[None]:
    """Or else it depends on the order of the tests whether a later one hears what is logged."""
    before = heard()
    yield
    assert heard() == before


@pytest.fixture(autouse=True)
def pillow_s_limit() -> Iterator[None]:
    """Scripts that run in this process lift it, and other tests' readers would have it lifted."""
    yield
    Image.MAX_IMAGE_PIXELS = _PIXELS


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled operations go to a folder of the test run's own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ZPLUS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "compiled"))
        yield


@pytest.fixture(scope="session", autouse=True)
def off_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is downloaded, and no weights are found that somebody has downloaded before."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TORCH_HOME", str(tmp_path_factory.getbasetemp() / "torch_home"))
        environment.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
        environment.setenv("no_proxy", "localhost")
        yield


@pytest.fixture(scope="session")
def made_torch_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of LPIPS's three backbones and of FaceNet, about 120 MB."""
    folder = tmp_path_factory.mktemp("made_torch_home")
    write_lpips_backbones(folder, ("vgg", "alex", "squeeze"))
    write_facenet(folder)
    return folder


@pytest.fixture
def torch_home(made_torch_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """They lie where the libraries look for them."""
    monkeypatch.setenv("TORCH_HOME", str(made_torch_home))
    return made_torch_home


@pytest.fixture
def spoken() -> Iterator[None]:
    """What the library logs is shown, as while a command runs."""
    with console.speaking():
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of material for the commands, to be read only: see :func:`make_material`."""
    folder = tmp_path_factory.mktemp("made")
    make_material(folder)
    return folder


@pytest.fixture
def material(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the test runs."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def prepared_pti(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pti_assets.Assets]:
    """Copies of PTI's checkouts with synthetic assets; made once, tests write to folders of their own."""
    base, made = tmp_path_factory.mktemp("pti"), {}

    def get(kind: str, resolution: Literal[64, 1024] = 64) -> pti_assets.Assets:
        key = f"{kind}-{resolution}"
        if key not in made:
            (base / key).mkdir()
            made[key] = pti_assets.prepare(
                base / key,
                pti_runs.checkout_of(kind),
                resolution=resolution,
                images=2 if resolution == 64 else 1,
                cache=base / "cache",
            )
        return made[key]

    return get


@pytest.fixture(scope="session")
def prepared_hfgi3d(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], hfgi3d_assets.Assets]:
    """The same for HFGI3D."""
    cache = tmp_path_factory.mktemp("hfgi3d")
    return functools.cache(lambda kind: hfgi3d_assets.prepare(tmp_path_factory.mktemp(kind), kind, cache))


@pytest.fixture(scope="session")
def prepared_sam(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], sam_assets.Assets]:
    """The same for SAM."""
    cache = tmp_path_factory.mktemp("sam")

    @functools.cache
    def prepared(kind: str) -> sam_assets.Assets:
        return sam_assets.prepare(tmp_path_factory.mktemp(kind), sam_runs.checkout_of(kind), images=2, cache=cache)

    return prepared


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--gpu-report", type=Path, metavar="FILE", help="Write the GPU tests' figures to FILE (Markdown).")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The GPU tests' figures, if there are any."""
    report, file = config.stash[REPORT], config.getoption("--gpu-report")
    if report:
        terminalreporter.section("GPU report")
    finish(report, file, terminalreporter.write)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of ``--dist loadscope``."""
    if config.getoption("dist") != "loadscope":
        return None
    from support.scheduling import Sharing

    return Sharing(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Rarely look for garbage, among hundreds of thousands of objects that stay until the end."""
    config.stash[REPORT] = Report()
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_finish() -> None:
    """Never look for it among what collecting made: each ``gc.collect()`` would take a third of a second."""
    if "hypothesis" in sys.modules:  # as in every large run; its own import looks for referrers among these objects
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests against real checkouts and on a GPU run where there are such things."""
    items.sort(key=lambda item: not item.nodeid.startswith(ADAPTERS))  # the longest that one worker does
    no_checkouts = pytest.mark.skip(reason="ZPLUS_UPSTREAMS does not name a folder with upstream checkouts")
    no_gpu = pytest.mark.skip(reason="no CUDA device")
    for item in items:
        if item.get_closest_marker("upstream") and "ZPLUS_UPSTREAMS" not in os.environ:
            item.add_marker(no_checkouts)
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(no_gpu)


@pytest.fixture(scope="session")
def upstreams() -> Path:
    """The folder that holds the real checkouts."""
    return Path(os.environ["ZPLUS_UPSTREAMS"]).resolve()
