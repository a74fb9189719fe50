"""Changes to other people's modules, which are given back."""
