"""Writes our generator in the formats of other implementations."""
