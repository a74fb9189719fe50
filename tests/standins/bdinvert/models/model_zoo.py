"""Which models there are. The addresses lead nowhere: a download fails at once."""

from __future__ import annotations

from typing import Any

MODEL_ZOO: dict[str, dict[str, Any]] = {
    "stylegan2_synthetic64": {
        "gan_type": "stylegan2",
        "resolution": 64,
        "url": "http://127.0.0.1:9/stylegan2_synthetic64.pth",
    },
    "stylegan_synthetic64": {
        "gan_type": "stylegan",
        "resolution": 64,
        "url": "http://127.0.0.1:9/stylegan_synthetic64.pth",
    },
}
