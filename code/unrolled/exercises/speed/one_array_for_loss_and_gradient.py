"""Loss and gradient of weighted rows, in the memory of the logits."""

import tracemalloc

import numpy as np

from unrolled.exercises.judging import Wrong, call, function, is_close

TITLE = "One array for loss and gradient"
CHAPTER = "07-gpu/the-ladder"
KIND = "write"
LEVEL = 2
MINUTES = 20

TEXT = r"""
Rung 5 of the ladder, for a batch with padding. Write `loss_to_gradient(u, targets, weights)`: `u`
is $(N, V)$, the logits, `targets` $(N,)$ ids, `weights` $(N,)$ numbers $\ge 0$, and

$$
\begin{aligned}
L = \sum_n \alpha_n \Bigl( &\log \sum_j e^{u_n[j]} \\
&- u_n[y_n] \Bigr)
\end{aligned}
$$

with $\alpha_n$ the weights. Return $L$ as a number and leave $\mathrm du$ in `u`, in the caller's
own array. What is asked besides:

- one exponential for each logit;
- no new array half as large as `u` or larger;
- exact also for logits of $\pm 1000$, and a finite loss for a word that is all but impossible;
- a row of weight 0 is padding: a part of a reused array that nobody filled. It may hold anything,
  NaN too, adds nothing to $L$, and comes back as zeros.
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
    "`u = u - m` makes an array and gives it the name; `u -= m` writes into the array that the "
    "caller has. `np.exp` has an argument `out`.",
    "The loss is $\\log \\sum_j e_j - (u_y - m)$. When is the last moment to read $u_y - m$?",
    "What is `0 * np.nan`? Padding has to be overwritten before anything is computed with it.",
)

SOLUTION = '''
import numpy as np


def loss_to_gradient(u, targets, weights):
    """Returns L; turns the logits u (N, V) into its gradient, in place."""
    u[weights == 0] = 0  # 0 · NaN is NaN
    here = np.arange(len(u)), targets
    u -= u.max(axis=1, keepdims=True)
    u_target = u[here]  # before the exponentials take its place
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
Four things share one memory, one after the other: logits, shifted logits, exponentials, gradient.
Whoever writes in place has to know what is still needed. Here it is one number of each row, the
shifted logit of the target: read it late and it is an exponential; get it back by
$\log(e_y / \sum_j e_j)$, and where $e_y$ has underflowed to 0 the loss is infinite, although the
gradient is fine. The weights cost no pass of their own, since they join the division by the sum.

Multiplying by a mask of zeros is how padding is usually taken out, and it works as long as what
stands there is finite. In memory that is reused, it is what an earlier step has left, and one NaN
in a row that does not count would make the loss NaN, and all weights with it. Next: do the same in
blocks of rows that stay in the cache. Which lines care where a block begins?
"""


class _Counting(np.ndarray):
    """An array that counts the exponentials taken of it and of what is made of it."""

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
    """Returns (loss, gradient), with as many arrays as it likes; rows of weight 0 are skipped."""
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
    """Returns (loss, what stands in u afterwards)."""
    given = u.copy()
    with np.errstate(all="ignore"):
        loss = call(reader, given, targets.copy(), weights.copy())
    try:
        return float(loss), given
    except (TypeError, ValueError):
        raise Wrong(
            "Return the loss, one number; the gradient is left in `u`."
        ) from None


def check(answers):
    """Values, then hard logits, then padding, then memory and exponentials."""
    reader = function(answers, "loss_to_gradient")
    rng = np.random.default_rng(0)
    N, V = 5, 7
    u, targets = rng.normal(size=(N, V)), rng.integers(0, V, N)
    weights = rng.uniform(0.5, 2, N)
    loss, du, losses, p, onehot = _right(u, targets, weights)
    found, left = _answer(reader, u, targets, weights)
    if np.array_equal(left, u):
        raise Wrong(
            "The caller's `u` is as it was. `u = u - m` gives the name to a new array; `u -= m` "
            "writes into the old one."
        )
    if is_close(left, p) or is_close(left, weights[:, None] * p):
        raise Wrong(
            "`u` holds probabilities: the gradient has 1 less at the target's place."
        )
    if is_close(left, p - onehot):
        raise Wrong(
            "`u` holds the gradient of the unweighted sum: each row has its weight."
        )
    if is_close(left, weights[:, None] * p - onehot):
        raise Wrong(
            "In `u` the probabilities have their weights and the 1 of the target has not."
        )
    if not is_close(left, du):
        raise Wrong(
            "`u` should hold the weights times (softmax minus one-hot), row by row."
        )
    shifted = u - u.max(axis=1, keepdims=True)
    late = np.log(np.exp(shifted).sum(axis=1)) - np.exp(shifted)[np.arange(N), targets]
    if is_close(found, weights @ late):
        raise Wrong(
            "The gradient is right. For the loss, the target's logit was read when its exponential "
            "stood in its place already."
        )
    for scale, of_what in ((weights.sum(), "weights"), (N, "rows")):
        if is_close(found, loss / scale):
            raise Wrong(
                f"The loss is a mean over the {of_what}; the weighted sum is asked."
            )
    if is_close(found, losses.sum()):
        raise Wrong("The gradient has the weights, and the loss has not.")
    if not is_close(found, loss):
        raise Wrong(
            f"The gradient is right and the loss is not: {found:.6g} for {loss:.6g}."
        )
    _hard_logits(reader, targets, weights)
    _padding(reader, u, targets, weights)
    _memory(reader, rng)
    return "Loss and gradient, one exponential for each logit, and no second array."


def _hard_logits(reader, targets, weights):
    u = np.random.default_rng(1).choice([-1000.0, 0.0, 1000.0], size=(5, 7))
    u[0] = 1000
    u[0, targets[0]] = -1000
    loss, du, *_ = _right(u, targets, weights)
    found, left = _answer(reader, u, targets, weights)
    if not np.isfinite(left).all():
        raise Wrong(
            "With logits of 1000 the exponential overflows: subtract each row's largest."
        )
    if not np.isfinite(found):
        raise Wrong(
            "With a target at -1000 and the others at 1000 the probability is 0 in float64, and "
            "its logarithm is infinite. The loss is 2000 and can be had without that probability."
        )
    if not (is_close(left, du) and is_close(found, loss)):
        raise Wrong(
            "For logits of ±1000 loss or gradient is off: is anything cut off or added?"
        )


def _padding(reader, u, targets, weights):
    for filling in (0.5, np.nan, np.inf):
        u, some = u.copy(), weights.copy()
        u[[1, 3]], some[[1, 3]] = filling, 0
        loss, du, *_ = _right(u, targets, some)
        found, left = _answer(reader, u, targets, some)
        if not np.isfinite(left).all() or not np.isfinite(found):
            raise Wrong(
                f"A row of weight 0 that holds {filling} makes the loss or `u` NaN: 0 times that "
                "is not 0."
            )
        if not (is_close(left, du) and is_close(found, loss)):
            raise Wrong(
                "Rows of weight 0 should come back as zeros and add nothing to the loss."
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
            f"The values are right, and on the way there was new memory of "
            f"{(peak - before) / u.nbytes:.1f} times the size of `u`. Which line makes an array?"
        )
    _Counting.exponentials = 0
    call(reader, rng.normal(size=(N, V)).view(_Counting), targets, weights)
    if _Counting.exponentials > 1.5 * N * V:
        raise Wrong(
            f"{_Counting.exponentials / (N * V):.0f} exponentials are taken for each logit. The "
            "sum for the loss and the probabilities need the same."
        )
