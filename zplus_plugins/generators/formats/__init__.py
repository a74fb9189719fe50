"""Files of generators, by whose they are."""
