"""The text of an adapter, as far as a script's sources tell it; what they do not tell is a text that says TODO."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from zplus_plugins.upstreams.opened_images import Opened
from zplus_plugins.upstreams.survey import Place, Survey

_OUT = re.compile(r"(^|_)(out|output|result|results|save)(_?(dir|path|folder))?$")
_WEIGHTS = re.compile(r"ckpt|checkpoint|network|weights|pkl|stylegan")
_OTHER_WEIGHTS = re.compile(r"hyper|enc|e4e|psp|arcface|parsing|lpips|size")
_LIKELY = ("w", "latent", "latents", "code", "codes", "wp", "w_plus")
_OPTIONAL = ("wandb", "tensorboard", "tensorboardX", "comet_ml")
_WIDTH = 110

_NO_URL = "TODO: the repository's address"
_NO_PARSER = "TODO: no argument parser was found: package.module:function that returns the arguments"
_NO_SOURCE = "TODO: where to download it"
_NO_OPTIMIZER = "TODO: no optimizer was found: package.module:function that returns the encoder's code"
_NO_GENERATOR = "TODO: no class of a known family was found: package.module:Class of the generator"
_NO_SAVER = "TODO: nothing was found that saves a code: the pattern of its files, and their writers; or empty"


def proposal(name: str, found: Survey) -> str:
    """The source of an adapter, which can be imported as it is; comments say where each line comes from.

    Args:
        name: name of the adapter.
        found: what the sources tell.
    """
    needs, writers, (generator, captures) = _needs(found), _writers(found), _generator(found)
    used = {"Adapter", "Script", *_names(needs), *_names(writers), *captures}
    used.update(one.reader for one in found.images if not one.conditional)
    script = [f'"{found.script}"', 'role="invert"', *([_tuple("needs", needs, 12)] if needs else [])]
    notes = [f"The script's arguments: {', '.join(found.arguments)}."] if found.arguments else []
    if not found.parsers:
        used.add("Gate")
        script.append(f'gate=Gate("{_NO_PARSER}")')
    if not found.optimizers:
        used.add("Estimate")
    reliances = _reliances(found)
    used.update(_names(reliances))
    lines = [
        f'"""{name} ({found.root.name}): {Path(found.script).name} optimises its code in Z+ instead of W+."""',
        "",
        *_patch_imports(found.patches),
        *_import("zplus_plugins.upstreams", used),
        "",
        "ADAPTER = Adapter(",
        f'    name="{name}",',
        f'    summary="{name}: the code is optimised in Z+ instead of W+",',
        f'    upstream="{found.url or _NO_URL}",',
        "    tested_commits=(),",
        *_comment("Files that distinguish the repository from others with a script of this name."),
        *_field("markers", [f'"{one}"' for one in found.modules[:2]]),
        *(line for note in [*notes, *_told_images(found.images)] for line in _comment(note)),
        *_field("scripts", [_call("Script", script)]),
        *_comment("Functions that must not change; `zplus check --fingerprints` prints them with their fingerprints."),
        *_field("relies_on", reliances),
        *_optimizers(found),
        *generator,
        *_codes(found),
        *(_field("writers", writers) if writers else []),
        *([] if found.optimizers else [f'    estimates=(Estimate("{_NO_OPTIMIZER}"),),']),
        *_optional(found),
        *_patches(found),
        ")",
        "",
    ]
    return "\n".join(lines)


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="    # ", subsequent_indent="    # ")


def _shortened(text: str, width: int) -> str:
    """A source text in one line, cut between two words if it is too long."""
    return textwrap.shorten(text, width, placeholder=" ...")


def _import(module: str, names: set[str]) -> list[str]:
    """An import, sorted as isort does: constants, classes, then modules."""
    ordered = sorted(names, key=lambda name: (not name.isupper(), name.islower(), name))
    line = f"from {module} import {', '.join(ordered)}"
    return [line] if len(line) <= _WIDTH else [f"from {module} import (", *(f"    {one}," for one in ordered), ")"]


def _field(name: str, parts: list[str]) -> list[str]:
    """A field of the adapter whose value is a tuple."""
    return [f"    {_tuple(name, parts, 4)},"]


def _tuple(name: str, parts: list[str], indent: int) -> str:
    """A field whose value is a tuple: on one line if there is room."""
    line, margin = f"{name}=({_listed(parts)})", " " * indent
    if len(line) <= _WIDTH - indent and "\n" not in line:
        return line
    return "\n".join([f"{name}=(", *(f"{margin}    {part}," for part in parts), f"{margin})"])


def _call(name: str, arguments: list[str]) -> str:
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= _WIDTH - 12 and "\n" not in line:
        return line
    return f"{name}(\n" + "".join(f"            {argument},\n" for argument in arguments) + "        )"


def _listed(parts: list[str]) -> str:
    return ", ".join(parts) + ("," if len(parts) == 1 else "")


def _names(calls: list[str]) -> list[str]:
    return [call.partition("(")[0] for call in calls]


def _imports(found: Survey, module: str) -> bool:
    pattern = re.compile(rf"^\s*(import|from) {module}\b", re.MULTILINE)
    files = [found.script, *found.modules]
    return any(pattern.search((found.root / file).read_text(encoding="utf-8", errors="replace")) for file in files)


def _patch_imports(patches: list[str]) -> list[str]:
    plain = {patch for patch in patches if "." not in patch}
    ops = {patch.removeprefix("ops.") for patch in patches if "." in patch}
    lines = _import("zplus_plugins.patches", plain) if plain else []
    return lines + (_import("zplus_plugins.patches.ops", ops) if ops else [])


def _optional(found: Survey) -> list[str]:
    names = [f'"{one}"' for one in _OPTIONAL if _imports(found, one)]
    return _field("optional", names) if names else []


def _patches(found: Survey) -> list[str]:
    names = [f"{patch.rpartition('.')[2]}.PATCH" for patch in found.patches]
    return _field("patches", names) if names else []


def _needs(found: Survey) -> list[str]:
    weights = [name for name in found.arguments if _WEIGHTS.search(name) and not _OTHER_WEIGHTS.search(name)]
    folders = [name for name in found.arguments if _OUT.search(name)]
    return [
        *(f'Checkpoint("{{{name}}}", what="generator", remedy="{_NO_SOURCE}")' for name in weights[:1]),
        *(_image(one, found) for one in found.images if not one.conditional),
        *(f'Writable("{{{name}}}")' for name in folders[:1]),
    ]


def _image(one: Opened, found: Survey) -> str:
    if one.listed:
        return f'ImageList("{{{one.argument}}}", remedy="Write the images\' paths, one a line.", reader={one.reader})'
    if one.argument in found.several:
        return f'ImageFiles("{one.argument}", reader={one.reader})'
    return f'ImageFile("{{{one.argument}}}", reader={one.reader})'


def _told_images(images: list[Opened]) -> list[str]:
    return [
        f"Perhaps the images: {one.argument}, opened in {one.shown} under a condition; see `ImageFile` and `Pictures`."
        if one.conditional
        else f"The images: {'those listed in ' if one.listed else ''}{one.argument}, opened in {one.shown}."
        for one in images
    ]


def _reliances(found: Survey) -> list[str]:
    holders = [f"{one.file}:{one.scope}" for one in found.optimizers if one.scope]
    loader = _loader(found)
    if loader is not None:
        made = [f"{loader[0].file}:{loader[0].scope}"] if loader[0].scope else []
    else:
        made = [f"{one.file}:{_path(one)}.__init__" for one in found.generators[:1]]
    return [f'Reliance("{where}")' for where in dict.fromkeys(holders + made)]


def _loader(found: Survey) -> tuple[Place, str] | None:
    """The call that loads a generator, and its key; not those whose results may be weights."""
    return next((one for one in found.loaders if one[0].text not in ("torch.load", "load")), None)


def _path(place: Place) -> str:
    return f"{place.scope}.{place.text}".lstrip(".")


def _module(file: str, found: Survey) -> str:
    """The module that a file is imported as: from the script's folder if it lies there, else from the root."""
    folder = Path(found.script).parent
    path = Path(file).with_suffix("")
    path = path.relative_to(folder) if folder.parts and path.is_relative_to(folder) else path
    return ".".join(path.parts).removesuffix(".__init__")


def _optimizers(found: Survey) -> list[str]:
    if not found.optimizers:
        return []
    told = _comment("Optimizers; the code is recognised among what they are given by its shape, (B, L, D):")
    return told + [f"    # {_shortened(f'{one.shown}: {one.text}', _WIDTH - 6)}" for one in found.optimizers]


def _generator(found: Survey) -> tuple[list[str], list[str]]:
    """The lines of ``generator``, and the names that they use."""
    told, loader = "The object that contains the mapping network", _loader(found)
    if loader is not None:
        place, key = loader
        capture = f'ResultOf("{place.text.replace(".", ":", 1)}", pick="{key}")'
        return [*_comment(f"{told}: {place.shown}."), *_field("generator", [capture])], ["ResultOf"]
    if found.generators:
        one = found.generators[0]
        capture = f'InstanceOf("{_module(one.file, found)}:{_path(one)}")'
        return [*_comment(f"{told}: {one.shown}."), *_field("generator", [capture])], ["InstanceOf"]
    return [*_comment(f"{told}."), *_field("generator", [f'InstanceOf("{_NO_GENERATOR}")'])], ["InstanceOf"]


def _writers(found: Survey) -> list[str]:
    arguments = {
        "numpy:save": 'Writer("numpy:save", suffix=".npy")',
        "numpy:savez": 'Writer("numpy:savez", suffix=".npz", content=None)',
        "torch:save": 'Writer("torch:save", path=1, content=0)',
        "cv2:imwrite": 'Writer("cv2:imwrite")',
    }
    return [arguments[one] for one in dict.fromkeys(where for _, where, _ in found.savers)]


def _codes(found: Survey) -> list[str]:
    savers = [saver for saver in found.savers if saver[1] != "cv2:imwrite"]
    if not savers:
        return [f'    codes="{_NO_SAVER}",']
    place, where, call = max(savers, key=_likelihood)
    at = 1 if where == "torch:save" else 0
    suffix = {"numpy:save": ".npy", "numpy:savez": ".npz", "torch:save": ".pt"}[where]
    pattern = _pattern(call.args[at], found.arguments) if len(call.args) > at else ""
    told = _shortened(f"Where codes are saved. {place.shown}: {place.text}", _WIDTH - 6)
    lines = [*_comment(told), f'    codes="{pattern or f"*{suffix}"}",']
    item = _item(where, call)
    return lines + ([f'    code_item="{item}",'] if item else [])


def _likelihood(saver: tuple[Place, str, ast.Call]) -> int:
    """How many words of a call are those that codes go by."""
    return sum(word in _LIKELY for word in re.findall(r"[a-z_]+", saver[0].text.lower()))


def _pattern(path: ast.expr, arguments: list[str]) -> str:
    """A path expression as a pattern: what is no argument of the script stands for anything."""
    match path:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            parts = []
            for value in values:
                if isinstance(value, ast.Constant):
                    parts.append(str(value.value))
                else:
                    name = ast.unparse(value.value).rpartition(".")[2]  # type: ignore[attr-defined]
                    parts.append(f"{{{name}}}" if name in arguments else "*")
            return "".join(parts)
        case ast.Call() if ast.unparse(path.func).endswith("join"):
            return "/".join(_pattern(one, arguments) or "*" for one in path.args)
        case ast.Name() | ast.Attribute():
            name = ast.unparse(path).rpartition(".")[2]
            return f"{{{name}}}" if name in arguments else ""
    return ""


def _item(where: str, call: ast.Call) -> str:
    """The key of the code, as far as the call shows it."""
    keys: list[str] = []
    if where == "numpy:savez":
        keys = [keyword.arg for keyword in call.keywords if keyword.arg]
    elif where == "torch:save" and call.args and isinstance(call.args[0], ast.Dict):
        keys = [str(key.value) for key in call.args[0].keys if isinstance(key, ast.Constant)]
    return next((key for key in _LIKELY if key in keys), keys[0] if keys else "")
