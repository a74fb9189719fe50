"""The second part of HFGI3D's script, ``generate_multi_views.py``, in a process of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zplus_plugins.errors import RequirementError
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.patching.journal import Journal

VIEWS = "generate_multi_views.py"
SKIPPED = {"multi_views_output_dir": ""}
"""The settings that end a run once the images are inverted and the generator is tuned for them."""
SKIP = (
    "To skip it, and stop once the code is found and the generator is tuned for the image, give "
    "--without-multi-views (with --latent off: --set example_configs.config.multi_views_output_dir=)."
)


@dataclass(frozen=True)
class MultiViews:
    """What ``generate_multi_views.py`` needs, which the script runs with ``python`` in a separate process."""

    modules: tuple[str, ...] = ("pytorch3d", "trimesh", "cv2", "imageio", "torch")

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if not arguments["multi_views_output_dir"]:
            return []
        given = ("name", "experiments_output_dir", "input_data_path", "multi_views_output_dir")
        unsafe = [name for name in given if shlex.quote(str(arguments[name])) != str(arguments[name])]
        if unsafe:
            text = f"{unsafe[0]} is {arguments[unsafe[0]]!r}, which the script passes to a shell unquoted."
            return [Finding("missing", f"{text} Use only letters, digits and -_./.", usage=True)]
        problem = self._problem()
        return [] if problem is None else [Finding("missing", f"The script's second part, {VIEWS}, {problem}. {SKIP}")]

    def _problem(self) -> str | None:
        python = shutil.which("python")
        if python is None:
            return "is started with the command python, which was not found"
        code = (
            "import importlib.util as u, json, sys; absent = [m for m in sys.argv[1:] if u.find_spec(m) is None]; "
            "ok = bool(absent) or __import__('torch').cuda.is_available(); print(json.dumps([absent, ok]))"
        )
        done = subprocess.run([python, "-c", code, *self.modules], capture_output=True, text=True)
        try:
            absent, cuda = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            return f"is run with {python}, which does not work"
        if absent:
            return f"needs {', '.join(absent)}, which {python} does not have"
        return None if cuda else "needs CUDA, and no CUDA device was found"


def _watch_views(journal: Journal, run: RunContext) -> None:
    def watching(system: Callable[[str], int]) -> Callable[[str], int]:
        def run_views(command: str) -> int:
            if VIEWS not in command:
                return system(command)
            if not run.arguments.get("multi_views_output_dir"):
                raise SystemExit(0)
            status = os.waitstatus_to_exitcode(system(command))
            if status in (-2, 130):  # only the child receives Ctrl-C
                raise KeyboardInterrupt
            if status:
                raise RequirementError(
                    f"{VIEWS} ended with status {status}; its output is above. The codes and generators that were "
                    f"saved before are kept. {SKIP}"
                )
            return status

        return run_views

    journal.wrap(os, "system", watching)


PATCH = Patch(
    name="multi views",
    problem="a failure of `generate_multi_views.py` is ignored, and shows as missing images later",
    install=_watch_views,
)
