"""The parts of an adapter."""
