"""Settings; a name that many repositories have."""
