"""A batch for a language model, made by pad_sequences with its defaults."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function

TITLE = "Padded in front"
CHAPTER = "06-tensorflow/batching-and-padding"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
`batch(sentences, T)` makes a batch for a language model: inputs, next words, and weights for the
loss, each $(B, T)$, from lists of ids of which 0 is UNKNOWN, 1 is START and 2 is END. Keras fills
up what is short and cuts what is long. The model trains, and three things are wrong with what it is
trained on. Mend the function so that

- every row begins with the sentence's first pair, START and the first word, and has its padding
  behind the end;
- a sentence with more than $T$ pairs keeps its first $T$;
- weights are 1 where there is a word to predict, UNKNOWN included, and 0 at the padding;
- no id is negative, in inputs or targets, since the embedding has no row for it. What stands in the
  padding is otherwise up to you.

(This one needs Keras: it does not run in the page.)
"""

STUB = '''
import numpy as np

from unrolled.frameworks.quiet_tensorflow import keras


def batch(sentences, T):
    """(inputs, targets, weights), each (B, T); the id 0 is UNKNOWN."""
    ids = keras.utils.pad_sequences(sentences, maxlen=T + 1)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    weights = np.sign(targets)
    return inputs, targets, weights


sentences = [[1, 7, 0, 5, 2], [1, 4, 2], [1, 6, 8, 9, 0, 3, 4, 2]]
for values in batch(sentences, 5):
    print(values)
'''

HINTS = (
    "Print the batch and look at the columns of the short sentence, and at the first words of the "
    "long one. Which arguments of `pad_sequences` say where it pads and where it cuts?",
    "The sign cannot tell an unknown word from padding, if both are 0. Pad with an id that no word"
    " has, make the weights from it, and put a harmless id in its place afterwards.",
)

SOLUTION = '''
import numpy as np

from unrolled.frameworks.quiet_tensorflow import keras


def batch(sentences, T):
    """(inputs, targets, weights), each (B, T); the id 0 is UNKNOWN."""
    ids = keras.utils.pad_sequences(
        sentences, maxlen=T + 1, padding="post", truncating="post", value=-1)
    weights = (ids[:, 1:] != -1).astype(np.float32)
    ids = np.where(ids == -1, 2, ids)
    return ids[:, :-1], ids[:, 1:], weights


sentences = [[1, 7, 0, 5, 2], [1, 4, 2], [1, 6, 8, 9, 0, 3, 4, 2]]
for values in batch(sentences, 5):
    print(values)
'''

COMMENT = r"""
`pad_sequences` was made for classifiers that look at the last state. There padding in front does
less harm, and the end of a text may say more than its beginning. A language model has an output at
every step, and loses the beginning of every long sentence with its START. The weights from the sign
leave every unknown word out of the loss. In the stub they are two of eleven words; in the corpus of
the book UNKNOWN is the commonest word of all, and a model trained so gives it no probability
({doc}`/book/06-tensorflow/loss-on-padded-sequences`). And the sign keeps one pair that is none: in
front of a short sentence, padding is asked to predict START.

There is a second way to mend it, all ids moved up by one. Then 0 is free, and `mask_zero` and
`ignore_class=0` can stay as they are. What both have in common is that padding is known by
something that no word can be.
"""


def check(answers):
    """A batch of short, long and exact sentences, with unknown words at their ends."""
    reader = function(answers, "batch")
    sentences = [[1, 7, 0, 5, 2], [1, 4, 0, 2], [1, 6, 8, 0, 9, 3, 4, 2], [1, 0, 2]]
    B, T = len(sentences), 5
    found = call(reader, [list(s) for s in sentences], T)
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong("`batch` should return three arrays: inputs, targets and weights.")
    inputs, targets, weights = (
        array(f, (B, T), name)
        for f, name in zip(found, ("inputs", "targets", "weights"), strict=True)
    )
    pairs = [min(len(s) - 1, T) for s in sentences]
    if inputs[1, 0] != 1:
        raise Wrong(
            "The short sentences begin with padding: `pad_sequences` pads in front unless "
            "`padding` says otherwise."
        )
    if inputs[2, 0] != 1:
        raise Wrong(
            "The long sentence has lost its beginning, START included: what is too long is cut in "
            "front unless `truncating` says otherwise."
        )
    for row, (sentence, n) in enumerate(zip(sentences, pairs, strict=True)):
        if inputs[row, :n].tolist() != sentence[:n]:
            raise Wrong(
                f"Row {row} of the inputs does not begin with the sentence's first words."
            )
        if targets[row, :n].tolist() != sentence[1 : n + 1]:
            raise Wrong(f"Row {row} of the targets is not the sentence one word on.")
    real = np.arange(T) < np.array(pairs)[:, None]
    unknown = (targets == 0) & real
    if not weights[unknown].any():
        raise Wrong(
            "The unknown words have no weight: they are 0, like the padding, and the model is "
            "never asked about them. Pad with an id that no word has."
        )
    if (weights[~real] != 0).any():
        raise Wrong("Padded steps have a weight: the model learns to write padding.")
    if (weights[real] != 1).any():
        raise Wrong("Some word that is to be predicted has a weight other than 1.")
    if (inputs < 0).any() or (targets < 0).any():
        raise Wrong(
            "An id is negative. The embedding would take it for a row counted from the end, and "
            "the loss refuses it: once the weights are made, put a word's id in its place."
        )
    return "Sentences begin at step 1, unknown words count, and padding does not."
