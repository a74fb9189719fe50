"""Helpers of the generator's repository."""

from __future__ import annotations

from .util import EasyDict as EasyDict
