"""Track the files that a script saves, and write a record beside each code that was inverted in Z or Z+."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zplus_plugins.errors import LatentError, RecordError
from zplus_plugins.hypersphere.leaf import LeafSwap
from zplus_plugins.records.inversion import InversionRecord, Provenance, hash_code, is_record_or_absent, record_path
from zplus_plugins.upstreams.run.codes import Codes, as_array, style_code
from zplus_plugins.upstreams.run.outputs import Outputs
from zplus_plugins.upstreams.script.code_files import CodeFiles


class Recorder:
    """Counts the saved codes of one run and writes their records.

    Args:
        files: which files are codes.
        codes: the run's codes, to which saved ones are added.
        code_item: key of the code, if its file contains a dictionary.
        code_is_result: whether an image's files are complete only once its code is saved; otherwise every file is
            complete as soon as it is written.
        provenance: returns the provenance of the code that a swap optimised; None if no style code is replaced.

    Attributes:
        outputs: the files that the script writes.
        records: the records that were written.
        images: the number of codes that the script has saved.
        swap: the latest swap, whose code is expected next.
    """

    def __init__(
        self,
        files: CodeFiles,
        codes: Codes,
        code_item: str,
        *,
        code_is_result: bool,
        provenance: Callable[[LeafSwap], Provenance] | None,
    ) -> None:
        self._files = files
        self._codes = codes
        self._code_item = code_item
        self._code_is_result = code_is_result
        self._provenance = provenance
        self.outputs = Outputs(self._written)
        self.records: list[Path] = []
        self.images = 0
        self.swap: LeafSwap | None = None

    def _written(self, path: Path, content: Any) -> None:
        """Called after the upstream has written a file: write the record if it is a code."""
        if path not in self._files:
            if not self._code_is_result:
                self.outputs.finish_image()
            return
        self.images += 1
        if self._provenance is not None:
            w = as_array(style_code(content, self._code_item))
            self._save(path, w, self._record(path, w, self._provenance))
        self.outputs.finish_image()

    def _record(
        self, path: Path, w: np.ndarray[Any, Any], provenance: Callable[[LeafSwap], Provenance]
    ) -> InversionRecord:
        known = self._codes.find(torch.from_numpy(w)) if self._codes.loaded else None
        if known is not None:  # a known code, such as one of an earlier run, is saved again
            return replace(known.record, w=w)
        swap = self.swap
        if swap is None or not np.array_equal(w, swap.leaf.detach().cpu().numpy()):
            raise RecordError(
                f"The code saved as {path} is not the code that was optimised in Z+ (w differs from map(z)), so no "
                "record was written for it."
            )
        z = swap.latent.detach().cpu()
        if not bool(torch.isfinite(z).all()):
            raise LatentError(f"The inversion diverged: z for {path.stem} contains NaN or inf. Lower --lr.")
        return InversionRecord(
            z=z.numpy(),
            radius=swap.latent.radius,
            truncation=swap.mapping.truncation,
            w_sha256=hash_code(w),
            provenance=provenance(swap),
            w=w,
        )

    def _save(self, path: Path, w: np.ndarray[Any, Any], record: InversionRecord) -> None:
        place = record_path(path)
        if not is_record_or_absent(place):  # the user's own file: keep it, and save z under another name
            free = next(p for n in itertools.count(1) if not (p := place.with_suffix(f".{n}.npz")).exists())
            record.save(free)
            raise RecordError(
                f"{place} exists and is not the record of a script's code, so z was saved as {free} instead. Move that "
                "file away, and rename the record."
            )
        self.outputs.add(place)  # before writing, so that an interruption leaves no record without a code
        record.save(place)
        self._codes.add(path, w, record)
        self.records.append(place)
