"""Links from running text to the glossary's terms."""

import re

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from book._ext.page import glossary_links
from tests.support.marks import on_site
from tests.support.page_anchors import articles
from tests.support.paths import ROOT


def term(name, *aliases):
    return glossary_links.Term(name, f"term-{name}", aliases, f"What {name} is.", ())


TERMS = [
    *map(
        term,
        (
            "gate",
            "forget gate",
            "Jacobian",
            "vocabulary",
            "attention",
            "self-attention",
        ),
    ),
    term("orthogonal matrix"),
    term("LSTM", "long short-term memory"),
]


def links_in(text, explained=()):
    """The links made in a page: the text of each and what it leads to."""
    page = publish_doctree(
        f"Attention and gates\n===================\n\nTop.\n\n{text}\n"
    )
    made = glossary_links.link_terms(page, TERMS, set(explained), "glossary.html")
    found = [
        (" ".join(node.astext().split()), node["refuri"].partition("#term-")[2])
        for node in page.findall(nodes.reference)
        if "term-link" in node["classes"]
    ]
    assert made == len(found)
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("An LSTM, and an LSTM.", [("LSTM", "LSTM")]),
        ("Two LSTMs.", [("LSTMs", "LSTM")]),
        ("Long short-term memory; the LSTM.", [("Long short-term memory", "LSTM")]),
        ("Vocabularies are sets.", [("Vocabularies", "vocabulary")]),
        ("Orthogonal\nmatrices.", [("Orthogonal matrices", "orthogonal matrix")]),
        ("Jacobians.", [("Jacobians", "Jacobian")]),
        ("The jacobian.", []),  # a name keeps its capital
        ("The forget gate is a gate.", [("forget gate", "forget gate")]),
        ("Self-attention alone.", [("Self-attention", "self-attention")]),
        ("Self-attention", [("Self-attention", "self-attention")]),
        ("Hard attention.", [("attention", "attention")]),
        ("An attention-free model.", []),
        ("In code ``attention``, and `attention <x.html>`_ in a link.", []),
        ("*Attention* is this: attention is that.", []),  # the page introduces it
        ("::\n\n   attention", []),
        # the landing page's list of parts
        (".. container:: parts\n\n   attention", []),
    ],
)
def test_terms_are_linked_once_where_they_stand_in_running_text(text, found):
    assert links_in(text) == found


def test_what_a_page_explains_is_not_linked_there():
    assert links_in("An LSTM.", explained=["LSTM"]) == []


def test_a_link_shows_its_definition_without_a_script():
    page = publish_doctree("An LSTM.")
    glossary_links.link_terms(page, TERMS, set(), "glossary.html")
    assert page.next_node(nodes.reference)["reftitle"] == "What LSTM is."


def test_other_names_are_those_that_an_entry_names():
    names = glossary_links.other_names
    assert names("LSTM", "Long short-term memory: a cell.") == (
        "long short-term memory",
    )
    assert names("backpropagation through time", "Backwards. BPTT for short.") == (
        "BPTT",
    )
    assert names("token", "A unit of text: a word.") == ()


def too_long(glossary):
    """The entries of a glossary's source that have more than two sentences, beside "See"."""
    entries = re.findall(r"^(\S.*)\n((?: {4}.+\n)+)", glossary, re.M)
    assert entries
    without = [
        (term, re.sub(r"\s*See \{ref\}`[^`]*`\.", "", words)) for term, words in entries
    ]
    return [
        term for term, words in without if len(re.split(r"\.\s+(?=[A-Z$])", words)) > 2
    ]


def test_each_entry_has_one_or_two_sentences():
    entry = "gate\n    One. Two, {}. See {{ref}}`ch-a`.\n"
    assert too_long(entry.format("or two")) == []
    assert too_long(entry.format("or two. Three")) == ["gate"]
    glossary = (ROOT / f"{glossary_links.GLOSSARY}.md").read_text("utf-8")
    assert too_long(glossary.partition("```{glossary}\n")[2]) == []


@on_site
def test_terms_are_linked_once_a_page_in_running_text(site):
    parsed = dict(articles(site))
    made = {name: page.terms for name, page in parsed.items()}
    print(
        f"{sum(map(len, made.values()))} links to terms on {sum(map(bool, made.values()))} pages"
    )
    assert [name for name, terms in made.items() if len(set(terms)) < len(terms)] == []
    assert {
        name: page.misplaced for name, page in parsed.items() if page.misplaced
    } == {}
    assert sum(map(bool, made.values())) > 40
    assert made["book/reference/glossary.html"] == []
    anchors = set(parsed["book/reference/glossary.html"].ids)
    assert {
        link.partition("#")[2] for terms in made.values() for link in terms
    } <= anchors
