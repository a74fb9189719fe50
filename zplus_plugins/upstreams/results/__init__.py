"""What a run finds and what its script saves."""
