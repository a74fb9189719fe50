"""Helpers that pickles of generators need."""

from __future__ import annotations

from . import util as util
from .util import EasyDict as EasyDict
