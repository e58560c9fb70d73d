"""A reader meets no term and no symbol before its definition: see tests/support/first_use.py."""

import pytest

from tests.support import first_use
from tests.support.paths import BOOK

HELD = range(4)  # the primer and Parts 1 to 3

GLOSSARY = """# Glossary

```{glossary}
gate
    A factor between 0 and 1. See {ref}`gates`.

GRU
    Gated recurrent unit: a cell with two gates.

entropy
    The smallest expected loss.

state
    See *hidden state*.
```
"""
NOTATION = r"""# Notation

| symbol | code | shape | meaning |
|---|---|---|---|
| $h_t$ | `h[t]` | $(H,)$ | hidden state after step $t$; at first it is zero |
| $p_t, q_t$ | `probabilities[t]` | | $\operatorname{softmax}(u_t)$ |
| $W_x$ | `W_x` | | input to hidden |
| $\lVert v \rVert$ | `norm` | | length |

## Attention

| symbol | code | shape | meaning |
|---|---|---|---|
| $A$ | `A` | | units of the score |
"""
TERMS = first_use.terms(GLOSSARY)
SYMBOLS = first_use.symbols(NOTATION)


def defined(*texts):
    """Returns what defines each term and symbol at its first use on some pages."""
    pages = {f"page {number}": text for number, text in enumerate(texts)}
    uses = first_use.first_uses(pages, TERMS, SYMBOLS)
    return {use.name: use.defined_by for use in uses}


def test_no_term_or_symbol_comes_before_its_definition():
    part = first_use.parts()
    early = [
        f"{use.page}: {use.name} comes before a definition in: {use.context}"
        for use in first_use.in_book()
        if part[use.page] in HELD and not use.defined_by
    ]
    assert early == []


def test_most_terms_and_symbols_are_met_in_the_first_parts():
    part = first_use.parts()
    met = [use for use in first_use.in_book() if part[use.page] in HELD]
    assert {"softmax", "LSTM", "$h_t$", "$J_t$"} <= {use.name for use in met}
    assert len(met) > 80


def test_a_meaning_of_its_own_stands_on_its_page():
    notation = first_use.symbols((BOOK / "notation.md").read_text("utf-8"))
    found_by = {f"${symbol.name}$": symbol for symbol in notation}
    pages = first_use.reading_order()
    for name, page in first_use.OWN_MEANING:
        blocks = first_use.paragraphs(pages[page])
        assert any(first_use.formula_with(found_by[name], block) for block in blocks)


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("A factor is called a **gate**.", "introduced"),
        ("A *forget\ngate* is a factor.", "introduced"),
        ("Gates are factors. They are called *gates*.", "introduced"),
        ("We add a gate.", ""),
        ("We add a gate.\n\nA **gate** is a factor.", ""),
        ("(gates)=\n# Gates\n\nWe add gates.", ""),
        ("(gates)=\n# Gates\n\nWe add {ref}`gates`: a gate is a factor.", "linked"),
        ("# A *gate*\n\nWe add a gate.", ""),
        ("We add a gate with a **factor**.", ""),
        ("We add a gate ({doc}`page 1`).", ""),
        ("We add a gate, see {doc}`page 2`.", "linked"),
        ("We add a gate. See {doc}`page 2`.", ""),
        ("We add {ref}`gates <factors>`.", "linked"),
    ],
)
def test_what_defines_a_term(text, by):
    pages = text, "Nothing.", "(factors)=\n# Factors\n\nA factor is a **gate**."
    assert defined(*pages) == {"gate": by}


@pytest.mark.parametrize(
    "unread",
    [
        "---\ndescription: a gate\n---",
        "<!-- a gate -->",
        "# A gate",
        "```{code-cell} python3\n# a gate\n```",
        "```python\n# a gate\n```",
        "`gate` and $gate$, {cite:p}`gate`",
        ":::{admonition} Going deeper: a gate\n:class: dropdown\nA gate.\n\n"
        "```{code-cell} python3\n```\n\nA gate.\n:::",
        "gate-like, investigate",
    ],
)
def test_what_is_not_read_uses_no_term(unread):
    assert defined(f"{unread}\n\nText.") == {}
    assert defined(f"{unread}\n\nA gate.") == {"gate": ""}


def test_a_box_that_is_open_is_read():
    assert defined(
        ":::{admonition} In the post\n:class: in-the-post\nA gate.\n:::"
    ) == {"gate": ""}


def test_another_name_of_a_term_counts_and_an_everyday_word_does_not():
    assert defined("A gated recurrent unit keeps its state.") == {"GRU": ""}
    assert defined("The cross-entropy falls.") == {}


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("The state $h_t$ is a row.", "said in words"),
        ("We write $h_0$.\n\nIt is a state.", "said in words"),
        ("The state is a row.\n\n$$ h_{t-1} = 0 $$ (eq-a)\n\nNext.", "said in words"),
        ("We write\n$$\nh_t = 0\n$$ (eq-a)\nfor the states.", "said in words"),
        ("We write $h_t$.", ""),
        ("A state.\n\nMore.\n\nWe write $h_t$.", ""),
        ("We write $h_t$, at first zero.", ""),
    ],
)
def test_what_defines_a_symbol(text, by):
    assert defined(text) == {"$h_t$": by}


def test_a_letter_of_one_part_is_looked_for_in_it():
    pages = {"book/03-bptt/norms": "Let $A$ be.", "book/05-attention/scores": "So $A$."}
    uses = first_use.first_uses(pages, [], SYMBOLS)
    assert [(use.name, use.page) for use in uses] == [
        ("$A$", "book/05-attention/scores")
    ]


def test_each_symbol_is_found_where_it_stands():
    assert defined("Let $q_t$ be.") == {"$q_t$": ""}
    assert defined("The probability $p_3$.") == {"$p_t$": "said in words"}
    assert defined(r"Let $\lVert h \rVert$ be.") == {r"$\lVert v \rVert$": ""}
    assert defined(r"$W_{xi}$, $h$, $h_i$, $\text{a W_x}$, $\tilde{h}_t$") == {}
