"""Pictures in files and in tables."""

from __future__ import annotations

import base64
import os
from typing import Any

import cv2


def load_image(path: str) -> Any:
    """Pixels (H, W, 3), RGB; None where there is no file."""
    return cv2.imread(path)[:, :, ::-1] if os.path.isfile(path) else None


def save_image(path: str, image: Any) -> None:
    if image is not None:
        cv2.imwrite(path, image[:, :, ::-1])


def resize_image(image: Any, size: Any) -> Any:
    return image if image is None else cv2.resize(image, size)


class HtmlPageVisualizer:
    """A page with a table of texts and pictures."""

    def __init__(self, num_rows: int, num_cols: int, viz_size: int | None = None) -> None:
        self.viz_size = viz_size
        self.headers = [""] * num_cols
        self.cells = [[""] * num_cols for _ in range(num_rows)]

    def set_headers(self, contents: Any) -> None:
        assert len(contents) == len(self.headers)
        self.headers = list(contents)

    def set_cell(self, row_idx: int, column_idx: int, text: str = "", image: Any = None) -> None:
        if image is not None:
            image = image[:, :, ::-1]
            if self.viz_size is not None:
                image = cv2.resize(image, (self.viz_size, self.viz_size))
            data = base64.b64encode(cv2.imencode(".jpg", image)[1].tostring()).decode()
            text += f'<img src="data:image/jpeg;base64, {data}"/>'
        self.cells[row_idx][column_idx] = text

    def save(self, save_path: str) -> None:
        rows = [self.headers, *self.cells]
        with open(save_path, "w") as page:
            page.write("<table>\n")
            for row in rows:
                page.write("<tr>\n" + "".join(f"  <td>{cell}</td>\n" for cell in row) + "</tr>\n")
            page.write("</table>\n")
