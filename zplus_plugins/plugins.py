"""Find adapters through entry points; a broken one is listed as broken and disturbs no other.

Adapters are loaded one by one and only until one knows the script: this distribution's own first,
then the others by name.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pluggy

from zplus_plugins import hookspecs
from zplus_plugins.adapter import PROJECT, Adapter
from zplus_plugins.errors import PluginError, UsageError
from zplus_plugins.upstream import Upstream, match_script

DISTRIBUTION = "zplus-plugins"


@dataclass(frozen=True)
class Plugin:
    """One entry point, loaded or broken.

    Attributes:
        name: of the entry point.
        origin: distribution and version it comes from.
        adapter: None if the plugin is broken.
        error: why it is broken.
        plugin: the object that may implement further hooks.
    """

    name: str
    origin: str
    adapter: Adapter | None = None
    error: str | None = None
    plugin: object | None = None


@dataclass(frozen=True)
class Choice:
    """The adapter that was chosen for a script, and the hooks of its plugin."""

    plugin: Plugin
    upstream: Upstream
    hooks: pluggy.HookRelay


def all_plugins() -> list[Plugin]:
    """Load every installed adapter."""
    return [_load(point) for point in _entry_points()]


def origin(name: str) -> str | None:
    """Distribution and version of the adapter of this name, which is not loaded; None if there is none."""
    return next((_origin(point) for point in _entry_points() if point.name == name), None)


def named(name: str) -> Plugin:
    """The installed adapter of this name.

    Raises:
        UsageError: there is none.
        PluginError: it is broken.
    """
    points = {point.name: point for point in _entry_points()}
    if name not in points:
        close = difflib.get_close_matches(name, points, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"There is no adapter {name!r}; installed are {', '.join(points)}.{hint}")
    plugin = _load(points[name])
    if plugin.adapter is None:
        raise PluginError(f"The adapter {name!r} ({plugin.origin}) cannot be loaded: {plugin.error}")
    return plugin


def choose(script: Path, name: str | None = None) -> Choice:
    """The adapter for a script: the one called ``name``, or the first that knows the script.

    Raises:
        UsageError: no such adapter, or none knows the script.
        PluginError: the adapter called ``name`` is broken.
    """
    if name is not None:
        plugin = named(name)
        assert plugin.adapter is not None
        upstream = match_script(plugin.adapter, script)
        if upstream is None:
            raise UsageError(_unknown_to(plugin.adapter, script))
        return Choice(plugin, upstream, hooks_of(plugin.plugin))
    broken = []
    known = []
    for plugin in map(_load, _entry_points()):
        if plugin.adapter is None:
            broken.append(f"\n  {plugin.name} ({plugin.origin}) is broken: {plugin.error}")
            continue
        upstream = match_script(plugin.adapter, script)
        if upstream is not None:
            return Choice(plugin, upstream, hooks_of(plugin.plugin))
        known.append(f"\n  {plugin.adapter.name}: {', '.join(s.path for s in plugin.adapter.scripts)}")
    raise UsageError(
        f"No adapter knows {script}. The installed adapters know these scripts, inside a whole checkout of "
        f"their repository:{''.join(known)}{''.join(broken)}\n"
        f"For a fork, `zplus check --adapter NAME {script}` tells what the adapter of that name misses there."
    )


def examined(script: Path, name: str | None = None) -> Upstream:
    """The checkout around a script, compared with what its adapter relies on.

    As :func:`choose`; but the adapter called ``name`` is asked about a checkout without its markers, too.

    Raises:
        UsageError, PluginError: as :func:`choose`.
    """
    if name is None:
        return choose(script).upstream
    adapter = named(name).adapter
    assert adapter is not None
    upstream = match_script(adapter, script, whole=False)
    if upstream is None:
        raise UsageError(_unknown_to(adapter, script))
    return upstream


def hooks_of(plugin: object) -> pluggy.HookRelay:
    """The hooks of one plugin, and of no other.

    Raises:
        pluggy.PluginValidationError: it implements a hook that does not exist, or in another way.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    return manager.hook


def _entry_points() -> Iterator[importlib.metadata.EntryPoint]:
    points = importlib.metadata.entry_points(group=PROJECT)
    return iter(sorted(points, key=lambda p: (p.dist is None or p.dist.name != DISTRIBUTION, p.name)))


def _origin(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"


def _load(point: importlib.metadata.EntryPoint) -> Plugin:
    """Anything that goes wrong in somebody else's plugin becomes a line about it, not a crash."""
    origin = _origin(point)
    try:
        loaded = point.load()
        adapter = hooks_of(loaded).zplus_adapter()
    except Exception as error:
        return Plugin(point.name, origin, error=f"{type(error).__name__}: {error}")
    if not isinstance(adapter, Adapter):
        text = f"{point.value} gives no Adapter: name an Adapter, or a module whose hook zplus_adapter returns one"
        return Plugin(point.name, origin, error=text)
    return Plugin(point.name, origin, adapter, plugin=loaded)


def _unknown_to(adapter: Adapter, script: Path) -> str:
    scripts = ", ".join(entry.path for entry in adapter.scripts)
    return (
        f"The adapter {adapter.name!r} does not know {script}. It knows {scripts} in a checkout of "
        f"{adapter.upstream} (recognised by {', '.join(adapter.markers) or 'the path alone'})."
    )
