"""A batch whose targets are its inputs and whose mask drops the END of every sentence."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "A model that never stops"
CHAPTER = "02-language-model/text-to-tensors"
KIND = "debug"
LEVEL = 1
MINUTES = 12

TEXT = r"""
Somebody trains a language model with the batches that this function makes. On the first day the
loss falls to 0.00 within minutes, and the model, given a word, says the same word again. After a
repair of that, a second fault shows: its sentences never end. Nothing raises an error.

`make_batch` takes a list of sentences, each an array of ids `START … END`, and is to return three
arrays of shape $(T, B)$, time down, one sentence a column, with $T$ the greatest number of
predictions in the batch: `inputs` and `targets`, padded at the end with END, and `mask`, True
exactly where a prediction is real. Mend both faults.
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
    "Write the sentence START 5 3 END down, and under each word what should be predicted there. "
    "How many predictions are there?",
    "END stands in `targets` for two reasons. From the ids alone they cannot be told apart; from "
    "the lengths they can.",
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
With targets equal to inputs the task is to copy, which $W_x$ and $W_y$ learn without any memory. A
loss near 0 on text is never good news: the text has an entropy, and a loss below it means that the
answer is in the input. The same happens with a shift in the wrong direction and with a
bidirectional reader.

The second fault survives in programs to this day: some tool pads with the end mark because it has
no other, and another takes every end mark for padding. No END is ever learnt, and the model talks
until something cuts it off. What is real is a matter of *place*, so the mask must be made from
lengths, never from ids.

A check worth keeping: the mask has as many ones as there are words and ENDs in the text, and every
column's last real target is END.
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
        raise Wrong("Inputs, targets and mask must have one shape, (T, B).")
    if (
        shapes == {(4, 5)}
        or shapes == {(4, 4)}
        and list(np.ravel(inputs[0])[:2]) == [1, 5]
    ):
        raise Wrong("Time runs down: a sentence is a column, the shape is (T, B).")
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
            "A sentence of n ids has n - 1 predictions: T should be 4 here, it is 5."
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
        raise Wrong(
            "The inputs of a sentence are all of its ids but the last, START first."
        )
    if not is_close(targets[real], y[real]):
        raise Wrong(
            "The targets of a sentence are all of its ids but the first, END last."
        )
    if np.array_equal(mask, real & (y != 2)):
        raise Wrong(
            "The mask drops the END that closes each sentence, together with the padding: no END "
            "is ever learnt, and the model goes on for ever."
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
            f"The mask has {int(mask.sum())} places; {int(real.sum())} predictions are real: each "
            "word of the four sentences, and each END."
        )
    if not (
        is_close(inputs[~real], 2 + 0 * x[~real]) and is_close(targets[~real], y[~real])
    ):
        raise Wrong("Right where words are; the padding should hold END everywhere.")
    return "Shifted by one, END is learnt, padding is not."
