"""The papers' tables and figures, measured again: one declaration each, and the command that runs it."""

from zplus_plugins.reproduce.protocol import Protocol, Row
from zplus_plugins.reproduce.protocols import PROTOCOLS

__all__ = ["PROTOCOLS", "Protocol", "Row"]
