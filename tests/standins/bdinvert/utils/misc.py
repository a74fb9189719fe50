"""Helpers for command lines."""

from __future__ import annotations

import argparse

__all__ = ["bool_parser"]

_TRUE = {"1", "true", "t", "yes", "y"}
_FALSE = {"0", "false", "f", "no", "n"}


def bool_parser(arg: str | bool) -> bool:
    """The truth value that a word on the command line stands for."""
    if isinstance(arg, bool):
        return arg
    if arg.lower() not in _TRUE | _FALSE:
        raise argparse.ArgumentTypeError(f"not a truth value: {arg!r}")
    return arg.lower() in _TRUE
