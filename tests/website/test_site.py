"""The built site in a browser: every page, in both themes, as a reader would find it.

Of the pages that show our source files a few stand for all in the browser (site_pages); their links
are all checked. Each check is also turned on a page that has the fault it looks for.

Of axe's rules those on colour take most of the time, nearly all of it on code and mathematics.
Nothing but colours differs between the themes, and no colour with the width. So every page is
opened once, and asked for all other rules at three widths and for colours outside code and
mathematics in both themes, from one to the other as the reader's system changes. Code has as many
colours as its words have classes, and these are checked on one page that has each class once;
mathematics has the colour of the text around it. One page of each kind is opened in each theme and
asked for everything at 1280 and 320 pixels.

A check is one function, under `@check`, from a visit to what is wrong with its page. It names
pages that have the fault: no page of the book may have it, and each of these must.
"""

import gzip
import os
import re
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from tornado.web import StaticFileHandler

from book._ext.build import build
from tests.support import site_pages
from tests.support.paths import AXE, ROOT
from tests.support.serving import serving
from tests.support.waiting import settle, wait_until

THEMES = ("light", "dark")
NARROWEST = 320  # pixels
SHARES = 4  # of the pages, for as many processes
DOCUMENT = {"include": [["html"]]}
OUTSIDE_CODE = {"include": [["html"]], "exclude": [[".highlight"], [".katex"]]}
COLOUR = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
}
NOT_COLOUR = {
    "rules": {rule: {"enabled": False} for rule in COLOUR["runOnly"]["values"]}
}
HAS_THEME = """theme => matchMedia(`(prefers-color-scheme: ${theme})`).matches
  && [theme, undefined].includes(document.documentElement.dataset.theme)"""
LARGEST_TEXT = """() => {
  document.documentElement.setAttribute("data-text", "largest");
  return document.documentElement.scrollWidth;
}"""
HEAVIEST = 450_000  # bytes, gzipped, without the page's figures
PRESSED = {".woff2", ".png", ".jpg", ".gif"}

pytestmark = [pytest.mark.site, pytest.mark.slow]


class Check(NamedTuple):
    """What finds a fault on a visited page, and the pages below that have the fault."""

    find: object
    faulty: frozenset[str]


CHECKS = {}
FINE = (
    '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>t</title>'
    "<main><h1>t</h1>{}</main></html>"
)
BODIES = {
    "link": '<a href="fine.html#nowhere">there</a> <a href="gone.html">gone</a>',
    "fine": '<a href="fine.html#here" id="here">here</a>',
}


def check(*also, **bodies):
    """Returns what makes a function from a Visit to a page's faults a test of every page.

    Args:
        also: names of pages of other checks that have this fault, too.
        bodies: the bodies of pages that have it, by name.

    Raises:
        TypeError: no page has the fault, so that nothing shows that the function finds it.
    """
    if not bodies:
        raise TypeError(
            "give @check the body of a page that has the fault: name='<p>…'"
        )
    BODIES.update(bodies)

    def register(find):
        name = find.__name__
        CHECKS[name] = Check(find, frozenset({*also, *bodies}))

        def test(book):
            assert book.all(lambda visit: visit.found[name]) == {}

        test.__name__, test.__doc__ = name, find.__doc__
        return test

    return register


class Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found[key] for key in ("id", "name") if found.get(key)}
        self.links += [
            found[k] for k in ("href", "src") if found.get(k) and tag != "base"
        ]


def broken_links(folder):
    """The links inside a site that lead nowhere, as (page, link)."""
    parsed = {
        name: Page((folder / name).read_text("utf-8"))
        for name in site_pages.pages_of(folder)
    }
    broken = []
    for name, page in parsed.items():
        for link in page.links:
            parts = urlsplit(urljoin(f"http://site/{name}", link))
            if parts.netloc != "site" or parts.scheme != "http":
                continue
            target = unquote(parts.path).lstrip("/") or "index.html"
            anchor = unquote(parts.fragment)
            if target in parsed:
                fine = not anchor or anchor in parsed[target].ids
            else:
                fine = (folder / target).is_file()
            if not fine:
                broken.append((name, link))
    return broken


def violations(page, rules=None, where=DOCUMENT):
    options = {"resultTypes": ["violations"], "preload": False} | (rules or {})
    found = page.evaluate("given => axe.run(...given)", [where, options])["violations"]
    return [f"{v['id']}: {node['target'][0]}" for v in found for node in v["nodes"]]


def classes_of_code(folder):
    """The classes that the words of code have on any page."""
    found = set()
    for name in site_pages.pages_of(folder):
        text = (folder / name).read_text("utf-8")
        for block in re.findall(r'<div class="highlight">.*?</div>', text, re.S):
            found |= set(re.findall(r'<span class="([\w ]+)">', block))
    return sorted(found)


def pale_code(page, classes):
    """The classes whose colour is too near that of the ground, on the page that is open."""
    page.evaluate(
        """classes => {
          const all = [...document.querySelectorAll("article .highlight pre")];
          const code = all.find((one) => !one.closest("details"));
          code.id = "every-class";
          code.replaceChildren(...classes.flatMap((name) => {
            const word = document.createElement("span");
            word.className = name;
            word.dataset.word = name;
            word.textContent = "word";
            return [word, " "];
          }));
        }""",
        classes,
    )
    page.evaluate(AXE.read_text("utf-8"))
    pale = violations(page, COLOUR, {"include": [["#every-class"]]})
    return [page.get_attribute(rule.partition(": ")[2], "data-word") for rule in pale]


class Visit:
    """What happened when a browser opened one page and went through some themes."""

    def __init__(self, page, folder, origin, name, themes):
        self.console, self.foreign, self.failed, self.loaded = [], [], [], set()
        self.origin, self.folder, self.page = origin, folder, page
        heard = {
            "console": lambda message: self.console.append(message.text),
            "pageerror": lambda error: self.console.append(str(error)),
            "request": self.asked,
            "requestfailed": self.has_failed,
            "response": lambda r: r.status >= 400 and self.failed.append(r.url),
        }
        for event, listener in heard.items():
            page.on(event, listener)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme=themes[0], reduced_motion="reduce")
        page.goto(f"{origin}/{name}", wait_until="load")
        page.evaluate(AXE.read_text("utf-8"))
        settle(page)
        everywhere, self.themes, found = name in site_pages.EVERY_KIND, [], []
        for theme in themes:
            page.emulate_media(color_scheme=theme)
            wait_until(page, HAS_THEME, theme)
            self.themes.append(page.evaluate("document.documentElement.dataset.theme"))
            pale = violations(page, COLOUR, DOCUMENT if everywhere else OUTSIDE_CODE)
            found += [f"{fault} ({theme})" for fault in pale]
        found += violations(page, NOT_COLOUR)
        for width in (390, NARROWEST):
            page.set_viewport_size({"width": width, "height": 700})
            settle(page)
            in_full = everywhere and width == NARROWEST
            found += violations(page, {} if in_full else NOT_COLOUR)
        self.axe = sorted(set(found))
        self.width = page.evaluate("document.documentElement.scrollWidth")
        self.largest_width = page.evaluate(LARGEST_TEXT)
        page.wait_for_load_state("networkidle")
        for event, listener in heard.items():
            page.remove_listener(event, listener)
        self.found = {name: check.find(self) for name, check in CHECKS.items()}

    def asked(self, request):
        if not request.url.startswith(("data:", self.origin)):
            self.foreign.append(request.url)
        elif request.url.startswith(self.origin):
            path = unquote(urlsplit(request.url).path).lstrip("/")
            if request.resource_type != "image":
                self.loaded.add(path)

    def has_failed(self, request):
        """The browser itself cancels what the page before had not finished loading."""
        if request.failure != "net::ERR_ABORTED":
            self.failed.append(request.url)

    @property
    def weight(self):
        total = 0
        for path in self.loaded:
            file = self.folder / path
            if file.is_file():
                data = file.read_bytes()
                total += (
                    len(data) if file.suffix in PRESSED else len(gzip.compress(data, 6))
                )
        return total


class Site:
    """A folder that is served, and what visits to its pages found."""

    def __init__(self, browser, folder, origin):
        self.folder, self.browser = folder, browser
        self.origin = origin
        self.visits = {}

    def visit_all(self, share=slice(None)):
        # one window for all: opening one takes longer than a page
        page = self.browser.new_page()
        page.set_default_timeout(120_000)
        for name in site_pages.worth_a_visit(self.folder)[share]:
            if name in site_pages.EVERY_KIND:
                for theme in THEMES:
                    visit = Visit(page, self.folder, self.origin, name, [theme])
                    self.visits[f"{name} ({theme})"] = visit
            else:
                self.visits[name] = Visit(page, self.folder, self.origin, name, THEMES)
        page.close()

    def all(self, what):
        return {
            name: found for name, visit in self.visits.items() if (found := what(visit))
        }


by_share = [
    pytest.param(share, marks=pytest.mark.xdist_group(f"site-{share}"))
    for share in range(SHARES)
]


@pytest.fixture(scope="module", params=by_share)
def book(request, site, browser, origin):
    """A share of the book's pages, visited: every fourth."""
    served = Site(browser, site, origin)
    served.visit_all(slice(request.param, None, SHARES))
    return served


def test_every_page_is_seen_in_both_themes(book):
    seen = {}
    for name, visit in book.visits.items():
        seen.setdefault(name.partition(" ")[0], []).extend(visit.themes)
    assert len(seen) >= len(site_pages.worth_a_visit(book.folder)) // SHARES > 10
    assert {
        name: themes for name, themes in seen.items() if tuple(themes) != THEMES
    } == {}


def test_one_page_of_each_kind_is_there(site):
    assert [name for name in site_pages.EVERY_KIND if not (site / name).is_file()] == []


@check(
    contrast='<p style="color:#aaa;background:#fff">pale</p>',
    dark=(
        "<style>@media (prefers-color-scheme: dark) "
        "{p {color: #444; background: #222}}</style><p>dim</p>"
    ),
    narrow=(
        "<style>img {display: none} @media (max-width: 400px) {img {display: block}}</style>"
        '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
    ),
    alt='<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
)
def test_axe_finds_nothing_at_1280_390_and_320_pixels(visit):
    return visit.axe


@pytest.mark.browser
@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_of_code_can_be_read(site, origin, browser, theme):
    page = browser.new_page(color_scheme=theme, reduced_motion="reduce")
    page.goto(f"{origin}/book/04-gates/the-lstm.html", wait_until="networkidle")
    classes = classes_of_code(site)
    assert {"k", "kn", "n", "nb", "c1", "s2", "sd"} <= set(classes)
    assert pale_code(page, classes) == []
    page.add_style_tag(
        content=".highlight .kn, .highlight .c1 {color: #777 !important}"
    )
    assert pale_code(page, classes) == ["c1", "kn"]
    page.close()


def test_mathematics_has_the_colour_of_its_text(site):
    coloured = re.compile(r'class="katex(?:(?!</math>).)*?mathcolor', re.S)
    pages = [name for name in site_pages.pages_of(site) if name.startswith("book/")]
    assert [n for n in pages if coloured.search((site / n).read_text("utf-8"))] == []
    assert coloured.search(
        '<span class="katex"><math><mstyle mathcolor="red"></mstyle></math>'
    )


@check(foreign='<img alt="x" src="http://other.invalid/x.png">')
def test_nothing_is_asked_of_another_host(visit):
    return visit.foreign


@check("foreign", missing='<img alt="x" src="missing.png">')
def test_nothing_is_missing(visit):
    return visit.failed


@check(
    *("foreign", "missing"),
    console="<script>console.log('chatter')</script>",
    error="<script>nothing.there</script>",
)
def test_the_console_stays_empty(visit):
    return visit.console


@check(wide='<div style="width:400px">wide</div>')
def test_no_page_scrolls_sideways_at_320_pixels(visit):
    return visit.width if visit.width > 320 else 0


@check(
    "wide",
    largest="<style>[data-text=largest] p {width: 24rem}</style><p>large</p>",
)
def test_no_page_scrolls_sideways_with_the_largest_text(visit):
    return visit.largest_width if visit.largest_width > 320 else 0


@check(heavy="<script src='heavy.js'></script>")
def too_heavy(visit):
    return visit.weight if visit.weight > HEAVIEST else 0


def test_every_page_is_light(book):
    weights = book.all(lambda visit: visit.weight)
    heaviest = max(weights, key=weights.get)
    print(
        f"heaviest page: {heaviest}, {weights[heaviest] / 1000:.0f} KB gzipped without figures"
    )
    assert book.all(lambda visit: visit.found["too_heavy"]) == {}


def test_links_inside_the_site_lead_somewhere(site):
    assert broken_links(site) == []


# --- Each check, turned on a page that has the fault ---


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, browser):
    build.npm_packages(ROOT)
    folder = tmp_path_factory.mktemp("faulty")
    for name, body in BODIES.items():
        (folder / f"{name}.html").write_text(FINE.format(body), "utf-8")
    (folder / "heavy.js").write_text(f"//{os.urandom(600_000).hex()}")
    with serving(folder, StaticFileHandler) as address:  # without a policy
        served = Site(browser, folder, address)
        served.visit_all()
    return served


def only(found):
    return sorted({name.partition(".")[0] for name in found})


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_finds_its_fault_and_no_other(faulty, name):
    found = only(faulty.all(lambda visit: visit.found[name]))
    assert found == sorted(CHECKS[name].faulty)


def test_axe_names_the_rule_and_the_theme(faulty):
    axe = faulty.all(lambda visit: visit.axe)
    assert axe["contrast.html"] == [
        "color-contrast: p (dark)",
        "color-contrast: p (light)",
    ]
    assert axe["dark.html"] == ["color-contrast: p (dark)"]
    assert axe["narrow.html"] == axe["alt.html"] == ["image-alt: img"]


def test_links_that_lead_nowhere_are_found(faulty):
    assert broken_links(faulty.folder) == [
        ("link.html", "fine.html#nowhere"),
        ("link.html", "gone.html"),
        ("missing.html", "missing.png"),
    ]


def test_a_check_without_a_page_that_has_the_fault_is_refused():
    with pytest.raises(TypeError, match="the body of a page that has the fault"):
        check()
