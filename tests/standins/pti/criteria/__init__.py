"""Losses of the tuning stage."""
