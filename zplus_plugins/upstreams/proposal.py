"""The text of an adapter, as far as the sources of a script tell it; what they do not tell is marked with TODO."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from zplus_plugins.upstreams.survey import Place, Survey

_TODO = "TODO"
_OUT = re.compile(r"(^|_)(out|output|result|results|save)(_?(dir|path|folder))?$")
_WEIGHTS = re.compile(r"ckpt|checkpoint|network|weights|pkl|stylegan")
_OTHER_WEIGHTS = re.compile(r"hyper|enc|e4e|psp|arcface|parsing|lpips|size")
_LIKELY = ("w", "latent", "latents", "code", "codes", "wp", "w_plus")
_OPTIONAL = ("wandb", "tensorboard", "tensorboardX", "comet_ml")
_WIDTH = 110


def proposal(name: str, found: Survey) -> str:
    """The source of an adapter, which can be imported as it is; comments say where each line comes from.

    Args:
        name: name of the adapter.
        found: what the sources tell.
    """
    needs, writers, (generator, captures) = _needs(found), _writers(found), _generator(found)
    used = {"Adapter", "Reliance", "Script", *_names(needs), *_names(writers), *captures}
    script = [f'"{found.script}"', 'role="invert"', *([f"needs=({_listed(needs)})"] if needs else [])]
    note = f"    # The script's arguments: {', '.join(found.arguments)}."
    if not found.parsers:
        used.add("Gate")
        script.append(f'gate=Gate("{_TODO}")')
        note = f"    # {_TODO}: no known argument parser was found; name the function that returns the arguments."
    lines = [
        f'"""{name} ({found.root.name}): {Path(found.script).name} optimises its code in Z+ instead of W+."""',
        "",
        *_patch_imports(found.patches),
        f"from zplus_plugins.upstreams import {', '.join(sorted(used))}",
        "",
        "ADAPTER = Adapter(",
        f'    name="{name}",',
        f'    summary="{name}: the code is optimised in Z+ instead of W+",',
        f'    upstream="https://github.com/{_TODO}",',
        "    tested_commits=(),",
        "    # Files that distinguish the repository from others with a script of this name.",
        *_field("markers", [f'"{one}"' for one in found.modules[:2]]),
        *textwrap.wrap(note, _WIDTH, subsequent_indent="    # "),
        *_field("scripts", [_call("Script", script)]),
        "    # Functions that must not change; `zplus check --fingerprints` prints them with their fingerprints.",
        *_field("relies_on", _reliances(found)),
        *_optimizers(found),
        generator,
        *_codes(found),
        *_field("writers", writers),
        *_field("optional", [f'"{one}"' for one in _OPTIONAL if _imports(found, one)]),
        *_field("patches", [f"{patch.rpartition('.')[2]}.PATCH" for patch in found.patches]),
        ")",
        "",
    ]
    return "\n".join(lines)


def _field(name: str, parts: list[str]) -> list[str]:
    """A field whose value is a tuple: on one line if there is room."""
    line = f"    {name}=({_listed(parts)}),"
    if len(line) <= _WIDTH:
        return [line]
    return [f"    {name}=(", *(f"        {part}," for part in parts), "    ),"]


def _call(name: str, arguments: list[str]) -> str:
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= _WIDTH - 12:
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
    plain = [patch for patch in patches if "." not in patch]
    ops = [patch.removeprefix("ops.") for patch in patches if "." in patch]
    lines = [f"from zplus_plugins.patches import {', '.join(plain)}"] if plain else []
    return lines + ([f"from zplus_plugins.patches.ops import {', '.join(ops)}"] if ops else [])


def _needs(found: Survey) -> list[str]:
    weights = [name for name in found.arguments if _WEIGHTS.search(name) and not _OTHER_WEIGHTS.search(name)]
    folders = [name for name in found.arguments if _OUT.search(name)]
    return [
        *(f'Checkpoint("{{{name}}}", what="generator", remedy="{_TODO}: where it is")' for name in weights[:1]),
        *(f'Writable("{{{name}}}")' for name in folders[:1]),
    ]


def _reliances(found: Survey) -> list[str]:
    holders = [f"{one.file}:{one.scope}" for one in found.optimizers if one.scope]
    classes = [f"{one.file}:{_path(one)}.__init__" for one in found.generators[:1]]
    return [f'Reliance("{where}")' for where in dict.fromkeys(holders + classes)]


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
        return [f"    # {_TODO}: no optimizer was found; an encoder's code needs `estimates`."]
    return [f"    # {one.shown}: {one.text:.70}" for one in found.optimizers]


def _generator(found: Survey) -> tuple[str, list[str]]:
    """The line of ``generator``, and the names that it uses."""
    for place, key in found.loaders:
        if place.text not in ("torch.load", "load"):  # whose results are weights
            where = place.text.replace(".", ":", 1)
            return f'    generator=(ResultOf("{where}", pick="{key}"),),  # {place.shown}', ["ResultOf"]
    if found.generators:
        one = found.generators[0]
        return f'    generator=(InstanceOf("{_module(one.file, found)}:{_path(one)}"),),  # {one.shown}', ["InstanceOf"]
    todo = f"# {_TODO}: no class has the attributes of a known family"
    return f'    generator=(InstanceOf("{_TODO}:{_TODO}"),),  {todo}', ["InstanceOf"]


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
        return [f'    codes="",  # {_TODO}: nothing was found that saves a code']
    place, where, call = max(savers, key=_likelihood)
    at = 1 if where == "torch:save" else 0
    suffix = {"numpy:save": ".npy", "numpy:savez": ".npz", "torch:save": ".pt"}[where]
    pattern = _pattern(call.args[at], found.arguments) if len(call.args) > at else ""
    lines = [f'    codes="{pattern or f"*{suffix}"}",  # {place.shown}: {place.text:.60}']
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
