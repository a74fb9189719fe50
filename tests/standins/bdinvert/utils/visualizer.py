"""Image files and a plain table; images are RGB, uint8, (H, W, 3)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

__all__ = ["HtmlPageVisualizer", "load_image", "save_image"]


def load_image(path: str) -> np.ndarray:
    """Read an image, or raise FileNotFoundError."""
    image = cv2.imread(path)
    if image is None:
        raise FileNotFoundError(path)
    return image[:, :, ::-1]


def save_image(path: str, image: np.ndarray) -> None:
    """Write an image."""
    cv2.imwrite(path, image[:, :, ::-1])


class HtmlPageVisualizer:
    """A table of texts that becomes a web page. The scripts import it and never use it."""

    def __init__(self, num_rows: int, num_cols: int) -> None:
        self.cells = [[""] * num_cols for _ in range(num_rows)]

    def set_cell(self, row_idx: int, col_idx: int, text: str = "") -> None:
        """Set the text of one cell."""
        self.cells[row_idx][col_idx] = text

    def save(self, save_path: str) -> None:
        """Write the page."""
        rows = ("<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in self.cells)
        Path(save_path).write_text("<table>" + "".join(rows) + "</table>")
