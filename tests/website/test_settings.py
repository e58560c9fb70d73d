"""The reader's settings: what they change, that they are remembered, and what happens if not."""

import gzip
import json
import re

import pytest

from book._ext.page import bundle
from tests.support.marks import in_browser, on_site
from tests.support.paths import AXE, ROOT
from tests.support.waiting import settle, wait_until

CHAPTER = "book/03-bptt/the-delta-recursion.html"
KEY = "unrolled.settings"
BUDGET = 2048  # bytes, gzipped: what the settings may add to a page
FULL = """Storage.prototype.setItem = () => {
  throw new DOMException("no", "QuotaExceededError"); }"""
FORBIDDEN = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("no", "SecurityError"); } });"""
STYLE = (
    """([selector, name]) => getComputedStyle(document.querySelector(selector))[name]"""
)
LISTING = ".cell_input pre"
NOT_STORED = "does not let the page store this"


def style(page, selector, name):
    return page.evaluate(STYLE, [selector, name])


def pixels(page, selector, name):
    return float(style(page, selector, name).removesuffix("px"))


def open_dialog(page):
    page.get_by_role("button", name="Reading settings").click()
    return page.locator("#settings")


def choose(page, group, name):
    page.get_by_role("group", name=group).get_by_label(name, exact=True).check()


@in_browser
def test_each_setting_changes_the_page_and_is_remembered(origin, reader):
    reader.emulate_media(color_scheme="light")
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    before = pixels(reader, "article p", "fontSize")
    assert style(reader, LISTING, "whiteSpace") == "pre"
    open_dialog(reader)
    sizes, widths = [], []
    for name in ("Small", "Normal", "Large", "Largest"):
        choose(reader, "Text", name)
        sizes.append(pixels(reader, "article p", "fontSize"))
    assert sizes == pytest.approx([before * by for by in (0.9, 1, 1.2, 1.4)], rel=0.01)
    for name in ("Narrow", "Normal", "Wide"):
        choose(reader, "Line width", name)
        widths.append(pixels(reader, "article section > p", "maxWidth"))
    assert widths == sorted(set(widths))
    choose(reader, "Long lines of code", "Wrap")
    choose(reader, "Theme", "Dark")
    reader.get_by_role("button", name="Close").click()

    reader.goto(f"{origin}/book/notation.html", wait_until="networkidle")
    assert style(reader, "html", "fontSize") == "22.4px"
    assert pixels(reader, "article section > p", "maxWidth") == widths[-1]
    assert reader.evaluate("document.documentElement.dataset.theme") == "dark"
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    assert style(reader, LISTING, "whiteSpace") == "break-spaces"
    dialog = open_dialog(reader)
    chosen = "all => all.map((one) => one.parentElement.innerText.trim())"
    assert dialog.locator(":checked").evaluate_all(chosen) == [
        "Largest",
        "Wide",
        "Wrap",
        "Dark",
    ]
    assert dialog.get_by_role("status").inner_text() == ""
    assert reader.console == []


@in_browser
def test_a_wrapped_listing_no_longer_scrolls(origin, reader):
    reader.set_viewport_size({"width": 390, "height": 700})
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    settle(reader)
    scrolling = f"article {LISTING}[tabindex]"
    assert reader.locator(scrolling).count() > 0
    open_dialog(reader)
    choose(reader, "Long lines of code", "Wrap")
    wait_until(reader, f"() => !document.querySelector('{scrolling}')")
    choose(reader, "Long lines of code", "Scroll")
    wait_until(reader, f"() => Boolean(document.querySelector('{scrolling}'))")


@in_browser
def test_what_was_chosen_is_there_before_the_first_paint(origin, reader):
    stored = json.dumps({"data-text": "large", "data-measure": "wide"})
    reader.add_init_script(f"localStorage.setItem('{KEY}', {json.dumps(stored)})")
    reader.route("**/book.js*", lambda route: route.abort())  # only theme.js runs
    reader.goto(f"{origin}/{CHAPTER}")
    root = "document.documentElement"
    assert reader.evaluate(f"{root}.getAttribute('data-text')") == "large"
    assert style(reader, "html", "fontSize") == "19.2px"


@in_browser
@pytest.mark.parametrize("damaged", ["{", "7", "null", '{"data-text": {"a": 1}}'])
def test_damaged_settings_are_those_of_a_first_visit(origin, reader, damaged):
    reader.add_init_script(f"localStorage.setItem('{KEY}', {json.dumps(damaged)})")
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    assert style(reader, "html", "fontSize") == "16px"
    dialog = open_dialog(reader)
    assert dialog.locator(":checked").evaluate_all(
        "all => all.map((o) => o.value)"
    ) == [
        "normal",
        "normal",
        "scroll",
        "auto",
    ]
    assert reader.console == []


@in_browser
def test_the_dialog_works_by_keyboard_and_gives_the_focus_back(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    reader.focus(".settings-button")
    reader.keyboard.press("Enter")
    focused = "[document.activeElement.name, document.activeElement.value]"
    assert reader.evaluate(focused) == ["data-text", "normal"]
    reader.keyboard.press("ArrowRight")
    assert reader.evaluate(focused) == ["data-text", "large"]
    assert style(reader, "html", "fontSize") == "19.2px"
    for _ in range(4):
        reader.keyboard.press("Tab")
    assert reader.evaluate("document.activeElement.textContent") == "Close"
    reader.keyboard.press("Escape")
    assert reader.evaluate("document.activeElement.className").count("settings-button")
    reader.keyboard.press("s")
    assert reader.locator("#settings[open]").count() == 1


@in_browser
@pytest.mark.parametrize("script", [FORBIDDEN, FULL], ids=["forbidden", "full"])
def test_without_storage_the_settings_hold_for_the_page_and_say_so(
    origin, browser, script
):
    context = browser.new_context(color_scheme="light")
    context.add_init_script(script)
    page = context.new_page()
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    dialog = open_dialog(page)
    choose(page, "Text", "Largest")
    choose(page, "Theme", "Dark")
    assert style(page, "html", "fontSize") == "22.4px"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    status = dialog.get_by_role("status").inner_text()
    assert NOT_STORED in status and "\n" not in status
    # The theme's own parts work as well: its button, and the search.
    page.keyboard.press("Escape")
    page.click(".theme-switch-button")
    assert page.evaluate("document.documentElement.dataset.mode") != "dark"
    page.keyboard.press("Control+k")
    assert page.locator("#pst-search-dialog[open]").count() == 1
    page.reload(wait_until="networkidle")
    assert style(page, "html", "fontSize") == "16px"
    assert troubles == []
    context.close()


@in_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_in_the_dialog_with_the_largest_text(
    origin, browser, theme, width
):
    context = browser.new_context(
        viewport={"width": width, "height": 700}, color_scheme=theme
    )
    page = context.new_page()
    page.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    page.evaluate(AXE.read_text("utf-8"))
    dialog = open_dialog(page)
    choose(page, "Text", "Largest")
    found = page.evaluate(
        "axe.run({include: [['#settings'], ['header']]}).then((found) => found.violations)"
    )
    assert [fault["id"] for fault in found] == []
    box = dialog.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@on_site
def test_the_settings_are_light(site, tmp_path):
    page = (site / CHAPTER).read_text("utf-8")
    (button,) = re.findall(r"<button[^>]*settings-button.*?</button>", page)
    static = ROOT / "book/_static"
    added = ["settings.js", bundle.STORAGE]
    (tmp_path / "_static").symlink_to(static)
    bundle.join(tmp_path, added, tmp_path / "added.js", ".js")
    rules = [
        line
        for line in (static / "reading.css").read_text("utf-8").splitlines()
        if re.search(r"settings|data-(?:text|measure|code)|--u-text", line)
    ]
    assert KEY in (site / "_static/book.js").read_text("utf-8") and len(rules) > 8
    script = (tmp_path / "added.js").read_text("utf-8")
    packed = gzip.compress("\n".join([button, script, *rules]).encode(), 6)
    assert len(packed) <= BUDGET


def test_only_the_script_of_the_theme_gets_a_storage_that_cannot_fail(tmp_path):
    static = tmp_path / "_static"
    (static / "scripts").mkdir(parents=True)
    names = [*bundle.THEME_SCRIPTS, "ours.js"]
    for name in names:
        (static / name).write_text(f"localStorage.setItem('{name}', 1);\n", "utf-8")
    bundle.join(tmp_path, names, tmp_path / "book.js", ".js")
    theme, ours = (tmp_path / "book.js").read_text("utf-8").split("(pageStorage,")
    assert theme.startswith("((localStorage") and bundle.THEME_SCRIPTS[0] in theme
    assert "localStorage.setItem('ours.js'" in ours.replace('"', "'")
