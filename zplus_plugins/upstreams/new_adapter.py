"""``zplus new-adapter``: write a distribution with an adapter, its entry point, and its tests.

The files in ``template/`` are such a distribution; they are copied, and only the name is changed. For a script of the
upstream, the description is filled in from its source instead, and the example's stand-in and its tests are left out.
"""

from __future__ import annotations

import ast
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.upstreams.adapter.unfinished import says_todo
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source
from zplus_plugins.upstreams.proposal import proposal
from zplus_plugins.upstreams.survey import Survey, survey

TEMPLATE = Path(__file__).parent / "template"
TEMPLATE_OF_SCRIPT = Path(__file__).parent / "template_of_script"
# The adapter's name in the template: in distributions and entry points, and in modules.
_NAME, _MODULE = "new-name", "new_name"


def write_distribution(name: str, folder: Path | None = None, script: Path | None = None) -> list[Path]:
    """Write a distribution for an adapter of this name, or nothing at all if that fails.

    Args:
        name: name of the adapter: lower-case letters and digits, with single hyphens between them.
        folder: the folder to create; by default ``zplus-NAME`` in the current folder.
        script: a script of the upstream, whose source fills in the description; it is not run.

    Returns:
        The files written.

    Raises:
        UsageError: the name is not valid or is already used, the folder exists, or the script cannot be read.
        RequirementError: the folder cannot be written.
    """
    _require_name(name)
    target = (folder or Path(f"zplus-{name}")).absolute()
    if target.exists():
        raise UsageError(f"{target} exists. Choose another folder with --folder, or remove it.")
    found = None if script is None else _surveyed(script)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target.parent))
    except OSError as error:
        raise RequirementError(f"Cannot write to {target.parent}: {error.strerror}. Choose another folder.") from None
    try:
        files = [_write(source, work / "new", name) for source in _template_files()]
        if found is not None:
            _fill_in(work / "new", name, found)
            files = [file for file in (work / "new").rglob("*") if file.is_file()]
        (work / "new").rename(target)
    except OSError as error:
        raise RequirementError(f"Cannot write {target}: {error.strerror}. Choose another folder.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return sorted(target / file.relative_to(work / "new") for file in files)


def left_to_find_out(files: Iterable[Path]) -> list[str]:
    """A line ``file:line: TODO: ...`` for each text in the adapters among these files that says TODO."""
    modules = [file for file in files if file.suffix == ".py" and file.name.startswith("zplus_")]
    return [
        f"{file}:{node.lineno}: {node.value}"
        for file in modules
        for node in ast.walk(parse_source(file)[1])
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and says_todo(node.value)
    ]


def _surveyed(script: Path) -> Survey:
    try:
        return survey(script)
    except OSError as error:
        raise UsageError(f"--from {script}: {error.strerror or error}.") from None
    except UnreadableSourceError as error:
        raise UsageError(f"--from {script} cannot be read as Python: {error}") from None


def _template_files() -> list[Path]:
    return sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _fill_in(folder: Path, name: str, found: Survey) -> None:
    """Replace the template's description and README by those of a script, and remove what is of its example."""
    shutil.rmtree(folder / "tests" / "standin")
    (folder / _named("tests/test_new_name.py", name)).unlink()
    readme = (TEMPLATE_OF_SCRIPT / "README.md").read_text(encoding="utf-8")
    readme = readme.replace("SCRIPT", found.script).replace("REPOSITORY", found.root.name)
    (folder / "README.md").write_text(_named(readme, name), encoding="utf-8")
    (folder / _named("zplus_new_name.py", name)).write_text(proposal(name, found), encoding="utf-8")


def _write(source: Path, folder: Path, name: str) -> Path:
    file = folder / _named(source.relative_to(TEMPLATE).as_posix(), name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_named(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    return file


def _named(text: str, name: str) -> str:
    return text.replace(_NAME, name).replace(_MODULE, name.replace("-", "_"))


def _require_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        close = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        hint = f" Did you mean {close}?" if close else ""
        raise UsageError(f"{name!r} is not a valid adapter name: use lower-case letters, digits and hyphens.{hint}")
    origin = plugins.origin(name)
    if origin is not None:
        raise UsageError(f"There is already an adapter {name!r}, from {origin}. Choose another name.")
    if f"zplus-{name}" == plugins.DISTRIBUTION:
        raise UsageError(f"{plugins.DISTRIBUTION} is the name of this package. Choose another name.")
