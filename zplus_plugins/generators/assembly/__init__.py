"""Assembles a generator of ours from the tensors of another implementation's."""
