"""Track the files that a script saves, and write a record beside each code that was inverted in Z or Z+."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zplus_plugins.errors import RecordError
from zplus_plugins.records.inversion import (
    SUFFIX,
    InversionRecord,
    hash_code,
    is_record_or_absent,
    record_path,
)
from zplus_plugins.upstreams.adapter.description import Adapter
from zplus_plugins.upstreams.results.codes import Codes
from zplus_plugins.upstreams.results.live import LiveCodes, require_finite
from zplus_plugins.upstreams.results.outputs import Outputs, writing_own
from zplus_plugins.upstreams.results.rows import Array, named_codes, rows
from zplus_plugins.upstreams.script.code_files import CodeFiles

_log = logging.getLogger("zplus_plugins")


class Recorder:
    """Counts the saved codes of one run and writes their records.

    Args:
        adapter: says where in a file the codes are.
        files: which files are codes.
        showing: which files show codes that the script does not save.
        codes: the run's codes, to which saved ones are added.
        live: the codes that this run has found.
        code_is_result: whether an image's files are complete once its code is saved; otherwise each file is complete
            by itself.
        records: whether codes get records, because style codes are replaced.
        before: called before each file is written; may raise.

    Attributes:
        outputs: the files that the script writes.
        records: the records that were written.
        unmatched: the records of codes that the script did not save, or saved changed.
        images: the number of codes that the script has saved; one that it saves again, unchanged, counts once.
    """

    def __init__(
        self,
        adapter: Adapter,
        files: CodeFiles,
        showing: CodeFiles,
        codes: Codes,
        live: LiveCodes,
        *,
        code_is_result: bool,
        records: bool,
        before: Callable[[], object],
    ) -> None:
        self._adapter = adapter
        self._files = files
        self._showing = showing
        self._codes = codes
        self._live = live
        self._code_is_result = code_is_result
        self._makes_records = records
        self.outputs = Outputs(self._written, before)
        self.records: list[Path] = []
        self.unmatched: list[Path] = []
        self.images = 0
        self._counted: set[tuple[Path, str]] = set()

    def _written(self, path: Path, content: Any) -> None:
        """Called after the upstream has written a file: write the records of the codes in it."""
        found = list(self._codes_in(path, content))
        if not found and path not in self._files:
            self._record_shown(path)
            if not self._code_is_result:
                self.outputs.finish_image()
            return
        codes = {(place.resolve(), hash_code(row)) for place, row in found}
        self.images += len(codes - self._counted) if found else 1
        self._counted |= codes
        if self._makes_records:
            for place, row in found:
                self._record(path, place, row)
            if not found:
                self._save_unmatched(path, "without a code in it" if self._adapter.code_item else "of another kind")
        self.outputs.finish_image()

    def _record_shown(self, path: Path) -> None:
        """The script has saved an image: the codes found since the last one are those that it shows."""
        if not self._makes_records or path not in self._showing:
            return
        shown = self._live.unshown()
        self.images += len(shown)
        for number, record in enumerate(shown):
            require_finite(record, path.stem)
            place = record_path(path, str(number) if len(shown) > 1 else "")
            if place in self.records:  # of an image whose name differs in its suffix alone
                place = place.with_name(f"{path.name.replace('.', '-')}{place.name.removeprefix(path.stem)}")
            self._save(path, place, record)

    def _codes_in(self, path: Path, content: Any) -> Iterator[tuple[Path, Array]]:
        """The codes in what was written, each with the place of its record."""
        if self._adapter.find_codes is not None:
            for given, code in self._adapter.find_codes(path, content):
                yield from _placed(Path(given), [("", code)])
        elif path in self._files:
            yield from _placed(path, list(named_codes(content, self._adapter.code_item)))

    def _record(self, path: Path, place: Path, row: Array) -> None:
        record = self._live.find(row) or self._codes.record_of(row)
        if record is None:
            self._save_unmatched(path, f"of shape {row.shape}")
            return
        require_finite(record, path.stem)
        self._save(path, place, record)

    def _save_unmatched(self, path: Path, found: str) -> None:
        """The script has saved something else than the code that was optimised: save z under a name of its own."""
        newest = self._live.newest()
        if not newest:
            raise RecordError(
                f"The code saved as {path} was not inverted in Z or Z+: no style code has been optimised since the "
                "last one was saved. No record was written for it."
            )
        for record in newest:
            self._write(_free(path.with_name(f"unmatched-{path.stem}{SUFFIX}")), record, self.unmatched)
        assert newest[0].w is not None
        _log.warning(
            "warning: %s, %s, is not the code that was optimised, of shape %s (w differs from map(z)), so it has no "
            "record; z was saved as %s.",
            path, found, newest[0].w.shape[1:], self.unmatched[-1],
        )  # fmt: skip

    def save(self, path: Path, code: Any) -> list[Path]:
        """Write the records of codes that this run has found, as if the script had saved them as ``path``."""
        before = len(self.records)
        for place, row in _placed(path, [("", code)]):
            self._record(path, place, row)
        return self.records[before:]

    def save_unrecorded(self, folder: Path) -> None:
        """Save the records of codes that were optimised but never saved by the script."""
        for record in self._live.unrecorded() if self._makes_records else ():
            self._write(_free(folder / f"unmatched-{len(self.unmatched)}{SUFFIX}"), record, self.unmatched)

    def _save(self, path: Path, place: Path, record: InversionRecord) -> None:
        if not is_record_or_absent(place):  # the user's own file: keep it, and save z under another name
            free = next(p for n in itertools.count(1) if not (p := place.with_suffix(f".{n}.npz")).exists())
            record.save(free)
            raise RecordError(
                f"{place} exists and is not the record of a script's code, so z was saved as {free} instead. Move that "
                "file away, and rename the record."
            )
        self._write(place, record, self.records)
        self._codes.add(path, record)

    def _write(self, place: Path, record: InversionRecord, kind: list[Path]) -> None:
        self.outputs.add(place)  # before writing, so that an interruption leaves no record without a code
        token = writing_own.set(True)
        try:
            record.save(place)
        finally:
            writing_own.reset(token)
        self._live.recorded(record)
        kind.append(place)


def _placed(path: Path, codes: list[tuple[str, Any]]) -> Iterator[tuple[Path, Array]]:
    """The rows of a file's codes, each with the place of its record: by name and number where there are several."""
    found = [(name, row) for name, code in codes for row in rows(code) or ()]
    names = [name for name, _ in found]
    for i, (name, row) in enumerate(found):
        parts = [name if len(set(names)) > 1 else "", str(names[:i].count(name)) if names.count(name) > 1 else ""]
        yield record_path(path, "-".join(filter(None, parts))), row


def _free(place: Path) -> Path:
    """The place, or one with a number where another file is there already."""
    stem = place.name.removesuffix(SUFFIX)
    numbered = (place.with_name(f"{stem}-{n}{SUFFIX}") for n in itertools.count(2))
    return place if not place.exists() else next(path for path in numbered if not path.exists())
