"""Which first loss each of six programs prints, five of which have faults."""

import math

import numpy as np

from unrolled.exercises.judging import Wrong, is_close

TITLE = "The first number"
CHAPTER = "02-language-model/forward-and-loss"
SECTION = "the-first-number-to-check"
KIND = "predict"
LEVEL = 2
MINUTES = 15

TEXT = r"""
The first loss, before any training, can reveal a fault. Six programs evaluate an untrained model
with $V = 8000$ words. All logits are near 0, unless the list says otherwise. Each program prints
the loss of one batch, in nats. Predict each number, to two decimals.

- **a**: Nothing is wrong. The loss is the mean over the real words.

- **b**: The targets are not shifted. They are the inputs themselves.

- **c**: Half of the positions are padding. Their losses are set to 0, and the mean is over all
  positions.

- **d**: The output weights are too large. The logits are independent and normal, with mean 0 and
  variance 1.

- **e**: The batch is one sentence with 45 predictions. The losses are summed and not divided.

- **f**: The batch is one sentence with 45 predictions. The logits have the shape $(45, 8000)$. The
  softmax is taken over axis 0. The loss is the mean of $-\log p_t[y_t]$.
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
    "If a model gives all words the same probability, does it matter which word is the target?",
    "**d**: $\\sum_j e^{u_j}$ is about $V$ times the mean of $e^u$. For a "
    "normal variable of variance $\\sigma^2$, this mean is $e^{\\sigma^2 / "
    "2}$. The target's own logit is 0 on average.",
    "**f**: along axis 0 there are 45 numbers. They are nearly equal and sum to 1.",
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
- **b** also 8.99. If all words have the same probability, every target costs the same. This fault
  shows later, when the loss goes to 0.
- **c** 4.49: each padded position adds a loss of 0 to the mean.
- **d** 9.49: $\mathbb E\, L \approx \log V + \sigma^2/2$ by {eq}`eq-initial-loss`.
- **e** $45 \cdot 8.987 = 404.42$. A sentence of a different length gives a different number.
- **f** $\log 45 = 3.81$: the columns sum to 1, and there are 45 rows. The first loss depends on
  the *length* of the sentence and not on $V$.

Print $\log V$ next to the first loss of every model that you train.

- If the loss is smaller by a factor, padding may be counted, or the mean may be over a wrong
  number.
- If it is larger by a factor, it may be a sum.
- If it is larger by a few tenths, the output weights may be too large.
- If it equals $\log V$, these faults are absent. As **b** shows, other faults may be present.
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
                "a trained model would get there. An untrained model gives every target the same "
                "probability, although the answer is in its input.",
            ),
        ],
        "c": [
            (log_V, "the padded positions are in the mean, with a loss of 0."),
            (
                2 * log_V,
                "half of the positions add 0 to the mean, so it is smaller and not larger.",
            ),
        ],
        "d": [
            (
                log_V,
                "logits that scatter make the sum larger: the mean of exp(u) is larger than exp "
                "of the mean.",
            ),
            (log_V + 1, "almost: the mean of exp(u) is exp(σ²/2), with the factor ½."),
            (log_V - 0.5, "check the sign: logits that scatter make the loss larger."),
        ],
        "e": [(log_V, "the 45 losses are added and not divided.")],
        "f": [
            (log_V, "each column sums to 1, and a column has 45 entries, not 8000."),
            (
                log_V / 45,
                "the loss is not divided by 45; the probabilities are too large.",
            ),
            (
                log_V - math.log(45),
                "that would be a probability of 45/8000, but each is 1/45.",
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
            f"{letter}: which probability does each target get, and how are the losses combined?"
        )
    return "One number before training reveals four of the faults, but not b."
