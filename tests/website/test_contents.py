"""The table of contents as the sidebar shows it."""

from html.parser import HTMLParser

import pytest

pytestmark = [pytest.mark.site, pytest.mark.slow]


class Sidebar(HTMLParser):
    """The parts of a page's sidebar: name, open or not, and the titles of its pages."""

    def __init__(self, text):
        super().__init__()
        self.parts, self.into = [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "details" and found.get("class") == "toc-part":
            self.parts.append(["", "open" in found, []])
        elif self.parts and tag == "summary" and not self.parts[-1][2]:
            self.into = "name"
        elif self.parts and tag == "a" and found.get("class") == "reference internal":
            self.into = "page" if self.into != "ended" else "ended"
            if self.into == "page":
                self.parts[-1][2].append("")

    def handle_endtag(self, tag):
        if tag in ("summary", "a") and self.into != "ended":
            self.into = None
        if tag == "nav" and self.parts:
            self.into = "ended"

    def handle_data(self, data):
        if self.into == "name":
            self.parts[-1][0] += data
        elif self.into == "page":
            self.parts[-1][2][-1] += data


def test_the_sidebar_names_every_page_and_only_the_part_that_is_read_is_open(site):
    page = Sidebar((site / "book/03-bptt/truncation.html").read_text("utf-8"))
    is_open = [name for name, is_open, _ in page.parts if is_open]
    assert is_open == ["3 Backpropagation through time"]
    (third,) = [pages for name, _, pages in page.parts if name.startswith("3 ")]
    assert (
        third[3] == "3.4 Truncation"
        and third[-1] == f"3.{len(third)} Exercises: backpropagation through time"
    )
    assert all(title.strip() for _, _, pages in page.parts for title in pages)
    assert [name.split()[0] for name, _, _ in page.parts[1:-1]] == list("12345678")
