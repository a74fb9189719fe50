"""Names that Pillow 10 removed from ``PIL.Image``."""

from __future__ import annotations

from types import ModuleType

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


def _install(journal: Journal, run: RunContext) -> None:
    def add_missing(image: ModuleType) -> None:
        if not hasattr(image, "ANTIALIAS"):
            journal.set(image, "ANTIALIAS", image.Resampling.LANCZOS)

    journal.when_imported("PIL.Image", add_missing)


PATCH = Patch(
    name="pillow names",
    problem="`Image.ANTIALIAS` is gone since Pillow 10",
    install=_install,
)
