"""What a reader works on a page: theme, menu, shortcuts, buttons that copy."""

from tests.support.marks import IN_BROWSER

CHAPTER = "book/03-bptt/the-delta-recursion.html"
SHORT = "book/01-introduction/shapes-of-sequence-problems.html"

pytestmark = IN_BROWSER


def test_the_theme_button_goes_round_and_is_remembered(origin, browser):
    page = browser.new_page(color_scheme="light")
    page.goto(f"{origin}/book/notation.html", wait_until="networkidle")
    seen = []
    for _ in range(3):
        page.click(".theme-switch-button")
        seen.append(page.evaluate("document.documentElement.dataset.mode"))
    assert sorted(seen) == ["auto", "dark", "light"]
    while page.evaluate("document.documentElement.dataset.mode") != "dark":
        page.click(".theme-switch-button")
    page.reload(wait_until="networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.close()


def test_a_theme_that_nobody_knows_is_the_systems(origin, reader):
    reader.emulate_media(color_scheme="dark")
    reader.add_init_script("localStorage.setItem('mode', 'purple')")
    reader.goto(f"{origin}/book/notation.html", wait_until="networkidle")
    assert reader.evaluate("document.documentElement.dataset.theme") == "dark"
    assert reader.evaluate("document.documentElement.dataset.mode") == "auto"
    assert reader.console == []


def test_the_menu_of_the_page_works_by_keyboard(origin, browser):
    page = browser.new_page()
    page.goto(f"{origin}/book/notation.html", wait_until="networkidle")
    page.focus(".page-actions > summary")
    page.keyboard.press("Enter")
    assert page.is_visible(".page-actions a")
    page.keyboard.press("Escape")
    assert not page.is_visible(".page-actions a")
    page.close()


def test_shortcuts_lead_where_the_list_says(origin, reader):
    start = f"{origin}/{CHAPTER}"
    there = {
        "n": "book/03-bptt/five-ways-to-one-gradient.html",
        "p": "book/03-bptt/the-chain-rule-through-time.html",
        "o": "book/notation.html",
        "t": "book/intro.html",
    }
    for key, address in there.items():
        reader.goto(start)
        reader.keyboard.press(key)
        reader.wait_for_url(f"{origin}/{address}")
    reader.goto(start, wait_until="networkidle")
    reader.keyboard.press("d")
    assert reader.evaluate("document.documentElement.dataset.mode") != "auto"
    reader.keyboard.press("?")
    listed = reader.eval_on_selector_all(
        "#shortcuts kbd", "all => all.map((k) => k.innerText)"
    )
    assert {"/", "d", "?", *there} <= set(listed)
    reader.keyboard.press("Tab")  # from the box to the button
    reader.keyboard.press("n")  # the list is open: nothing happens
    reader.keyboard.press("Escape")
    assert not reader.locator("#shortcuts[open]").count()
    reader.keyboard.press("/")
    reader.keyboard.type("nop?")  # typed into the field
    assert reader.input_value("#pst-search-dialog input") == "nop?"
    assert reader.url == start
    reader.goto(f"{origin}/search.html", wait_until="networkidle")
    reader.focus(".bd-search-container input")
    reader.keyboard.type("nop?")
    assert reader.input_value(".bd-search-container input") == "nop?"
    assert reader.url == f"{origin}/search.html"
    assert reader.console == []


def test_shortcuts_can_be_switched_off_for_good(origin, reader):
    start = f"{origin}/{SHORT}"
    reader.goto(start, wait_until="networkidle")
    reader.click(".shortcuts-button")
    reader.uncheck("#shortcuts input")
    reader.reload(wait_until="networkidle")
    for key in ("n", "/", "?", "d"):
        reader.keyboard.press(key)
    reader.wait_for_timeout(300)
    assert (reader.url, reader.locator("dialog[open]").count()) == (start, 0)
    reader.click(".shortcuts-button")
    reader.check("#shortcuts input")
    reader.keyboard.press("Escape")
    reader.keyboard.press("n")
    reader.wait_for_url(f"{origin}/book/01-introduction/how-they-are-trained.html")


def test_every_cell_has_a_button_that_copies_its_code_and_nothing_else(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    reader.wait_for_selector("button.copybtn", state="attached")
    reader.evaluate(
        "for (const one of document.querySelectorAll('details')) one.open = true"
    )
    code = reader.locator("div.cell_input div.highlight")
    buttons = code.locator("button.copybtn")
    assert code.count() == buttons.count() > 5
    drawn = reader.locator(".cell.drawn").first
    button = drawn.locator("button.copybtn").first
    assert (
        reader.get_by_role("button", name="Copy to clipboard").count()
        >= buttons.count()
    )
    button.focus()
    reader.keyboard.press("Enter")
    copied = reader.evaluate("navigator.clipboard.readText()")
    assert copied.rstrip("\n") == drawn.locator(
        ".cell_input pre"
    ).first.inner_text().rstrip("\n")
    assert copied.startswith("def backward(")
