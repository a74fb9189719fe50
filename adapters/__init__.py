"""Adapters for upstream repositories; each is a description, found through its entry point."""
