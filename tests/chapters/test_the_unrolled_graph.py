"""The page on the unrolled graph: its equations and the numbers of its cells."""

import itertools

import numpy as np
import pytest

from tests.support.page_cells import cells, defined, executed
from unrolled import tree
from unrolled.cells import rnn
from unrolled.models import language_model

PAGE = "01-introduction/the-unrolled-graph.md"


@pytest.mark.equation("eq-rnn-output")
def test_the_output_is_the_language_models():
    rng = np.random.default_rng(0)
    p = language_model.init(rng, 7, 4, dtype=np.float64)
    p = p._replace(b_y=rng.normal(size=7))
    inputs = rng.integers(0, 7, (5, 3))
    logits, _ = language_model.forward(p, inputs)
    h, _ = rnn.forward(p.cell, inputs)
    for t, b, j in np.ndindex(5, 3, 7):
        expected = sum(h[t, b, i] * p.W_y[i, j] for i in range(4)) + p.b_y[j]
        assert logits[t, b, j] == pytest.approx(expected, rel=1e-12)


@pytest.mark.equation("eq-layer-is-step")
def test_the_pages_feed_forward_network_is_the_recurrent_one_when_tied():
    ns = defined(PAGE)
    rng = np.random.default_rng(1)
    p, x = rnn.init(rng, 3, 4), rng.normal(size=(6, 2, 3))
    np.testing.assert_allclose(
        ns["feed_forward"]([p] * 6, x), rnn.forward(p, x)[0], rtol=1e-13
    )
    other = [p] * 3 + [rnn.init(rng, 3, 4)] + [p] * 2
    states = ns["feed_forward"](other, x)
    np.testing.assert_allclose(states[:3], rnn.forward(p, x)[0][:3], rtol=1e-13)
    assert abs(states[3:] - rnn.forward(p, x)[0][3:]).min(axis=(1, 2)).max() > 1e-6


@pytest.mark.equation("eq-parameter-count")
@pytest.mark.parametrize(("V", "H"), [(5, 3), (20, 7), (8000, 100)])
def test_the_parameter_count_is_the_number_of_entries(V, H):
    p = language_model.init(np.random.default_rng(0), V, H)
    entries = sum(array.size for array in tree.leaves(p))
    assert (
        entries == V * H + H * H + H + H * V + V == defined(PAGE)["parameters"](V, H, V)
    )


def test_the_pages_influence_is_the_chain_rules_product():
    """Central differences against x_s -> h_t as a product of Jacobians, written out."""
    ns = defined(PAGE)
    rng = np.random.default_rng(5)
    p, x = rnn.init(rng, 3, 4), rng.normal(size=(5, 1, 3))
    h, _ = rnn.forward(p, x)
    measured = ns["influence"](p, x)
    for t, s in np.ndindex(5, 5):
        if s > t:
            assert measured[t, s] == 0
            continue
        product = p.W_x * (1 - h[s, 0] ** 2)
        for k in range(s + 1, t + 1):
            product = product @ p.W_h * (1 - h[k, 0] ** 2)
        assert measured[t, s] == pytest.approx(np.linalg.norm(product), rel=1e-6)


def test_influence_fades_where_the_page_says_it_fades():
    ns = defined(PAGE)
    norm, T = ns["norm"], ns["T"]
    by_distance = [np.mean(np.diag(norm, -k)) for k in range(T)]
    assert all(far < 0.9 * near for near, far in itertools.pairwise(by_distance))
    for s in range(T):  # of each input, not only on average
        assert (norm[s + 1 :, s] < 0.91 * norm[s:-1, s]).all()
    assert norm[-1, 0] < 1e-2 * norm[-1, -1]


@pytest.mark.claim(
    "a-large-matrix-is-chaotic",
    "With W_h scaled by 0.5 or 0.9, two states that differ in their first input meet within 60 "
    "steps. With 2 W_h they never meet, and a tiny difference grows to the size of the states.",
)
def test_two_pasts_meet_or_never_meet_as_the_figure_shows():
    """The distances of the page, and a difference of 1e-6 in five networks with 2 W_h."""
    distance = defined(PAGE)["distance"]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        p = rnn.init(rng, 5, 50)
        p = p._replace(W_h=2 * p.W_h)
        x = rng.normal(size=(300, 1, 5))
        h0 = np.zeros((1, 50))
        grown = rnn.forward(p, x, h0 + 1e-6)[0] - rnn.forward(p, x, h0)[0]
        assert abs(grown[0]).max() < 1e-4 and abs(grown[-50:]).max() > 0.5
    for scale in (0.5, 0.9):
        assert distance(scale)[60:].max() < 5 * np.finfo(np.float32).eps
    apart = distance(2)
    assert 0.7 < apart.min() and apart.max() < 2


def test_the_state_holds_at_most_as_many_words_as_the_page_prints(capsys):
    """In whole numbers: the texts of that many words have room, those of one more have not."""
    source = next(cell for cell in cells(PAGE) if "per_word" in cell)
    executed(PAGE, ["import numpy as np", source])
    words = int(capsys.readouterr().out.split()[-2])
    assert 8000**words <= 2**3200 < 8000 ** (words + 1)
