"""A batch for a language model, made by pad_sequences with its defaults."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function

TITLE = "Padded at the beginning"
CHAPTER = "06-tensorflow/batching-and-padding"
SECTION = "when-zero-is-a-word"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
`batch(sentences, T)` makes a batch for a language model from lists of ids. The id 0 is UNKNOWN, 1
is START and 2 is END. The function returns inputs, next words, and weights for the loss, each of
shape $(B, T)$. Keras pads short sentences and cuts long sentences. The model trains on these
batches, but three things are wrong with them. Correct the function. Its result should have these
properties:

- Every row begins with the first pair of the sentence, START and the first word. Its padding is at
  the end.

- A sentence with more than $T$ pairs keeps its first $T$ pairs.

- The weight is 1 where there is a word to predict, UNKNOWN included, and 0 at padded positions.

- No id in the inputs or targets is negative, because the embedding has no row for a negative id. At
  padded positions, any other id will do.

(This exercise needs Keras, so it does not run in the page.)
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
    "Print the batch. Look at the columns of the short sentence and at the first "
    "words of the long one. Which arguments of `pad_sequences` decide where it pads "
    "and where it cuts?",
    "If both are 0, the sign cannot distinguish an unknown word from padding. Pad "
    "with an id that no word has, make the weights from it, and then replace it with "
    "the id of some word.",
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
The defaults of `pad_sequences` suit a classifier that uses the last state. Without a mask,
padding at the beginning then does less harm, and the end of a text may be more important than its
beginning. A language model has an output at every step. With these defaults it loses START and
the first words of every long sentence.

The weights from the sign leave all unknown words out of the loss. In the stub these are two of
eleven words. With a small vocabulary, UNKNOWN is one of the most frequent words. A model that is
trained in this way is never rewarded for predicting UNKNOWN
({doc}`/book/06-tensorflow/loss-on-padded-sequences`). The sign also keeps one pair too many: before
a short sentence, the model is asked to predict START from padding.

There is a second solution: add 1 to all ids. Then 0 is free, and `mask_zero` and `ignore_class=0`
can stay. In both solutions, padding has an id that no word has.
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
            "The short sentences begin with padding. `pad_sequences` pads at the beginning "
            "unless you set `padding`."
        )
    if inputs[2, 0] != 1:
        raise Wrong(
            "The long sentence has lost its beginning, including START. `pad_sequences` cuts at "
            "the beginning unless you set `truncating`."
        )
    for row, (sentence, n) in enumerate(zip(sentences, pairs, strict=True)):
        if inputs[row, :n].tolist() != sentence[:n]:
            raise Wrong(
                f"Row {row} of the inputs does not begin with the first words of the sentence."
            )
        if targets[row, :n].tolist() != sentence[1 : n + 1]:
            raise Wrong(
                f"Row {row} of the targets is not the sentence shifted by one word."
            )
    real = np.arange(T) < np.array(pairs)[:, None]
    unknown = (targets == 0) & real
    if not weights[unknown].any():
        raise Wrong(
            "The unknown words have no weight. Their id is 0, like the padding, so the model "
            "never has to predict them. Pad with an id that no word has."
        )
    if (weights[~real] != 0).any():
        raise Wrong("Padded steps have a weight, so the model learns to write padding.")
    if (weights[real] != 1).any():
        raise Wrong("A word that should be predicted has a weight other than 1.")
    if (inputs < 0).any() or (targets < 0).any():
        raise Wrong(
            "An id is negative. The embedding would count it from the end, and the loss refuses "
            "it. Make the weights first, and then replace it with the id of a word."
        )
    return "Every sentence begins at step 1, unknown words count, and padding does not."
