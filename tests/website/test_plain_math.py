"""Formulas written in letters and signs, for where no mathematics can be set."""

import re

import pytest

from book._ext.page import plain_math
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("latex", "text", "typed"),
    [
        ("W_h", "W_h", "W_h"),
        (r"\delta_{t,k}", "δ_(t,k)", "delta_(t,k)"),
        (r"\tilde h_t", "h̃_t", "tilde h_t"),
        (r"\overrightarrow{h}_t", "h⃗_t", "overrightarrow h_t"),
        (r"\partial L / \partial a_t", "∂L / ∂a_t", "partial L / partial a_t"),
        (r"\mathrm d L / \mathrm d h_t", "dL / dh_t", "dL / dh_t"),
        (r"\operatorname{softmax}(u_t)", "softmax(u_t)", "softmax(u_t)"),
        (r"\lVert v \rVert", "‖v‖", "‖v‖"),
        (r"-\log p(y)", "-log p(y)", "-log p(y)"),
        (r"q^{(j)}", "q^(j)", "q^(j)"),
        (r"h_{t-1}", "h_(t-1)", "h_(t-1)"),
    ],
)
def test_a_formula_is_written_in_letters_and_signs(latex, text, typed):
    assert plain_math.text(latex) == text
    assert plain_math.typed(text) == typed


def test_no_formula_of_notation_or_glossary_is_left_in_latex():
    pages = ("book/notation.md", "book/reference/glossary.md")
    formulas = re.findall(
        r"\$([^$]+)\$", "".join((ROOT / p).read_text("utf-8") for p in pages)
    )
    assert len(formulas) > 100
    assert [f for f in formulas if re.search(r"[\\{}]", plain_math.text(f))] == []
