"""Utilities of the generator, under the names that its pickles refer to."""
