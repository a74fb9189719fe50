"""Numbers as the files hold them: JSON without NaN and infinity, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from zplus_plugins.compare.statistics.figures import Gain, Mean


def plain(values: np.ndarray) -> Any:
    """Values as nested lists, with None for values that are not finite."""
    if values.ndim:
        return [plain(value) for value in values]
    return float(values) if np.isfinite(values) else None


def finite(numbers: Mean | Gain) -> dict[str, Any]:
    """A mean or a gain by the names of its parts, with None for those that are not finite."""
    return {name: value if value is None or np.isfinite(value) else None for name, value in asdict(numbers).items()}


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table; cells that are None are empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()
