"""What a script imports, and how to get what is missing."""
