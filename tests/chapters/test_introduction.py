"""Part 1: its equations, and what its pages claim of the numbers their own cells compute.

The cells of a page are run here as they stand, so that a sentence such as "all of them right" is
held to the very networks the reader sees.
"""

import functools
import itertools
from math import comb

import jupytext
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.support.counting import Counted, multiplications
from tests.support.paths import BOOK
from unrolled import functional, tree
from unrolled.cells import rnn
from unrolled.drawing import graph
from unrolled.models import language_model

CHAPTERS = BOOK / "01-introduction"


@functools.cache
def page(name):
    """Everything that is defined after the cells of a chapter have run."""
    notebook = jupytext.read(CHAPTERS / f"{name}.md")
    namespace = {}
    with matplotlib.rc_context():
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{name}.md", "exec"), namespace)
        plt.close("all")
    return namespace


# -- sequences and memory --------------------------------------------------------------------------


@pytest.mark.equation("eq-parity")
def test_parity_is_a_running_exclusive_or():
    for bits in itertools.product([0, 1], repeat=6):
        running = list(itertools.accumulate(bits, lambda a, b: a ^ b))
        assert running == [sum(bits[: t + 1]) % 2 for t in range(6)]


@pytest.mark.equation("eq-window-parity")
@pytest.mark.parametrize("w", range(6))
def test_a_window_that_misses_one_bit_says_nothing_about_the_parity(w):
    """Over all sequences of 6 bits, each content of the window goes with as many 0 as 1."""
    ones, seen = {}, {}
    for bits in itertools.product([0, 1], repeat=6):
        window = bits[6 - w :]
        seen[window] = seen.get(window, 0) + 1
        ones[window] = ones.get(window, 0) + sum(bits) % 2
    assert len(seen) == 2**w
    assert all(2 * ones[window] == seen[window] for window in seen)


def test_with_all_bits_in_the_window_the_parity_is_known():
    answers = {bits: {sum(bits) % 2} for bits in itertools.product([0, 1], repeat=6)}
    assert all(len(a) == 1 for a in answers.values())


def test_the_tables_of_the_page_are_at_chance_until_the_last_bit():
    accuracy = page("sequences-and-memory")["accuracy"]
    assert all(abs(a - 0.5) < 0.02 for a in accuracy[:11])
    assert accuracy[11] > 0.98


def test_the_parity_network_is_right_on_every_sequence_of_ten_bits():
    ns = page("sequences-and-memory")
    bits = np.array(list(itertools.product([0, 1], repeat=10))).T
    h, _ = rnn.forward(ns["parity_network"](10), bits[:, :, None].astype(float))
    says = (h @ ns["W_y"] + ns["b_y"])[..., 0] > 0.5
    np.testing.assert_array_equal(says, np.cumsum(bits, axis=0) % 2 == 1)


@pytest.mark.parametrize(("gain", "keeps"), [(10, True), (3, True), (2, False)])
def test_the_bit_is_kept_exactly_where_the_page_says(gain, keeps):
    carried = page("sequences-and-memory")["carried"][f"γ = {gain}"]
    assert carried[0] > 0.7
    assert (carried[-1] > 0.5) == keeps
    assert (abs(carried[-1] - carried[-2]) < 1e-3) and (
        keeps or abs(carried[-1] - 0.3) < 0.05
    )


@pytest.mark.equation("eq-parity-map")
@pytest.mark.parametrize("gain", [2.0, 3.0, 10.0])
def test_the_parity_map_is_the_network_at_input_0(gain):
    ns = page("sequences-and-memory")
    p = ns["parity_network"](gain)
    for m in np.linspace(-0.2, 1.2, 15):
        h = np.array([0.3 + m, 0.3 - m])  # any state with (h[1] - h[2]) / 2 = m
        h = rnn.step(p, np.zeros(1), h)
        assert (h @ ns["W_y"])[0] == pytest.approx(ns["next_m"](m, gain), abs=1e-12)


def test_the_maps_cross_the_diagonal_once_or_three_times():
    next_m, m = page("sequences-and-memory")["next_m"], np.linspace(0, 1, 10_001)
    for gain, crossings in ((10, 3), (3, 3), (2, 1)):
        assert np.sum(np.diff(np.sign(next_m(m, gain) - m + 1e-12)) != 0) == crossings


# -- the unrolled graph ----------------------------------------------------------------------------


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
    ns = page("the-unrolled-graph")
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
        entries
        == V * H + H * H + H + H * V + V
        == page("the-unrolled-graph")["parameters"](V, H, V)
    )


def test_the_pages_influence_is_the_chain_rules_product():
    """Central differences against x_s -> h_t as a product of Jacobians, written out."""
    ns = page("the-unrolled-graph")
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
    ns = page("the-unrolled-graph")
    norm, T = ns["norm"], ns["T"]
    by_distance = [np.mean(np.diag(norm, -k)) for k in range(T)]
    assert all(far < 0.9 * near for near, far in itertools.pairwise(by_distance))
    assert norm[-1, 0] < 1e-2 * norm[-1, -1]


def test_two_pasts_meet_or_never_meet_as_the_figure_shows():
    distance = page("the-unrolled-graph")["distance"]
    for scale in (0.5, 0.9):
        assert distance(scale)[60:].max() < 5 * np.finfo(np.float32).eps
    assert distance(2)[60:].min() > 0.1


# -- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("H", [3, 9])
def test_the_echo_is_perfect_up_to_one_bit_for_each_free_unit(H):
    echo_accuracy = page("shapes-of-sequence-problems")["echo_accuracy"]
    assert [echo_accuracy(S, H) for S in range(1, H)] == [1.0] * (H - 1)
    assert all(abs(echo_accuracy(S, H) - 0.5) < 0.1 for S in range(H, 2 * H))


# -- training --------------------------------------------------------------------------------------


@pytest.mark.equation("eq-tied-gradient")
def test_the_gradient_of_a_shared_weight_is_the_sum_over_its_copies():
    """Each copy's gradient by the complex-step method, exact to rounding; the sum by BPTT."""
    rng = np.random.default_rng(3)
    p = language_model.init(rng, V=5, H=4, dtype=np.float64)
    x, y = rng.integers(0, 5, (6, 1)), np.array([3])
    parts = np.zeros((6, 4, 4))
    for k, i, j in np.ndindex(parts.shape):
        copies = np.stack([p.cell.W_h] * 6).astype(complex)
        copies[k, i, j] += 1e-30j
        h = np.zeros((1, 4), complex)
        for W_h, x_t in zip(copies, x, strict=True):
            h = np.tanh(p.cell.W_x[x_t] + h @ W_h + p.cell.b)
        u = h @ p.W_y + p.b_y
        parts[k, i, j] = (np.log(np.exp(u).sum()) - u[0, 3]).imag / 1e-30
    h, cache = rnn.forward(p.cell, x)
    du = functional.dcross_entropy(h[-1] @ p.W_y + p.b_y, y, np.ones(1))
    dh = np.zeros_like(h)
    dh[-1] = du @ p.W_y.T
    dp, *_ = rnn.backward(p.cell, cache, dh)
    np.testing.assert_allclose(parts.sum(axis=0), dp.W_h, rtol=1e-11, atol=1e-16)
    assert not np.allclose(parts[1:-1].sum(axis=0), dp.W_h, rtol=1e-3)
    assert not parts[0].any()  # the first copy multiplies h_0 = 0


@pytest.mark.slow
def test_what_the_training_page_says_of_its_runs():
    ns = page("how-they-are-trained")
    echoes, truncated, right = ns["echoes"], ns["truncated"], ns["right"]
    assert echoes["lag 1"][30:].max() < 0.05 and echoes["lag 8"][150:].max() < 0.05
    assert 0.1 < echoes["lag 32"][-20:].mean() < np.log(2) - 0.1
    assert abs(echoes["lag 32, $W_h/2$"] - np.log(2)).max() < 0.03
    assert truncated["8 steps back"][-50:].max() < 0.05
    for steps in (7, 4):
        assert truncated[f"{steps} steps back"][-50:].mean() > np.log(2) - 0.05
    assert all(accuracy[:12].min() == 1 for accuracy in right.values())
    last = sorted(accuracy[-1] for accuracy in right.values())
    assert last[0] < 0.7 and last[1:] == [1, 1, 1, 1]  # one falls, the others hold
    assert ns["parts"].shape == (6, 4, 4) and not ns["parts"][0].any()


# -- two directions, several layers ----------------------------------------------------------------


def test_the_latches_mark_the_stretch_between_the_first_and_the_last_one():
    ns = page("bidirectional-and-deep")
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
    ns = page("bidirectional-and-deep")
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
        assert (
            walk(start, end)
            == page("bidirectional-and-deep")["paths"](g, start, end)
            == expected
        )


# -- what became of them ---------------------------------------------------------------------------


def array(*shape):
    return np.ones(shape).view(Counted)


@pytest.mark.equation("eq-cost-rnn")
@pytest.mark.parametrize("d", [4, 32])
def test_an_rnn_step_costs_two_square_matrices_and_keeps_one_vector(d):
    p = rnn.Params(array(d, d), array(d, d), array(d))
    h = array(d)
    assert multiplications(lambda: rnn.step(p, array(d), h)) == 2 * d * d
    assert rnn.step(p, array(d), h).size == d


@pytest.mark.equation("eq-cost-attention")
@pytest.mark.parametrize(("d", "t"), [(4, 1), (4, 9), (32, 100)])
def test_an_attention_step_costs_four_matrices_and_two_looks_at_the_cache(d, t):
    W_q, W_k, W_v, W_o = (array(d, d) for _ in range(4))
    cache = [array(t - 1, d), array(t - 1, d)]

    def step():
        x = array(d)
        for i, W in enumerate((W_k, W_v)):
            cache[i] = np.concatenate([cache[i], (x @ W)[None]]).view(Counted)
        weights = functional.softmax(cache[0] @ (x @ W_q)).view(Counted)
        return weights @ cache[1] @ W_o

    assert multiplications(step) == 4 * d * d + 2 * t * d
    assert cache[0].size + cache[1].size == 2 * t * d


@pytest.mark.equation("eq-linear-recurrence", "eq-scan")
@pytest.mark.parametrize("T", [1, 2, 3, 64, 65, 1000])
def test_the_scan_gives_the_states_of_the_loop_in_log_T_rounds(T):
    rng = np.random.default_rng(T)
    a, b = rng.uniform(-1, 1, (T, 3)), rng.normal(size=(T, 3))
    states, rounds = page("what-became-of-them")["scan"](a, b)
    h = np.zeros(3)
    for t in range(T):
        h = a[t] * h + b[t]
        np.testing.assert_allclose(states[t], h, rtol=1e-9, atol=1e-12)
    assert rounds == int(np.ceil(np.log2(T)))


@pytest.mark.equation("eq-scan")
def test_composing_steps_is_associative_and_is_applying_them_in_turn():
    rng = np.random.default_rng(2)

    def compose(later, first):
        return later[0] * first[0], later[0] * first[1] + later[1]

    def apply(step, h):
        return step[0] * h + step[1]

    one, two, three = rng.normal(size=(3, 2, 5))
    h = rng.normal(size=5)
    np.testing.assert_allclose(apply(compose(two, one), h), apply(two, apply(one, h)))
    left, right = compose(compose(three, two), one), compose(three, compose(two, one))
    np.testing.assert_allclose(left, right)


@pytest.mark.equation("eq-linear-attention")
def test_linear_attention_is_a_recurrence_with_a_matrix_as_state():
    rng = np.random.default_rng(4)
    q, k, v = rng.normal(size=(3, 12, 5))
    S = np.zeros((5, 5))
    for t in range(12):
        S = S + np.outer(k[t], v[t])
        looked_back = sum((q[t] @ k[s]) * v[s] for s in range(t + 1))
        np.testing.assert_allclose(q[t] @ S, looked_back, rtol=1e-10)
    ns = page("what-became-of-them")
    np.testing.assert_allclose(ns["attention"], ns["recurrent"], rtol=1e-9, atol=1e-10)


def test_a_gate_between_0_and_1_cannot_turn_a_state_and_minus_1_can():
    ns = page("what-became-of-them")
    assert np.array_equal(ns["h"] < 0, np.cumsum(ns["bits"], axis=0) % 2 == 1)
    rng = np.random.default_rng(0)
    kept, _ = ns["scan"](
        rng.uniform(0, 1, (50, 4)), np.vstack([np.ones((1, 4)), np.zeros((49, 4))])
    )
    assert (kept >= 0).all()
