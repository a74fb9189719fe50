"""Spaces for tests that need not try all of them."""

from __future__ import annotations

FEW_SPACES = ("z", "wplus-pn", "wplus-lsap", "pnplus", "f/zplus", "f/s")
"""Every kind, regulariser and number of codes, with F and without: see ``tests/inversion/test_inversion.py``."""
