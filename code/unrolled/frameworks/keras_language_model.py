"""A whole language model in Keras: it reads a file, and writes sentences.

B sequences in a batch, T steps, V words in the vocabulary, H hidden units.
In TensorFlow the batch comes first: (B, T).
"""

import numpy as np

from unrolled.data import text
from unrolled.frameworks.keras_models import LossPerWord
from unrolled.frameworks.quiet_tensorflow import keras, tf
from unrolled.frameworks.sequence_examples import (
    PADDING,
    bucketed,
    sentences,
    shifted,
)
from unrolled.functional import softmax


def batches(path, size, boundaries):
    """Returns batches (inputs, targets, weights), (B, T) each, of a file."""

    def weighted(inputs, targets):
        real = targets != PADDING
        # in the inputs, all ids move up by one: 0 is padding, and no word
        return inputs + 1, tf.maximum(targets, 0), tf.cast(real, tf.float32)

    pairs = sentences(path).map(shifted).cache().shuffle(10_000, seed=0)
    made = bucketed(pairs, size, boundaries).map(weighted)
    number = sum(1 for _ in made)  # how long an epoch is
    return made.apply(tf.data.experimental.assert_cardinality(number))


def network(V, H):
    """Returns a model that turns ids (B, T) into logits (B, T, V)."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Embedding(V + 1, H, mask_zero=True),
            layers.GRU(H, return_sequences=True),
            layers.Dense(V),
        ]
    )


def train(model, training, validation, epochs):
    """Trains the model; returns the validation loss after each epoch."""
    model.compile(
        keras.optimizers.Adam(0.01, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        weighted_metrics=[LossPerWord(name="nll")],
        jit_compile=False,
    )
    run = model.fit(
        training,
        validation_data=validation,
        epochs=epochs,
        shuffle=False,  # the batches are shuffled already
        verbose=0,
    )
    return run.history["val_nll"]


def write(model, vocabulary, rng, temperature=0.7, longest=25):
    """Returns a sentence that the model draws, word by word."""
    ids = [vocabulary.start]
    while ids[-1] != vocabulary.end and len(ids) <= longest:
        logits = model(np.array([ids]) + 1)[0, -1].numpy()
        logits[[vocabulary.unknown, vocabulary.start]] = -np.inf
        p = softmax(logits.astype(np.float64) / temperature)
        ids.append(int(rng.choice(len(p), p=p)))
    ids = [i for i in ids[1:] if i != vocabulary.end]
    return text.join(vocabulary.decode(ids))
