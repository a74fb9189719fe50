"""Marks the repository; no script of the stand-in uses a mapper."""
