"""Output layers that do less work: what the recorded comparison shows."""

import numpy as np
import pytest

from experiments.intervals import interval
from experiments.language_models import output_layers
from unrolled import records
from unrolled.data import text
from unrolled.layers import adaptive_softmax, class_softmax

CHEAPER = ("classes", "sampled words", "adaptive")


def of_seeds(name, value):
    found = records.load("output_layers")["results"]["layers"]
    return np.array([value(seed) for seed in found[name]["seeds"]])


def seconds(seed):
    return seed["cpu_seconds"]


def on_test_text(seed):
    return seed["test"]["perplexity"]


@pytest.mark.claim(
    "cheaper-outputs-train-faster",
    "Training with classes, sampled words or an adaptive softmax takes less than a third of the "
    "time of the full softmax, and far fewer multiplications.",
    records="output_layers",
)
@pytest.mark.parametrize("name", CHEAPER)
def test_the_layers_train_in_less_than_a_third_of_the_time(name):
    """The processor time over that of the full softmax, seed by seed: the upper end of the
    interval is below 1/3. The share of multiplications is smaller than the share of time."""
    share = interval(of_seeds(name, seconds) / of_seeds("full softmax", seconds))
    assert share["high"] < 1 / 3
    work = records.load("output_layers")["results"]["multiplications"]
    assert work[name] / work["full softmax"] < share["low"]


@pytest.mark.claim(
    "classes-do-not-lose-here",
    "In a short training of a small model, sampled words lose a little perplexity; classes and the "
    "adaptive softmax gain some.",
    records="output_layers",
)
def test_sampled_words_lose_a_little_and_classes_gain():
    """Differences to the full softmax, paired by seed: intervals exclude 0."""
    full = of_seeds("full softmax", on_test_text)
    difference = {
        name: interval(of_seeds(name, on_test_text) - full) for name in CHEAPER
    }
    assert 0 < difference["sampled words"]["low"]
    assert difference["sampled words"]["mean"] < 0.05 * full.mean()
    assert difference["classes"]["high"] < 0
    assert difference["adaptive"]["high"] < 0
    assert (of_seeds("sampled words", on_test_text) > full).all()
    for name in ("classes", "adaptive"):
        assert (of_seeds(name, on_test_text) < full).all()


def test_the_chosen_learning_rate_is_not_at_the_end_of_the_grid():
    for layer in records.load("output_layers")["results"]["layers"].values():
        rates = [tried["learning_rate"] for tried in layer["grid"]]
        assert min(rates) < layer["learning_rate"] < max(rates)


def test_the_count_of_multiplications_is_that_of_the_arrays():
    """Each product of a forward pass over a few targets, counted by the shapes of its arrays."""
    targets = np.random.default_rng(0).integers(0, 4000, 300)
    H = output_layers.SETTINGS["H"]
    work = output_layers.multiplications(targets)
    edges = class_softmax.equal_mass(np.bincount(targets, minlength=4000), 63)
    of = class_softmax.classes_of(targets, edges)
    sizes = np.diff(edges)
    assert work["classes"] == pytest.approx(np.mean(H * (63 + sizes[of])))
    cuts = np.array(output_layers.SETTINGS["edges"])
    p = adaptive_softmax.init(np.random.default_rng(0), H, cuts)
    entries = adaptive_softmax.head_entries(targets, cuts)
    tails = sum(
        (entries == cuts[0] + c).sum() * (tail.D.size + tail.W.size)
        for c, tail in enumerate(p.tails)
    )
    assert work["adaptive"] == pytest.approx(p.W.size + tails / len(targets))
    assert work["full softmax"] == H * 4000


@pytest.mark.slow
def test_only_the_classes_of_rarer_words_occur_about_equally_often():
    """The first 32 of 63 classes hold one word each; the last 30 have similar shares."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for d in parts.train for s in d.sentences], 4000
    )
    batch = text.pad(text.encode(parts.train, vocabulary)[:8000])
    counts = np.bincount(batch.targets[batch.mask], minlength=4000)
    edges = class_softmax.equal_mass(counts, 63)
    shares = np.add.reduceat(counts, edges[:-1]) / counts.sum()
    assert (np.diff(edges)[:32] == 1).all() and np.diff(edges)[32] > 1
    assert 0.013 < shares[-30:].min() and shares[-30:].max() < 0.018
    assert shares[:32].min() < 0.5 / 63 and shares[:32].max() > 2 / 63


def test_the_output_layer_takes_98_to_99_percent_of_the_multiplications():
    """In the three sizes of the page's first cell, to a whole percent."""
    shares = [
        round(100 * V / (V + H)) for V, H in ((4000, 100), (8000, 100), (50_000, 500))
    ]
    assert shares == [98, 99, 99]
