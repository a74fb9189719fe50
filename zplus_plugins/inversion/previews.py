"""``zplus invert --preview N``: pictures of a running inversion."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from zplus_plugins.inversion.inverter import Step
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import Results, result_name

_SETTINGS = {"preview": "of a running inversion"}


class Previews:
    """Writes ``NAME.zplus.preview.png`` of each image every few steps, in place of the one before.

    Args:
        results: the folder.
        every: number of steps from one picture to the next.
        names: of the images that are to be shown.

    Raises:
        UsageError: a file with one of these names is not ours.
    """

    def __init__(self, results: Results, every: int, names: Collection[str]) -> None:
        self._results, self._every, self._names = results, every, frozenset(names)
        results.finished(self._files, _SETTINGS)

    def __call__(self, names: Sequence[str], step: Step) -> None:
        """Write the pictures of these images, if it is time."""
        if step.number % self._every:
            return
        pictures = step.pictures()
        with self._results.writing(_SETTINGS) as folder:
            for index, name in enumerate(names):
                if name in self._names:
                    sheet(pictures[index : index + 1], 1).save(folder / preview_name(name))

    def remove(self) -> None:
        """Delete them, when there are results in their place or the inversion has ended otherwise."""
        self._results.discard(self._files)

    @property
    def _files(self) -> list[str]:
        return [preview_name(name) for name in sorted(self._names)]


def preview_name(name: str) -> str:
    """The file name of an image's preview, which no result of an image has."""
    return result_name(name, ".preview.png")
