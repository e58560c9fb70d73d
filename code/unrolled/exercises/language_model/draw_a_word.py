"""Drawing from a float32 softmax without UNKNOWN, in one draw."""

import numpy as np

from unrolled.exercises.judging import Wrong, function, is_close
from unrolled.functional import softmax

TITLE = "Drawing a word"
CHAPTER = "02-language-model/generating"
SECTION = "one-word-at-a-time"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
This function draws the next word from float32 logits $u$ of shape $(V,)$. It should never return a
word in `forbidden`, such as UNKNOWN. It fails in three ways. NumPy sometimes refuses the
probabilities because they sum to more than 1. If the model is almost sure of UNKNOWN, the function
keeps drawing for minutes. And the `temperature` has no effect.

Repair `draw(u, rng, forbidden, temperature)`. It should make *one* call to the generator and return
an `int` with the probability $e^{u_i/\tau} / \sum_{j \in A} e^{u_j/\tau}$, where $A$ is the set of
allowed words; at least one word is allowed. The temperature $\tau$ is above 0. Do not change `u`.
"""

STUB = '''
import numpy as np


def draw(u, rng, forbidden=(), temperature=1.0):
    """Draws a word from the logits u (V,), never a forbidden one."""
    e = np.exp(u)
    p = e / e.sum() / temperature
    p = p / p.sum()
    word = int(rng.multinomial(1, p).argmax())
    while word in forbidden:
        word = int(rng.multinomial(1, p).argmax())
    return word


u = np.array([2.0, 0.0, 1.0, 0.0], np.float32)
print([draw(u, np.random.default_rng(seed), forbidden=(0,)) for seed in range(10)])
'''

HINTS = (
    "The sum of 8,000 float32 probabilities is off by about $10^{-7}$, and `multinomial` "
    "allows $10^{-12}$. At what point must the numbers become float64?",
    "What does the softmax give for a logit of $-\\infty$?",
    "If you divide all probabilities by $\\tau$ and normalise again, $\\tau$ cancels. It does "
    "not cancel if you divide all *logits*.",
)

SOLUTION = '''
import numpy as np


def draw(u, rng, forbidden=(), temperature=1.0):
    """Draws a word from the logits u (V,), never a forbidden one."""
    u = u.astype(np.float64) / temperature  # a copy
    u[list(forbidden)] = -np.inf
    e = np.exp(u - u.max())
    return int(rng.choice(len(u), p=e / e.sum()))


u = np.array([2.0, 0.0, 1.0, 0.0], np.float32)
print([draw(u, np.random.default_rng(seed), forbidden=(0,)) for seed in range(10)])
'''

COMMENT = r"""
You can draw again until the word is allowed, or mask the logits. Both methods give the same
distribution. If $q$ is the probability of a forbidden word, the first method returns word $i$ with
the probability $p_i + q p_i + q^2 p_i + \dots = p_i / (1 - q)$. But it needs $1/(1-q)$ draws on
average, which is a billion if UNKNOWN has the probability $1 - 10^{-9}$. A float32 softmax may even
give every other word exactly 0, and then the loop never ends.

The order matters: first convert to float64, then divide and mask, then subtract the maximum of the
words *that are left*. If you take the maximum before the mask, a forbidden logit of 1000 pushes all
others down to $e^{-1000} = 0$, and the result is $0/0$. Next, add `top_k`. Where in this order does
it belong?
"""


class _Counting:
    """A generator that counts what is asked of it and gives up on an endless loop."""

    def __init__(self, seed, most=50):
        self._rng, self.calls, self._most = np.random.default_rng(seed), 0, most

    def __getattr__(self, name):
        method = getattr(self._rng, name)

        def counted(*arguments, **named):
            self.calls += 1
            if self.calls > self._most:
                raise Wrong(
                    "If UNKNOWN is almost certain, `draw` keeps on drawing. Take the forbidden "
                    "words out of the distribution, and draw once."
                )
            return method(*arguments, **named)

        return counted


def check(answers):
    """Float32, forbidden words, temperature: distributions by many draws with fixed seeds."""
    reader = function(answers, "draw")

    def draw(u, seed, *arguments):
        rng = _Counting(seed)
        try:
            with np.errstate(all="ignore"):
                return reader(u, rng, *arguments), rng.calls
        except ValueError as error:
            if "sum to 1" not in str(error) and "NaN" not in str(error).replace(
                "nan", "NaN"
            ):
                if "sum(pvals" not in str(error) and "non-negative" not in str(error):
                    raise
            raise Wrong(
                f"The generator refuses the probabilities: {error}. {_why(u)}"
            ) from None

    rng = np.random.default_rng(0)
    large = (5 * rng.standard_normal(8000)).astype(np.float32)
    if draw(large, 0, ())[0] is None:
        raise Wrong("`draw` returns nothing: end it with `return`.")
    for seed in range(20):
        draw((5 * rng.standard_normal(8000)).astype(np.float32), seed, ())
    kept = large.copy()
    word, _ = draw(kept, 0, (3, 4))
    if not np.array_equal(kept, large):
        raise Wrong("`draw` has changed the logits that it was given: work on a copy.")
    if not isinstance(word, int | np.integer):
        raise Wrong(
            f"`draw` should return the word's number, an int; it returns {word!r:.40}."
        )

    sure = np.array([30.0, 0.0, 1.0, 0.5], np.float32)
    if any(draw(sure, seed, (0,))[0] == 0 for seed in range(20)):
        raise Wrong("A forbidden word was drawn.")
    huge = np.array([1000.0, 0.0, 1.0, 0.5], np.float32)
    if any(draw(huge, seed, (0,))[0] == 0 for seed in range(5)):
        raise Wrong("A forbidden word was drawn.")
    if draw(sure, 0, (0,))[1] != 1:
        raise Wrong("Make exactly one call to the generator for each word.")

    u = np.array([1.5, 0.0, 1.0, -0.5, 0.7], np.float32)
    for forbidden, temperature in (((), 1.0), ((0, 3), 1.0), ((0,), 0.5), ((), 2.0)):
        words = [draw(u, seed, forbidden, temperature)[0] for seed in range(3000)]
        found = np.bincount(words, minlength=5) / len(words)
        masked = u.astype(float)
        masked[list(forbidden)] = -np.inf
        p = softmax(masked / temperature)
        if is_close(found, p, 0.04):
            continue
        case = f"With forbidden = {forbidden} and temperature {temperature}: "
        if temperature != 1 and is_close(found, softmax(masked), 0.04):
            raise Wrong(
                case
                + "the temperature has no effect. If all probabilities are divided by it and "
                "normalised again, it cancels. Divide the logits."
            )
        if temperature != 1 and is_close(found, softmax(masked * temperature), 0.04):
            raise Wrong(
                case
                + "a low temperature should favour likely words. Divide by it, do not multiply."
            )
        if forbidden:
            raise Wrong(
                case
                + "the ratios between the words that are left should stay the same."
            )
        raise Wrong(case + "the words do not come as often as their probabilities say.")
    return "The function draws once, never returns UNKNOWN, and uses the temperature."


def _why(u):
    if len(u) > 100:
        return "A float32 softmax sums to 1 only up to 1e-7. Go to float64 before the softmax."
    return "Which maximum is subtracted, before or after the forbidden words are taken out?"
