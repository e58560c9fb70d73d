"""Numbers of chapters, equations, figures, listings and exercises."""

import re
from types import SimpleNamespace

from sphinx_external_toc.parsing import parse_toc_yaml

from book._ext.page import contents, numbering
from tests.support.marks import on_site
from tests.support.paths import ROOT


def an_environment():
    """Two parts as Sphinx counts them: every part from 1, its figures through all parts."""
    toc = SimpleNamespace(
        root=SimpleNamespace(
            subtrees=[
                SimpleNamespace(caption="", items=["book/notation"]),
                SimpleNamespace(caption="", items=["book/01-a/x", "book/01-a/y"]),
                SimpleNamespace(caption="", items=["book/02-b/z"]),
            ]
        )
    )
    env = SimpleNamespace(
        toc_secnumbers={
            "book/01-a/x": {"": (1,), "#more": ()},
            "book/01-a/y": {"": (2,)},
            "book/02-b/z": {"": (1,)},
        },
        toc_fignumbers={
            "book/notation": {"figure": {"n": (1,)}},
            "book/01-a/x": {"figure": {"p": (1, 1), "q": (1, 2)}},
            "book/02-b/z": {"figure": {"r": (1, 3)}, "displaymath": {"e": (1, 1)}},
        },
        titles={page: {} for page in ("book/01-a/x", "book/01-a/y", "book/02-b/z")},
    )
    return SimpleNamespace(config=SimpleNamespace(external_site_map=toc)), env


def test_a_number_is_that_of_part_chapter_and_place():
    app, env = an_environment()
    numbering.number(app, env)
    assert env.toc_secnumbers["book/01-a/y"] == {"": (1, 2)}
    assert env.toc_secnumbers["book/01-a/x"]["#more"] == ()
    assert env.titles["book/02-b/z"]["secnumber"] == (2, 1)
    assert env.toc_fignumbers == {
        "book/notation": {"figure": {"n": (1,)}},
        "book/01-a/x": {"figure": {"p": (1, 1, 1), "q": (1, 1, 2)}},
        "book/02-b/z": {"figure": {"r": (2, 1, 1)}, "displaymath": {"e": (2, 1, 1)}},
    }
    assert contents.number_of(env, "book/02-b/z") == "2.1"
    assert contents.number_of(env, "book/notation") == ""


def test_sphinx_compares_with_what_it_counted():
    app, env = an_environment()
    numbering.number(app, env)
    numbering.restore(app, env)
    _, counted = an_environment()
    assert env.toc_secnumbers == counted.toc_secnumbers
    assert env.toc_fignumbers == counted.toc_fignumbers


@on_site
def test_everything_on_a_page_is_numbered_in_its_order(site):
    toc = contents.parts(parse_toc_yaml(ROOT / "_toc.yml"))
    for path in (site / "book").rglob("*.html"):
        name = path.relative_to(site).with_suffix("").as_posix()
        place = contents.place(toc, name)
        page = path.read_text("utf-8")
        heading = re.search(r"<h1>(?:<span class=\"section-number\">([\d.]+))?", page)
        if not place:
            assert not heading[1], name
            continue
        chapter = f"{place.part}.{place.here}"
        assert heading[1] == chapter
        for kind, number in {
            "equation": r'<span class="eqno">\(([\d.]+)\)',
            "figure": r'<span class="caption-number">Figure ([\d.]+)',
            "listing": r'<span class="caption-number">Listing ([\d.]+)',
            "exercise": r'<span class="caption-number">Exercise ([\d.]+)',
        }.items():
            found = re.findall(number, page)
            wanted = [f"{chapter}.{n}" for n in range(1, len(found) + 1)]
            assert found == wanted, f"{kind} of {name}"
