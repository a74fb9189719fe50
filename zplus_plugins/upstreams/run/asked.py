"""What a run's options ask of its script; refused where the script cannot do it, so that no option goes unheard."""

from __future__ import annotations

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.adapter.description import Adapter, Script, Switch


def latent_of(options: Options, adapter: Adapter, script: Script) -> str:
    """The latent space of a run, as ``--latent`` names it: ``z``, ``zplus`` or ``off``.

    Raises:
        UsageError: ``--latent`` or ``--without-f`` has no effect on the script.
    """
    if script.role == "other" and options.latent not in (None, "off"):
        raise UsageError(
            f"{script.path} neither optimises nor edits a style code, so --latent {options.latent} cannot take "
            "effect. Run it with --latent off."
        )
    if options.without_f and (adapter.feature_map is None or script.role != "invert"):
        raise UsageError(f"--without-f has no effect on {script.path}: it optimises no feature map F.")
    return options.latent or ("off" if script.role == "other" else script.latent)


def switches_of(options: Options, adapter: Adapter, script: Script, latent: str) -> tuple[Switch, ...]:
    """The adapter's switches that were given.

    Raises:
        UsageError: one has no effect on the script in this latent space.
    """
    inverts = script.role == "invert" and latent != "off"
    declared = {switch.name: switch for switch in adapter.switches} if inverts else {}
    for name in options.switches:
        if name not in declared:
            raise UsageError(
                f"--{name} has no effect on {script.path} with --latent {latent}: it is only for inversions in Z or "
                "Z+ by scripts whose adapter declares it."
            )
    return tuple(declared[name] for name in options.switches)
