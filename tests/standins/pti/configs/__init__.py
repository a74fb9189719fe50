"""What the scripts read instead of a command line."""
