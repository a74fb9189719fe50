"""What users run, from the root of the repository."""
