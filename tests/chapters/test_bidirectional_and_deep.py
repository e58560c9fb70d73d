"""The page on bidirectional and deep networks: its equations and the numbers of its cells."""

import itertools
from math import comb

import numpy as np
import pytest

from tests.support.page_cells import cells, defined, executed
from unrolled.drawing import graph

PAGE = "01-introduction/bidirectional-and-deep.md"


def test_the_latches_mark_the_stretch_between_the_first_and_the_last_one():
    ns = defined(PAGE)
    for bits in itertools.product([0, 1], repeat=8):
        x = np.array(bits, float)[:, None, None]
        u = (ns["bidirectional"](ns["latch"], ns["latch"], x) @ ns["W_y"] + ns["b_y"])[
            :, 0, 0
        ]
        ones = [t for t in range(8) if bits[t]]
        marked = [t for t in range(8) if u[t] > 0]
        assert marked == (list(range(ones[0], ones[-1] + 1)) if ones else [])


def test_both_directions_beat_the_best_that_one_can_do():
    """The page's bound for one direction is the optimum: computed here from all sequences."""
    ns = defined(PAGE)
    assert ns["both"].mean() == 1
    p, T, best = 0.1, 10, 0.0

    def weight(bits):
        return p ** sum(bits) * (1 - p) ** (T - sum(bits))

    for t in range(T):
        votes = {}
        for bits in itertools.product([0, 1], repeat=T):
            truth = any(bits[: t + 1]) and any(bits[t:])
            vote = votes.setdefault(bits[: t + 1], [0.0, 0.0])
            vote[truth] += weight(bits)
        best += sum(max(vote) for vote in votes.values()) / T
    rng = np.random.default_rng(0)
    bits = rng.random((T, 200_000)) < p
    seen = np.logical_or.accumulate(bits)
    truth = seen & np.logical_or.accumulate(bits[::-1])[::-1]
    another = 1 - (1 - p) ** np.arange(T - 1, -1, -1)
    guess = seen & (bits | (another > 0.5)[:, None])
    assert (guess == truth).mean() == pytest.approx(best, abs=0.003)
    assert ns["guess"].shape == ns["truth"].shape
    assert 0.8 < (ns["guess"] == ns["truth"]).mean() < 0.95


@pytest.mark.parametrize(("chance", "wrong"), [(0.1, 1 / 7), (0.5, 1 / 40)])
def test_the_best_guess_from_the_left_is_wrong_as_often_as_the_page_says(chance, wrong):
    """The page's cell, with its knob at two places; to within 5 % of the share of errors."""
    sources = cells(PAGE)
    (counting,) = [c for c in sources if "another_comes" in c]
    known = [c for c in sources if "def bidirectional" in c or "latch = " in c]
    counting = counting.replace("chance_of_1 = 0.1", f"chance_of_1 = {chance}")
    page = executed(PAGE, [sources[0], *known, counting])
    assert page["chance_of_1"] == chance
    found = 1 - (page["guess"] == page["truth"]).mean()
    assert found == pytest.approx(wrong, rel=0.05)


@pytest.mark.equation("eq-path-count")
@pytest.mark.parametrize("K", [1, 2, 3])
def test_the_number_of_paths_through_the_grid(K):
    """Walked one by one, and by the page's count, against the binomial coefficient."""
    g = graph.deep(6, K)

    def walk(at, end):
        return (at == end) + sum(walk(e.target, end) for e in g.edges if e.source == at)

    for s, t in itertools.combinations_with_replacement(range(1, 7), 2):
        start, end = ("x", s), (f"h{K}", t)
        expected = comb(t - s + K - 1, K - 1)
        assert walk(start, end) == defined(PAGE)["paths"](g, start, end) == expected
