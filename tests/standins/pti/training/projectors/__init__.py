"""The inversion stage."""
