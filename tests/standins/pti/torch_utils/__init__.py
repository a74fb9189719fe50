"""What pickles of generators import."""
