"""The operations compiled for a CPU or a GPU."""
