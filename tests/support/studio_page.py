"""The studio's page in a browser's tab, with the command behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.browser import as_seen, chromium, saving_into
from support.studio import wait_for
from support.studio_process import Running, running

STEPS = 6
KEYS = {"right": "\ue014", "tab": "\ue004", "delete": "\ue017", "escape": "\ue00c", "space": " "}
SLIDE = """
const input = document.getElementById(arguments[0]);
input.value = arguments[1];
input.dispatchEvent(new Event("input"));
input.dispatchEvent(new Event("change"));
"""
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), one => one.charCodeAt(0)), files = new DataTransfer();
files.items.add(new File([bytes], arguments[1], {type: "image/png"}));
for (const name of ["dragenter", "dragover", "drop"]) {
  document.body.dispatchEvent(new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: files}));
}
"""
PASTE = """
const bytes = Uint8Array.from(atob(arguments[0]), one => one.charCodeAt(0)), files = new DataTransfer();
files.items.add(new File([bytes], arguments[1], {type: "image/png"}));
document.body.dispatchEvent(new ClipboardEvent("paste", {bubbles: true, cancelable: true, clipboardData: files}));
"""
_SCENE = """
const text = location.hash.slice(3).replace(/-/g, "+").replace(/_/g, "/");
return text ? JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), one => one.charCodeAt(0)))) : null;
"""
_PIXELS = """
return ["first", "second"].map(name => {
  const canvas = document.querySelector(`.pair-${name} canvas`), {width, height} = canvas;
  return [...canvas.getContext("2d").getImageData(0, 0, width, height).data];
});
"""
_AT_ONCE = """
const later = window.setTimeout;  // of the page's delays, only that of the address, whose length nothing else has
window.setTimeout = (work, delay, ...given) => later(work, delay === 300 ? 0 : delay, ...given);
"""
_SETTLED = """
const captions = [...document.querySelectorAll(".pair-side figcaption span")].map(one => one.textContent);
return document.getElementById("work").ariaBusy === "false" && captions.every(text => !text.includes("approximate"));
"""


@dataclass
class Page:
    """The browser's tab, and the command behind it."""

    driver: Any
    folder: Path
    running: Running
    starts: ExitStack

    @property
    def out(self) -> Path:
        return self.folder / "zplus-studio"

    @property
    def address(self) -> str:
        return str(self.running.document["url"])

    def restart(self) -> None:
        self.running = self.starts.enter_context(running(self.folder, "--steps", STEPS, "--port", self.port))

    @property
    def port(self) -> int:
        return int(str(self.running.document["port"]))

    def js(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        self.js("document.querySelector(arguments[0]).click()", selector)

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0]).textContent", selector))

    def keys(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def slide(self, name: str, value: float) -> None:
        """Drag the slider of a direction, and wait for what both spaces have made of it."""
        self.js(SLIDE, self.slider(name), value)
        self.settled()

    def slider(self, name: str) -> str:
        script = "return [...document.querySelectorAll('.slider label')].find(one => one.textContent === arguments[0])"
        return str(self.js(f"{script}.htmlFor", name))

    def readings(self, name: str) -> list[str]:
        script = (
            "return [...document.querySelectorAll(`#${arguments[0]}-changes .reading`)].map(one => one.textContent)"
        )
        return list(self.js(script, self.slider(name)))

    def scene(self) -> dict[str, Any]:
        found = self.js(_SCENE)
        assert isinstance(found, dict)
        return found

    def settled(self) -> None:
        """Wait until the pictures are exact and the address holds the scene."""
        wait_for(lambda: self.js(_SETTLED) or None, 30)

    def pixels(self) -> list[list[int]]:
        return list(self.js(_PIXELS))

    def errors(self) -> list[str]:
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    def fresh(self) -> None:
        """Load the page anew, without a scene."""
        self.driver.get("about:blank")
        self.driver.get(self.address)
        wait_for(lambda: self.js("return document.querySelectorAll('.slider').length > 0") or None, 20)


@contextmanager
def opened(folder: Path) -> Iterator[Page]:
    """The page of a new server, 1400 pixels wide; files that it saves go to ``downloads`` in the folder."""
    (folder / "downloads").mkdir()
    with ExitStack() as starts, chromium(folder / "profile") as driver:
        server = starts.enter_context(running(folder, "--steps", STEPS, "--port", 0))
        saving_into(driver, folder / "downloads")
        as_seen(driver, 1400, 1000)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _AT_ONCE})
        driver.get(str(server.document["url"]))
        yield Page(driver, folder, server, starts)
