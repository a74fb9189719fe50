"""The parts of a comparison, and the processes that do them."""
