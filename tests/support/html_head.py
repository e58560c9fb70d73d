"""What the tests read of a page's HTML: its head, its headings and what could run in it."""

import json
from html.parser import HTMLParser

DATA = {"application/json", "application/ld+json"}


class Head(HTMLParser):
    """A page's title, meta elements, links, data, first-level headings and scripts."""

    def __init__(self, text):
        super().__init__()
        self.titles, self.metas, self.canonical, self.data, self.headings = (
            [],
            [],
            [],
            [],
            0,
        )
        self.inline, self.handlers, self.before_policy = [], [], []
        self._into = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.handlers += [name for name in found if name.startswith("on")]
        for name in ("href", "src", "action", "formaction"):
            if (found.get(name) or "").strip().lower().startswith("javascript:"):
                self.handlers.append(f"javascript: in {name}")
        if tag in ("script", "style", "link") and not self.all(
            "Content-Security-Policy"
        ):
            self.before_policy.append(tag)
        if tag == "meta":
            key = found.get("name") or found.get("property") or found.get("http-equiv")
            self.metas.append((key, found.get("content")))
        elif tag == "title":
            self._into = self.titles
        elif tag == "h1":
            self.headings += 1
        elif tag == "link" and found.get("rel") == "canonical":
            self.canonical.append(found["href"])
        elif tag == "script" and "src" not in found:
            kind = found.get("type")
            self._into = self.inline if kind not in DATA else None
            self._into = self.data if kind == "application/ld+json" else self._into
        if self._into is not None:
            self._into.append("")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self._into = None

    def handle_endtag(self, tag):
        self._into = None

    def handle_data(self, data):
        if self._into is not None:
            self._into[-1] += data

    def all(self, name):
        return [content for key, content in self.metas if key == name]

    def one(self, name):
        (content,) = self.all(name)
        return content

    @property
    def described(self):
        return [json.loads(text) for text in self.data]


def heads(folder):
    """Every page of a folder, by its name."""
    return {
        path.relative_to(folder).as_posix(): Head(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.html"))
    }
