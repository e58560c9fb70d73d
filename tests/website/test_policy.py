"""The Content-Security-Policy: every page has it before anything it governs, and obeys it.

That the pages work under it is what the other browser tests hold: consoles stay empty, and the
runner runs. Here no page has what the policy refuses, and a browser refuses what is slipped in.
"""

import pytest

from book._ext.page.policy import META, PAGE, written
from tests.support.html_head import Head, heads


def faults(page):
    """What is wrong with one page."""
    found = []
    if page.all("Content-Security-Policy") != [written(PAGE)]:
        found.append("one policy")
    if page.before_policy:
        found.append("policy first")
    if page.inline:
        found.append("inline script")
    return found + ["handler"] * bool(page.handlers)


@pytest.mark.site
@pytest.mark.slow
def test_every_page_has_the_policy_and_nothing_that_it_refuses(site):
    pages = heads(site)
    assert len(pages) > 300
    assert {
        name: found for name, page in pages.items() if (found := faults(page))
    } == {}


# --- Each rule, turned on a page that breaks it -------------------------------------------------

PAGE_WITH = f"""<!doctype html><html lang="en"><head><meta charset="utf-8">{{before}}{META}
<title>t</title><link rel="icon" href="data:,"></head><body>{{body}}</body></html>"""
BROKEN = {
    "one policy": {"before": META},
    "policy first": {"before": '<script src="early.js"></script>'},
    "inline script": {"body": "<script>document.title = 'ran'</script>"},
    "handler": {"body": "<p onclick=\"document.title = 'ran'\">press</p>"},
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_finds_its_fault_and_no_other(rule):
    page = PAGE_WITH.format(**{"before": "", "body": ""} | BROKEN[rule])
    assert faults(Head(page)) == [rule]


def test_a_page_without_faults_has_none():
    data = '<script type="application/json">{}</script><a href="x.html">x</a>'
    assert faults(Head(PAGE_WITH.format(before="", body=data))) == []
    assert faults(Head("<a href=' javascript:alert(1)'>x</a>")) == [
        "one policy",
        "handler",
    ]


SLIPPED_IN = {
    "script": "<script>document.title = 'ran'</script>",
    "handler": '<img src="data:," alt="" onerror="document.title = \'ran\'">',
    "another's script": '<script src="https://other.invalid/x.js"></script>',
    "another's picture": '<img alt="" src="https://other.invalid/x.png">',
    "frame": '<iframe title="x" src="https://other.invalid/"></iframe>',
    "base": '<base href="https://other.invalid/">',
    "eval": '<script src="evaluates.js"></script>',
}


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("what", SLIPPED_IN)
def test_a_browser_refuses_what_is_slipped_in(what, browser, tmp_path):
    (tmp_path / "evaluates.js").write_text("eval('document.title = \"ran\"')")
    (tmp_path / "page.html").write_text(
        PAGE_WITH.format(before="", body=SLIPPED_IN[what])
    )
    page = browser.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page.html").as_uri(), wait_until="networkidle")
    assert page.title() == "t"
    assert any("Content Security Policy" in text for text in said), said
    assert not any("other.invalid" in url for url in asked)
    page.close()
