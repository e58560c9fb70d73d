"""Gated language models: sizes that are equal, and what the recorded runs show."""

import numpy as np
import pytest
from scipy import stats

from unrolled import records, tree
from unrolled.cells import gru, lstm, rnn
from unrolled.layers import embedding, stacked
from unrolled.models import language_model


@pytest.mark.equation("eq-gated-parameter-count")
@pytest.mark.parametrize(("cell", "blocks"), [(rnn, 1), (gru, 3), (lstm, 4)])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_count_of_parameters(cell, blocks, layers):
    V, H = 50, 7
    network = stacked.of(embedding, *[cell] * layers)
    p = language_model.init(np.random.default_rng(0), V, H, network)
    counted = sum(leaf.size for leaf in tree.leaves(p))
    assert counted == V * H + layers * blocks * (2 * H * H + H) + H * V + V


def test_the_post_counts_as_many():
    V, H = 8000, 128
    assert 2 * V * H + V + 2 * 3 * (2 * H * H + H) == 2_253_376


RUNS = ("rnn", "gru", "lstm")


def results(name):
    return records.load(f"{name}_language_model")["results"]


def of_seeds(name, part):
    found = results(name)[part]["of_seeds"]
    assert len(found) >= 3
    return found


def test_the_recorded_runs_are_of_equal_size_and_budget():
    first = records.load("gru_language_model")
    for name in RUNS:
        run = records.load(f"{name}_language_model")
        assert run["results"]["parameters"] == pytest.approx(
            first["results"]["parameters"], rel=0.01
        )
        assert run["seed"] == first["seed"]
        for key in run["settings"].keys() - {"H"}:
            assert run["settings"][key] == first["settings"][key], key


@pytest.mark.claim(
    "dropout-helps-each",
    "A share of dropout of 0.2 lowers the validation perplexity of each network with seed 0.",
    records=("rnn_language_model", "gru_language_model", "lstm_language_model"),
)
def test_dropout_helps_each_network():
    """The validation loss with dropout less that without: below −0.02 nats, several times the
    spread of the seeds."""
    for name in RUNS:
        losses = {
            tried["dropout"]: tried["validation_loss"]
            for tried in results(name)["grid"]
        }
        spread = np.std(np.log(of_seeds(name, "validation")), ddof=1)
        assert losses[0.2] - losses[0.0] < min(-0.02, -4 * spread)
        assert results(name)["dropout"] == 0.2


@pytest.mark.claim(
    "gated-networks-beat-the-plain-one",
    "Within the budget, the GRU has the lowest perplexity, then the LSTM, then the plain network, "
    "by many times the spread of the seeds; all three are below the 5-gram model.",
    records=("rnn_language_model", "gru_language_model", "lstm_language_model"),
)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_gated_networks_beat_the_plain_one_and_the_n_grams(part):
    """Perplexities: the 95 % intervals of the differences (Welch) lie above 1, which is more than
    four spreads; every seed is below the 5-gram."""
    fivegram = records.load("pocket_language_model")["results"]["baselines"]["fivegram"]
    found = {name: of_seeds(name, part) for name in RUNS}
    for better, worse in (("gru", "lstm"), ("lstm", "rnn")):
        between = stats.ttest_ind(found[worse], found[better], equal_var=False)
        assert between.confidence_interval().low > 1
    assert max(np.std(seeds, ddof=1) for seeds in found.values()) < 0.3
    assert max(map(max, found.values())) < fivegram[part]


@pytest.mark.claim(
    "small-weights-suit-the-plain-network",
    "The plain network of Part 2, with smaller first weights and no dropout, has a lower "
    "perplexity than every plain network of this chapter, and a higher one than the gated ones.",
    records=(
        "rnn_language_model",
        "gru_language_model",
        "lstm_language_model",
        "pocket_language_model",
    ),
)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_smaller_weights_suit_the_plain_network_better(part):
    """Its perplexity lies more than four spreads below every seed of the plain network, and more
    than four above every seed of the gated ones."""
    found = results("pocket")[part]
    spread = {name: np.std(of_seeds(name, part), ddof=1) for name in RUNS}
    below = min(of_seeds("rnn", part)) - 4 * spread["rnn"]
    assert found["perplexity"] < below
    for name in ("gru", "lstm"):
        assert found["perplexity"] > max(of_seeds(name, part)) + 4 * spread[name]


def test_the_plain_network_of_part_2_is_better_after_as_many_epochs():
    """Its budget has more epochs: its validation perplexity after those of the chapter lies below
    that of every seed of the plain network."""
    epochs = records.load("rnn_language_model")["settings"]["epochs"]
    assert records.load("pocket_language_model")["settings"]["epochs"] > epochs
    then = results("pocket")["curve"][epochs - 1]
    assert then["epoch"] == epochs
    assert np.exp(then["validation_loss"]) < min(of_seeds("rnn", "validation"))


@pytest.mark.parametrize(
    ("name", "small"),
    [("gru_two_layers", "gru"), ("gru_8000", "gru"), ("rnn_8000", "rnn")],
)
def test_the_larger_networks_keep_the_dropout_of_the_small_one(name, small):
    """The losses by which the rate was chosen are those of one layer and 4,000 words."""
    assert results(name)["grid"] == results(small)["grid"]


@pytest.mark.claim(
    "small-weights-may-explain-most-of-the-lstms-gain",
    "Without dropout, the LSTM is only slightly better than the plain network of Part 2, with its "
    "smaller first weights; the GRU is more clearly better.",
    records=(
        "rnn_language_model",
        "gru_language_model",
        "lstm_language_model",
        "pocket_language_model",
    ),
)
def test_without_dropout_the_lstm_gains_little_over_small_weights():
    """Validation loss of the network of Part 2, which has no dropout, less that of the gated ones
    without dropout: the gain of the LSTM is below a third of its gain over the plain network of
    the chapter without dropout, and below that of the GRU."""
    small = np.log(results("pocket")["validation"]["perplexity"])
    losses = {
        name: next(
            tried["validation_loss"]
            for tried in results(name)["grid"]
            if tried["dropout"] == 0
        )
        for name in RUNS
    }
    assert 0 < small - losses["lstm"] < (losses["rnn"] - losses["lstm"]) / 3
    assert small - losses["gru"] > 2 * (small - losses["lstm"])


@pytest.mark.claim(
    "gates-help-late-in-a-sentence",
    "What the gated networks gain over the plain one is small at the first two words of a "
    "sentence and more than twice as large from the sixth word on.",
    records=("rnn_language_model", "gru_language_model", "lstm_language_model"),
)
def test_gates_help_late_in_a_sentence():
    """Nats per word, plain less gated: below 0.06 in the first span for every pair of seeds, and
    in each span from word 6 on above twice the largest of the first. The mean is highest in the
    last span; for the LSTM, the 95 % interval of its lead over the span before contains 0."""
    plain, *gated = (
        np.array([seed["by_position"] for seed in results(name)["seeds"]])
        for name in RUNS
    )
    assert results("gru")["edges"][2] == 5  # the third span begins at word 6
    for network in gated:
        gain = plain[:, None] - network[None]
        assert gain[..., 0].max() < 0.06
        assert gain[..., 2:].min() > 2 * gain[..., 0].max()
        assert gain.mean(axis=(0, 1)).argmax() == gain.shape[-1] - 1
    paired = plain - gated[RUNS.index("lstm") - 1]
    lead = stats.ttest_1samp(paired[:, -1] - paired[:, -2], 0).confidence_interval()
    assert lead.low < 0 < lead.high


@pytest.mark.claim(
    "the-budget-ended-the-trainings",
    "The last epoch was the best with every network and every seed.",
    records=("rnn_language_model", "gru_language_model", "lstm_language_model"),
)
def test_the_budget_ended_the_trainings():
    """The epoch with the lowest validation loss is the last of the budget; the validation
    perplexity there is less than a tenth above that of training with dropout."""
    epochs = records.load("gru_language_model")["settings"]["epochs"]
    for name in RUNS:
        for seed in results(name)["seeds"]:
            best = min(seed["curve"], key=lambda epoch: epoch["validation_loss"])
            assert best["epoch"] == epochs
            assert best["validation_loss"] - best["train_loss"] < np.log(1.1)


@pytest.mark.claim(
    "the-gru-gains-from-a-kept-state",
    "The GRU that keeps its state from sentence to sentence has a perplexity about three lower; "
    "the gain of the plain network may be chance. Both are worse if the state is emptied.",
    records=(
        "rnn_language_model",
        "gru_language_model",
        "rnn_carried_state",
        "gru_carried_state",
    ),
)
def test_the_gru_gains_from_a_kept_state():
    """Test perplexities, the 95 % intervals of Welch: alone less kept is above 2 for the GRU and
    contains 0 for the plain network. Emptied less alone: above 0 for both."""
    gain, harm = {}, {}
    for name in ("rnn", "gru"):
        kept = records.load(f"{name}_carried_state")
        assert kept["seed"] == records.load(f"{name}_language_model")["seed"]
        alone = of_seeds(name, "test")
        emptied = [
            seed["test"]["perplexity"]
            for seed in kept["results"]["read_without_carrying"]
        ]
        for found, worse, better in (
            (gain, alone, kept["results"]["test"]["of_seeds"]),
            (harm, emptied, alone),
        ):
            between = stats.ttest_ind(worse, better, equal_var=False)
            found[name] = between.confidence_interval()
    assert gain["gru"].low > 2
    assert gain["rnn"].low < 0 < gain["rnn"].high
    assert min(harm["rnn"].low, harm["gru"].low) > 0


@pytest.mark.claim(
    "a-second-layer-does-not-pay-within-the-budget",
    "Within the budget and with as many weights, two layers of GRU have a higher perplexity than "
    "one with every seed, and the last epoch is the best.",
    records=("gru_language_model", "gru_two_layers_language_model"),
)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_second_layer_does_not_pay_within_the_budget(part):
    """Perplexities, two layers less one: the 95 % interval (Welch) lies above 1; the numbers of
    weights agree to 1 %, and all other settings but the units are the same."""
    one, two = (
        records.load(f"{name}_language_model") for name in ("gru", "gru_two_layers")
    )
    assert two["settings"] | {"H": 0} == one["settings"] | {"H": 0}
    assert two["results"]["parameters"] == pytest.approx(
        one["results"]["parameters"], rel=0.01
    )
    between = stats.ttest_ind(
        of_seeds("gru_two_layers", part), of_seeds("gru", part), equal_var=False
    )
    assert between.confidence_interval().low > 1
    for seed in two["results"]["seeds"]:
        best = min(seed["curve"], key=lambda epoch: epoch["validation_loss"])
        assert best["epoch"] == two["settings"]["epochs"]


@pytest.mark.claim(
    "gates-help-with-8000-words",
    "With a vocabulary of 8,000 words, the GRU has a lower perplexity than the plain network with "
    "as many weights, by many times the spread of the seeds.",
    records=("rnn_8000_language_model", "gru_8000_language_model"),
)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_gates_help_with_8000_words(part):
    """Perplexities, plain less gated: the 95 % interval (Welch) lies above 1, and the mean is more
    than four times the larger standard deviation of the seeds."""
    plain, gated = (of_seeds(f"{name}_8000", part) for name in ("rnn", "gru"))
    between = stats.ttest_ind(plain, gated, equal_var=False).confidence_interval()
    assert between.low > 1
    spread = max(np.std(seeds, ddof=1) for seeds in (plain, gated))
    assert np.mean(plain) - np.mean(gated) > 4 * spread
    sizes = [results(f"{name}_8000")["parameters"] for name in ("rnn", "gru")]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
