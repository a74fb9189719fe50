"""Networks besides the generator."""
