"""``zplus new-adapter``: write a distribution with an adapter, its entry point, and tests that already pass.

The files in ``template/`` are such a distribution; they are copied, and only the name is changed.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.upstreams.checkout import plugins

TEMPLATE = Path(__file__).parent / "template"
# The adapter's name in the template: in distributions and entry points, and in modules.
_NAME, _MODULE = "new-name", "new_name"


def write_distribution(name: str, folder: Path | None = None) -> list[Path]:
    """Write a distribution for an adapter of this name, or nothing at all if that fails.

    Args:
        name: name of the adapter: lower-case letters and digits, with single hyphens between them.
        folder: the folder to create; by default ``zplus-NAME`` in the current folder.

    Returns:
        The files written.

    Raises:
        UsageError: the name is not valid or is already used, or the folder exists.
        RequirementError: the folder cannot be written.
    """
    _require_name(name)
    target = (folder or Path(f"zplus-{name}")).absolute()
    if target.exists():
        raise UsageError(f"{target} exists. Choose another folder with --folder, or remove it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target.parent))
    except OSError as error:
        raise RequirementError(f"Cannot write to {target.parent}: {error.strerror}. Choose another folder.") from None
    try:
        files = [_write(source, work / "new", name) for source in _template_files()]
        (work / "new").rename(target)
    except OSError as error:
        raise RequirementError(f"Cannot write {target}: {error.strerror}. Choose another folder.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return [target / file.relative_to(work / "new") for file in files]


def _template_files() -> list[Path]:
    return sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


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
