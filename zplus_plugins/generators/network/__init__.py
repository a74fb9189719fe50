"""The network that all of them are loaded into."""
