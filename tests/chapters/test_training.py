"""The equations of the chapter "Training", and the band that its short run must reach."""

import contextlib
import itertools
import math
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from threadpoolctl import threadpool_limits

from unrolled import records, tree
from unrolled.data import ngram, text
from unrolled.models import language_model
from unrolled.training import optimizers, train


def small_model(seed=0, V=9, H=4):
    rng = np.random.default_rng(seed)
    model = language_model.init(rng, V, H)
    model = tree.map(lambda w: rng.normal(size=w.shape), model)
    return model, text.pad([rng.integers(0, V, n) for n in (7, 5, 4)])


@pytest.mark.equation("eq-sgd")
def test_a_step_of_sgd():
    theta = np.array([1.0, -2.0]), np.array([[0.5]])
    d = np.array([0.1, 0.2]), np.array([[-3.0]])
    new, _ = optimizers.sgd(tree.map(np.copy, theta), d, learning_rate=0.25)
    assert_allclose(new[0], [1 - 0.25 * 0.1, -2 - 0.25 * 0.2])
    assert_allclose(new[1], [[0.5 + 0.25 * 3]])


@pytest.mark.equation("eq-sgd-decrease")
def test_the_decrease_is_eta_times_the_squared_length_up_to_the_square_of_eta():
    model, batch = small_model()
    loss, d = language_model.loss_and_gradient(model, batch)
    length = sum(float((leaf**2).sum()) for leaf in tree.leaves(d))
    rests = []
    for eta in (1e-3, 1e-4):
        stepped, _ = optimizers.sgd(
            tree.map(np.copy, model), tree.map(np.copy, d), learning_rate=eta
        )
        change = language_model.loss(stepped, batch)[0] - loss
        assert_allclose(change, -eta * length, rtol=0.05)
        rests.append(change + eta * length)
    assert_allclose(rests[0] / rests[1], 100, rtol=0.05)


@pytest.mark.equation("eq-batch-noise")
@pytest.mark.parametrize("B", [1, 2, 3])
def test_mean_and_scatter_of_a_batch_over_all_draws(B):
    """Every batch of B out of n sentences with replacement, each as likely as any other."""
    model, _ = small_model()
    rng = np.random.default_rng(1)
    sentences = [rng.integers(0, 9, n) for n in (3, 4, 6, 5)]

    def mean_gradient(chosen):
        _, d = language_model.loss_and_gradient(
            model, text.pad(chosen), reduction="sum"
        )
        return np.concatenate([leaf.ravel() for leaf in tree.leaves(d)]) / len(chosen)

    single = np.array([mean_gradient([s]) for s in sentences])
    mean = single.mean(axis=0)
    draws = np.array(
        [mean_gradient(list(c)) for c in itertools.product(sentences, repeat=B)]
    )
    assert_allclose(draws.mean(axis=0), mean, atol=1e-12)
    scatter = ((draws - mean) ** 2).sum(axis=1).mean()
    assert_allclose(scatter, ((single - mean) ** 2).sum(axis=1).mean() / B, rtol=1e-10)


@pytest.mark.equation("eq-clip")
@settings(deadline=None, max_examples=50)
@given(
    values=st.lists(st.floats(-10, 10), min_size=3, max_size=5).filter(
        lambda v: math.hypot(*v) > 1e-3
    ),
    c=st.floats(0.01, 20),
)
def test_clipping_scales_to_the_limit_and_keeps_the_direction(values, c):
    d = (np.array(values[:2]), np.array([values[2:]]))
    norm = math.sqrt(sum(v * v for v in values))
    factor = min(1, c / norm)
    clipped, before = optimizers.clip_by_global_norm(tree.map(np.copy, d), c)
    assert_allclose(before, norm)
    assert_allclose(clipped[0], factor * d[0], rtol=1e-12)
    assert_allclose(clipped[1], factor * d[1], rtol=1e-12)


def gradients(n=6, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)) * np.array([1, 10, 0.01, 1])


@pytest.mark.equation("eq-rmsprop")
def test_rmsprop_step_by_step():
    gamma, eta, epsilon = 0.8, 0.05, 1e-4
    theta, m, state = np.ones(4), np.zeros(4), None
    found = np.ones(4)
    for g in gradients():
        m = gamma * m + (1 - gamma) * g**2
        theta = theta - eta * g / np.sqrt(m + epsilon)
        found, state = optimizers.rmsprop(
            found, g, state, eta, decay=gamma, epsilon=epsilon
        )
        assert_allclose(found, theta, rtol=1e-12)


@pytest.mark.equation("eq-adam-means", "eq-adam")
def test_adam_step_by_step():
    beta_1, beta_2, eta, epsilon = 0.7, 0.95, 0.05, 1e-3
    theta, m, v, state = np.ones(4), np.zeros(4), np.zeros(4), None
    found = np.ones(4)
    for t, g in enumerate(gradients(), start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        theta = theta - eta * (m / (1 - beta_1**t)) / (
            np.sqrt(v / (1 - beta_2**t)) + epsilon
        )
        found, state = optimizers.adam(found, g, state, eta, (beta_1, beta_2), epsilon)
        assert_allclose(found, theta, rtol=1e-12)
        assert_allclose(state.mean, m, rtol=1e-12)
        assert_allclose(state.mean_square, v, rtol=1e-12)


@pytest.mark.equation("eq-bias-correction")
def test_the_running_mean_is_too_small_by_a_known_factor():
    beta = 0.9
    for t in (1, 3, 20):
        geometric = (1 - beta) * sum(beta ** (t - k) for k in range(1, t + 1))
        assert_allclose(geometric, 1 - beta**t, rtol=1e-12)
    # a gradient that is the same at every step, through the package's Adam
    g, state = np.array([2.0, -0.3]), None
    for t in range(1, 8):
        _, state = optimizers.adam(np.zeros(2), g, state, decays=(beta, 0.99))
        assert_allclose(state.mean, (1 - beta**t) * g, rtol=1e-12)
        assert_allclose(state.mean_square, (1 - 0.99**t) * g**2, rtol=1e-12)


def test_the_first_steps_of_adam_and_rmsprop():
    g = np.array([1e-3, -5.0, 40.0])
    adam, _ = optimizers.adam(np.zeros(3), g, learning_rate=0.01)
    assert_allclose(adam, -0.01 * np.sign(g), rtol=1e-4)
    rmsprop, _ = optimizers.rmsprop(
        np.zeros(3), g, learning_rate=0.01, decay=0.9, epsilon=0.0
    )
    assert_allclose(rmsprop, -0.01 * np.sign(g) / math.sqrt(0.1), rtol=1e-12)


def some_sentences(n=96):
    rng = np.random.default_rng(5)
    return [
        np.array([1, *rng.integers(3, 20, rng.integers(2, 9)), 2]) for _ in range(n)
    ]


def run(params, sentences, **options):
    chosen = dict(epochs=2, learning_rate=0.01, clip=1.0, progress=False) | options
    return train.train(
        params,
        lambda epoch: text.batches(sentences, 16, np.random.default_rng(epoch)),
        language_model.loss_and_gradient,
        optimizers.adam,
        **chosen,
    )


def fresh():
    return language_model.init(np.random.default_rng(0), 20, 8)


def same(a, b):
    return all(
        np.array_equal(x, y)
        for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True)
    )


def test_the_loop_does_what_the_simplest_loop_does():
    sentences, params, state = some_sentences(), fresh(), None
    for epoch in range(2):
        batches = text.batches(sentences, 16, np.random.default_rng(epoch))
        words = [int(batch.mask.sum()) for batch in batches]
        for batch, n in zip(batches, words, strict=True):
            _, d = language_model.loss_and_gradient(params, batch)
            weight = n / (sum(words) / len(words))
            d = tree.map(lambda gradient, weight=weight: gradient * weight, d)
            optimizers.clip_by_global_norm(d, 1.0)
            params, state = optimizers.adam(params, d, state, 0.01)
    *_, last = run(fresh(), sentences)
    assert last.step == 12 and same(last.params, params)


def test_ctrl_c_saves_and_the_resumed_run_ends_in_the_same_numbers(tmp_path):
    sentences = some_sentences()
    *_, whole = run(fresh(), sentences)
    with contextlib.chdir(tmp_path):
        with pytest.raises(train.Interrupted, match="step 4; saved in run.npz"):
            for progress in run(fresh(), sentences, path="run.npz"):
                if progress.step == 4:
                    signal.raise_signal(signal.SIGINT)
        *_, resumed = run(fresh(), sentences, path="run.npz")
    assert resumed.step == whole.step and same(resumed.params, whole.params)


def test_early_stopping_keeps_the_parameters_of_the_lowest_validation_loss():
    learn, judge = some_sentences()[:32], text.batches(some_sentences()[32:], 64)[0]
    epochs = [
        p
        for p in run(
            fresh(),
            learn,
            epochs=60,
            learning_rate=0.03,
            patience=3,
            validate=lambda params: language_model.loss(params, judge)[0],
        )
        if p.train_loss is not None
    ]
    losses = [p.validation_loss for p in epochs]
    assert len(epochs) < 60 and np.argmin(losses) == len(epochs) - 4
    assert language_model.loss(epochs[-1].best, judge)[0] == min(losses)
    assert epochs[-1].train_loss < epochs[-4].train_loss


@pytest.mark.slow
def test_a_short_run_beats_the_unigram_model_and_stays_in_its_band():
    """The chapter's short run, smaller: one package, 500 words, 32 units, three epochs."""
    documents, _ = text.remove_duplicates(text.corpus(("numpy",)))
    parts = text.split(documents)
    tokens = [
        [text.tokens(s) for d in part for s in d.sentences]
        for part in (parts.train, parts.validation)
    ]
    vocabulary = text.Vocabulary.of(tokens[0], 500)
    learn, judge = ([vocabulary.encode(s) for s in part] for part in tokens)
    unigram = ngram.perplexity(ngram.fit(learn, 500, 1), judge)
    params = language_model.init(np.random.default_rng(0), 500, 32)
    with threadpool_limits(1):
        *_, last = train.train(
            params,
            lambda epoch: text.batches(learn, 32, np.random.default_rng(epoch)),
            language_model.loss_and_gradient,
            optimizers.adam,
            epochs=3,
            learning_rate=0.01,
            clip=1.0,
            progress=False,
        )
        losses, words = zip(
            *(language_model.loss(last.params, b) for b in text.batches(judge, 64)),
            strict=True,
        )
    perplexity = math.exp(np.average(losses, weights=words))
    assert 0.3 * unigram < perplexity < 0.5 * unigram


def of_objectives(measure):
    """Returns (loss per word, mean of batch means): what measure(seed's results) says, by seed."""
    found = records.load("objectives")["results"]["objectives"]
    per_word, per_batch = (
        np.array([measure(seed) for seed in found[name]])
        for name in ("per word", "per batch")
    )
    assert len(per_word) == len(per_batch) >= 5
    return per_word, per_batch


def interval(differences):
    """Returns the 95 % interval of a mean over seeds, by the bootstrap."""
    found = stats.bootstrap(
        (differences,), np.mean, rng=np.random.default_rng(0), method="basic"
    )
    return found.confidence_interval


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_loss_per_word_gives_the_lower_perplexity_per_word(part):
    per_word, per_batch = of_objectives(lambda seed: seed[part]["perplexity"])
    assert interval(per_batch - per_word).low > 0
    assert 1.01 < per_batch.mean() / per_word.mean() < 1.05


def test_it_gains_on_long_sentences_and_loses_on_the_shortest():
    per_word, per_batch = of_objectives(lambda seed: seed["lengths"])
    ratio = per_batch / per_word - 1
    assert interval(ratio[:, 3]).low > 0.04 and (ratio[:, 3] > 0).all()
    assert interval(ratio[:, 2]).low > 0.03 and (ratio[:, 2] > 0).all()
    assert interval(ratio[:, 1]).low < 0 < interval(ratio[:, 1]).high
    assert interval(ratio[:, 0]).high < 0


def test_in_the_mean_of_batch_means_the_two_are_not_told_apart():
    per_word, per_batch = of_objectives(lambda seed: seed["of_batch_means"])
    low, high = interval(per_batch - per_word)
    assert low < 0 < high
