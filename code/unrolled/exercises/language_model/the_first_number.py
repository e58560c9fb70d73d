"""Which first loss each of six programs prints, faults and all."""

import math

import numpy as np

from unrolled.exercises.judging import Wrong, is_close

TITLE = "The first number"
CHAPTER = "02-language-model/forward-and-loss"
KIND = "predict"
LEVEL = 2
MINUTES = 15

TEXT = r"""
The first loss, before any training, is a diagnosis for which you pay nothing. Six programs have an
untrained model with $V = 8000$ words whose logits are all near 0, unless something else is said,
and print the loss of one batch, in nats. Predict each number, to two digits behind the point.

- **a**: nothing is wrong: the mean over the real words.
- **b**: the targets are not shifted; they are the inputs themselves.
- **c**: half of the places are padding. Their losses are set to 0, and the mean is over all
  places.
- **d**: the output weights are too large: the logits are independent and normal, with mean 0 and
  variance 1.
- **e**: one sentence of 45 words; the losses are summed and not divided.
- **f**: one sentence of 45 words, logits $(45, 8000)$; the softmax is taken over axis 0. The loss
  is the mean of $-\log p_t[y_t]$.
"""

STUB = """
import math

first_loss = {
    "a": ...,
    "b": ...,
    "c": ...,
    "d": ...,
    "e": ...,
    "f": ...,
}
"""

HINTS = (
    "To a model that holds all words equally likely, does it matter which word is the target?",
    "**d**: $\\log \\sum_j e^{u_j}$ sees the mean of $e^u$, which for a normal variable of "
    "variance $\\sigma^2$ is $e^{\\sigma^2 / 2}$; the target's own logit is 0 on average.",
    "**f**: over axis 0 there are 45 numbers, all nearly equal, and they sum to 1.",
)

SOLUTION = """
import math

log_V = math.log(8000)
first_loss = {
    "a": log_V,
    "b": log_V,
    "c": log_V / 2,
    "d": log_V + 1 / 2,
    "e": 45 * log_V,
    "f": math.log(45),
}
"""

COMMENT = r"""
- **a** $\log 8000 = 8.99$.
- **b** 8.99 as well. To a model without opinions every target costs the same; this fault shows
  later, when the loss goes to 0.
- **c** 4.49: each padded place brings a loss of 0 into the mean.
- **d** 9.49: $\mathbb E\, L \approx \log V + \sigma^2/2$ by {eq}`eq-initial-loss`. Opinions
  without knowledge cost something.
- **e** $45 \cdot 8.987 = 404.42$, another for the next sentence.
- **f** $\log 45 = 3.81$: the columns sum to 1, and there are 45 rows. A first loss that depends on
  the *length* of the sentence and not on $V$ gives this one away.

So print $\log V$ next to the first loss of whatever you train. Below it by a factor: padding, or a
mean over the wrong number. Above it by a factor: a sum. Above it by a few tenths: a start that is
too large. Below it without a reason: something knows the answer. Equal to it: the part of the
program that has been tested is right, and **b** says how small that part is.
"""


def check(answers):
    """Each number against the prediction, with what the likely wrong ones come from."""
    given = answers.get("first_loss")
    if not isinstance(given, dict) or set(given) != set("abcdef"):
        raise Wrong('Set `first_loss` to a dictionary with the keys "a" to "f".')
    log_V = math.log(8000)
    right = {
        "a": log_V,
        "b": log_V,
        "c": log_V / 2,
        "d": log_V + 0.5,
        "e": 45 * log_V,
        "f": math.log(45),
    }
    known = {
        "a": [
            (math.log2(8000), "that is in bits; the programs print nats."),
            (8000.0, "that is the perplexity; the loss is its logarithm."),
        ],
        "b": [
            (
                0.0,
                "a trained model would get there. An untrained one does not know yet that the "
                "answer is in its input: every target costs it the same.",
            ),
        ],
        "c": [
            (log_V, "the padded places are in the mean, with a loss of 0."),
            (
                2 * log_V,
                "half of the places bring 0 into the mean, so it is smaller, not larger.",
            ),
        ],
        "d": [
            (
                log_V,
                "logits that scatter make the normaliser larger: the mean of exp(u) is above "
                "exp of the mean.",
            ),
            (log_V + 1, "nearly: the mean of exp(u) is exp(σ²/2), with the half."),
            (log_V - 0.5, "the sign: random opinions cost something on average."),
        ],
        "e": [(log_V, "the losses of the 45 words are added and not divided.")],
        "f": [
            (log_V, "each column sums to 1, and a column has 45 entries, not 8000."),
            (
                log_V / 45,
                "nothing is divided by 45; the probabilities are larger than they ought.",
            ),
            (
                log_V - math.log(45),
                "that would be a probability of 45/8000; each is 1/45.",
            ),
        ],
    }
    for letter, expected in right.items():
        try:
            value = float(np.asarray(given[letter], dtype=float).reshape(()))
        except (TypeError, ValueError):
            raise Wrong(f'Set first_loss["{letter}"] to a number.') from None
        if is_close(value, expected, 1e-3 if letter == "e" else 2e-3):
            continue
        for wrong, message in known[letter]:
            if abs(value - wrong) < 0.02:
                raise Wrong(f"{letter}: {message}")
        raise Wrong(
            f"{letter}: which probability does each target get, and what is done with it?"
        )
    return (
        "One number before training: four faults have told their names, and b has not."
    )
