"""Which inversions an evaluation compares."""

from __future__ import annotations

evaluated_methods = ["e4e", "SG2", "SG2Plus"]
