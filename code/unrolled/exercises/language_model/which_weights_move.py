"""Which arrays have a gradient of exactly zero, for five ways to start."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong
from unrolled.models import language_model

TITLE = "Which weights change?"
CHAPTER = "02-language-model/initialisation"
SECTION = "why-not-zero"
KIND = "predict"
LEVEL = 2
MINUTES = 20

TEXT = r"""
The language model of this part is $h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$ and
$u_t = h_t W_y + b_y$ with $h_0 = 0$. We compute its gradient *before the first update*. All arrays
start with random numbers, none of which is 0, except where the list below says otherwise. Which
arrays have a gradient that is zero in *every* entry? Decide before you run anything. For each case,
put the names (`"W_x"`, `"W_h"`, `"b"`, `"W_y"`, `"b_y"`) into a set.

- **A**: all five arrays are zero.
- **B**: only $W_y$ is zero.
- **C**: only $W_x$ and $b$ are zero.
- **D**: only $W_h$ is zero.
- **E**: no array is zero, but the sentence has a single input, $T = 1$.

In A to D the sentence has $T = 6$ inputs.
"""

STUB = """
zero = {
    "A": {"names", "of", "arrays"},
    "B": set(),
    "C": set(),
    "D": set(),
    "E": set(),
}
"""

HINTS = (
    "First go forward: which states are zero? Then go backward: the gradient of a matrix is *its "
    "input, transposed, times the gradient at its output*. It vanishes if one of the two vanishes.",
    "When is $\\mathrm d h_t = \\mathrm d u_t W_y^\\top + \\dots$ zero? No "
    "array of the cell gets a gradient then. And when is $\\mathrm d W_y = "
    "\\sum_t h_t^\\top \\mathrm d u_t$ zero?",
)

SOLUTION = """
import numpy as np

from unrolled.cells import rnn
from unrolled.models import language_model


def is_zero(zeros, T=6, V=7, H=4):
    \"\"\"Names of the arrays whose gradient vanishes when those in `zeros` start at 0.\"\"\"
    rng = np.random.default_rng(0)
    shapes = {"W_x": (V, H), "W_h": (H, H), "b": (H,), "W_y": (H, V), "b_y": (V,)}
    w = {k: rng.normal(size=s) * (k not in zeros) for k, s in shapes.items()}
    cell = rnn.Params(w["W_x"], w["W_h"], w["b"])
    p = language_model.Params(cell, w["W_y"], w["b_y"])
    ids = rng.integers(0, V, T + 1)
    _, d = language_model.loss_and_gradient_loops(p, ids[:-1], ids[1:])
    gradients = {**d.cell._asdict(), "W_y": d.W_y, "b_y": d.b_y}
    return {name for name, gradient in gradients.items() if not gradient.any()}


zero = {
    "A": is_zero({"W_x", "W_h", "b", "W_y", "b_y"}),
    "B": is_zero({"W_y"}),
    "C": is_zero({"W_x", "b"}),
    "D": is_zero({"W_h"}),
    "E": is_zero(set(), T=1),
}
for start, names in zero.items():
    print(start, sorted(names))
"""

COMMENT = r"""
Two facts answer all five questions. *Forward*: a state is zero if everything that enters it is
zero. *Backward*: the gradient of a matrix is its input, transposed, times the gradient at its
output. It vanishes if one of the two factors vanishes.

- **A**: $h_t = 0$, so $\mathrm d W_y = 0$. And $W_y = 0$, so no gradient reaches the cell. Only
  $b_y$ changes. After the update the same is true again, so the model remains a unigram model.
- **B**: $\mathrm d h_t = \mathrm d u_t W_y^\top = 0$, so $W_x$, $W_h$ and $b$ do not change in
  the first update. $W_y$ does change, because the states are not zero. In the second update, all
  arrays change. Starting with $W_y = 0$ is harmless. If $b_y = 0$ too, the first loss is exactly
  $\log V$.
- **C**: all states are zero, whatever $W_h$ is. $W_y$ and $W_h$ have states as inputs, so their
  gradients vanish. The inputs of $W_x$ and $b$ are the one-hot row and the number 1, so their
  gradients do not vanish.
- **D**: no gradient vanishes. $\mathrm d W_h = \sum_t h_{t-1}^\top \mathrm d a_t$ does not
  contain $W_h$ itself as a factor. Only the path *back* through time is closed at this start, so
  the gradient of each output stays at its own step.
- **E**: the only state that $W_h$ multiplies is $h_0 = 0$.

A zero matrix stops the gradient on every path that goes *through* it. Zero states stop the gradient
of the matrices that *read* them. Next, try all weights equal to 0.01. In the first update, the cell
gets no gradient, because the entries of $\mathrm d u_t$ sum to 0. After this update, no gradient
vanishes. But the columns of $\mathrm d W_x$ are equal, so equal units remain equal.
"""

NAMES = ("W_x", "W_h", "b", "W_y", "b_y")
STARTS = {
    "A": (set(NAMES), 6),
    "B": ({"W_y"}, 6),
    "C": ({"W_x", "b"}, 6),
    "D": ({"W_h"}, 6),
    "E": (set(), 1),
}
WHY_ZERO = {
    "W_x": "its gradient contains the gradient at the pre-activations, which has to come through "
    "W_y",
    "b": "its gradient is the sum of the gradients at the pre-activations, which come through W_y",
    "W_h": "each term is a state h_{t-1}, transposed, times the gradient at the pre-activation, "
    "and one of the two is zero in every term",
    "W_y": "each term is a state h_t, transposed, times p - onehot; look at the states",
}
WHY_NOT = {
    "W_x": "its gradient is the one-hot row, transposed, times the gradient at the "
    "pre-activation, and neither is zero here",
    "b": "its gradient is the sum of the gradients at the pre-activations, which are not zero",
    "W_h": "its gradient contains states and gradients at the pre-activations, and neither is "
    "zero here; whether W_h itself is zero does not matter",
    "W_y": "its gradient contains states and p - onehot, and neither is zero here",
    "b_y": "its gradient is the sum of p - onehot over the steps, whatever the weights are",
}


def check(answers):
    """Compares each set with the gradients that the package computes."""
    zero = answers.get("zero")
    if not isinstance(zero, dict) or set(zero) != set(STARTS):
        raise Wrong('Set `zero` to a dictionary with the keys "A" to "E".')
    for start, (zeros, T) in STARTS.items():
        try:
            named = set(zero[start])
        except TypeError:
            raise Wrong(
                f"Start {start}: give a set of names, set() if there is none."
            ) from None
        if not named <= set(NAMES):
            raise Wrong(
                f"Start {start}: the names are "
                + ", ".join(f'"{n}"' for n in NAMES)
                + "."
            )
        truth = _vanishing(zeros, T)
        for name in NAMES:
            if name in named and name not in truth:
                raise Wrong(
                    f"Start {start}: {name} does get a gradient: {WHY_NOT[name]}."
                )
            if name in truth and name not in named:
                raise Wrong(f"Start {start}: {name} gets none: {WHY_ZERO[name]}.")
    return "A zero matrix stops the gradient on every path that goes through it."


def _vanishing(zeros, T, V=7, H=4):
    rng = np.random.default_rng(0)
    shapes = ((V, H), (H, H), (H,), (H, V), (V,))
    w = [
        rng.normal(size=s) * (n not in zeros)
        for n, s in zip(NAMES, shapes, strict=True)
    ]
    p = language_model.Params(rnn.Params(*w[:3]), *w[3:])
    ids = rng.integers(0, V, T + 1)
    _, d = language_model.loss_and_gradient_loops(p, ids[:-1], ids[1:])
    arrays = (*d.cell, d.W_y, d.b_y)
    return {name for name, array in zip(NAMES, arrays, strict=True) if not array.any()}
