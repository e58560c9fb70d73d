"""A batch whose targets are its inputs, and whose mask leaves out every END."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "A model that never stops"
CHAPTER = "02-language-model/text-to-tensors"
SECTION = "inputs-and-targets"
KIND = "debug"
LEVEL = 1
MINUTES = 12

TEXT = r"""
A language model is trained with the batches that this function makes. Within minutes the loss
falls to 0.00, and the model predicts that every word is followed by itself. After this fault has
been fixed, a second fault appears: the sentences that the model writes never end. Nothing raises
an error.

`make_batch` takes a list of sentences, each an array of ids `START … END`. It should return three
arrays of shape $(T, B)$ with one sentence in each column, where $T$ is the largest number of
predictions of a sentence. `inputs` and `targets` are padded at the end with END. `mask` is True
exactly where a prediction is real. Fix both faults.
"""

STUB = '''
import numpy as np

START, END = 1, 2


def make_batch(sentences):
    """Returns inputs, targets and mask (T, B) of sentences START ... END."""
    T, B = max(len(ids) for ids in sentences), len(sentences)
    inputs = np.full((T, B), END)
    targets = np.full((T, B), END)
    for column, ids in enumerate(sentences):
        inputs[: len(ids), column] = ids
        targets[: len(ids), column] = ids
    mask = targets != END  # padding does not count
    return inputs, targets, mask


inputs, targets, mask = make_batch([np.array([1, 5, 3, 2]), np.array([1, 4, 2])])
print(inputs, targets, mask.astype(int), sep="\\n")
'''

HINTS = (
    "Write down the sentence START 5 3 END, and under each word what should be predicted there. "
    "How many predictions are there?",
    "END occurs in `targets` for two reasons. The id itself does not say which reason it is; the "
    "length of the sentence does.",
)

SOLUTION = '''
import numpy as np

START, END = 1, 2


def make_batch(sentences):
    """Returns inputs, targets and mask (T, B) of sentences START ... END."""
    lengths = np.array([len(ids) - 1 for ids in sentences])
    T, B = lengths.max(), len(sentences)
    inputs = np.full((T, B), END)
    targets = np.full((T, B), END)
    for column, ids in enumerate(sentences):
        inputs[: lengths[column], column] = ids[:-1]
        targets[: lengths[column], column] = ids[1:]
    mask = np.arange(T)[:, None] < lengths  # (T, 1) against (B,)
    return inputs, targets, mask


inputs, targets, mask = make_batch([np.array([1, 5, 3, 2]), np.array([1, 4, 2])])
print(inputs, targets, mask.astype(int), sep="\\n")
'''

COMMENT = r"""
If the targets are the inputs, the task is to copy, and $W_x$ and $W_y$ learn it without any
memory. A loss near 0 on new text is a bad sign. Text has an entropy, and a loss far below it on new
text means that the answer is in the input.

The second fault is common. One program pads with the end mark because it has no other mark, and
the next program takes every end mark for padding. The model then never learns to predict END.
Whether a position is real depends on the *length* of its sentence. Make the mask from the lengths,
and not by comparing ids with END.

Two checks are worth keeping. The mask has as many ones as the text has words and ENDs. The last
real target of every column is END.
"""


def check(answers):
    """The shift, the mask, the padding; sentences of unequal length, one of them empty."""
    reader = function(answers, "make_batch")
    sentences = [
        np.array([1, 5, 3, 7, 2]),
        np.array([1, 4, 2]),
        np.array([1, 2]),
        np.array([1, 6, 6, 2]),
    ]
    found = call(reader, [ids.copy() for ids in sentences])
    try:
        inputs, targets, mask = found
    except (TypeError, ValueError):
        raise Wrong("Return three arrays: inputs, targets, mask.") from None
    shapes = {np.shape(a) for a in (inputs, targets, mask)}
    if len(shapes) > 1:
        raise Wrong("Inputs, targets and mask must have the same shape, (T, B).")
    if (
        shapes == {(4, 5)}
        or shapes == {(4, 4)}
        and list(np.ravel(inputs[0])[:2]) == [1, 5]
    ):
        raise Wrong("Time is axis 0: a sentence is a column, and the shape is (T, B).")
    if shapes == {(5, 4)}:
        same = all(
            np.array_equal(inputs[: len(s), i], s) for i, s in enumerate(sentences)
        )
        if same and is_close(inputs, targets):
            raise Wrong(
                "The targets are the inputs: the model is asked to repeat the word it has just "
                "read. The target of a step is the *next* word."
            )
        raise Wrong(
            "A sentence of n ids has n - 1 predictions. T should be 4 here, and it is 5."
        )
    inputs, targets = array(inputs, (4, 4), "inputs"), array(targets, (4, 4), "targets")
    mask = array(mask, (4, 4), "mask").astype(bool)
    real = np.arange(4)[:, None] < np.array([len(ids) - 1 for ids in sentences])
    x, y = np.full((4, 4), 2), np.full((4, 4), 2)
    for column, ids in enumerate(sentences):
        x[: len(ids) - 1, column], y[: len(ids) - 1, column] = ids[:-1], ids[1:]
    if is_close(inputs[real], y[real]) and is_close(targets[real], x[real]):
        raise Wrong(
            "Inputs and targets are exchanged: the model would predict the word before."
        )
    if is_close(inputs[real], targets[real]):
        raise Wrong(
            "The targets are still the inputs. The target of a step is the *next* word."
        )
    if not is_close(inputs[real], x[real]):
        raise Wrong("The inputs of a sentence are all of its ids except the last.")
    if not is_close(targets[real], y[real]):
        raise Wrong("The targets of a sentence are all of its ids except the first.")
    if np.array_equal(mask, real & (y != 2)):
        raise Wrong(
            "The mask leaves out the END of each sentence together with the padding: no "
            "END is ever learnt, and the model never stops."
        )
    if mask.all():
        raise Wrong(
            "The mask counts the padding as well; a short sentence has fewer predictions."
        )
    if np.array_equal(mask, ~real):
        raise Wrong(
            "The mask is the wrong way round: it should be True where a word is real."
        )
    if not np.array_equal(mask, real):
        raise Wrong(
            f"The mask is True in {int(mask.sum())} positions, but {int(real.sum())} "
            f"predictions are real: each word of the four sentences, and each END."
        )
    if not (
        is_close(inputs[~real], 2 + 0 * x[~real]) and is_close(targets[~real], y[~real])
    ):
        raise Wrong("The words are right. The padding should hold END everywhere.")
    return "The targets are shifted by one, END counts, and padding does not."
