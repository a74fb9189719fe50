"""Untrusted pickles, read without executing any code in them."""
