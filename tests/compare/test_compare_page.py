"""The page of a comparison, in a browser: one file, pictures first, controls by keys, links to what is shown."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.axe import violations
from support.browser import as_seen, saving_into, screenshot
from support.comparisons import HOSTILE, SPACES, made_up, plan_of_two_sets, tiny_plan
from zplus_plugins.compare import Plan
from zplus_plugins.compare.report.report import report
from zplus_plugins.compare.statistics.findings import Findings

SETTINGS = {"generator": "/a/path/" + "without_a_space_" * 20}
RIGHT, LEFT = "\ue014", "\ue012"
CARDS = "return [...document.querySelectorAll('#cards canvas')].map(canvas => canvas.toDataURL())"
PAIR = "return [...document.querySelectorAll('.pair-side canvas')].map(canvas => canvas.toDataURL())"
STATE = "const {hidden, ...rest} = state; return {...rest, hidden: [...hidden]}"
HEADINGS = "return [...document.querySelectorAll('h2')].map(heading => heading.textContent)"


@pytest.fixture(scope="module")
def page(found: list[Findings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    missing = {"LPIPS": "/another/path/" + "without_a_space_" * 20 + " is missing"}
    path.write_bytes(report(plan_of_two_sets(), SETTINGS, missing, "Random weights: mechanics only.", found))
    return path


def _open(driver: Any, address: str, width: int = 1400, height: int = 1000, dark: bool = False) -> None:
    driver.get("about:blank")
    as_seen(driver, width, height, dark)
    driver.get(address)
    _settle(driver)
    assert driver.get_log("browser") == []


def _settle(driver: Any) -> None:
    """Until the pictures are decoded and drawn."""
    for _ in range(200):
        if driver.execute_script("return document.getElementById('pictures').ariaBusy") == "false":
            return
        time.sleep(0.02)
    raise AssertionError(driver.get_log("browser"))


def _written(plan: Plan, folder: Path) -> str:
    path = folder / "report.html"
    path.write_bytes(report(plan, SETTINGS, {}, "", made_up(plan)))
    return path.as_uri()


def test_the_page_needs_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    assert "{{" not in text
    assert set(re.findall(r"https?://[^\"'\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"<(?:link|img|iframe)|\bsrc=|@import|fetch\(|url\(", text)
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert set(data["sprites"]) == {f"{s}/{n}" for s in ("held-out", "rotated") for n in ("target", *SPACES)}
    assert all(address.startswith("data:image/webp;base64,") for address in data["sprites"].values())
    assert HOSTILE not in text
    assert "Random weights: mechanics only." in text


@pytest.mark.parametrize(("width", "height", "dark"), [(1400, 1000, False), (800, 1000, True), (360, 780, True)])
def test_pictures_and_strength_come_first(
    page: Path, browser: Any, tmp_path: Path, width: int, height: int, dark: bool
) -> None:
    _open(browser, page.as_uri(), width, height, dark)
    ask = browser.execute_script
    assert browser.title == "Latent spaces compared"
    brightness = int(re.findall(r"\d+", ask("return getComputedStyle(document.body).backgroundColor"))[0])
    assert (brightness < 64) == dark
    for selector in (".pair-first canvas", ".pair-second canvas", "#strength"):
        box = ask("return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector)
        assert 0 <= box["top"] < box["bottom"] <= height, selector
    ask("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    assert ask("return document.documentElement.scrollWidth") <= width
    sizes = ask("return [...document.querySelectorAll('#cards canvas')].map(c => [c.clientWidth, c.clientHeight])")
    assert len(sizes) == 1 + len(SPACES) and len(set(map(tuple, sizes))) == 1  # with F and without
    assert violations(browser) == []
    screenshot(browser, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.width == width and len(picture.convert("RGB").getcolors(2**24) or ()) > 500


def test_keys_move_the_strength_and_every_space(page: Path, browser: Any) -> None:
    _open(browser, page.as_uri())
    before, pair = browser.execute_script(CARDS), browser.execute_script(PAIR)
    slider = browser.find_element("id", "strength")
    slider.send_keys(RIGHT)
    after = browser.execute_script(CARDS)
    assert [a == b for a, b in zip(after, before, strict=True)] == [True] + [False] * len(SPACES)  # the target stays
    assert browser.find_element("id", "strength-value").text == "+1.0"
    assert "+1.0" in slider.get_attribute("aria-valuetext")
    moved = browser.execute_script(PAIR)
    assert moved[0] != pair[0] and moved[1] != pair[1]
    press = "document.getElementById('hold').dispatchEvent(new KeyboardEvent(arguments[0], {key: 'Enter'}))"
    browser.execute_script(press, "keydown")
    assert browser.execute_script(PAIR) == pair
    browser.execute_script(press, "keyup")
    assert browser.execute_script(PAIR) == moved


def test_any_two_are_compared(page: Path, browser: Any) -> None:
    _open(browser, page.as_uri())
    chosen = "return [...document.querySelectorAll('#cards [aria-pressed=true] .name')].map(name => name.textContent)"
    assert browser.execute_script(chosen) == ["F/W+", "F/Z+"]
    first, second = (browser.find_element("id", name) for name in ("first", "second"))
    first.send_keys("Target")
    browser.find_elements("css selector", "#cards .card")[1].click()
    assert browser.execute_script(chosen) == ["Target", "W+"]
    assert (first.get_attribute("value"), second.get_attribute("value")) == ("target", "wplus")
    cards = browser.execute_script(CARDS)
    assert browser.execute_script(PAIR) == cards[:2]
    browser.find_element("id", "swap").click()
    assert browser.execute_script(PAIR) == cards[1::-1]
    browser.find_element("css selector", "#pair input[value=difference]").click()
    assert "W+ and Target differ by" in browser.find_element("css selector", ".pair-map figcaption").text
    assert browser.get_log("browser") == []


def test_a_link_restores_what_is_shown(page: Path, browser: Any) -> None:
    _open(browser, page.as_uri())
    for selector in (
        "#sets input[value='1']",
        "#strip button:nth-child(2)",
        "#directions input[value='1']",
        "#pair input[value=wipe]",
        "#groups input[value=f]",
        "#curve-directions input[value=redness]",
        "#figures input[value=ssim]",
    ):
        browser.execute_script("document.querySelector(arguments[0]).click()", selector)
    _settle(browser)
    browser.find_element("id", "strength").send_keys(LEFT)
    browser.execute_script("document.querySelector('#legend button').click()")
    state, pictures = browser.execute_script(STATE), browser.execute_script(CARDS)
    expected = {"set": 1, "picture": 1, "direction": 1, "strength": 1, "mode": "wipe", "hidden": ["f/wplus"]}
    assert {key: state[key] for key in expected} == expected
    link = browser.current_url
    browser.execute_script("location.hash = '#pictures'")  # a jump in the page changes nothing
    assert browser.execute_script(STATE) == state
    assert len(link) - len(page.as_uri()) < 400
    _open(browser, link)
    assert browser.execute_script(STATE) == state
    assert browser.execute_script(CARDS) == pictures
    assert not browser.find_element("id", "message").is_displayed()
    browser.execute_script("document.querySelector('#directions input').click()")
    assert browser.execute_script("return state.direction") == 0
    browser.back()
    _settle(browser)
    assert browser.execute_script(STATE) == state
    assert browser.find_element("css selector", "#directions input[value='1']").is_selected()


def test_a_link_to_what_is_not_there_says_so(page: Path, browser: Any) -> None:
    _open(browser, page.as_uri())
    start = browser.execute_script(STATE)
    wrong = {"set": "__proto__", "strength": 9, "pair": ["target", HOSTILE], "mode": 1, "wipe": "x", "hidden": [{}]}
    link = browser.execute_script("return linkOf(arguments[0])", wrong)
    _open(browser, page.as_uri() + link)
    message = browser.find_element("id", "message").text
    assert message.startswith('The link names what this report does not have: set "__proto__", strength 9')
    assert browser.execute_script(STATE) == start
    _open(browser, page.as_uri() + "#s=%%%")
    assert "The link's state was ignored" in browser.find_element("id", "message").text
    assert browser.title == "Latent spaces compared"


def test_the_contact_sheet_has_every_space_at_every_strength(page: Path, browser: Any, tmp_path: Path) -> None:
    _open(browser, page.as_uri())
    saving_into(browser, tmp_path)
    browser.find_element("id", "sheet").click()
    path = tmp_path / "compare-held-out-1-light.png"
    for _ in range(200):
        if path.exists():
            break
        time.sleep(0.02)
    with Image.open(path) as picture:
        assert picture.width > (1 + 5) * 96 and picture.height > len(SPACES) * 96
        seen = picture.convert("RGB")
    places = (picture.width - 24 - 100 * k for k in (6, 5, 4))
    left, first, second = (seen.crop((x, 100, x + 60, 140)).tobytes() for x in places)
    assert len({left, first, second}) == 3  # the target, and two strengths
    assert browser.find_element("id", "done").text == "The contact sheet was saved as a download."


def test_another_set_has_its_own_panels(page: Path, browser: Any) -> None:
    _open(browser, page.as_uri())
    before = browser.execute_script(CARDS)
    browser.execute_script("document.querySelectorAll('#sets input')[1].click()")
    _settle(browser)
    shown = "return [...document.querySelectorAll('#reconstruction [data-set]')].map(p => !p.hidden)"
    assert browser.execute_script(shown) == [False, True]
    assert all(a != b for a, b in zip(before, browser.execute_script(CARDS), strict=True))


def test_a_curve_is_read_with_keys(page: Path, browser: Any) -> None:
    _open(browser, page.as_uri())
    assert browser.execute_script("return document.querySelectorAll('#plots svg').length") == 4
    browser.execute_script("document.querySelectorAll('#plots svg')[1].focus()")
    browser.switch_to.active_element.send_keys(LEFT)
    text = browser.execute_script("return document.querySelectorAll('#plots .tip')[1].textContent")
    assert text.startswith("Strength") and "F/Z+" in text and "±" in text


def test_without_edits_there_is_nothing_about_edits(browser: Any, tmp_path: Path) -> None:
    _open(browser, _written(replace(tiny_plan(), edits=()), tmp_path))
    assert browser.execute_script(HEADINGS) == [
        "Images",
        "Findings",
        "Reconstruction",
        "Tests",
        "Settings and versions",
    ]
    assert not browser.find_element("css selector", ".dial").is_displayed()
    assert not browser.find_element("id", "directions").is_displayed()
    assert "no edits" in browser.find_element("css selector", ".lead").text
    browser.find_element("css selector", "#cards .card").click()
    assert browser.find_element("id", "second").get_attribute("value") == "target"
    assert violations(browser) == []


@pytest.mark.parametrize(
    ("spaces", "n"), [(("f/zplus",), 1), (("f/zplus",), 3), (("wplus", "zplus"), 3), (("f/wplus", "f/zplus"), 1)]
)
def test_with_less_to_compare_no_section_is_empty(
    browser: Any, tmp_path: Path, spaces: tuple[str, ...], n: int
) -> None:
    _open(browser, _written(tiny_plan(n=n, spaces=spaces), tmp_path), 360, 780)
    assert browser.execute_script(HEADINGS) == [
        "Images",
        "Findings",
        "Reconstruction",
        "Edits",
        "Settings and versions",
    ]
    empty = (
        "return [...document.querySelectorAll('section')].filter(s => s.innerText.trim().length < 30).map(s => s.id)"
    )
    assert browser.execute_script(empty) == []
    assert not browser.find_element("id", "groups").is_displayed()
    assert browser.find_element("id", "strip").is_displayed() == (n > 1)
    assert not browser.find_elements("css selector", "#plots .nothing")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    assert violations(browser) == []
