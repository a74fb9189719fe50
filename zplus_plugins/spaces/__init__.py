"""Latent spaces of a generator, and the statistics that some of them are made of."""
