"""The two-layer GRU in Theano: its weights, its training, and the cost of compiling it."""

import cProfile
import pstats

import numpy as np
import pytest

from unrolled import records, tree
from unrolled.cells import gru, rnn
from unrolled.data import text
from unrolled.frameworks import theano_models
from unrolled.layers import embedding, stacked
from unrolled.models import language_model
from unrolled.training.optimizers import rmsprop

NETWORK = stacked.of(embedding, gru, gru)


def counted(V, D, H):
    rng = np.random.default_rng(0)
    bottom = embedding.init(rng, V, D), gru.init(rng, D, H), gru.init(rng, H, H)
    p = language_model.Params(bottom, np.zeros((H, V)), np.zeros(V))
    return sum(leaf.size for leaf in tree.leaves(p))


@pytest.mark.equation("eq-two-layer-count")
@pytest.mark.parametrize(("V", "D", "H"), [(8000, 128, 128), (11, 3, 5), (7, 4, 2)])
def test_the_count_is_that_of_the_weights(V, D, H):
    formula = V * D + 3 * (D * H + H**2 + H) + 3 * (H**2 + H**2 + H) + H * V + V
    assert counted(V, D, H) == formula
    if V == 8000:
        assert formula == 2_253_376
        p = language_model.init(np.random.default_rng(0), V, H, cell=NETWORK)
        assert sum(leaf.size for leaf in tree.leaves(p)) == formula


@pytest.mark.equation("eq-break-even")
@pytest.mark.parametrize(
    ("C", "s"),
    [((0, 400), (1, 0.5)), ((30, 37), (2, 1.9)), ((0, 100), (1, 1)), ((5, 9), (1, 3))],
)
def test_compiling_has_paid_after_the_break_even(C, s):
    n = np.arange(1, 10_000)
    paid = C[1] + s[1] * n < C[0] + s[0] * n
    if s[1] >= s[0]:
        assert not paid.any()
    else:
        first = n[paid][0]
        assert first - 1 - 1e-9 <= (C[1] - C[0]) / (s[0] - s[1]) <= first


def test_the_record_times_every_mode_that_the_figure_draws():
    modes = records.load("theano")["results"]["speed"]["two-layer gru"]
    drawn = (
        "Theano in Python",
        "PyTensor in C",
        "PyTensor in Numba",
        "PyTensor in Numba, cached",
    )
    assert set(drawn) <= modes.keys()
    assert all(times["compile"] > 0 and times["step"] > 0 for times in modes.values())


@pytest.mark.claim(
    "two-programs-train-the-gru-alike",
    "Trained by RMSprop from the same weights, the two-layer GRU has the same losses in a symbolic "
    "graph and in NumPy, up to rounding.",
)
@pytest.mark.slow
def test_two_programs_train_the_gru_alike():
    """The losses of ten updates with a learning rate at which the loss falls."""
    rng = np.random.default_rng(4)
    start = language_model.init(rng, 12, 5, cell=NETWORK, dtype=np.float64)
    training = theano_models.compile_rmsprop(start, learning_rate=0.02, mode="python")
    weights, state, costs = start, None, []
    for _ in range(10):
        first, stride = rng.integers(0, 12, 8), rng.integers(1, 5, 8)
        hours = (first + stride * np.arange(7)[:, None]) % 12
        batch = text.Batch(hours[:-1], hours[1:], np.ones((6, 8), bool))
        loss, gradients = language_model.loss_and_gradient(weights, batch, NETWORK)
        weights, state = rmsprop(weights, gradients, state, learning_rate=0.02)
        assert training.step(batch) == pytest.approx(loss, rel=1e-12)
        costs.append(loss)
    assert costs[-1] < costs[0] - 0.01


# Each time comes from one process; those of two processes may differ by this factor.
TWICE = 2


def recorded_times():
    return records.load("theano")["results"]["speed"]


@pytest.mark.claim(
    "machine-code-costs-thousands-of-steps-the-first-time",
    "Translating a graph into machine code costs more than 2,000 steps of NumPy, and about 200 if "
    "the translation is in the cache.",
    records="theano",
)
def test_machine_code_costs_thousands_of_steps_the_first_time():
    """The time of compiling with and without a cache, which differ by more than a factor of 2."""
    for modes in recorded_times().values():
        for mode in ("PyTensor in C", "PyTensor in Numba"):
            new, cached = modes[mode]["compile"], modes[f"{mode}, cached"]["compile"]
            assert new > 2000 and 100 < cached < 400
            assert new > TWICE**2 * cached


@pytest.mark.claim(
    "python-is-enough-for-the-rnn-but-not-for-the-gru",
    "In PyTensor, the plain RNN is about as fast in Python mode as in C; the two-layer GRU is more "
    "than a hundred times slower.",
    records="theano",
)
def test_python_is_enough_for_the_rnn_but_not_for_the_gru():
    """The time of a step in Python over that in C, with a factor of 2 for the spread of each."""
    ratio = {
        name: modes["PyTensor in Python"]["step"] / modes["PyTensor in C"]["step"]
        for name, modes in recorded_times().items()
    }
    assert 1 / TWICE < ratio["rnn"] < TWICE
    assert ratio["two-layer gru"] > 100


def test_no_compiled_step_is_faster_than_numpy():
    """In the record; the fastest takes 1.4 times as long."""
    steps = [m["step"] for modes in recorded_times().values() for m in modes.values()]
    assert min(steps) == pytest.approx(1.4, abs=0.05)


@pytest.mark.slow
@pytest.mark.skipif(theano_models.LIBRARY != "pytensor", reason="a mode of PyTensor")
@pytest.mark.parametrize(("network", "joined"), [(rnn, False), (NETWORK, True)])
def test_python_computes_the_composites_of_the_gru_entry_by_entry(network, joined):
    """Calls of `Composite.impl` in a step, and their share of the profiled time."""
    from pytensor.scalar.basic import Composite

    T, B, V, H = 3, 2, 7, 4
    p = language_model.init(np.random.default_rng(0), V, H, network, np.float64)
    step = theano_models.compile_loss_and_gradient(p, mode="python")
    ids = np.random.default_rng(1).integers(0, V, (T, B))
    profile = cProfile.Profile()
    profile.runcall(step, p, text.Batch(ids, ids, np.ones((T, B), bool)))
    found = pstats.Stats(profile)
    code = Composite.impl.__code__
    place = (code.co_filename, code.co_firstlineno, code.co_name)
    calls, seconds = found.stats.get(place, (0, 0, 0.0, 0.0))[1::2]
    if joined:
        assert calls >= 2 * T * B * H and seconds > 0.5 * found.total_tt
    else:
        assert calls == 0


@pytest.mark.claim(
    "theano-and-pytensor-agree-with-numpy",
    "Theano 1.0.5 and PyTensor return NumPy's losses and gradients up to rounding, for every case.",
    records="theano",
)
def test_theano_and_pytensor_agree_with_numpy():
    """The relative gaps of all cases with twenty rounding errors of double precision."""
    found = records.load("theano")["results"]
    rounding = 20 * np.finfo(float).eps
    for theirs in (found["agreement"], found["pytensor"]["found"]):
        assert len(theirs) == 6
        for gaps in theirs.values():
            assert max(gaps["loss"], gaps["gradient"]) < rounding
