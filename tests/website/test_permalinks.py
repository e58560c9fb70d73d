"""Permanent links: everything one may refer to has one, with a name."""

import pytest

from book._ext.page import permalinks
from tests.support.marks import on_site
from tests.support.page_anchors import Anchors, articles

EXERCISE = """<div class="exercise admonition" id="ex-a-problem">

<p class="admonition-title"><span class="caption-number">Exercise 2 </span></p>
<section id="exercise-content"><p>So.</p></section></div>"""


def test_exercises_and_theorems_get_a_link_with_a_name():
    link = (
        '<a class="headerlink" href="#{0}" title="Link to this {1}" '
        'aria-label="Link to this {1}">'
    )
    assert link.format("ex-a-problem", "exercise") in permalinks.linked(EXERCISE)
    assert 'id="exercise-content"' not in permalinks.linked(EXERCISE)
    theorem = EXERCISE.replace("exercise admonition", "proof theorem admonition")
    assert link.format("ex-a-problem", "theorem") in permalinks.linked(theorem)


def test_a_link_whose_text_is_a_sign_says_what_it_links_to():
    equation = (
        '<a class="headerlink" href="#e" title="Permalink to this equation">#</a>'
    )
    assert 'aria-label="Link to this equation"' in permalinks.linked(equation)


def test_the_parser_sees_what_is_missing():
    page = Anchors(
        '<h2 id="a">x</h2><figure id="a"><a class="headerlink" href="#">#</a></figure>'
    )
    assert (page.without, page.unnamed, page.ids) == (["h2"], ["#"], ["a", "a"])
    assert Anchors('<h2><a class="term-link" href="#t">t</a></h2>').misplaced == ["#t"]


@pytest.fixture(scope="module")
def parsed(site):
    return dict(articles(site))


@on_site
def test_everything_one_may_refer_to_has_a_permanent_link_with_a_name(parsed):
    assert {name: page.without for name, page in parsed.items() if page.without} == {}
    assert {name: page.unnamed for name, page in parsed.items() if page.unnamed} == {}


@on_site
def test_no_id_is_given_twice(parsed):
    double = {
        n: sorted({i for i in p.ids if p.ids.count(i) > 1}) for n, p in parsed.items()
    }
    assert {name: ids for name, ids in double.items() if ids} == {}
