"""Three steps of the delta recursion on paper."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, is_close, number

TITLE = "Three steps by hand"
CHAPTER = "03-bptt/the-delta-recursion"
SECTION = "adding-the-walks-where-they-meet"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
One $\tanh$ unit with $W_h = 0.5$ has run over three steps from $h_0 = 0.2$. Its states are
$h_1 = 0.6$, $h_2 = -0.8$ and $h_3 = 0.5$. The gradients of the three losses with respect to their
own states are $\partial L_1 / \partial h_1 = 1$, $\partial L_2 / \partial h_2 = -1$ and
$\partial L_3 / \partial h_3 = 2$. You do not need the inputs.

Use the recursion {eq}`eq-delta-recursion` on paper. Set `delta` to the list
$[\delta_1, \delta_2, \delta_3]$, and `dW_h`, `db` and `dh0` to the gradients of $W_h$, $b$ and
$h_0$. The slopes $1 - h^2$ are 0.64, 0.36 and 0.75.
"""

STUB = """
delta = [None, None, None]  # of steps 1, 2, 3
dW_h = None
db = None
dh0 = None
"""

HINTS = (
    "Begin at the end. No step follows step 3, so $\\delta_3 = 2 \\cdot 0.75$.",
    "$\\delta_2 = (-1 + \\delta_3 \\cdot 0.5) \\cdot 0.36$. Step 2 sends $\\delta_2 W_h$ to step "
    "1. This term also contains the gradient from step 3.",
    "Step $k$ multiplied $W_h$ by the state *before* it, $h_{k-1}$.",
)

SOLUTION = """
delta_3 = 2 * 0.75
delta_2 = (-1 + delta_3 * 0.5) * 0.36
delta_1 = (1 + delta_2 * 0.5) * 0.64

delta = [delta_1, delta_2, delta_3]
dW_h = 0.2 * delta_1 + 0.6 * delta_2 - 0.8 * delta_3
db = delta_1 + delta_2 + delta_3
dh0 = delta_1 * 0.5
"""

COMMENT = r"""
$$
\begin{aligned}
\delta_3 &= 2 \cdot 0.75 = 1.5, \\
\delta_2 &= (-1 + 0.75) \cdot 0.36 \\
&= -0.09, \\
\delta_1 &= (1 - 0.045) \cdot 0.64 \\
&= 0.6112, \\
\mathrm d W_h &= 0.2\, \delta_1 + 0.6\, \delta_2 \\
&\quad - 0.8\, \delta_3 \\
&= -1.13176, \\
\mathrm d b &= 2.0212, \\
\mathrm d h_0 &= 0.3056 .
\end{aligned}
$$

At step 2, the gradient of the step's own loss and the gradient from step 3 have opposite signs, and
they largely cancel. Without the other losses, the third loss would give step 1 the gradient
$\delta_{3,1} = 1.5 \cdot 0.5 \cdot 0.36 \cdot 0.5 \cdot 0.64 = 0.0864$. So a gradient can be small
because two gradients cancel, and not only because a factor is small.
"""

H = np.array([0.2, 0.6, -0.8, 0.5])
OWN = np.array([1.0, -1.0, 2.0])
W = 0.5


def deltas(own, slopes, carried=True):
    """Returns the recursion's values for the given own gradients and slopes."""
    found, arriving = np.zeros(3), 0.0
    for k in (2, 1, 0):
        found[k] = (own[k] + arriving) * slopes[k]
        arriving = found[k] * W if carried else 0.0
    return found


def check(answers):
    """The deltas first; then what is made of them."""
    given = answers.get("delta")
    if given is None or any(
        entry is None for entry in np.ravel(np.asarray(given, dtype=object))
    ):
        raise Wrong("Set `delta` to a list of three numbers, with step 1 first.")
    delta = array(given, (3,), "`delta`")
    slopes = 1 - H[1:] ** 2
    right = deltas(OWN, slopes)
    if is_close(delta[::-1], right, 1e-4):
        raise Wrong(
            "The three numbers are right, but in the wrong order: step 1 first."
        )
    if is_close(delta, deltas(OWN, slopes, carried=False), 1e-4):
        raise Wrong(
            "Each delta contains the gradient of its own output alone. Add the gradients of "
            "later steps."
        )
    if is_close(delta, deltas([0, 0, 2], slopes), 1e-4):
        raise Wrong(
            "These are the deltas of the third loss alone. At each step, add the gradient of "
            "the step's own loss."
        )
    if is_close(delta, deltas(OWN, np.ones(3)), 1e-4):
        raise Wrong(
            "The slopes of tanh are missing: multiply by 1 - h_k squared at each step."
        )
    if is_close(delta, deltas(OWN, 1 - H[:3] ** 2), 1e-4):
        raise Wrong(
            "The slope of step k belongs to the state after this step, h_k, not to the state "
            "before it."
        )
    if not is_close(delta[2], right[2], 1e-4):
        raise Wrong(
            "`delta` of step 3: multiply the step's own gradient, 2, by its slope, 0.75."
        )
    if not is_close(delta[1], right[1], 1e-4):
        raise Wrong(
            "Step 3 is right. `delta` of step 2: first add both gradients, then multiply by "
            "the slope."
        )
    if not is_close(delta[0], right[0], 1e-4):
        raise Wrong("Steps 3 and 2 are right. Compute step 1 in the same way.")
    dW_h, db, dh0 = (
        number(answers, "dW_h"),
        number(answers, "db"),
        number(answers, "dh0"),
    )
    if is_close(dW_h, H[1:] @ right, 1e-4):
        raise Wrong(
            "`dW_h` multiplies each delta by the state after its step. Use the state before "
            "the step."
        )
    if is_close(dW_h, H[1:3] @ right[1:], 1e-4):
        raise Wrong("`dW_h` leaves out the first step: h_0 is 0.2 here and not 0.")
    if not is_close(dW_h, H[:3] @ right, 1e-4):
        raise Wrong(
            "`dW_h` is the sum over the steps. Each term is the state before the step, times "
            "the delta of the step."
        )
    if not is_close(db, right.sum(), 1e-4):
        raise Wrong(
            "`db`: the bias is multiplied by 1 at every step, so its gradient is the sum of "
            "the deltas."
        )
    if is_close(dh0, right[0], 1e-4):
        raise Wrong(
            "`dh0` is the gradient of a_1. Multiply it by W_h to get the gradient of h_0."
        )
    if not is_close(dh0, W * right[0], 1e-4):
        raise Wrong("`dh0`: h_0 is read by step 1 alone, through W_h.")
    return "All gradients follow from the three deltas."
