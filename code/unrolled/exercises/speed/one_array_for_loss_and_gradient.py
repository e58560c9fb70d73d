"""Loss and gradient of weighted rows, in the memory of the logits."""

import tracemalloc

import numpy as np

from unrolled.exercises.judging import Wrong, call, function, is_close

TITLE = "One array for loss and gradient"
CHAPTER = "07-gpu/the-ladder"
SECTION = "rung-5-loss-and-gradient-from-one-exponential"
KIND = "write"
LEVEL = 2
MINUTES = 20

TEXT = r"""
Write rung 5 of the ladder for a batch with padding. The function
`loss_to_gradient(u, targets, weights)` gets the logits `u` $(N, V)$, the ids `targets` $(N,)$, and
the numbers `weights` $(N,)$, which are at least 0. With $\alpha_n$ for the weights, the loss is

$$
\begin{aligned}
L = \sum_n \alpha_n \Bigl( &\log \sum_j e^{u_n[j]} \\
&- u_n[y_n] \Bigr) .
\end{aligned}
$$

Return $L$ as a number, and leave $\mathrm du$ in `u`, in the caller's own array. There are four
more conditions:

- Compute one exponential for each logit.

- Make no new array that is half as large as `u` or larger.

- The result must also be right for logits of $\pm 1000$, and the loss of a word that is almost
  impossible must be finite.

- A row of weight 0 is padding. It was never filled, so it may hold any values, even NaN. It must
  add nothing to $L$, and the function must set it to zeros.
"""

STUB = '''
import numpy as np


def loss_to_gradient(u, targets, weights):
    """Returns L; turns the logits u (N, V) into its gradient, in place."""
    raise NotImplementedError


u = np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, np.inf]])
targets, weights = np.array([2, 0]), np.array([1.0, 0.0])
# print(loss_to_gradient(u, targets, weights), u)
'''

HINTS = (
    "`u = u - m` makes a new array and calls it `u`. `u -= m` writes into the "
    "caller's array. The "
    "function `np.exp` has an argument `out`.",
    "The loss is $\\log \\sum_j e_j - (u_y - m)$. When can $u_y - m$ be read for the "
    "last time?",
    "What is `0 * np.nan`? Overwrite the padding before you compute anything with it.",
)

SOLUTION = '''
import numpy as np


def loss_to_gradient(u, targets, weights):
    """Returns L; turns the logits u (N, V) into its gradient, in place."""
    u[weights == 0] = 0  # 0 · NaN is NaN
    here = np.arange(len(u)), targets
    u -= u.max(axis=1, keepdims=True)
    u_target = u[here]  # before the exponentials overwrite it
    np.exp(u, out=u)
    total = u.sum(axis=1)
    u *= (weights / total)[:, None]
    u[here] -= weights
    return float(weights @ (np.log(total) - u_target))


u = np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, np.inf]])
targets, weights = np.array([2, 0]), np.array([1.0, 0.0])
print(loss_to_gradient(u, targets, weights), u)
'''

COMMENT = r"""
Four things use the same memory, one after the other: logits, shifted logits, exponentials,
gradient. If you write in place, you must know which old values you still need. Here you need one
number from each row, the shifted logit of the target. If you read it too late, it is an
exponential. You could compute it as $\log(e_y / \sum_j e_j)$, but if $e_y$ has underflowed to 0,
this loss is infinite, although the gradient is right. The weights need no separate pass, because
one factor for each row contains both the weight and the division by the sum.

Padding is often removed by multiplying with a mask of zeros. This works only if the padding is
finite. Memory that is used again still contains the values of an earlier step. One NaN in a row of
padding would make the loss NaN, and the update would then make all weights NaN.

Next, do the same in blocks of rows that fit into the cache. Which lines depend on where a block
begins?
"""


class _Counting(np.ndarray):
    """An array that counts the exponentials of itself and of arrays made from it."""

    exponentials = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if ufunc in (np.exp, np.exp2, np.expm1) and method == "__call__":
            _Counting.exponentials += np.size(inputs[0])
        plain = [np.asarray(a) if isinstance(a, _Counting) else a for a in inputs]
        if isinstance(options.get("where"), _Counting):
            options["where"] = np.asarray(options["where"])
        if out:
            options["out"] = tuple(
                np.asarray(a) if isinstance(a, _Counting) else a for a in out
            )
        found = getattr(ufunc, method)(*plain, **options)
        if out:
            return out[0]
        return found.view(_Counting) if isinstance(found, np.ndarray) else found


def _right(u, targets, weights):
    """Returns (loss, gradient and parts of them), in new arrays; skips rows of weight 0."""
    here = np.arange(len(u)), targets
    u = np.where(weights[:, None] == 0, 0.0, u)
    u = u - u.max(axis=1, keepdims=True)
    total = np.exp(u).sum(axis=1, keepdims=True)
    p = np.exp(u) / total
    onehot = np.zeros_like(p)
    onehot[here] = 1
    losses = np.log(total[:, 0]) - u[here]
    return float(weights @ losses), weights[:, None] * (p - onehot), losses, p, onehot


def _answer(reader, u, targets, weights):
    """Returns (the reader's loss, u after the call)."""
    given = u.copy()
    with np.errstate(all="ignore"):
        loss = call(reader, given, targets.copy(), weights.copy())
    try:
        return float(loss), given
    except (TypeError, ValueError):
        raise Wrong("Return one number, the loss. Leave the gradient in `u`.") from None


def check(answers):
    """Checks values, then large logits, then padding, then memory and exponentials."""
    reader = function(answers, "loss_to_gradient")
    rng = np.random.default_rng(0)
    N, V = 5, 7
    u, targets = rng.normal(size=(N, V)), rng.integers(0, V, N)
    weights = rng.uniform(0.5, 2, N)
    loss, du, losses, p, onehot = _right(u, targets, weights)
    found, left = _answer(reader, u, targets, weights)
    if np.array_equal(left, u):
        raise Wrong(
            "The caller's `u` has not changed. `u = u - m` gives the name to a new "
            "array, and "
            "`u -= m` writes into the old array."
        )
    if is_close(left, p) or is_close(left, weights[:, None] * p):
        raise Wrong(
            "`u` holds probabilities. In the gradient, the entry of the target is "
            "smaller by 1."
        )
    if is_close(left, p - onehot):
        raise Wrong(
            "`u` holds the gradient of the unweighted sum. Multiply each row by its "
            "weight."
        )
    if is_close(left, weights[:, None] * p - onehot):
        raise Wrong(
            "In `u`, the probabilities have their weights, but the 1 of the target "
            "has not."
        )
    if not is_close(left, du):
        raise Wrong(
            "`u` should hold, in each row, its weight times (softmax minus one-hot)."
        )
    shifted = u - u.max(axis=1, keepdims=True)
    late = np.log(np.exp(shifted).sum(axis=1)) - np.exp(shifted)[np.arange(N), targets]
    if is_close(found, weights @ late):
        raise Wrong(
            "The gradient is right. For the loss, the target's logit was read after "
            "its exponential had overwritten it."
        )
    for scale, of_what in ((weights.sum(), "weights"), (N, "rows")):
        if is_close(found, loss / scale):
            raise Wrong(
                f"The loss is a mean over the {of_what}. Return the weighted sum."
            )
    if is_close(found, losses.sum()):
        raise Wrong("The gradient has the weights, but the loss has not.")
    if not is_close(found, loss):
        raise Wrong(
            f"The gradient is right, but the loss is {found:.6g} and should be "
            f"{loss:.6g}."
        )
    _hard_logits(reader, targets, weights)
    _padding(reader, u, targets, weights)
    _memory(reader, rng)
    return "You need one exponential for each logit, and no second array."


def _hard_logits(reader, targets, weights):
    u = np.random.default_rng(1).choice([-1000.0, 0.0, 1000.0], size=(5, 7))
    u[0] = 1000
    u[0, targets[0]] = -1000
    loss, du, *_ = _right(u, targets, weights)
    found, left = _answer(reader, u, targets, weights)
    if not np.isfinite(left).all():
        raise Wrong(
            "With logits of 1000, the exponential overflows. Subtract the largest "
            "logit of each row."
        )
    if not np.isfinite(found):
        raise Wrong(
            "If the target has the logit -1000 and the others 1000, the probability "
            "is 0 in float64 "
            "and its logarithm is infinite. The loss is about 2000. Compute it "
            "without this probability."
        )
    if not (is_close(left, du) and is_close(found, loss)):
        raise Wrong(
            "For logits of ±1000, the loss or the gradient is wrong. Do you clip or "
            "add anything?"
        )


def _padding(reader, u, targets, weights):
    for filling in (0.5, np.nan, np.inf):
        u, some = u.copy(), weights.copy()
        u[[1, 3]], some[[1, 3]] = filling, 0
        loss, du, *_ = _right(u, targets, some)
        found, left = _answer(reader, u, targets, some)
        if not np.isfinite(left).all() or not np.isfinite(found):
            raise Wrong(
                f"A row of weight 0 that holds {filling} makes the loss or `u` NaN, "
                "because 0 times "
                f"{filling} is not 0."
            )
        if not (is_close(left, du) and is_close(found, loss)):
            raise Wrong(
                "Rows of weight 0 should become zeros and add nothing to the loss."
            )


def _memory(reader, rng, N=120, V=2000):
    u, targets, weights = rng.normal(size=(N, V)), rng.integers(0, V, N), np.ones(N)
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    call(reader, u, targets, weights)
    _, peak = tracemalloc.get_traced_memory()
    if not tracing:
        tracemalloc.stop()
    if peak - before > u.nbytes / 2:
        raise Wrong(
            f"The values are right, but your function used new memory of "
            f"{(peak - before) / u.nbytes:.1f} times the size of `u`. Which line "
            "makes an array?"
        )
    _Counting.exponentials = 0
    call(reader, rng.normal(size=(N, V)).view(_Counting), targets, weights)
    if _Counting.exponentials > 1.5 * N * V:
        raise Wrong(
            f"Your function takes {_Counting.exponentials / (N * V):.0f} "
            "exponentials for each "
            "logit. The loss and the probabilities need the same exponentials."
        )
