"""The one-program network: its equations, its gradient, its optimizer, its text, what it learns."""

import hashlib
from importlib import resources
from itertools import islice

import numpy as np
import pytest

from tests.support.paths import ROOT
from unrolled import min_rnn, tree
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.gradients import gradcheck
from unrolled.models import language_model
from unrolled.training import optimizers

V, H, T, B = 5, 4, 6, 3


def example(seed=0):
    """Weights larger than the initial ones, one-hot x and y, and a state to start from."""
    rng = np.random.default_rng(seed)
    weights = [w + rng.normal(size=w.shape) / 2 for w in min_rnn.init(rng, V, H)]
    ids = rng.integers(0, V, (T + 1, B))
    one_hot = np.eye(V)[ids]
    return weights, one_hot[:-1], one_hot[1:], rng.uniform(-1, 1, (B, H)), ids


def as_params(weights):
    """The same weights as those of the package's language model."""
    W_x, W_h, b, W_y, b_y = weights
    return language_model.Params(rnn.Params(W_x, W_h, b), W_y, b_y)


def test_it_is_one_program_of_at_most_100_lines_and_80_columns():
    lines = (ROOT / "code/unrolled/min_rnn.py").read_text("utf-8").splitlines()
    assert len(lines) <= 100
    assert max(len(line) for line in lines) <= 80


def test_the_text_is_that_of_the_canterbury_corpus_with_plain_line_ends():
    plain = (resources.files("unrolled.data") / "alice.txt").read_bytes()
    original = plain.replace(b"\n", b"\r\n") + b"\x1a"
    assert hashlib.sha256(original).hexdigest() == (
        "7467306ee0feed4971260f3c87421154a05be571d944e9cb021a5713700c38f0"
    )


def test_forward_is_the_equations_number_by_number():
    (W_x, W_h, b, W_y, b_y), x, _, h0, ids = example()
    h, p = min_rnn.forward((W_x, W_h, b, W_y, b_y), x, h0)
    assert np.array_equal(h[0], h0)
    for t, k in np.ndindex(T, B):
        for j in range(H):
            a = W_x[ids[t, k], j] + sum(h[t, k, i] * W_h[i, j] for i in range(H)) + b[j]
            assert h[t + 1, k, j] == pytest.approx(np.tanh(a), rel=1e-12)
        u = [
            sum(h[t + 1, k, i] * W_y[i, v] for i in range(H)) + b_y[v] for v in range(V)
        ]
        expected = np.exp(u) / sum(np.exp(u))
        np.testing.assert_allclose(p[t, k], expected, rtol=1e-12)


def test_the_loss_is_the_mean_of_minus_log_p_of_what_came():
    weights, x, y, h0, ids = example()
    _, p = min_rnn.forward(weights, x, h0)
    each = [-np.log(p[t, k, ids[t + 1, k]]) for t, k in np.ndindex(T, B)]
    assert min_rnn.loss(p, y) == pytest.approx(sum(each) / len(each), rel=1e-13)


def test_backward_is_the_gradient_of_the_loss():
    weights, x, y, h0, _ = example()
    h, p = min_rnn.forward(weights, x, h0)
    found = tuple(min_rnn.backward(weights, x, y, h, p))
    exact = gradcheck.complex_step(
        lambda w: min_rnn.loss(min_rnn.forward(w, x, h0)[1], y), tuple(weights)
    )
    for name, ours, theirs in zip(
        ("W_x", "W_h", "b", "W_y", "b_y"), found, exact, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14, err_msg=name)


def test_backward_is_that_of_the_packages_language_model():
    weights, x, y, _, ids = example()
    batch = text.Batch(ids[:-1], ids[1:], np.ones((T, B), bool))
    loss, theirs, *_ = language_model.loss_and_gradient(as_params(weights), batch)
    h, predicted = min_rnn.forward(weights, x, np.zeros((B, H)))
    assert min_rnn.loss(predicted, y) == pytest.approx(loss, rel=1e-12)
    ours = as_params(min_rnn.backward(weights, x, y, h, predicted))
    for a, b in zip(tree.leaves(ours), tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-15)


def test_adam_is_the_packages():
    weights, _, _, _, _ = example()
    ours, theirs, state = [w.copy() for w in weights], tuple(weights), None
    means, squares = ([np.zeros_like(w) for w in ours] for _ in range(2))
    rng = np.random.default_rng(2)
    for update in range(1, 6):
        gradients = tuple(rng.normal(size=w.shape) for w in ours)
        min_rnn.adam(ours, gradients, means, squares, update, rate=0.01)
        theirs, state = optimizers.adam(theirs, gradients, state, learning_rate=0.01)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_sample_reads_each_character_that_it_has_drawn():
    weights, _, _, _, _ = example(3)
    p, rng, h, expected = as_params(weights), np.random.default_rng(7), np.zeros(H), [2]
    while len(expected) < 50:
        h = rnn.step(p.cell, np.eye(V)[expected[-1]], h)
        e = np.exp((h @ p.W_y + p.b_y) / 0.8)
        expected.append(rng.choice(V, p=e / e.sum()))
    found = min_rnn.sample(np.random.default_rng(7), weights, 2, 50, temperature=0.8)
    assert found == expected


def test_a_low_temperature_takes_the_likeliest_character():
    weights, _, _, _, _ = example(3)
    ids = min_rnn.sample(np.random.default_rng(0), weights, 0, 20, temperature=0.01)
    h = np.zeros((1, H))
    for k in range(19):
        h, p = min_rnn.forward(weights, np.eye(V)[[[ids[k]]]], h)
        h = h[-1]
        assert ids[k + 1] == p.argmax()


def test_it_learns_a_sentence_and_writes_it():
    sentences = "the dog bit the man. " * 20
    characters = sorted(set(sentences))
    ids = np.array([characters.index(c) for c in sentences])
    training = min_rnn.train(ids, len(characters), H=24, B=8)
    losses, weights = zip(*islice(training, 400), strict=True)
    assert losses[0] == pytest.approx(np.log(len(characters)), rel=0.05)
    assert losses[-1] < 0.15
    rng = np.random.default_rng(0)
    written = min_rnn.sample(rng, weights[-1], characters.index("t"), 42)
    assert "".join(characters[i] for i in written) == sentences[:42]


def test_the_loss_is_that_of_the_weights_that_come_with_it():
    """In a text of one character, every batch is the same."""
    ids = np.zeros(60, int)
    train, seen = min_rnn.train(ids, V, H=H, B=B, T=T), []
    x = np.eye(V)[np.zeros((T, B), int)]
    for loss, weights in islice(train, 5):
        _, p = min_rnn.forward(weights, x, np.zeros((B, H)))
        assert loss == pytest.approx(min_rnn.loss(p, x), rel=1e-12)
        seen.append(loss)
    assert np.all(np.diff(seen) < 0)
