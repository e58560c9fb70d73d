"""What a training should print before the model has learnt anything."""

import math

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "Numbers to expect"
CHAPTER = "06-tensorflow/a-language-model-in-keras"
SECTION = "training"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
What should a training run print before the model has learnt anything? The chapter's model has a
vocabulary of $V = 1000$ words, word vectors of 64 numbers, one GRU with $H = 64$ units, and a
`Dense` layer with a bias for the logits. The GRU has the equations of the paper, with one bias
(`reset_after=False`). The model is trained with Adam, and every number takes 4 bytes. Find

- `parameters`: the number of parameters of the model.

- `with_default_gru`: the number of parameters with Keras's default GRU, which has a second bias of
  the same size.

- `first_loss`: roughly the loss that `evaluate` returns before the first step, in nats per word.

- `saved_megabytes`: the size of what must be saved to continue after an interruption, in
  megabytes of $10^6$ bytes. These are the weights and both of Adam's running means.

- `steps_again`: the number of GRU steps that the model needs to write a sentence of 25 words, if
  it reads the whole beginning of the sentence again for each word, START included. (With a cell
  that is called step by step, it needs 25 steps.)
"""

STUB = """
V, H = 1000, 64

parameters = None
with_default_gru = None
first_loss = None
saved_megabytes = None
steps_again = None
"""

HINTS = (
    "The GRU has three blocks (update, reset, candidate). Each block has a matrix for "
    "the input, a matrix for the state, and a bias.",
    "With small weights, all logits are near 0. What is then the probability of each "
    "word?",
    "Adam stores two numbers for every parameter: a mean of its gradients and a mean "
    "of their squares. For the sentence: the first word takes one step, the second "
    "word takes two.",
)

SOLUTION = """
import math

V, H = 1000, 64

words = V * H
gru = 3 * (H * H + H * H + H)
dense = H * V + V
parameters = words + gru + dense
with_default_gru = parameters + 3 * H
first_loss = math.log(V)
saved_megabytes = 3 * parameters * 4 / 1e6
steps_again = sum(range(1, 26))
print(parameters, with_default_gru, first_loss, saved_megabytes, steps_again)
"""

COMMENT = r"""
The word vectors have 64,000 parameters, the GRU has 24,768, and the output has 65,000. Together
these are 153,768. The recurrent part, after which the model is named, is a sixth of them.

Each of these numbers gives a cheap test. If the number of parameters differs, the program builds a
different model from the model that you had in mind. Perhaps a default added a second bias, or a
list contains the same cell twice. If the first loss is far from $\log V$, the weights may be too
large, padding may be in the mean, or the sum may be divided by a wrong number. An untrained model
should be as uncertain as a die with $V$ faces.

The saved file is three times as large as the weights. Every further statistic that the optimizer
stores for each parameter would add the size of the weights again. If the state is not stored, the
sentence takes $25 \cdot 26 / 2 = 325$ steps instead of 25. A Transformer that does not store its
keys and values has to repeat work in the same way.
"""


def check(answers):
    """Five numbers."""
    V, H = 1000, 64
    gru = 3 * (2 * H * H + H)
    right = V * H + gru + H * V + V
    explained: dict[float, str] = {
        right - V: "leaves out the bias of the Dense layer.",
        right - 3 * H: "leaves out the bias of the GRU.",
        right
        - V * H: "leaves out one of the two large matrices: word vectors and output.",
        right
        - 3 * H * H: "counts one matrix for each block of the GRU. There are two.",
        right - 2 * gru // 3: "counts one block of the GRU. There are three.",
        right + gru // 3: "counts four blocks, as an LSTM has.",
        right
        + 3 * H: "has the second bias of Keras's default, which is the next question.",
    }
    found = number(answers, "parameters")
    if found in explained:
        raise Wrong(f"`parameters` {explained[found]}")
    if found != right:
        raise Wrong(
            "`parameters`: add up the word vectors, three blocks of a GRU, and the layer of logits."
        )
    found = number(answers, "with_default_gru")
    if found == right + H:
        raise Wrong(
            "`with_default_gru`: the second bias is as large as the first. It has three blocks."
        )
    if found != right + 3 * H:
        raise Wrong(
            "`with_default_gru` has one more bias of 3 H numbers, and nothing else."
        )
    found = number(answers, "first_loss")
    if is_close(found, 1000) or is_close(found, math.log2(1000), 1e-2):
        raise Wrong(
            "`first_loss` should be in nats, neither as a perplexity nor in bits."
        )
    if not is_close(found, math.log(1000), 5e-3):
        raise Wrong(
            "`first_loss`: a model that has learnt nothing gives each word the probability 1/V."
        )
    found = number(answers, "saved_megabytes")
    if is_close(found, right * 4 / 1e6, 5e-3):
        raise Wrong(
            "`saved_megabytes` has only the weights, so Adam would begin again from zero."
        )
    if is_close(found, 2 * right * 4 / 1e6, 5e-3):
        raise Wrong(
            "`saved_megabytes`: Adam stores two running means, of gradients and of squares."
        )
    if not is_close(found, 3 * right * 4 / 1e6, 1e-2):
        raise Wrong(
            "`saved_megabytes` is three numbers of 4 bytes for every parameter."
        )
    found = number(answers, "steps_again")
    if found in (25 * 25, 24 * 25 / 2):
        raise Wrong(
            "`steps_again`: the first word takes one step, the second two, the last 25."
        )
    if found != 325:
        raise Wrong("`steps_again` is 1 + 2 + … + 25.")
    return "Write down such numbers before a run, and compare them with its output."
