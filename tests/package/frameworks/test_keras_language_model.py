"""The whole language model in Keras: its batches, its loss in NumPy, and what it writes."""

from types import SimpleNamespace

import numpy as np
import pytest

from unrolled import tree
from unrolled.cells import gru_reset_after
from unrolled.data import text
from unrolled.frameworks import keras_language_model, sequence_examples
from unrolled.frameworks.quiet_tensorflow import keras
from unrolled.layers import embedding, stacked
from unrolled.models import language_model

WORDS = [line.split() for line in ("a b c d", "b a", "c d b a c", "d", "a c c b d a")]
VOCABULARY = text.Vocabulary.of(WORDS, 7)
IDS = [VOCABULARY.encode(words).tolist() for words in WORDS * 4]
H = 5


@pytest.fixture
def made(tmp_path):
    """The program's batches of a small file."""
    path = tmp_path / "sentences"
    sequence_examples.write(path, map(sequence_examples.sequence_example, IDS))
    return keras_language_model.batches(path, 3, [4, 6])


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    model = keras_language_model.network(len(VOCABULARY), H)
    model.build((None, None))
    return model


def test_every_word_is_predicted_once_from_the_words_before_it(made):
    found = []
    for batch in made:
        for inputs, targets, weights in zip(*(a.numpy() for a in batch), strict=True):
            real = weights == 1
            assert (inputs[~real] == 0).all() and (weights[~real] == 0).all()
            assert (targets >= 0).all()
            found.append([inputs[0] - 1, *targets[real].tolist()])
            assert (inputs[real] - 1).tolist() == found[-1][:-1]
    assert sorted(found) == sorted(IDS)
    assert len(made) == len(list(made))


def test_its_loss_is_that_of_the_network_in_numpy(made, model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        loss=loss, weighted_metrics=[keras_language_model.LossPerWord(name="nll")]
    )
    found = model.evaluate(made, verbose=0, return_dict=True)["nll"]
    cell = stacked.of(embedding, gru_reset_after)
    rng = np.random.default_rng(0)
    like = language_model.init(rng, len(VOCABULARY), H, cell)
    E, *others = model.get_weights()
    assert len(E) == len(VOCABULARY) + 1
    p = tree.replace_leaves(like, [E[1:], *others])  # without the row of the padding
    expected, words = language_model.loss(p, text.pad(IDS), cell)
    assert words == sum(len(ids) - 1 for ids in IDS)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_training_lowers_the_loss_of_every_epoch(made, model):
    losses = keras_language_model.train(model, made, made, epochs=3)
    assert np.log(len(VOCABULARY)) + 0.1 > losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("word", ["a", "d"])
def test_it_writes_the_likeliest_words_and_no_more_than_it_may(model, word):
    E, *others, b_y = model.get_weights()
    b_y[:] = -50
    b_y[VOCABULARY.words.index(word)] = 50
    b_y[[VOCABULARY.unknown, VOCABULARY.start]] = 100  # never drawn all the same
    model.set_weights([E, *others, b_y])
    rng = np.random.default_rng(0)
    written = keras_language_model.write(model, VOCABULARY, rng, longest=4)
    assert written.lower().split() == [word] * 4


def test_a_sentence_ends_where_end_is_drawn(model):
    drawn = [VOCABULARY.words.index("b"), VOCABULARY.end, VOCABULARY.words.index("a")]
    rng = SimpleNamespace(choice=lambda V, p: drawn.pop(0))
    assert keras_language_model.write(model, VOCABULARY, rng).lower() == "b"
