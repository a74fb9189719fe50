"""A generator with compiled operations."""
