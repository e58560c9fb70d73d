"""The equation and the loop of the chapter "The training loop"."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from tests.support.page_cells import cells, executed
from tests.support.small_training import fresh, run, same, some_sentences
from unrolled import records, tree
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import optimizers


@pytest.mark.equation("eq-batch-weights")
def test_weighted_batches_give_the_loss_and_the_gradient_per_word_of_the_text():
    sentences, rng = some_sentences(40), np.random.default_rng(1)
    params = tree.map(lambda w: rng.normal(size=w.shape), fresh())
    batches = text.batches(sentences, 16)
    words = np.array([batch.mask.sum() for batch in batches])
    assert len(words) == 3 and words.max() > 1.5 * words.min()
    whole, d = language_model.loss_and_gradient(params, text.pad(sentences))
    found = [language_model.loss_and_gradient(params, batch) for batch in batches]
    weights = words / words.mean()
    assert_allclose(np.mean(weights * [loss for loss, _ in found]), whole, rtol=1e-12)
    assert_allclose(np.sum(words * [loss for loss, _ in found]) / words.sum(), whole)
    total = tree.map(np.zeros_like, params)
    for weight, (_, gradient) in zip(weights, found, strict=True):
        total = tree.map(lambda t, g, w=weight: t + w * g / 3, total, gradient)
    for a, b in zip(tree.leaves(total), tree.leaves(d), strict=True):
        assert_allclose(a, b, atol=1e-14)
    unweighted = np.mean([loss for loss, _ in found])
    assert abs(unweighted - whole) > 1e-3


def test_the_loop_does_what_the_simplest_loop_does():
    sentences, params, state = some_sentences(), fresh(), None
    for epoch in range(2):
        batches = text.batches(sentences, 16, np.random.default_rng(epoch))
        words = [int(batch.mask.sum()) for batch in batches]
        for batch, count in zip(batches, words, strict=True):
            weight = count / (sum(words) / len(words))
            _, d = language_model.loss_and_gradient(params, batch)
            d = tree.map(lambda g, w=weight: g * w, d)
            optimizers.clip_by_global_norm(d, 1.0)
            params, state = optimizers.adam(params, d, state, 0.01)
    *_, last = run(fresh(), sentences)
    assert last.step == 12 and same(last.params, params)


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


@pytest.mark.claim(
    "the-loss-per-word-lowers-the-perplexity",
    "If each batch is weighted by its number of words, the test perplexity is lower with every "
    "seed than with equal weights. The model is then better on long sentences and, on average, "
    "worse on the shortest.",
    records="objectives",
)
def test_it_gains_on_long_sentences_and_loses_on_the_shortest():
    """Both weightings with the same seeds: test perplexities, and ratios by length."""
    per_word, per_batch = of_objectives(lambda seed: seed["test"]["perplexity"])
    assert (per_batch > per_word).all() and interval(per_batch - per_word).low > 0
    per_word, per_batch = of_objectives(lambda seed: seed["lengths"])
    ratio = per_batch / per_word - 1
    assert interval(ratio[:, 3]).low > 0.04 and (ratio[:, 3] > 0).all()
    assert interval(ratio[:, 2]).low > 0.03 and (ratio[:, 2] > 0).all()
    assert interval(ratio[:, 1]).low < 0 < interval(ratio[:, 1]).high
    assert interval(ratio[:, 0]).high < 0


def test_on_the_shortest_sentences_equal_weights_win_with_five_of_six_seeds():
    """The page says "five of the six seeds", and "each of the seeds" from 17 words on."""
    per_word, per_batch = of_objectives(lambda seed: seed["lengths"])
    better = (per_batch < per_word).sum(axis=0)
    assert len(per_word) == 6 and better[0] == 5
    assert better[2] == better[3] == 0


def test_in_the_mean_of_batch_means_the_two_are_not_told_apart():
    per_word, per_batch = of_objectives(lambda seed: seed["of_batch_means"])
    low, high = interval(per_batch - per_word)
    assert low < 0 < high


@pytest.mark.slow
def test_the_training_loss_of_the_first_epoch_is_above_the_validation_loss():
    """The page's own run: a training loss is a mean over the epoch, in which the model improves."""
    path = "02-language-model/training.md"
    needed = "import numpy", "def one_step", "def shuffled", "def run(", "def validate"
    sources = [c for c in cells(path) if any(name in c for name in needed)]
    page = executed(path, sources)
    first, *rest = page["epochs"]
    assert first.train_loss > first.validation_loss
    assert all(p.train_loss < p.validation_loss for p in rest)
