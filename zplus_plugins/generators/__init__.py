"""Our own implementation of StyleGAN2 and StyleGAN3 generators, which loads weights from other implementations."""

from zplus_plugins.generators.load import generator_hash, load_generator, weights_hash
from zplus_plugins.generators.network.bands import AliasFree
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.stylegan2 import Architecture, Generator
from zplus_plugins.generators.network.stylegan3 import StyleGAN3

__all__ = [
    "AliasFree",
    "Architecture",
    "Generator",
    "StyleGAN3",
    "StyleGenerator",
    "generator_hash",
    "load_generator",
    "weights_hash",
]
