"""The figures of a run of the GPU tests, as a Markdown page: printed at its end, and written with ``--gpu-report``."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from zplus_plugins.errors import OpsError
from zplus_plugins.ops import backend


@dataclass
class Report:
    """Figures in sections, each a table whose columns are those of its first row.

    Attributes:
        rows: by section; a row's cells by column, numbers or words.
        remarks: by section, what was not measured, and why.
    """

    rows: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)

    def add(self, section: str, **cells: object) -> None:
        """A row; an underscore in a column's name is shown as a blank."""
        self.rows.setdefault(section, []).append({name.replace("_", " "): value for name, value in cells.items()})

    def remark(self, section: str, text: str) -> None:
        """Something that has no figures."""
        self.remarks.setdefault(section, []).append(text)

    def __bool__(self) -> bool:
        return bool(self.rows or self.remarks)

    def page(self, about: Iterable[str]) -> str:
        """The page.

        Args:
            about: what it was measured on, a line each.
        """
        parts = ["# GPU report", "\n".join(f"- {line}" for line in about)]
        for section in dict.fromkeys([*self.rows, *self.remarks]):
            parts.append(f"## {section}")
            if section in self.rows:
                parts.append(_table(self.rows[section]))
            parts += self.remarks.get(section, [])
        return "\n\n".join(parts) + "\n"


REPORT = pytest.StashKey[Report]()


def finish(report: Report, file: Path | None, write: Callable[[str], object]) -> None:
    """Print the report, and write it to a file if one is given; without figures, only say so."""
    if report:
        page = report.page(about_this_machine())
        write(page)
        if file is not None:
            file.write_text(page)
    elif file is not None:
        write(f"No GPU test took figures: {file} is not written.\n")


def about_this_machine() -> list[str]:
    """The card and the software, a line each; works without a GPU."""
    lines = [f"torch {torch.__version__}, Python {platform.python_version()}, CUDA {torch.version.cuda or 'none'}"]
    if not torch.cuda.is_available():
        return ["no CUDA device", *lines]
    card = torch.cuda.get_device_properties(torch.cuda.current_device())
    try:
        operations = backend("cuda")
    except OpsError as error:
        operations = str(error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch have further settings beside these
        tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    return [
        f"{card.name}, sm_{card.major}{card.minor}, {card.total_memory / 2**30:.0f} GiB",
        *lines,
        f"cuDNN {torch.backends.cudnn.version()}, operations: {operations}",
        f"TF32 in matrix products: {tf32[0]}, in convolutions: {tf32[1]}",
    ]


def _table(rows: list[dict[str, object]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    body = [[_shown(row.get(name, "")) for name in columns] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (columns, ["---"] * len(columns), *body))


def _shown(value: object) -> str:
    if not isinstance(value, float):
        return str(value).replace("|", "\\|").replace("\n", " ")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
