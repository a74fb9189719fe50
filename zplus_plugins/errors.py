"""One class per failure that a user can act on.

Every message names the thing, what was found, what was expected, and what to do. The command line
prints the message without a traceback and leaves with ``exit_status``.
"""

from __future__ import annotations

import pickle


class ZPlusError(Exception):
    """Base of all errors that this package raises on purpose."""

    exit_status = 1


class UsageError(ZPlusError):
    """The command, an option or an argument is wrong; running it again unchanged cannot help."""

    exit_status = 2


class LatentError(ZPlusError, ValueError):
    """A latent code is not on the hypersphere, not finite, or of the wrong shape."""


class ImageError(ZPlusError, ValueError):
    """Pictures are not of the shape that is needed."""


class OptimizerError(ZPlusError, ValueError):
    """A latent cannot be kept on the hypersphere under this optimizer."""


class GeneratorError(ZPlusError):
    """A generator's mapping network is of no known family, or cannot hold this latent space."""


class GeneratorFileError(GeneratorError):
    """A generator's file is missing, damaged, refused, or of no kind that can be used; nothing of it was run."""


class LabelError(GeneratorFileError, UsageError):
    """A conditional generator was given no label or a wrong one, or an unconditional one was given a label."""


class SwapError(ZPlusError):
    """The optimizer leaf could not be replaced, or was not; nothing ran in W+ instead."""


class PatchError(ZPlusError):
    """A patch could not be applied; everything applied before it has been undone."""


class UpstreamError(ZPlusError):
    """An upstream repository lacks, or has changed, something that an adapter relies on."""


class PluginError(ZPlusError):
    """A plugin could not be loaded or is not what it claims to be."""


class RequirementError(ZPlusError):
    """Something that the script will need is missing, empty or unreadable."""


class CheckpointError(RequirementError, pickle.UnpicklingError):
    """A checkpoint is damaged, or holds more than weights; scripts may expect what ``torch.load`` raises for it."""


class DownloadError(ZPlusError):
    """A download failed; its unfinished file has been removed."""


class RecordError(ZPlusError):
    """A Z+ record is missing, unreadable, or does not belong to the code beside it."""


class DirectionError(ZPlusError):
    """An editing direction cannot be used with this generator."""


class OpsError(ZPlusError):
    """A custom operation could not be built or loaded, or cannot serve a tensor; says why, and what to do."""


class OpsArgumentError(ZPlusError, ValueError):
    """An operation was called with a tensor or a parameter that it cannot take."""


class ScriptError(ZPlusError):
    """The upstream script itself failed.

    Attributes:
        trace: the script's own traceback, for its authors.
    """

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace
