"""Builds the distributions: the backend that pyproject.toml names, and the description that an index shows."""
