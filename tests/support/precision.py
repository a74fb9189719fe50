"""What a run with ``--precision bf16`` says of itself."""

from __future__ import annotations

from typing import Any

import pytest

BF16 = ("--precision", "bf16")


def close_to_float32(summary: dict[str, Any], inversions: int) -> None:
    """The summary of a run in bfloat16 compares every inversion with float32, and they are alike but not the same."""
    assert summary["precision"] == "bf16"
    checks = summary["precision_checks"]
    assert len(checks) == inversions
    for check in checks:
        assert 0 < check["difference"] < 0.05
        for loss in ("mse", "lpips"):
            if check[loss] is not None:
                assert check[loss] == pytest.approx(check[f"{loss}_float32"], rel=0.1)
                assert check[loss] != check[f"{loss}_float32"]
