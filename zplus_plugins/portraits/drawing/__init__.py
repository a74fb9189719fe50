"""Portraits drawn from known attributes."""
