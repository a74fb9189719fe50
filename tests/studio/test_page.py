"""The studio's page in headless Chromium, in front of the real command with the embedded generator."""

from __future__ import annotations

import base64
import json
import re
import signal
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from support.axe import violations
from support.browser import as_seen
from support.studio import portrait, wait_for
from support.studio_page import DROP, KEYS, PASTE, SLIDE, Page, opened
from zplus_plugins.inversion.record import PointRecord

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # Selenium's, of its own sockets
WIDTHS = [(1400, 1000), (800, 1000), (360, 740)]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One server and one browser for the module, with a dropped portrait that has been inverted."""
    with opened(tmp_path_factory.mktemp("studio")) as page:
        yield page
        page.running.end(signal.SIGINT)


def test_a_dropped_photograph_is_inverted_and_opened(page: Page) -> None:
    wait_for(lambda: page.find("#welcome-title").is_displayed() or None, 20)
    assert "token" not in page.driver.current_url
    assert violations(page.driver) == []
    page.js(DROP, base64.b64encode(portrait(3)).decode(), "anna.png")
    job = wait_for(lambda: page.js("return document.querySelector('.job p')?.textContent || null"), 20)
    assert re.search("waits|aligned|F/W", job)
    wait_for(lambda: page.js("return document.querySelector('.thumb')?.title || null"), 60)
    page.settled()
    assert page.scene()["source"] == {"portrait": page.js("return document.querySelector('.thumb').dataset.source")}
    assert page.text(".thumb-name") == "anna" and page.find("#pair").is_displayed()
    written = {path.name for path in page.out.glob("anna.f-*.zplus.npz")}
    assert written == {"anna.f-wplus.zplus.npz", "anna.f-zplus.zplus.npz"}
    first, second = page.pixels()
    assert len(first) == 64 * 64 * 4 and first != second


@pytest.mark.parametrize("script", [DROP, PASTE], ids=["dropped", "pasted"])
def test_what_is_no_picture_is_refused_in_a_sentence(page: Page, script: str) -> None:
    page.js(script, base64.b64encode(b"not a picture").decode(), "notes.png")
    notice = wait_for(lambda: page.js("return document.querySelector('.notice.error p')?.textContent || null"), 10)
    assert "notes.png" in notice
    page.find(".notice.error button").click()
    assert not page.driver.find_elements("css selector", ".notice.error")
    page.errors()  # the refused request is one for the browser


def test_sliders_move_both_pictures_and_tell_the_change(page: Page) -> None:
    page.settled()
    before = page.pixels()
    page.slide("hair length", 6)
    assert page.scene()["edits"] == {"hair_length": 6}
    assert [text.split(" ")[0] for text in page.readings("hair length")] == ["F/W+", "F/Z+"]
    assert all("%" in text for text in page.readings("hair length"))
    after = page.pixels()
    assert after[0] != before[0] and after[1] != before[1]
    page.js("document.getElementById('before').focus()")
    page.js("dispatchEvent(new KeyboardEvent('keydown', {key: 'b'}))")
    assert page.pixels() == before and "before" in page.text(".pair-first figcaption span")
    page.js("dispatchEvent(new KeyboardEvent('keyup', {key: 'b'}))")
    assert page.pixels() == after
    wait_for(lambda: page.js(f"return document.querySelector('.slider:has(#{page.slider('hair length')}) .curve')"), 20)


def test_undo_redo_and_reset(page: Page) -> None:
    page.slide("hair length", 6)
    page.slide("age", 2)
    both = page.pixels()
    page.keys("z")
    page.settled()
    assert page.scene()["edits"] == {"hair_length": 6}
    assert page.js("return document.getElementById('redo').title") == "Redo: age"
    page.click("#redo")
    page.settled()
    assert page.scene()["edits"] == {"hair_length": 6, "age": 2} and page.pixels() == both
    page.js(f"document.getElementById('{page.slider('age')}').focus()")
    page.keys(KEYS["delete"])
    page.settled()
    assert page.scene()["edits"] == {"hair_length": 6}
    page.click("#reset")
    page.settled()
    assert page.scene()["edits"] == {} and page.js("return document.getElementById('reset').disabled")


def test_one_drag_is_one_step(page: Page) -> None:
    page.slide("smile", 0.5)
    time.sleep(0.9)  # from here on, it is another gesture
    script = "const input = document.getElementById(arguments[0]);"
    for value in (1, 2, 3):
        page.js(f"{script} input.value = {value}; input.dispatchEvent(new Event('input'))", page.slider("smile"))
    page.js(f"{script} input.dispatchEvent(new Event('change'))", page.slider("smile"))
    page.keys("z")
    page.settled()
    assert page.scene()["edits"] == {"smile": 0.5}
    page.click("#reset")


def test_the_same_change_in_both_spaces(page: Page) -> None:
    page.slide("smile", 2)
    page.click("#lock input[value=change]")
    page.settled()
    scene = page.scene()
    assert scene["lock"] == "change" and 0 < abs(scene["edits"]["smile"]) <= 1
    page.slide("smile", 0.1)
    found = [re.search(r"([+−]\d+) % at [+−]?\d", text) for text in page.readings("smile")]
    assert all(found) and {one[1] for one in found if one} <= {"+9", "+10", "+11"}
    page.slide("smile", 1)
    assert any("at its end" in text for text in page.readings("smile"))
    page.click("#lock input[value=strength]")
    page.settled()
    assert page.scene()["lock"] == "strength"
    page.click("#reset")


def test_wipe_and_difference(page: Page) -> None:
    page.slide("hair length", 6)
    page.js("document.activeElement.blur()")
    page.keys("w")
    assert page.js("return document.getElementById('pair').dataset.mode") == "wipe"
    page.keys("w")
    assert "differ by" in page.text(".pair-map figcaption")
    page.settled()
    assert page.scene()["view"]["mode"] == "difference"
    page.keys("w")
    page.click("#reset")


def test_a_painted_mask_confines_the_edit(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    page.click("#reset")
    page.settled()
    before = page.pixels()[1]
    page.slide("hair length", 6)
    page.click("#brush")
    overlay = page.find(".pair-second .overlay")
    drag = ActionChains(page.driver).move_to_element_with_offset(overlay, -60, -60).click_and_hold()
    drag.move_by_offset(60, 10).release().perform()
    wait_for(lambda: page.text("#mask-state") or None, 10)
    page.settled()
    inside = page.pixels()[1]
    far = range(4 * 64 * 52, 4 * 64 * 64)  # the last rows are far from the stroke
    assert inside != before and [inside[k] for k in far] == [before[k] for k in far]
    assert set(page.scene()["mask"]) == {"id", "feather"}
    page.js("document.querySelector('.pair-second .overlay').focus()")
    page.keys(KEYS["right"], KEYS["space"])
    page.settled()
    page.keys(KEYS["escape"])
    assert not page.js("return document.body.classList.contains('is-painting')")
    page.click("#mask-clear")
    page.settled()
    assert page.scene()["mask"] is None
    page.click("#reset")


def test_a_photographs_picture_and_record_are_saved(page: Page) -> None:
    page.slide("smile", 2)
    page.js("document.activeElement.blur()")
    page.keys("s")
    assert page.find("#saving").is_displayed() and violations(page.driver, "#saving") == []
    for line in (1, 2):  # picture, record: of the second space
        page.find(f".save-line:nth-child({line}) button:nth-of-type(2)").click()
        wait_for(lambda: "was saved as" in page.text("#saving-status") or None, 20)
    names = page.js("return [...document.querySelectorAll('#saved a')].map(one => one.textContent)")
    record = next(name for name in names if name.endswith(".npz"))
    picture = next(name for name in names if name.endswith(".png"))
    assert PointRecord.load(page.out / record).point.space.name == "f/zplus"
    with Image.open(page.out / picture) as image:
        assert image.size == (64, 64)
    page.find(".save-line:first-child button:nth-of-type(3)").click()
    sheet = wait_for(lambda: next((page.folder / "downloads").glob("*.contact-sheet.png"), None), 10)
    wait_for(lambda: (page.folder / "downloads" / picture).is_file() or None, 10)
    assert (page.folder / "downloads" / picture).read_bytes() == (page.out / picture).read_bytes()
    with Image.open(sheet) as image:
        assert image.width > 2 * 256
    page.keys(KEYS["escape"])
    page.click("#reset")
    page.settled()
    original = page.scene()["source"]
    page.find("#file").send_keys(str(page.out / record))
    wait_for(lambda: page.scene()["source"] != original or None, 20)
    page.settled()
    assert page.scene()["spaces"] == ["f/wplus", "f/zplus"]  # the one in W+ was mapped from it
    assert "mapped" in page.text("#space-0 option:checked")
    page.keys("z")
    page.settled()
    assert page.scene()["source"] == original


def test_exploring_and_undoing_all_of_it(page: Page) -> None:
    page.settled()
    plain = page.pixels()
    page.js("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    chosen = "const input = document.getElementById(arguments[0]); input.value = arguments[1];"
    for script, arguments in (
        (f"{chosen} input.dispatchEvent(new Event('change'))", ("toward", "seed")),
        (SLIDE, ("toward-share", 40)),
        (f"{chosen} input.dispatchEvent(new Event('change'))", ("mix", "seed")),
        (SLIDE, ("walk-radius", 40)),
        (SLIDE, ("walk-turn", 30)),
        (SLIDE, ("psi", 70)),
    ):
        page.js(script, *arguments)
        page.settled()
    scene = page.scene()
    assert scene["toward"]["share"] == 0.4 and scene["mix"]["layers"] == [5, 9] and scene["psi"] == 0.7
    assert (scene["walk"]["radius"], scene["walk"]["turn"]) == (pytest.approx(0.6), 0.3)
    assert page.pixels() != plain
    page.click("#reset")
    page.settled()
    assert page.pixels() == plain
    assert not page.driver.find_elements("css selector", ".notice.error")


def test_presets_are_kept(page: Page) -> None:
    page.click(".preset.strong")
    page.settled()
    edits = page.scene()["edits"]
    assert max(abs(value) for value in edits.values()) >= 5
    page.click(".preset.keep")
    page.find(".naming input").send_keys("mine\n")
    page.click("#reset")
    page.fresh()
    script = "[...document.querySelectorAll('.preset')].find(one => one.textContent === 'mine')"
    wait_for(lambda: page.js(f"return {script} ? true : null"), 10)
    page.js(f"{script}.click()")
    page.settled()
    assert page.scene()["edits"] == edits
    page.click("#reset")


def test_a_link_restores_everything_in_another_tab(page: Page) -> None:
    page.slide("age", -2)
    page.slide("smile", 1.5)
    page.click(".pair-bar input[value=wipe]")
    page.settled()
    scene, pixels, link = page.scene(), page.pixels(), page.driver.current_url
    assert scene["view"]["mode"] == "wipe"
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(link)
    wait_for(lambda: page.js("return document.querySelectorAll('.slider').length > 0") or None, 20)
    page.settled()
    assert page.scene() == scene and page.pixels() == pixels
    page.driver.get("about:blank")
    page.driver.get(link[: len(link) // 2])
    wait_for(lambda: page.js("return document.querySelector('.notice.error')") or None, 20)
    page.driver.close()
    page.driver.switch_to.window(first)
    page.click(".pair-bar input[value=beside]")
    page.click("#reset")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_sideways_scroll_and_no_barriers(page: Page, dark: bool) -> None:
    page.slide("hair length", 6)
    page.js("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    try:
        for width, height in WIDTHS:
            as_seen(page.driver, width, height, dark)
            wide, inner = page.js("return [document.documentElement.scrollWidth, innerWidth]")
            assert wide <= inner == width
            assert violations(page.driver) == []
            page.js("document.getElementById('advanced-part').scrollIntoView()")
            box = page.js("return document.querySelector('.pair-first canvas').getBoundingClientRect().toJSON()")
            assert box["top"] >= -1 and box["bottom"] <= height  # in sight while sliders are used
            page.js("scrollTo(0, 0)")
    finally:
        as_seen(page.driver, 1400, 1000)
        page.click("#reset")


def test_targets_of_touch_are_large(page: Page) -> None:
    as_seen(page.driver, 360, 740)
    page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        low = page.js("""return [...document.querySelectorAll("button,select,summary,.track input,.field input")]
            .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 43.5)
            .map(one => one.outerHTML)""")
        assert page.js("return matchMedia('(pointer: coarse)').matches") and low == []
        assert page.js("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        as_seen(page.driver, 1400, 1000)


def test_all_is_reached_by_keys_alone(page: Page) -> None:
    page.js("document.activeElement.blur(); document.querySelectorAll('details').forEach(one => { one.open = false; })")
    seen = []
    for _ in range(70):
        page.keys(KEYS["tab"])
        name, outline = page.js(FOCUSED)
        if name in seen:
            break
        if not name:  # the browser's own
            continue
        seen.append(name)
        assert outline != "none", name
    wanted = ["choose", "random", "space-0", "before", "space-1", "undo", "open-saving", "open-help", "lock"]
    assert {*wanted, *(f"direction-{k}" for k in range(6)), "mask-part", "advanced-part"} - set(seen) <= {"undo"}
    page.keys("?")
    assert page.find("#help").is_displayed() and violations(page.driver, "#help") == []
    page.keys(KEYS["escape"])
    page.keys("1")
    page.keys(KEYS["right"] * 4)
    page.settled()
    assert list(page.scene()["edits"].values()) == [0.2]
    page.click("#reset")


FOCUSED = """
const one = document.activeElement, shown = one.matches(".chips input") ? one.nextElementSibling : one;
const named = one.id || one.closest("[id]")?.id;
return [one.tagName === "BODY" ? "" : named === "presets" || named === "portraits" ? named + one.textContent : named,
        getComputedStyle(shown).outlineStyle];
"""


def test_a_killed_server_is_missed_and_found_again(page: Page) -> None:
    page.slide("hair light", 2.5)
    scene, pixels = page.scene(), page.pixels()
    assert page.errors() == []
    page.running.process.kill()
    page.running.process.wait(10)
    wait_for(lambda: page.find("#lost").is_displayed() or None, 10)
    assert "connection" in page.text("#lost-text")
    page.keys("z")  # what needs no server goes on
    assert page.js("return document.getElementById('redo').disabled") is False
    page.keys("y")
    page.restart()
    page.click("#try-now")
    wait_for(lambda: None if page.find("#lost").is_displayed() else True, 20)
    page.settled()
    assert page.scene() == scene and page.pixels() == pixels
    page.slide("hair light", 1)
    assert page.scene()["edits"] == {"hair_light": 1}
    page.errors()
    assert json.loads(page.js("return JSON.stringify(localStorage)"))
