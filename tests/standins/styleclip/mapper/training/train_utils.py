"""Sizes of StyleSpace, layer by layer."""

from __future__ import annotations

STYLESPACE_DIMENSIONS = [8] * 11
