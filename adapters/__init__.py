"""Adapters for upstream repositories; each is a table, found through its entry point."""
