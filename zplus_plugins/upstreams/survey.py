"""What the source of a script, and of its repository's modules that it imports, tells an adapter's author.

Everything is read from syntax trees; nothing is imported or run. What is found is a proposal: the author checks it with
``zplus check`` and a run.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from zplus_plugins.upstreams.checkout.checkout import origin_url
from zplus_plugins.upstreams.imports.script import own_sources
from zplus_plugins.upstreams.imports.source_text import parse_text, scoped
from zplus_plugins.upstreams.opened_images import Opened, opened_images
from zplus_plugins.upstreams.script.parsers import KNOWN

# The attributes by which zplus_plugins.hypersphere.families recognises a family, as its constructor sets them.
_FAMILIES = ({"style", "n_latent"}, {"mapping", "num_ws"}, {"mapping", "truncation"}, {"mapping", "num_layers"})
_SAVERS = {
    "np.save": "numpy:save", "numpy.save": "numpy:save", "np.savez": "numpy:savez", "numpy.savez": "numpy:savez",
    "torch.save": "torch:save", "cv2.imwrite": "cv2:imwrite",
}  # fmt: skip
_OPTIMIZER = re.compile(r"(torch\.)?(optim\.)?(Adam|AdamW|SGD|RMSprop|Adamax|NAdam|RAdam|Adagrad|LBFGS|Ranger)$")
# Names of patches in zplus_plugins.patches, and what in a source calls for them.
_PROBLEMS = (
    ("device", re.compile(r"\.cuda\(")),
    ("device_names", re.compile(r"""(device\s*=\s*|\.to\(|torch\.device\()["']cuda""")),
    ("checkpoints", re.compile(r"torch\.(jit\.)?load\(")),
    ("downloads", re.compile(r"\bwget\b")),
    ("removed_modules", re.compile(r"^\s*(import|from) (distutils|pkg_resources)\b", re.MULTILINE)),
    ("pillow_names", re.compile(r"Image\.ANTIALIAS")),
    ("make_grid_range", re.compile(r"make_grid\([^)]*\brange=|save_image\([^)]*\brange=", re.DOTALL)),
    ("ops.extensions", re.compile(r"torch\.utils\.cpp_extension")),
    ("ops.custom_ops", re.compile(r"custom_ops\.get_plugin\(")),
)


@dataclass(frozen=True)
class Place:
    """Something in a source.

    Attributes:
        file: relative to the repository's root.
        line: where it is.
        text: what it is.
        scope: the function or class around it, ``Class.function``; empty at the top level.
    """

    file: str
    line: int
    text: str
    scope: str = ""

    @property
    def shown(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass
class Survey:
    """What was found; see the module.

    Attributes:
        root: the repository's.
        script: relative to it.
        url: of the repository that it was cloned from; empty if git does not tell.
        parsers: known libraries by which the script takes its arguments.
        arguments: the names of the script's arguments.
        several: those that take several values.
        images: those that name images.
        optimizers: calls that build one.
        generators: classes whose attributes are those of a known family.
        loaders: calls whose result is subscripted with a generator's usual key, such as ``load(f)["G_ema"]``.
        savers: calls that write a file that may hold a code.
        patches: names in ``zplus_plugins.patches`` of problems that the sources have.
        modules: the repository's own files that the script imports, without the script.
    """

    root: Path
    script: str
    url: str = ""
    parsers: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    several: set[str] = field(default_factory=set)
    images: list[Opened] = field(default_factory=list)
    optimizers: list[Place] = field(default_factory=list)
    generators: list[Place] = field(default_factory=list)
    loaders: list[tuple[Place, str]] = field(default_factory=list)
    savers: list[tuple[Place, str, ast.Call]] = field(default_factory=list)
    patches: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)


def survey(script: Path) -> Survey:
    """Read a script and the modules of its repository that it imports.

    Raises:
        OSError, UnreadableSourceError: the script cannot be read as Python.
    """
    script = script.resolve()
    root = next((folder for folder in script.parents if (folder / ".git").exists()), script.parent)
    found, text = Survey(root, script.relative_to(root).as_posix(), origin_url(root)), ""
    trees = {}
    for file, source in own_sources(script, root):
        relative = file.relative_to(root).as_posix()
        if relative != found.script:
            found.modules.append(relative)
        text += source
        trees[relative] = parse_text(source)
        _read(found, relative, trees[relative])
    found.images = opened_images(trees, found.arguments)
    found.patches = [name for name, pattern in _PROBLEMS if pattern.search(text)]
    return found


def _read(found: Survey, file: str, tree: ast.Module) -> None:
    for scope, node in scoped(tree):
        match node:
            case ast.Import(names=names):
                found.parsers += [a.name for a in names if a.name in KNOWN and a.name not in found.parsers]
            case ast.ImportFrom(module=str(module)) if module in KNOWN and module not in found.parsers:
                found.parsers.append(module)
            case ast.ClassDef() if any(family <= _attributes(node) for family in _FAMILIES):
                found.generators.append(Place(file, node.lineno, node.name, scope))
            case ast.Call():
                _read_call(found, file, scope, node)
            case ast.Subscript(value=ast.Call() as call, slice=ast.Constant(value="G_ema" | "g_ema" as key)):
                found.loaders.append((Place(file, node.lineno, ast.unparse(call.func), scope), str(key)))


def _read_call(found: Survey, file: str, scope: str, call: ast.Call) -> None:
    name = ast.unparse(call.func)
    place = Place(file, call.lineno, ast.unparse(call), scope)
    if _OPTIMIZER.match(name) and call.args:
        found.optimizers.append(place)
    elif name in _SAVERS:
        found.savers.append((place, _SAVERS[name], call))
    elif name.endswith(".add_argument") or name in ("click.option", "click.argument"):
        flags = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        given = [k.value.value for k in call.keywords if k.arg == "dest" and isinstance(k.value, ast.Constant)]
        # click names a parameter by the one without dashes, both parsers by the first long flag otherwise
        bare = [flag for flag in flags if not flag.startswith("-")]
        longest = bare or [flag for flag in flags if flag.startswith("--")] or flags
        for argument in [str(one).lstrip("-").replace("-", "_") for one in (given or longest)[:1]]:
            found.arguments += [argument] if argument not in found.arguments else []
            if any(_is_several(keyword) for keyword in call.keywords):
                found.several.add(argument)


def _is_several(keyword: ast.keyword) -> bool:
    """Whether a keyword of ``add_argument`` or ``click.option`` lets an argument have several values."""
    match keyword.arg, keyword.value:
        case "nargs", value:
            return not (isinstance(value, ast.Constant) and value.value == "?")
        case "multiple", ast.Constant(value=value):
            return bool(value)
        case "action", ast.Constant(value=value):
            return value in ("append", "extend")
    return False


def _attributes(node: ast.ClassDef) -> set[str]:
    """The names that a class assigns to ``self``."""
    return {
        below.attr
        for below in ast.walk(node)
        if isinstance(below, ast.Attribute) and isinstance(below.ctx, ast.Store) and ast.unparse(below.value) == "self"
    }
