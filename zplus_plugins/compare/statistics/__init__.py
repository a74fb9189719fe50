"""What the figures of a comparison mean, and what is beyond chance."""
