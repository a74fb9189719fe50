"""Reversible changes to other people's modules."""
