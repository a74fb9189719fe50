"""StyleGAN2 generators of our own writing, into which other people's weights can be loaded."""

from zplus_plugins.generators.load import generator_hash, load_generator, weights_hash
from zplus_plugins.generators.network.stylegan2 import Architecture, Generator

__all__ = ["Architecture", "Generator", "generator_hash", "load_generator", "weights_hash"]
