"""What the chapter on a language model in Keras says of its runs, callbacks and sentences."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from unrolled import tree
from unrolled.cells import gru
from unrolled.data import ngram, text
from unrolled.frameworks import keras_models
from unrolled.frameworks import sequence_examples as wt
from unrolled.frameworks.quiet_tensorflow import keras, tf
from unrolled.layers import embedding, stacked
from unrolled.models import language_model

# Keras itself copies weights in a way that NumPy 2 is about to forbid.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
CELL = stacked.of(embedding, gru)
END = text.Vocabulary.end


def new_model(V, H, seed=0, learning_rate=0.005):
    model = keras_models.model(
        language_model.init(np.random.default_rng(seed), V, H, CELL)
    )
    model.compile(
        keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        weighted_metrics=[keras_models.LossPerWord(name="nll")],
        jit_compile=False,
    )
    return model


def pipeline(encoded, size, seed=None):
    rows = tf.ragged.constant([ids.tolist() for ids in encoded], dtype=tf.int64)
    pairs = tf.data.Dataset.from_tensor_slices(rows).map(wt.shifted)
    if seed is not None:
        pairs = pairs.shuffle(len(encoded), seed=seed)
    edges = wt.boundaries([len(ids) - 1 for ids in encoded], 4)

    def weighted(inputs, targets):
        real = targets != wt.PADDING
        inputs = tf.where(real, inputs, END)
        return inputs, tf.where(real, targets, END), tf.cast(real, tf.float32)

    batches = wt.bucketed(pairs, size, edges).map(weighted)
    number = sum(1 for _ in batches)
    return batches.apply(tf.data.experimental.assert_cardinality(number))


@pytest.mark.slow
def test_a_short_run_beats_the_unigram_model_and_stays_in_its_band():
    keras.utils.set_random_seed(0)
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    learn, judge = (
        [text.tokens(s) for d in part for s in d.sentences][:n]
        for part, n in ((parts.validation, 3000), (parts.test, 500))
    )
    vocabulary = text.Vocabulary.of(learn, 300)
    learn, judge = ([vocabulary.encode(s) for s in part] for part in (learn, judge))
    unigram = ngram.perplexity(ngram.fit(learn, 300, 1), judge)
    model = new_model(300, 32, learning_rate=0.01)
    found = model.fit(
        pipeline(learn, 16, seed=0),
        validation_data=pipeline(judge, 16),
        epochs=2,
        shuffle=False,
        verbose=0,
    )
    perplexity = math.exp(found.history["val_nll"][-1])
    print(f"unigram {unigram:.1f}, GRU in Keras {perplexity:.1f}")
    assert 0.45 * unigram < perplexity < 0.75 * unigram


def some_text(V=12):
    rng = np.random.default_rng(1)
    return [np.array([1, *rng.integers(3, V, n), 2]) for n in rng.integers(1, 7, 48)]


class Accident(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_resumed_run_is_the_whole_run_unless_its_data_is_shuffled(tmp_path, shuffled):
    encoded = some_text()

    def run(seed, *callbacks):
        keras.utils.set_random_seed(0)
        model = new_model(12, 5, seed)
        data = pipeline(encoded, 8, seed=3 if shuffled else None)
        found = model.fit(
            data, epochs=3, shuffle=False, verbose=0, callbacks=list(callbacks)
        )
        return model, found

    whole, _ = run(0)
    backup = tmp_path / "backup"
    with pytest.raises(KeyboardInterrupt):
        run(0, keras.callbacks.BackupAndRestore(backup), Accident())
    resumed, found = run(7, keras.callbacks.BackupAndRestore(backup))
    assert found.epoch == [2] and int(resumed.optimizer.iterations) == int(
        whole.optimizer.iterations
    )
    gaps = [
        np.abs(a - b).max()
        for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True)
    ]
    assert max(gaps) > 1e-3 if shuffled else max(gaps) <= 1e-6


def test_a_new_checkpoint_callback_knows_of_no_better_epoch(tmp_path):
    best = tmp_path / "best.weights.h5"
    options = dict(monitor="loss", save_best_only=True, save_weights_only=True)
    first = keras.callbacks.ModelCheckpoint(best, **options)
    model = new_model(12, 5)
    first.set_model(model)
    first.on_epoch_end(0, {"loss": 1.0})
    kept = best.stat().st_mtime_ns
    first.on_epoch_end(1, {"loss": 2.0})
    assert best.stat().st_mtime_ns == kept
    second = keras.callbacks.ModelCheckpoint(best, **options)
    second.set_model(model)
    second.on_epoch_end(2, {"loss": 2.0})
    assert best.stat().st_mtime_ns > kept


def test_a_keras_cell_draws_the_sentences_that_numpy_draws():
    p = language_model.init(np.random.default_rng(2), 12, 5, CELL)
    p = tree.map(
        lambda w: (w + np.random.default_rng(3).normal(size=w.shape)).astype("f"), p
    )
    model = keras_models.model(p)
    recurrent = next(
        each for each in model.layers if isinstance(each, keras.layers.GRU)
    )

    def step(p, word, h):
        return recurrent.cell(p[0].E[word][None], [tf.constant(h[None])])[1][0].numpy()[
            0
        ]

    in_keras = SimpleNamespace(initial_state=CELL.initial_state, step=step)
    drawn = [
        [
            language_model.generate(
                p, np.random.default_rng(seed), 1, 2, limit=9, cell=cell
            )
            for seed in range(5)
        ]
        for cell in (CELL, in_keras)
    ]
    assert drawn[0] == drawn[1] and len({tuple(ids) for ids in drawn[0]}) > 1
