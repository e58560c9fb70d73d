"""What a reader does in a window, in the same words for every browser.

A test gets a `Window` and does not see which browser it is of: Playwright drives Chromium and
Firefox, the W3C's protocol drives WebKit.
"""

import time


class Window:
    """A window at the pages of one site; each browser says how it does the first seven."""

    origin = ""

    def go(self, address):
        raise NotImplementedError

    def reload(self):
        raise NotImplementedError

    def evaluate(self, script, argument=None):
        raise NotImplementedError

    def press(self, selector):
        raise NotImplementedError

    def key(self, keys):
        raise NotImplementedError

    def resize(self, width, height):
        raise NotImplementedError

    def troubles(self):
        raise NotImplementedError

    def open(self, name):
        self.go(f"{self.origin}/{name}")

    def wait_for(self, script, argument=None, seconds=240):
        """Asks the page again and again until the answer is true, and returns it."""
        end = time.monotonic() + seconds
        while not (answer := self.evaluate(script, argument)):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {script}, {argument}")
            time.sleep(0.05)
        return answer

    def text(self, selector):
        return self.evaluate(
            "selector => document.querySelector(selector)?.textContent", selector
        )

    def wait_for_text(self, selector, part):
        """Waits until an element contains a text, and returns all of its text."""
        return self.wait_for(
            """([selector, part]) => {
              const text = document.querySelector(selector)?.textContent ?? "";
              return text.includes(part) && text;
            }""",
            [selector, part],
        )

    def write(self, selector, text):
        """Types over what an editor holds; it indents nothing by itself in one insertion."""
        self.press(selector)
        self.key("Control+a")
        self.evaluate("text => document.execCommand('insertText', false, text)", text)

    def sideways(self):
        """Returns by how much the page is wider than the window."""
        return self.evaluate("document.documentElement.scrollWidth - innerWidth")


class PlaywrightWindow(Window):
    """A window of Chromium or Firefox."""

    def __init__(self, browser, origin, touch=False, **settings):
        self.context = browser.new_context(has_touch=touch, **settings)
        self.context.set_default_timeout(120_000)
        self.page, self.origin = self.context.new_page(), origin
        # Playwright has no touch for a Firefox that nobody has patched
        self.touch = touch and browser.browser_type.name == "chromium"
        self.heard = []
        self.page.on("console", lambda message: self.heard.append(message.text))
        self.page.on("pageerror", lambda error: self.heard.append(str(error)))

    def go(self, address):
        self.page.goto(address)

    def reload(self):
        self.page.reload()

    def evaluate(self, script, argument=None):
        from playwright.sync_api import Error

        try:
            return self.page.evaluate(script, argument)
        except Error as error:
            if "because of a navigation" in str(error):
                return None  # the page has just been left
            raise

    def press(self, selector):
        (self.page.tap if self.touch else self.page.click)(selector)

    def key(self, keys):
        self.page.keyboard.press(keys)

    def resize(self, width, height):
        self.page.set_viewport_size({"width": width, "height": height})

    def troubles(self):
        return self.heard

    def close(self):
        self.context.close()
