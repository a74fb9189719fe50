"""What IDInvert's scripts need, and the code that the adapter relies on."""
