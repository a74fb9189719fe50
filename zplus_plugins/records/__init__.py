"""Codes in files: what was found, where, and how."""
