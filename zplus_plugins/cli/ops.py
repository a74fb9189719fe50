"""``zplus build-ops``."""

from __future__ import annotations

import time

import click

from zplus_plugins.errors import OpsError
from zplus_plugins.system import options
from zplus_plugins.system.console import result, say


@click.command()
@click.option("--arch", "architectures", multiple=True, metavar="sm_90", help="A GPU architecture. May be repeated.")
@click.option("--cpu-only", is_flag=True, help="Build for the CPU only.")
@options.voice
def build_ops(architectures: tuple[str, ...], cpu_only: bool) -> None:
    """Build the custom operations in advance, for the CPU and for the GPUs of this machine or those given by --arch.

    Those for this machine are then checked against PyTorch's, which otherwise happens when they are first used.
    The results are written to ZPLUS_CACHE_DIR, or else to the user's cache folder. Existing ones are not built again.

    \b
    Examples:
      zplus build-ops
      zplus build-ops --arch sm_80 --arch sm_90        on a machine without a GPU
      ZPLUS_CACHE_DIR=/shared/ops zplus build-ops      for a read-only home, or for many machines
    """
    from zplus_plugins.ops import choice
    from zplus_plugins.ops.compiled.ahead import builds, devices

    failed: dict[str, str] = {}
    for name, build in builds(architectures, cpu_only):
        say(f"building the operations for {name} ...")
        start = time.monotonic()
        try:
            file = build()
            result(f"{name}  {time.monotonic() - start:.1f} s  {file}")
        except OpsError as error:
            failed[name.partition(" ")[0]] = f"{name}: {error}"
    for device in devices(architectures, cpu_only):
        if device.type in failed:
            continue
        say(f"checking the operations on {device} ...")
        start = time.monotonic()
        try:
            name = choice.check_again(device)
            result(f"{name}  {time.monotonic() - start:.1f} s  agrees with PyTorch's on {device}")
        except OpsError as error:
            failed[str(device)] = f"{device}: {error}"
    if failed:
        raise OpsError(" ".join(failed.values()))
