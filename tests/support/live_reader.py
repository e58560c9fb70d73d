"""A reader at a page whose code runs there: what they can press and see."""

EXERCISES = "book/exercises/language-model.html"


class Reader:
    """A reader at one page: what they can press and see."""

    def __init__(self, browser, origin, name, script=None, **settings):
        self.context = browser.new_context(**settings)
        self.context.set_default_timeout(60_000)
        if script:
            self.context.add_init_script(script)
        self.page = self.context.new_page()
        self.requests, self.troubles = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.origin, self.name = origin, name
        self.page.goto(f"{origin}/{name}", wait_until="networkidle")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()

    def ask(self):
        self.page.click(".live-bar button")
        return self

    def wait_for_editors(self):
        self.page.wait_for_selector(".cell .cm-content")
        return self

    def wait_until_ready(self):
        self.wait_for("Python is ready.")
        return self

    def said(self):
        return self.page.inner_text(".live-bar [role=status]")

    def wait_for(self, text, where=".live-bar [role=status]"):
        self.page.locator(where).filter(has_text=text).first.wait_for(state="attached")

    def cell(self, number):
        return Cell(self, f"#cell-{number}")


class Cell:
    def __init__(self, reader, selector):
        self.reader, self.page, self.selector = reader, reader.page, selector

    def button(self, name):
        return self.page.locator(
            f"{self.selector} .live-buttons > button", has_text=name
        ).first

    def write(self, code):
        """Types over what is there; the editor indents nothing by itself in one insertion."""
        self.page.click(f"{self.selector} .cm-content")
        self.page.keyboard.press("Control+a")
        if code:
            self.page.keyboard.insert_text(code)
        else:
            self.page.keyboard.press("Delete")

    def text(self):
        lines = self.page.locator(f"{self.selector} .cm-line").all_text_contents()
        return "\n".join(lines)

    def press(self, name, wait=True):
        self.button(name).click()
        if wait:
            self.wait()
        return self

    def wait(self):
        self.page.locator(".cell[aria-busy=true]").first.wait_for(state="detached")

    @property
    def status(self):
        # of a folded cell too, whose text is not visible
        return self.page.text_content(f"{self.selector} .live-buttons [role=status]")

    @property
    def output(self):
        return self.page.locator(f"{self.selector} .live-output").first.text_content()
