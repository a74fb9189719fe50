"""Inversions without tuning, for comparison."""
