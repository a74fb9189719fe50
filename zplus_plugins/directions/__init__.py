"""Editing directions of a generator: found, kept in files, and followed by inverted codes."""
