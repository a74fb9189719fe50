"""One run of a script."""
