"""What can be linked to in a built page, and what links to terms stand in it."""

import re
from html.parser import HTMLParser


class Anchors(HTMLParser):
    """The ids of a page, what should have a permanent link and has none, and its term links."""

    VOID = {"img", "br", "meta", "link", "input", "hr", "col", "area", "source", "wbr"}

    def __init__(self, text):
        super().__init__()
        self.ids, self.without, self.unnamed, self.terms, self.misplaced = (
            [],
            [],
            [],
            [],
            [],
        )
        self.open = []
        self.feed(text)

    def kind(self, tag, classes, given):
        if tag in ("h1", "h2", "h3", "figure") and given.get("id") != "shortcuts-title":
            return tag
        wanted = {"drawn-caption", "eqno", "exercise", "theorem"} & classes
        return next(iter(wanted), None) if tag in ("div", "span") else None

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        classes = set((given.get("class") or "").split())
        if given.get("id"):
            self.ids.append(given["id"])
        if "term-link" in classes:
            self.terms.append(given["href"])
            outer = {name for name, _, _ in self.open}
            if outer & {"h1", "h2", "h3", "pre", "code", "a", "figcaption", "summary"}:
                self.misplaced.append(given["href"])
        if "headerlink" in classes:
            if not given.get("aria-label", "").startswith("Link to this"):
                self.unnamed.append(given["href"])
            for entry in self.open:
                entry[2] = True
        if tag not in self.VOID:
            self.open.append([tag, self.kind(tag, classes, given), False])

    def handle_endtag(self, tag):
        while tag in (entry[0] for entry in self.open):
            name, kind, linked = self.open.pop()
            if kind and not linked:
                self.without.append(kind)
            if name == tag:
                break


def articles(folder):
    """The article of each page of the book; an old address that leads on has none."""
    for path in sorted((folder / "book").rglob("*.html")):
        text = path.read_text("utf-8")
        text = re.sub(r"<math.*?</math>", "", text, flags=re.S)
        found = re.search(r"<article.*?</article>", text, re.S)
        if found:
            yield path.relative_to(folder).as_posix(), Anchors(found[0])
