"""Run other people's scripts on the hypersphere. Everything that an adapter's author needs is imported from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zplus_plugins._lazy import lazily

if TYPE_CHECKING:
    from zplus_plugins.hypersphere.families import FunctionMapping, mapping_of
    from zplus_plugins.hypersphere.latent import SphericalLatent
    from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
    from zplus_plugins.hypersphere.swap.leaf import LeafSwap
    from zplus_plugins.records.inversion import InversionRecord
    from zplus_plugins.system.downloads import NeededFile
    from zplus_plugins.upstreams.adapter.captures import ArgumentOf, InstanceOf, ResultOf
    from zplus_plugins.upstreams.adapter.context import Options, RunContext
    from zplus_plugins.upstreams.adapter.description import (
        Adapter,
        Derived,
        Download,
        EditArguments,
        Gate,
        Patch,
        Reliance,
        Script,
        Settings,
        Switch,
        TruncationArguments,
        hookimpl,
    )
    from zplus_plugins.upstreams.adapter.functions import Estimate, FeatureMap, Move, Repeated, Writer
    from zplus_plugins.upstreams.adapter.loop import Loop
    from zplus_plugins.upstreams.adapter.picking import Call
    from zplus_plugins.upstreams.adapter.protocols import LATENT, Capture, Finding, Fit, Requirement
    from zplus_plugins.upstreams.adapter.summary import Summary
    from zplus_plugins.upstreams.adapter.unfinished import unfinished
    from zplus_plugins.upstreams.patching.journal import Journal
    from zplus_plugins.upstreams.requirements.arguments import Above, OneOf, PowerOfTwo, Undotted, When
    from zplus_plugins.upstreams.requirements.device_settings import VisibleGpus
    from zplus_plugins.upstreams.requirements.files import (
        Checkpoint,
        DnnlibDownload,
        Folder,
        HubWeights,
        SavedFeatures,
        Writable,
    )
    from zplus_plugins.upstreams.requirements.modules import Module, Submodule
    from zplus_plugins.upstreams.requirements.networks import Networks
    from zplus_plugins.upstreams.requirements.pickles import PickleFile
    from zplus_plugins.upstreams.requirements.pictures.folders import Pictures, SavedCodes, Unsaved
    from zplus_plugins.upstreams.requirements.pictures.images import (
        Directions,
        ImageFile,
        ImageFiles,
        ImageList,
        LpipsWeights,
    )
    from zplus_plugins.upstreams.requirements.pictures.later import TakenLater
    from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV, PILLOW_RGB
    from zplus_plugins.upstreams.requirements.states import StateFits

__all__ = [
    "LATENT",
    "OPENCV",
    "PILLOW_RGB",
    "Above",
    "Adapter",
    "ArgumentOf",
    "Call",
    "Capture",
    "Checkpoint",
    "Derived",
    "Directions",
    "DnnlibDownload",
    "Download",
    "EditArguments",
    "Estimate",
    "FeatureMap",
    "Finding",
    "Fit",
    "Folder",
    "FunctionMapping",
    "Gate",
    "HubWeights",
    "ImageFile",
    "ImageFiles",
    "ImageList",
    "InstanceOf",
    "InversionRecord",
    "Journal",
    "LeafSwap",
    "Loop",
    "LpipsWeights",
    "Module",
    "Move",
    "NeededFile",
    "Networks",
    "OneOf",
    "Options",
    "Patch",
    "PickleFile",
    "Pictures",
    "PowerOfTwo",
    "Reliance",
    "Repeated",
    "Requirement",
    "ResultOf",
    "RunContext",
    "SavedCodes",
    "SavedFeatures",
    "Script",
    "Settings",
    "SphericalLatent",
    "StateFits",
    "StyleMapping",
    "Submodule",
    "Summary",
    "Switch",
    "TakenLater",
    "Truncation",
    "TruncationArguments",
    "Undotted",
    "Unsaved",
    "VisibleGpus",
    "When",
    "Writable",
    "Writer",
    "hookimpl",
    "mapping_of",
    "unfinished",
]

_HOMES = {
    "hypersphere.families": ("FunctionMapping", "mapping_of"),
    "hypersphere.latent": ("SphericalLatent",),
    "hypersphere.mapping": ("StyleMapping", "Truncation"),
    "hypersphere.swap.leaf": ("LeafSwap",),
    "records.inversion": ("InversionRecord",),
    "system.downloads": ("NeededFile",),
    "upstreams.adapter.captures": ("ArgumentOf", "InstanceOf", "ResultOf"),
    "upstreams.adapter.context": ("Options", "RunContext"),
    "upstreams.adapter.description": (
        "Adapter",
        "Derived",
        "Download",
        "EditArguments",
        "Gate",
        "Patch",
        "Reliance",
        "Script",
        "Settings",
        "Switch",
        "TruncationArguments",
        "hookimpl",
    ),
    "upstreams.adapter.functions": ("Estimate", "FeatureMap", "Move", "Repeated", "Writer"),
    "upstreams.adapter.loop": ("Loop",),
    "upstreams.adapter.picking": ("Call",),
    "upstreams.adapter.protocols": ("LATENT", "Capture", "Finding", "Fit", "Requirement"),
    "upstreams.adapter.summary": ("Summary",),
    "upstreams.adapter.unfinished": ("unfinished",),
    "upstreams.patching.journal": ("Journal",),
    "upstreams.requirements.arguments": ("Above", "OneOf", "PowerOfTwo", "Undotted", "When"),
    "upstreams.requirements.device_settings": ("VisibleGpus",),
    "upstreams.requirements.files": (
        "Folder",
        "Checkpoint",
        "SavedFeatures",
        "Writable",
        "HubWeights",
        "DnnlibDownload",
    ),
    "upstreams.requirements.modules": ("Submodule", "Module"),
    "upstreams.requirements.networks": ("Networks",),
    "upstreams.requirements.pickles": ("PickleFile",),
    "upstreams.requirements.states": ("StateFits",),
    "upstreams.requirements.pictures.images": ("ImageList", "ImageFile", "ImageFiles", "Directions", "LpipsWeights"),
    "upstreams.requirements.pictures.readers": ("OPENCV", "PILLOW_RGB"),
    "upstreams.requirements.pictures.folders": ("Pictures", "SavedCodes", "Unsaved"),
    "upstreams.requirements.pictures.later": ("TakenLater",),
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
