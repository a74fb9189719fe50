"""Accessibility of a page in a browser, by the rules of axe-core."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_RULES = ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]
_RUN = """
const done = arguments[arguments.length - 1];
axe.run(arguments[1] || document, {runOnly: arguments[0]}).then(done, error => done(String(error)));
"""


def violations(driver: Any, within: str | None = None) -> list[str]:
    """What breaks WCAG 2.1 A and AA or axe-core's best practices, a line for each element; skips without axe-core.

    Args:
        driver: of the browser.
        within: a selector, such as that of a dialog that is open; None for the whole page.
    """
    package = find_spec("axe_selenium_python")
    if package is None or package.origin is None:
        pytest.skip("axe-selenium-python, which ships axe-core, is not installed")
    script = Path(package.origin).parent / "node_modules" / "axe-core" / "axe.min.js"
    driver.execute_script(script.read_text(encoding="utf-8"))
    result = driver.execute_async_script(_RUN, _RULES, within)
    assert isinstance(result, dict) and result["passes"], result
    return [
        f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
