"""Helpers of the stand-in's scripts."""
