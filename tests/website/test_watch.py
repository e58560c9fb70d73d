"""`make watch`: a page that is written is built and loaded again within seconds."""

import contextlib
import http.client
import re
import threading
import time
from urllib.parse import urlsplit

import pytest

from book._ext.build import build, serve, watch
from tests.support.paths import ROOT
from tests.support.seeded_book import small_book


@pytest.fixture
def served(tmp_path):
    """A folder, and how to ask a watching server for something in it."""
    builds = watch.Builds()
    site = tmp_path / "book/_build/html"
    with (
        serve.running(watch.application(site, builds)) as address,
        contextlib.ExitStack() as links,
    ):

        def ask(path):
            link = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
            links.callback(link.close)
            link.request("GET", path)
            return links.enter_context(link.getresponse())

        yield site, builds, ask


def test_pages_load_the_script_that_listens_and_nothing_else_does(served):
    site, _, ask = served
    site.mkdir(parents=True)
    page = "<html><head><title>é</title></head><body></body></html>"
    for name in ("index.html", "other.txt"):
        (site / name).write_text(page, "utf-8")
    for path in ("/", "/index.html", "/index.html?v=1"):
        answer = ask(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.read().decode().count('src="/_watch.js"') == 1
    assert ask("/other.txt").read().decode() == page
    assert ask("/none.html").status == 404
    script = ask("/_watch.js")
    assert b"EventSource" in script.read()
    for answer in (script, ask("/_watch")):
        assert "script-src" in answer.headers["Content-Security-Policy"]


def test_each_build_is_told_to_every_open_page(served):
    site, builds, ask = served
    site.mkdir(parents=True)
    pages = [ask("/_watch") for _ in range(2)]
    assert pages[0].headers["Content-Type"] == "text/event-stream"
    for _ in range(2):
        builds.announce()
        for page in pages:
            assert [page.readline(), page.readline()] == [b"data: built\n", b"\n"]


def test_what_is_printed_in_pieces_is_passed_on_in_lines():
    lines = []
    file = watch.Lines(lines.append)
    print("a", "b", end="", file=file)
    print("c\nd\n\ne", file=file)
    assert lines == ["a bc", "d", "", "e"]


def test_a_change_of_the_machinery_is_known():
    assert watch.is_machinery(f"{ROOT}/book/_ext/page/katex.py")
    assert watch.is_machinery(f"{ROOT}/code/unrolled/tree.py")
    assert not watch.is_machinery(f"{ROOT}/tests/package/test_tree.py")
    assert not watch.is_machinery(f"{ROOT}/book/intro.md")


@pytest.mark.slow
def test_a_change_of_prose_is_seen_within_five_seconds(served, capsys):
    site, builds, ask = served
    build.npm_packages(ROOT)
    folder = small_book(site.parents[1])
    source = folder / "book/slow.md"
    before = source.read_text("utf-8")
    watching = threading.Thread(target=watch.watch, args=(folder, builds, 4))
    watching.start()
    began = time.monotonic()
    while builds.count == 0 and time.monotonic() - began < 300:
        time.sleep(0.1)
    assert builds.count == 1
    assert "More words" not in ask("/book/slow.html").read().decode()

    page = ask("/_watch")
    source.write_text(f"{before}\nMore words.\n", "utf-8")
    began = time.monotonic()
    assert page.readline() == b"data: built\n"
    assert time.monotonic() - began < 5
    shown = ask("/book/slow.html").read().decode()
    assert "More words" in shown and "/_watch.js" in shown
    assert "/_watch" not in (site / "book/slow.html").read_text("utf-8")

    # A fault is said, and no page is loaded again until it is mended; only its page is read.
    source.write_text(f"{before}\n{{eq}}`eq-nowhere`\n", "utf-8")
    while "equation not found: eq-nowhere" not in (said := capsys.readouterr().out):
        time.sleep(0.1)
    assert builds.count == 2
    source.write_text(f"{before}\nOther words.\n", "utf-8")
    watching.join(timeout=60)
    assert builds.count == 3
    assert "Other words" in ask("/book/slow.html").read().decode()
    said = capsys.readouterr().out
    assert set(re.findall(r"reading sources\S* \[.*?\] (\S+)", said)) == {"book/slow"}
