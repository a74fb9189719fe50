"""Running an upstream script."""
