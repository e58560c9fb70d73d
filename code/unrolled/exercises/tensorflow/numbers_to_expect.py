"""What a training run should print before it has learnt anything."""

import math

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "Numbers to expect"
CHAPTER = "06-tensorflow/a-language-model-in-keras"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
Before a model is trained, one should be able to say what its first lines of output will be. The
chapter's has a vocabulary of $V = 1000$ words, word vectors of 64 numbers, one GRU with $H = 64$
units and the paper's equations (one bias, `reset_after=False`), and a `Dense` layer with bias for
the logits. It is trained with Adam, in numbers of 4 bytes. Find

- `parameters`, how many it has;
- `with_default_gru`, how many with Keras's default, whose GRU has a second bias of the same size;
- `first_loss`, about what `evaluate` prints before the first step, in nats per word;
- `saved_megabytes`, the size of what has to be saved to go on after an interruption, weights and
  both of Adam's running means, in megabytes of $10^6$ bytes;
- `steps_again`, how many steps of the GRU it takes to write a sentence of 25 words if for each new
  word the model is run anew on everything before it, START included (with a cell called step by
  step it is 25).
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
    "The GRU has three blocks (update, reset, candidate), each with a matrix for the input, one "
    "for the state and a bias.",
    "With small weights all logits are near 0. Which probability has each word then?",
    "Adam keeps two numbers for every parameter: a mean of its gradients and one of their squares."
    " For the sentence: the first word takes one step, the second two.",
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
64,000 for the words, 24,768 for the GRU, 65,000 for the output: 153,768. The recurrent part, for
which the model has its name, is a sixth of it; in a language model of modest size the words are
nearly all. Each of these numbers is a test that costs nothing. Another number of parameters means
another model than the one you had in mind: a default, such as the second bias, or a cell that
stands in a list twice. A first loss far from $\log V$ means weights that are too large, padding in
the mean, or targets that are shifted wrongly. It is the loss of a die with $V$ sides, and a model
that is worse than that before its first step has opinions that nobody taught it.

The saved file is three times the weights, to which the same again would come with every further
statistic that an optimizer keeps. And $25 \cdot 26 / 2 = 325$ steps in place of 25 is the
difference between a state and no state; a Transformer without its cache of keys and values pays it
too.
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
        - V
        * H: "leaves out one of the two large matrices, the words' or the output's.",
        right
        - 3 * H * H: "counts one matrix for each block of the GRU; there are two.",
        right - 2 * gru // 3: "counts one block of the GRU; there are three.",
        right + gru // 3: "counts four blocks, as an LSTM has.",
        right + 3 * H: "has the second bias of Keras's default; that is asked next.",
    }
    found = number(answers, "parameters")
    if found in explained:
        raise Wrong(f"`parameters` {explained[found]}")
    if found != right:
        raise Wrong(
            "`parameters`: word vectors, three blocks of a GRU, and a layer of logits."
        )
    found = number(answers, "with_default_gru")
    if found == right + H:
        raise Wrong(
            "`with_default_gru`: the second bias is as large as the first, three blocks."
        )
    if found != right + 3 * H:
        raise Wrong(
            "`with_default_gru` has one more bias of 3 H numbers, and nothing else."
        )
    found = number(answers, "first_loss")
    if is_close(found, 1000) or is_close(found, math.log2(1000), 1e-2):
        raise Wrong(
            "`first_loss` is asked in nats, neither as a perplexity nor in bits."
        )
    if not is_close(found, math.log(1000), 5e-3):
        raise Wrong(
            "`first_loss`: a model that has learnt nothing gives each word 1/V."
        )
    found = number(answers, "saved_megabytes")
    if is_close(found, right * 4 / 1e6, 5e-3):
        raise Wrong("`saved_megabytes` has the weights alone; Adam would begin anew.")
    if is_close(found, 2 * right * 4 / 1e6, 5e-3):
        raise Wrong(
            "`saved_megabytes`: Adam keeps two running means, of gradients and squares."
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
    return "Write such numbers down before a run, and compare: it is the cheapest test there is."
