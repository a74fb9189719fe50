"""What the server needs to be installed."""

from __future__ import annotations

from importlib.util import find_spec

from zplus_plugins.errors import RequirementError

PACKAGES = ("starlette", "uvicorn", "websockets")


def require() -> None:
    """Require the packages of the extra ``studio``; nothing is imported.

    Raises:
        RequirementError: some are missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise RequirementError(
            f"zplus studio needs packages that are not installed: {', '.join(missing)}. Install them: "
            "pip install 'zplus-plugins[studio]'"
        )
