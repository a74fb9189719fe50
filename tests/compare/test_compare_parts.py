"""The parts of pages, in a browser: a pair of pictures of known colours, links to a state, contact sheets."""

from __future__ import annotations

import base64
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.axe import violations
from support.browser import as_seen, saving_into
from zplus_plugins.compare.report.report import ASSETS

PARTS = ("elements.js", "pair.js", "link.js", "sheet.js")
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Parts</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>STYLE main{width:400px}</style></head><body><main><h1>Parts</h1><div id="pair"></div>
<button type="button" class="button" id="hold">Hold</button></main><script>SCRIPT
function plain(colour, width = 8, height = 8) {
  const canvas = make("canvas", {width, height}), pen = canvas.getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, width, height);
  return canvas;
}
let changes = 0;
const pair = Pair(document.getElementById("pair"), {names: ["A", "B"], onchange: () => { changes++; }});
pair.draw(0, plain("rgb(100,100,100)"));
pair.draw(1, plain("rgb(106,100,97)"));
whileHeld(document.getElementById("hold"), () => pair.hold([[plain("rgb(1,2,3)")], null]), () => pair.hold(null));
</script></body></html>"""
SHOWN = "return [...document.querySelector('.pair-first canvas').getContext('2d').getImageData(0, 0, 1, 1).data]"
KEYS = {"right": "\ue014", "home": "\ue011", "space": " "}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    script = "".join((ASSETS / name).read_text(encoding="utf-8") for name in PARTS)
    style = (ASSETS / "parts.css").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("parts") / "parts.html"
    path.write_text(PAGE.replace("STYLE", style).replace("SCRIPT", script), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Any:
    browser.get("about:blank")
    as_seen(browser, 1000, 800)
    browser.get(address)
    yield browser
    assert browser.get_log("browser") == []


def test_the_difference_is_the_mean_over_all_levels(page: Any) -> None:
    page.find_element("css selector", "input[value=difference]").click()
    assert page.execute_script("return pair.difference") == 3  # (6 + 0 + 3) / 3
    corner = "return [...document.querySelector('.pair-map canvas').getContext('2d').getImageData(7, 7, 1, 1).data]"
    assert page.execute_script(corner) == [24, 0, 12, 255]  # four times
    words = page.find_element("css selector", ".pair-map figcaption").text
    assert "A and B differ by 3.0 of 255 levels on average (1.2 %)" in words and "4 times as large" in words
    page.find_element("css selector", ".pair-gain input").send_keys(KEYS["home"])
    assert page.execute_script(corner) == [6, 0, 3, 255]
    assert "as they are" in page.find_element("css selector", ".pair-map figcaption").text
    assert page.execute_script("pair.draw(1, plain('rgb(100,100,100)', 16, 16)); return changes") == 2
    assert page.execute_script("return pair.difference") == 0  # of another size, scaled


def test_the_border_follows_keys_and_the_pointer(page: Any) -> None:
    action_chains = pytest.importorskip("selenium.webdriver").ActionChains
    page.find_element("css selector", "input[value=wipe]").click()
    border = page.find_element("css selector", ".pair-wipe")
    assert border.get_attribute("aria-label") == "Border between A and B"
    border.send_keys(KEYS["right"])
    assert page.execute_script("return pair.wipe") == pytest.approx(0.51)
    assert border.get_attribute("aria-valuetext") == "51 % A, 49 % B"
    over = page.find_element("css selector", ".pair-over")
    width = over.size["width"]
    (action_chains(page).move_to_element(over).click_and_hold().move_by_offset(-int(width / 4), 20).release().perform())
    assert page.execute_script("return pair.wipe") == pytest.approx(0.25, abs=0.01)
    clip = page.execute_script("return getComputedStyle(document.querySelector('.pair-second canvas')).clipPath")
    assert clip.startswith("inset(0px 0px 0px 2")
    assert page.execute_script("return document.activeElement.className") == "pair-wipe"


def test_both_pictures_have_one_size_in_every_mode(page: Any) -> None:
    page.execute_script("pair.draw(1, plain('red', 64, 64))")
    for mode in ("beside", "wipe"):
        page.execute_script("pair.mode = arguments[0]", mode)
        sizes = page.execute_script(
            "return [...document.querySelectorAll('.pair-side canvas')].map(c => c.clientWidth)"
        )
        assert sizes[0] == sizes[1] > 100
    assert (
        page.execute_script(
            "pair.pixels = true; return getComputedStyle(document.querySelector('canvas')).imageRendering"
        )
        == "pixelated"
    )


def test_other_pictures_are_shown_while_a_key_is_held(page: Any) -> None:
    button = page.find_element("id", "hold")
    press = "arguments[0].dispatchEvent(new KeyboardEvent(arguments[1], {key: ' '}))"
    page.execute_script(press, button, "keydown")
    assert page.execute_script(SHOWN) == [1, 2, 3, 255]
    page.execute_script("pair.draw(0, plain('rgb(7,7,7)'))")
    assert page.execute_script(SHOWN) == [1, 2, 3, 255]
    page.execute_script(press, button, "keyup")
    assert page.execute_script(SHOWN) == [7, 7, 7, 255]


@pytest.mark.parametrize("dark", [False, True])
def test_the_parts_are_accessible(page: Any, dark: bool) -> None:
    as_seen(page, 1000, 800, dark)
    for mode in ("beside", "wipe", "difference"):
        page.execute_script("pair.mode = arguments[0]", mode)
        assert violations(page) == []


def test_a_link_restores_a_state_and_back_goes_back(page: Any) -> None:
    states = [{"v": 1, "name": "Zoë ÷ 漢字", "strength": -1.5}, {"v": 1, "pair": ["f/zplus", "target"]}]
    page.execute_script("onLink((state, problem) => { window.followed = [state, problem]; })")
    for state in states:
        assert page.execute_script("return writeLink(arguments[0], true)", state)
        assert page.execute_script("return readLink()") == {"state": state, "problem": ""}
    assert set(page.current_url.partition("#s=")[2]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )
    page.back()
    assert page.execute_script("return window.followed") == [states[0], ""]
    assert not page.execute_script("return writeLink({much: 'x'.repeat(20000)})")
    assert page.execute_script("return readLink().state") == states[0]


@pytest.mark.parametrize(
    "content",
    [
        "!",
        "AAA=BBB",
        "%00",
        "x" * 17000,
        b"[1]",
        b"7",
        b"null",
        b'{"a":',
        b'{"a":{"__proto__":{"b":1}}}',
        b'{"a":"\xff"}',
    ],
)
def test_other_links_are_refused_in_a_sentence(page: Any, content: str | bytes) -> None:
    text = content if isinstance(content, str) else base64.urlsafe_b64encode(content).decode().rstrip("=")
    found = page.execute_script("return readLink('#s=' + arguments[0])", text)
    assert found["state"] is None and found["problem"].startswith("The link's state was ignored: ")


def test_other_fragments_are_no_links(page: Any) -> None:
    for fragment in ("", "#", "#pictures", "#s"):
        assert page.execute_script("return readLink(arguments[0])", fragment) == {"state": None, "problem": ""}


def test_a_contact_sheet_is_saved_as_a_png(page: Any, tmp_path: Path) -> None:
    saving_into(page, tmp_path)
    page.execute_script(
        "const red = [plain('rgb(255,0,0)'), 0, 0, 8, 8], blue = [plain('rgb(0,0,255)'), 0, 0, 8, 8];"
        "const rows = [{name: 'F/Z+', cells: [red, blue]}, {name: 'F/W+', cells: [null, red]}];"
        "window.sheet = contactSheet({title: 'Smile', columns: ['-2', '+2'], rows, size: 50});"
        "downloadCanvas('sheet.png', sheet);"
    )
    path = tmp_path / "sheet.png"
    for _ in range(100):
        if path.exists():
            break
        time.sleep(0.05)
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        seen = picture.convert("RGB")
    assert list(seen.size) == json.loads(page.execute_script("return JSON.stringify([sheet.width, sheet.height])"))
    colours = {colour: count for count, colour in seen.getcolors(2**16) or ()}
    assert colours[255, 0, 0] == 2 * 50 * 50 and colours[0, 0, 255] == 50 * 50
