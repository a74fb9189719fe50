"""Networks; a name that many repositories have."""
