"""Folders of results, in which no file of a user's is ever overwritten."""

from zplus_plugins.system.results.book import BOOK, BusyError, Settings
from zplus_plugins.system.results.folder import (
    ALIGNED,
    MARK,
    Results,
    differences,
    result_in,
    result_name,
    results_in,
)

__all__ = [
    "ALIGNED",
    "BOOK",
    "MARK",
    "BusyError",
    "Results",
    "Settings",
    "differences",
    "result_in",
    "result_name",
    "results_in",
]
