"""HFGI3D's configuration, a Python file that the script copies into its checkout and imports."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source
from zplus_plugins.upstreams.patching.journal import Journal

CONFIG = "example_configs.config"
# What the script and its modules read from the user's configuration.
READ = (
    *("stylegan2_ada_ffhq", "checkpoints_dir", "embedding_base_dir", "experiments_output_dir"),
    *("multi_views_output_dir", "input_data_path", "name", "input_data_id", "pti_results_keyword", "optimization"),
)


def _require_config(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"There is no configuration {path}. Give one, such as ../../example_configs/config_00001.py.")
    try:
        tree = parse_source(path)[1]
    except UnreadableSourceError as error:
        raise UsageError(f"The configuration {path} cannot be read as Python: {error}") from None
    text = {getattr(node, "id", "") for statement in tree.body for node in getattr(statement, "targets", ())}
    absent = [name for name in READ if name not in text]
    if absent:
        raise UsageError(f"The configuration {path} does not set {', '.join(absent)}, which the script reads.")


def _configure(journal: Journal, run: RunContext) -> None:
    def find_config(settings: ModuleType) -> None:
        if len(sys.argv) < 2:
            raise UsageError("The script needs a configuration, such as ../../example_configs/config_00001.py.")
        given = Path(sys.argv[1])
        _require_config(given)
        folder = tempfile.TemporaryDirectory(prefix="zplus-config-")
        journal.callback(folder.cleanup)
        # The journal forgets the checkout's modules after the run, but this package is outside the checkout.
        for name in (CONFIG, CONFIG.partition(".")[0]):
            journal.callback(functools.partial(sys.modules.pop, name, None))
        package = Path(folder.name, "example_configs")
        package.mkdir()
        shutil.copyfile(given, package / "config.py")
        sys.path.insert(0, folder.name)

    def keeping(copy: Callable[..., Any]) -> Callable[..., Any]:
        def keep_theirs(source: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
            is_config = str(target).endswith("example_configs/config.py")
            return target if is_config else copy(source, target, *args, **kwargs)

        return keep_theirs

    # The script imports this module before it reads its command line.
    journal.when_imported("configs.global_config", find_config)
    journal.wrap(shutil, "copy", keeping)


PATCH = Patch(
    name="configuration",
    problem="the configuration is copied over a file of the checkout, where another run reads it",
    install=_configure,
)
