"""What the operations are, in PyTorch alone."""
