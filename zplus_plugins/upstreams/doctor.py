"""``zplus doctor``: what is installed, and what the upstream in the current folder still needs."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from zplus_plugins.ops import choice
from zplus_plugins.ops.measure import measure
from zplus_plugins.system.device import built_for, matching_builds, told
from zplus_plugins.system.downloads import LPIPS_BACKBONES, NeededFile, facenet_weights, lpips_weights
from zplus_plugins.upstreams.adapter.description import Download
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.checkout import Reading, Upstream, match_folder
from zplus_plugins.upstreams.checkout.report import in_short
from zplus_plugins.upstreams.imports.advice import how_to_get
from zplus_plugins.upstreams.imports.packages import missing_modules
from zplus_plugins.upstreams.requirements.weight_files import fault


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check; ``remedy`` is None if there is nothing to do.

    Attributes:
        there: whether it is about something that is there, and cannot be used.
    """

    subject: str
    text: str
    remedy: str | None = None
    there: bool = False


def examine(folder: Path) -> list[Diagnosis]:
    """Check the installation, and the upstream that contains ``folder``, if there is one."""
    upstreams = [
        upstream
        for plugin in plugins.all_plugins()
        if plugin.adapter is not None and (upstream := match_folder(plugin.adapter, folder))
    ]
    return [
        Diagnosis("python", platform.python_version()),
        Diagnosis("torch", f"{torch.__version__}, built for {built_for()}"),
        _cuda(),
        _lpips(),
        _ninja(),
        *_weights(),
        *_ops(),
        *_plugins(),
        *(diagnosis for upstream in upstreams for diagnosis in _upstream(upstream)),
        *([] if upstreams else [Diagnosis("upstream", f"{folder} is not in a checkout that an adapter knows")]),
    ]


def _cuda() -> Diagnosis:
    count = torch.cuda.device_count()
    if count == 0:
        apple = " unless --device mps is given" if torch.backends.mps.is_available() else ""
        return Diagnosis("GPU", f"torch sees no CUDA device; scripts run on the CPU{apple}")
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(count))
    return Diagnosis("GPU", names)


def _lpips() -> Diagnosis:
    """Check that LPIPS can be imported: it imports torchvision, whose build must match torch's."""
    try:
        importlib.import_module("lpips")
    except Exception as error:
        return Diagnosis("lpips", f"cannot be imported: {told(error)}", matching_builds())
    return Diagnosis("lpips", importlib.metadata.version("lpips"))


def _weights() -> list[Diagnosis]:
    """The files that are downloaded when they are first needed, which is no fault."""
    lpips = {net: f"LPIPS by {net}" for net in LPIPS_BACKBONES}
    files = [(lpips_weights(net), subject) for net, subject in lpips.items()] + [(facenet_weights(), "FaceNet")]
    return [_weight(file, subject) for file, subject in files]


def _weight(file: NeededFile, subject: str) -> Diagnosis:
    if not file.present:
        text = f"absent; downloaded when it is first needed, {file.megabytes} MB to {file.path}"
        return Diagnosis(subject, text)
    damage = fault(file.path)
    if damage is None:
        return Diagnosis(subject, f"{file.path} ({file.path.stat().st_size:,} bytes)")
    text = f"{file.path} is {damage.what}; expected the {file.what}"
    return Diagnosis(subject, text, f"Delete it: it is downloaded again when it is first needed ({file.source}).", True)


def _ninja() -> Diagnosis:
    found = shutil.which("ninja")
    try:
        return Diagnosis("ninja", importlib.metadata.version("ninja"))
    except importlib.metadata.PackageNotFoundError:
        return Diagnosis("ninja", found) if found else Diagnosis("ninja", "is not installed", "pip install ninja")


def _ops() -> list[Diagnosis]:
    """Which implementation of the custom operations each device uses, why, and how fast it is."""
    devices = [torch.device("cpu"), *(torch.device("cuda", n) for n in range(torch.cuda.device_count()))]
    return [_ops_on(device) for device in devices]


def _ops_on(device: torch.device) -> Diagnosis:
    subject = f"operations on {device}"
    with choice.using("auto"):
        name, failure, date = choice.backend(device), choice.why_not(device), choice.checked_on(device)
        checked = f", checked on {date}" if failure is None and date else ""
        text = f"{name}{checked}: {measure(device)}"
    return Diagnosis(subject, text if failure is None else f"{text}; {failure}")


def _plugins() -> list[Diagnosis]:
    return [
        Diagnosis(f"adapter {p.name}", f"broken: {p.error}", f"pip install --upgrade {p.origin.split()[0]}", there=True)
        if p.error
        else Diagnosis(f"adapter {p.name}", p.origin)
        for p in plugins.all_plugins()
    ]


def _upstream(upstream: Upstream) -> list[Diagnosis]:
    adapter, root = upstream.adapter, upstream.root
    found = [Diagnosis(adapter.name, f"{root}, commit {upstream.commit or 'unknown'}; {in_short(upstream)}")]
    found += [_difference(upstream, difference) for difference in upstream.differences]
    needed = {
        module.name: module
        for entry in adapter.scripts
        for module in missing_modules((root / entry.path).resolve(), root, adapter.paths)
        if module.name not in adapter.dispensable
    }
    if needed:
        found.append(Diagnosis("python modules", ", ".join(needed), how_to_get(needed.values())))
    return found + _files(upstream)


def _difference(upstream: Upstream, difference: Reading) -> Diagnosis:
    adapter = upstream.adapter
    if difference.kind == "TODO":
        return Diagnosis(difference.where, difference.text, f"Write it into the description of {adapter.name}.")
    text = f"{difference.text} (tested: {', '.join(adapter.tested_commits) or 'none'})"
    if not difference.fatal:
        return Diagnosis(difference.where, text)
    back = f"git -C {upstream.root} checkout {adapter.tested_commits[0]}" if adapter.tested_commits else ""
    return Diagnosis(difference.where, text, back or f"Correct the description of {adapter.name}.")


def _files(upstream: Upstream) -> list[Diagnosis]:
    return [diagnosis for download in upstream.adapter.downloads for diagnosis in _downloaded(upstream.root, download)]


def _downloaded(root: Path, download: Download) -> list[Diagnosis]:
    """The files that a pattern matches: those that can be used in one diagnosis, and one for each of the others."""
    files = sorted(root.glob(download.path))
    if not files:
        return [Diagnosis(download.path, f"the {download.what} is missing", download.remedy)]
    faults = {path: fault(path) for path in files}
    whole = ", ".join(f"{p.name} ({p.stat().st_size:,} bytes)" for p, damage in faults.items() if damage is None)
    return [
        *([Diagnosis(download.path, whole)] if whole else []),
        *(
            Diagnosis(
                str(path.relative_to(root)),
                f"it is {damage.what}; expected the {download.what}",
                f"{damage.remedy} {download.remedy}",
                there=True,
            )
            for path, damage in faults.items()
            if damage is not None
        ),
    ]
