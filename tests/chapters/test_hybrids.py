"""Hybrids: what a stack stores, what a state can recall, and the work that the table counts."""

import itertools

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.counting import Counted, multiplications
from tests.support.page_cells import defined
from unrolled import functional, records, tree
from unrolled.cells import (
    delta_net,
    gru,
    linear_attention,
    lru,
    lstm,
    min_gru,
    min_lstm,
    mlstm,
    reflections,
    rnn,
    selective,
)

PAGE = "08-today/hybrids.md"


@pytest.mark.equation("eq-hybrid-memory")
@pytest.mark.parametrize(("t", "layers", "attention"), [(1, 4, 1), (100, 8, 2)])
def test_a_stack_stores_a_cache_for_each_attention_layer_and_a_state_for_the_others(
    t, layers, attention
):
    K, S = 6, 35
    stack = [[] for _ in range(layers)]
    for kept in stack[attention:]:
        kept.append(np.zeros(S, np.float16))
    for _, kept in itertools.product(range(t), stack[:attention]):
        kept += [np.zeros(K, np.float16), np.zeros(K, np.float16)]  # a key, a value
    stored = sum(array.nbytes for kept in stack for array in kept)
    assert stored == 2 * (2 * attention * K * t + (layers - attention) * S)
    assert defined(PAGE)["memory"](t, layers, attention, K, S) == stored


def test_the_published_sizes_of_caches_follow_from_the_equation():
    memory = defined(PAGE)["memory"]
    for attention, published in ((4, 4), (32, 32)):  # GB, Lieber et al. (2024)
        assert memory(256 * 1024, 32, attention, S=0) == published * 2**30


@pytest.mark.equation("eq-recall-bound")
@pytest.mark.parametrize(("bits", "V"), [(3, 2), (4, 4), (5, 2), (5, 3)])
def test_as_many_symbols_are_told_apart_as_the_bound_says(bits, V):
    """Counts the texts that have a state each: n fits if the bound holds, and n + 1 does not."""
    fits = [
        n
        for n in range(1, 8)
        if len({*itertools.product(range(V), repeat=n)}) <= 2**bits
    ]
    assert fits == [n for n in range(1, 8) if n * np.log2(V) <= bits]


WORK = {
    rnn: 2,
    lstm: 8,
    gru: 6,
    lru: 1,
    min_gru: 2,
    min_lstm: 3,
    selective: 2,
    linear_attention: 5,
    mlstm: 7,
    delta_net: 6,
    reflections: 3,
}


def work(cell, H):
    """Multiplications of a step for one token."""
    p = cell.init(np.random.default_rng(0), H, H)
    state = [s.view(Counted) for s in cell.initial_state(p, 1)]
    p = tree.map(lambda weight: weight.view(Counted), p)
    x = np.ones((1, H)).view(Counted)
    return multiplications(lambda: cell.step(p, x, *state), entry_by_entry=True)


@pytest.mark.parametrize("cell", WORK, ids=lambda cell: cell.__name__[15:])
def test_the_work_of_a_step_grows_as_the_table_says(cell, monkeypatch):
    monkeypatch.setattr(  # np.where returns arrays that do not count
        linear_attention,
        "elu_plus_1",
        lambda a: functional.elu_plus_1(a).view(Counted),
    )
    small, large = work(cell, 100), work(cell, 200)
    # a H² + b H: the first from the two sizes
    assert (large - 2 * small) / (200**2 - 2 * 100**2) == pytest.approx(
        WORK[cell], rel=0.01
    )


def test_the_matrix_forgets_and_the_cache_does_not():
    ns = defined(PAGE)
    np.testing.assert_allclose(ns["cache_right"], 1, rtol=1e-12)
    matrix = ns["matrix_right"]
    assert matrix[0] == pytest.approx(1) and matrix[-1] < 0.4
    # at as many pairs as a key has entries, most are still right
    near = ns["pairs"].searchsorted(ns["E"])
    assert 0.6 < matrix[near - 1] < 1
    # the bound allows 26,214 pairs; the matrix recalls fewer than 300 of 1,000
    matrix_bits = ns["E"] * ns["V"] * np.zeros(1).itemsize * 8
    assert matrix_bits == 131_072 and int(matrix_bits / np.log2(ns["V"])) == 26_214
    assert ns["pairs"][-1] == 1000 and matrix[-1] < 0.3


def test_one_layer_without_state_in_its_gates_copies_less_than_half():
    found = [
        run["right"]
        for name in ("selective_copying", "selective_copying_by_selection")
        for run in records.load(name)["results"]["runs"]
        if run["layers"] == 1 and run["cell"] != "gru"
    ]
    assert len(found) == 9 and max(found) < 0.5


def shares(stack, keys, rate=0.003):
    """The share that each seed recalls, of a stack trained on 16 pairs."""
    return np.array(
        [
            run["right_by_keys"][str(keys)]
            for run in records.load("hybrid_recall")["results"]["runs"]
            if (run["stack"], run["rate"]) == (stack, rate)
        ]
    )


@pytest.mark.claim(
    "one-trained-attention-layer-restores-recall",
    "A trained stack of three layers of linear attention and one of softmax attention recalls "
    "nearly all of 16 and of 64 pairs; four layers of linear attention recall about half and about "
    "a fifth, with either learning rate.",
    records="hybrid_recall",
)
@pytest.mark.parametrize(("keys", "about"), [(16, 0.5), (64, 0.2)])
def test_one_attention_layer_restores_recall(keys, about):
    """The interval of the hybrid above 0.99; the intervals of four linear layers within 0.05 of
    the share that the page gives; the gain of the hybrid, of the same seed, above 0.4."""
    hybrid = shares("3 linear, 1 softmax", keys)
    assert len(hybrid) >= 3 and interval(hybrid)["low"] > 0.99
    for rate in (0.003, 0.01):
        linear = shares("4 linear", keys, rate)
        found = interval(linear)
        assert len(linear) >= 3
        assert about - 0.05 < found["low"] < found["high"] < about + 0.05
        assert interval(hybrid - linear)["low"] > 0.4


@pytest.mark.claim(
    "four-layers-of-linear-attention-recall-no-more-than-one",
    "A trained stack of four layers of linear attention with 8 rows recalls about as many pairs as "
    "one layer with 8 rows.",
    records=("hybrid_recall", "associative_recall"),
)
@pytest.mark.parametrize("keys", [4, 8, 16, 32])
def test_four_layers_of_linear_attention_recall_no_more_than_one(keys):
    """The difference of the mean shares: at most 0.05, with either learning rate."""
    one = [
        run["right_by_keys"][str(keys)]
        for run in records.load("associative_recall")["results"]["runs"]
        if (run["network"], run["size"], run["writes"]) == ("linear attention", 8, 1)
    ]
    assert len(one) >= 3
    for rate in (0.003, 0.01):
        assert abs(shares("4 linear", keys, rate).mean() - np.mean(one)) < 0.05
