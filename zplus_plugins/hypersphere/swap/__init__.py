"""The swap: the optimizer of an upstream moves a latent on the hypersphere in place of its leaf in W+."""
