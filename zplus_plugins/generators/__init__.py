"""Our own implementation of StyleGAN2 generators, which loads weights from other implementations."""

from zplus_plugins.generators.load import generator_hash, load_generator, weights_hash
from zplus_plugins.generators.network.stylegan2 import Architecture, Generator

__all__ = ["Architecture", "Generator", "generator_hash", "load_generator", "weights_hash"]
