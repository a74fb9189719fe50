"""Compatibility patches: one upstream ailment a file, with its undo through the journal."""
