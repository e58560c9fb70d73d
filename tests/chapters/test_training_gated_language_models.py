"""Gated language models: sizes that are equal, and what the recorded runs show."""

import numpy as np
import pytest

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


RUNS = ("rnn", "gru", "lstm", "gru_two_layers", "lstm_two_layers")


def test_the_recorded_runs_are_of_equal_size_and_budget():
    plain = records.load("pocket_language_model")
    first = records.load("gru_language_model")
    for name in RUNS:
        run = records.load(f"{name}_language_model")
        assert run["results"]["parameters"] == pytest.approx(
            plain["results"]["parameters"], rel=0.01
        )
        for key in ("V", "batch_size", "optimizer", "learning_rate", "clip"):
            assert run["settings"][key] == plain["settings"][key], key
        for key in ("epochs", "patience"):
            assert run["settings"][key] == first["settings"][key], key


GATED = ("gru", "lstm", "gru_two_layers", "lstm_two_layers")


def perplexity(name, part):
    return records.load(f"{name}_language_model")["results"][part]["perplexity"]


@pytest.mark.claim(
    "gated-networks-beat-the-plain-one",
    "With one seed each, all gated networks have a lower perplexity than the 5-gram model and than "
    "the plain network of the same training; the GRU with one layer has the lowest.",
    records="gru_language_model",
)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_gated_networks_beat_the_plain_one_and_the_n_grams(part):
    """Perplexities: below the 5-gram's, and more than 2 below the plain network's."""
    fivegram = records.load("pocket_language_model")["results"]["baselines"]["fivegram"]
    for name in GATED:
        assert 40 < perplexity(name, part) < fivegram[part], name
        assert perplexity("gru", part) <= perplexity(name, part)
        assert perplexity(name, part) < perplexity("rnn", part) - 2


def test_the_objective_changes_as_much_as_the_best_rows_differ():
    found = records.load("objectives")["results"]["objectives"]
    per_word, per_batch = (
        np.mean([run["validation"]["perplexity"] for run in found[name]])
        for name in ("per word", "per batch")
    )
    best = sorted(perplexity(name, "validation") for name in GATED)
    assert per_batch / per_word > best[1] / best[0]


def test_a_second_layer_did_not_help_either_cell():
    for name in ("gru", "lstm"):
        for part in ("validation", "test"):
            assert perplexity(f"{name}_two_layers", part) > perplexity(name, part)


@pytest.mark.claim(
    "all-five-overfit",
    "All five networks have a much lower perplexity on the training text than on new text.",
    records="gru_language_model",
)
def test_all_five_networks_overfit():
    """The validation perplexity over the training perplexity, in the best epoch: above 1.25."""
    for name in RUNS:
        curve = records.load(f"{name}_language_model")["results"]["curve"]
        best = min(curve, key=lambda epoch: epoch["validation_loss"])
        assert np.exp(best["validation_loss"] - best["train_loss"]) > 1.25, name
