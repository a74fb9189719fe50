"""Logs, one a job."""

from __future__ import annotations

import logging
import os
import sys


def setup_logger(work_dir: str, logfile_name: str, logger_name: str) -> logging.Logger:
    """A logger to the terminal and to a file; asks before it goes on with a file that is there."""
    logger = logging.getLogger(logger_name)
    if logger.hasHandlers():
        raise SystemExit(f"The logger {logger_name} is in use.")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.StreamHandler(sys.stdout))
    path = os.path.join(work_dir, logfile_name)
    if os.path.isfile(path):
        print(f"There is a log {path}.")
        if input("Overwrite it (Y/N)? ").strip().lower() != "y":
            raise SystemExit("Take another one.")
    os.makedirs(work_dir, exist_ok=True)
    logger.addHandler(logging.FileHandler(path))
    return logger
