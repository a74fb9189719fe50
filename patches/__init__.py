"""Compatibility patches: each fixes one upstream problem, and is undone by the journal."""
