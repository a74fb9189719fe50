"""Editors of codes."""

from .ganspace import GANSpace as GANSpace
from .interfacegan import InterFaceGAN as InterFaceGAN
