"""Pickles of other people, read without running anything in them."""
