"""Find adapters through entry points. A broken one is listed as broken and does not affect the others.

To choose an adapter for a script, our own are loaded first, one by one, until one knows the script. The others are
loaded only after that, all together, because two of them may claim the same name. They cannot take the names of ours.
"""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pluggy

from zplus_plugins.errors import PluginError, UsageError, ZPlusError
from zplus_plugins.system.process import Stopped
from zplus_plugins.upstreams.adapter import hookspecs
from zplus_plugins.upstreams.adapter.description import PROJECT, Adapter
from zplus_plugins.upstreams.checkout.checkout import Upstream, match_script
from zplus_plugins.upstreams.checkout.containment import imported_apart, no_exit, raised_at, why
from zplus_plugins.upstreams.checkout.validation import faults

DISTRIBUTION = "zplus-plugins"
_log = logging.getLogger("zplus_plugins")


@dataclass(frozen=True)
class Plugin:
    """One entry point, loaded or broken.

    Attributes:
        name: the entry point's name.
        origin: the distribution that it comes from, with the version.
        adapter: None if the plugin is broken.
        error: why it is broken.
        plugin: the object that may implement further hooks.
        claimed: the name that the adapter gives itself, even if it is already taken.
    """

    name: str
    origin: str
    adapter: Adapter | None = None
    error: str | None = None
    plugin: object | None = None
    claimed: str = ""

    def __post_init__(self) -> None:
        if not self.claimed:
            object.__setattr__(self, "claimed", self.name)


@dataclass(frozen=True)
class Choice:
    """The adapter that was chosen for a script, and the hooks of its plugin."""

    plugin: Plugin
    upstream: Upstream
    hooks: Hooks


class Hooks:
    """The hooks of one plugin alone. If a hook fails, the error names the plugin.

    Args:
        plugin: the loaded plugin.

    Raises:
        pluggy.PluginValidationError: it implements a hook that does not exist, or with the wrong arguments.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._relay = _relay(plugin.plugin)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        hook = getattr(self._relay, name)

        def call(**arguments: Any) -> Any:
            try:
                with no_exit():
                    return hook(**arguments)
            except (ZPlusError, Stopped):
                raise
            except BaseException as error:
                raise PluginError(
                    f"The plugin {self._plugin.name!r} ({self._plugin.origin}) failed in {name}: {why(error)} "
                    f"({raised_at(error)}). Report this to its authors, or uninstall it."
                ) from error

        return call


def all_plugins() -> list[Plugin]:
    """Load every installed adapter; if several claim the same name, they all count as broken."""
    points, unreadable = _entry_points()
    ours = [_load(point) for point in points if _is_ours(point)]
    return [*ours, *_others(points), *unreadable]


def origin(name: str) -> str | None:
    """Distribution and version of the adapter of this name, without loading it; None if there is none."""
    return next((_origin(point) for point in _entry_points()[0] if point.name == name), None)


def named(name: str) -> Plugin:
    """The installed adapter whose entry point, or which itself, has this name.

    Raises:
        UsageError: there is none.
        PluginError: it is broken, or two adapters have the name.
    """
    points, _ = _entry_points()
    called = [point for point in points if point.name == name]
    if called and (_is_ours(called[0]) or len(called) == 1):
        found = [_unless_taken(_load(called[0]), _our_names(points), {})]  # without loading any other
    else:
        found = _others(points)
    for plugin in found:
        if plugin.adapter is not None and name in (plugin.name, plugin.adapter.name):
            return plugin
    for plugin in found:
        if name in (plugin.name, plugin.claimed):
            raise PluginError(f"The adapter {name!r} ({plugin.origin}) cannot be loaded: {plugin.error}")
    names = list(dict.fromkeys(point.name for point in points))
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UsageError(f"There is no adapter {name!r}; the installed adapters are {', '.join(names)}.{hint}")


def choose(script: Path, name: str | None = None) -> Choice:
    """The adapter for a script: the one called ``name``, or the first that knows the script.

    Raises:
        UsageError: there is no adapter of this name, or none knows the script.
        PluginError: the adapter called ``name`` is broken.
    """
    if name is not None:
        plugin = named(name)
        assert plugin.adapter is not None
        upstream = match_script(plugin.adapter, script)
        if upstream is None:
            raise UsageError(_unknown_to(plugin.adapter, script))
        return _chosen(plugin, upstream)
    broken = []
    known = []
    for plugin in _in_turn():
        if plugin.adapter is None:
            broken.append(f"\n  {plugin.name} ({plugin.origin}) is broken: {plugin.error}")
            continue
        upstream = match_script(plugin.adapter, script)
        if upstream is not None:
            return _chosen(plugin, upstream)
        known.append(f"\n  {plugin.adapter.name}: {', '.join(s.path for s in plugin.adapter.scripts)}")
    raise UsageError(
        f"No adapter knows {script}. The installed adapters know these scripts, in complete checkouts of "
        f"their repositories:{''.join(known)}{''.join(broken)}\n"
        f"For a fork, `zplus check --adapter NAME {script}` shows what the adapter NAME does not find in it. "
        f"For another repository, `zplus new-adapter NAME --from {script}` writes the beginning of an adapter."
    )


def _chosen(plugin: Plugin, upstream: Upstream) -> Choice:
    _log.debug("the adapter is %s, of %s; the checkout is %s", plugin.name, plugin.origin, upstream.root)
    return Choice(plugin, upstream, Hooks(plugin))


def examined(script: Path, name: str | None = None) -> Upstream:
    """The checkout around a script, compared with what its adapter relies on.

    Like :func:`choose`, but the adapter called ``name`` also accepts a checkout without its markers.

    Raises:
        UsageError, PluginError: as for :func:`choose`.
    """
    if name is None:
        return choose(script).upstream
    adapter = named(name).adapter
    assert adapter is not None
    upstream = match_script(adapter, script, whole=False)
    if upstream is None:
        raise UsageError(_unknown_to(adapter, script))
    return upstream


def _relay(plugin: object) -> pluggy.HookRelay:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    return manager.hook


def _entry_points() -> tuple[list[importlib.metadata.EntryPoint], list[Plugin]]:
    """All entry points, ours first, and a broken plugin for each distribution whose entry points cannot be read."""
    points: list[importlib.metadata.EntryPoint] = []
    unreadable = []
    try:
        points += importlib.metadata.entry_points(group=PROJECT)
    except Exception:  # one distribution is broken; find out which by reading them one by one
        seen = set()
        for distribution in importlib.metadata.distributions():
            name = distribution.name
            if name in seen:
                continue
            seen.add(name)
            try:
                points += distribution.entry_points.select(group=PROJECT)
            except Exception as error:
                text = f"its entry points cannot be read: {why(error)}"
                unreadable.append(Plugin(name, f"{name} {distribution.version}", error=text))
    return sorted(points, key=lambda p: (not _is_ours(p), p.name, _origin(p))), unreadable


def _is_ours(point: importlib.metadata.EntryPoint) -> bool:
    return point.dist is not None and re.sub("[-_.]+", "-", _name_and_version(point.dist)[0]).lower() == DISTRIBUTION


def _origin(point: importlib.metadata.EntryPoint) -> str:
    return " ".join(_name_and_version(point.dist)) if point.dist else "unknown distribution"


@functools.lru_cache
def _name_and_version(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Of the object that one search has found: it reads and parses its file each time that it is asked for either."""
    told = distribution.metadata
    return str(told["Name"]), str(told["Version"])


def _in_turn() -> Iterator[Plugin]:
    """All plugins, loaded lazily: first ours, one by one, then all the others together."""
    points, unreadable = _entry_points()
    yield from (_load(point) for point in points if _is_ours(point))
    yield from _others(points)
    yield from unreadable


def _others(points: list[importlib.metadata.EntryPoint]) -> list[Plugin]:
    """The plugins of other distributions; one whose name is already taken counts as broken."""
    taken = _our_names(points)
    loaded = [_load(point) for point in points if not _is_ours(point)]
    claims = defaultdict(list)
    for plugin in loaded:
        for name in {plugin.name, plugin.claimed}:
            claims[name].append(plugin.origin)
    return [_unless_taken(plugin, taken, claims) for plugin in loaded]


def _our_names(points: list[importlib.metadata.EntryPoint]) -> dict[str, str]:
    return {point.name: _origin(point) for point in points if _is_ours(point)}


def _unless_taken(plugin: Plugin, taken: dict[str, str], claims: dict[str, list[str]]) -> Plugin:
    for name in dict.fromkeys((plugin.name, plugin.claimed)):
        if taken.get(name, plugin.origin) != plugin.origin:
            text = f"the name {name!r} is taken by {taken[name]}, whose names no other distribution can use"
            return replace(plugin, adapter=None, plugin=None, error=text)
        others = claims.get(name, [])
        if len(others) > 1:
            text = f"the name {name!r} is used {len(others)} times, by {' and '.join(others)}"
            return replace(plugin, adapter=None, plugin=None, error=f"{text}: uninstall all but one of them")
    return plugin


def _load(point: importlib.metadata.EntryPoint) -> Plugin:
    """Load one plugin. If anything goes wrong in it, the plugin counts as broken, and its error says why."""
    origin = _origin(point)
    try:
        with imported_apart():
            loaded = point.load()
            adapter = _relay(loaded).zplus_adapter()
            wrong = faults(adapter) if isinstance(adapter, Adapter) else []
    except Stopped:  # Ctrl-C
        raise
    except BaseException as error:
        return Plugin(point.name, origin, error=why(error))
    if not isinstance(adapter, Adapter):
        text = f"{point.value} is not an Adapter, nor a module whose hook zplus_adapter returns one"
        return Plugin(point.name, origin, error=text)
    if wrong:
        return Plugin(point.name, origin, error=f"{point.value} is not a valid Adapter: {'; '.join(wrong)}")
    return Plugin(point.name, origin, adapter, plugin=loaded, claimed=adapter.name)


def _unknown_to(adapter: Adapter, script: Path) -> str:
    scripts = ", ".join(entry.path for entry in adapter.scripts)
    return (
        f"The adapter {adapter.name!r} does not know {script}. It knows {scripts} in checkouts of "
        f"{adapter.upstream} (recognised by {', '.join(adapter.markers) or 'the path alone'})."
    )
