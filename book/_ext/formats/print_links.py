"""Links and their targets, made to lead inside the one page that all pages become."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import Tag


def anchor(name: str, fragment: str = "") -> str:
    """Return the id in the whole of a page, or of something on it."""
    place = name.replace("/", "-")
    return f"{place}--{fragment}" if fragment else place


def relink(article: Tag, name: str, site: str, names: set[str], folder: Path) -> None:
    """Give ids their page's name, and lead links to where they are in the whole.

    What the book does not hold (files of code and tests) is linked on the site, if it has an
    address; if not, its link is dropped and its text stays.
    """
    for node in article.select("[id]"):
        node["id"] = anchor(name, str(node["id"]))
    for image in article.select("img[src]"):
        file = (folder / name).parent / unquote(str(image["src"]))
        image["src"] = file.resolve().as_uri()
    for link in article.select("a[href]"):
        href = str(link["href"])
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            continue
        path = posixpath.normpath(
            posixpath.join(posixpath.dirname(name), unquote(parts.path))
        )
        page = path.removesuffix(".html") if parts.path else name
        if page in names:
            link["href"] = "#" + anchor(page, unquote(parts.fragment))
        elif site:
            link["href"] = urljoin(f"{site}{name}.html", href)
        else:
            link.unwrap()


def settle(whole: Tag) -> tuple[set[str], list[str]]:
    """Return the ids that links lead to, and the links that lead nowhere; drop all other ids."""
    links = whole.select('a[href^="#"]')
    ids = {str(node["id"]) for node in whole.select("[id]")}
    wanted = {str(link["href"])[1:] for link in links}
    faults = [
        f"a link leads to #{name}, which is not there" for name in sorted(wanted - ids)
    ]
    instead = {}
    for node in reversed(whole.select("[id]")):
        name = str(node["id"])
        if name not in wanted:
            del node["id"]
        elif not node.get_text(strip=True) and not node.find("img"):
            instead[name] = land(node, name)
    for link in links:
        name = str(link["href"])[1:]
        link["href"] = "#" + instead.get(name, name)
    return {instead.get(name, name) for name in wanted & ids}, faults


def land(empty: Tag, name: str) -> str:
    """Return the id of what follows an empty anchor: a PDF can only lead to what is painted."""
    following = empty.find_next_sibling()
    if following is None or empty.parent is None or empty.parent.name == "p":
        empty.insert(0, "\u200b")
        return name
    empty.decompose()
    return str(following.attrs.setdefault("id", name))
