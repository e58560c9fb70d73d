"""Functions without memory, each directly above its own backward.

``d`` + a name is the gradient of that name: it takes what the forward took (or returned, where
that is cheaper) and the gradient of the loss with respect to the forward's result, and returns
the gradient with respect to the forward's arguments. Rows are examples: softmax and
cross-entropy work along the last axis.
"""

import numpy as np

from unrolled.arguments import (
    check_ids,
    ids,
    names_arguments,
    number_or,
    shaped,
    vectors_or_ids,
)


@names_arguments
def sigmoid(a):
    """Returns 1 / (1 + exp(-a)), entry by entry, without overflow for any finite ``a``."""
    return 0.5 * (1 + np.tanh(0.5 * a))


@names_arguments
def dsigmoid(s, ds):
    """Returns the gradient with respect to ``a``, given the value ``s = sigmoid(a)``."""
    return ds * s * (1 - s)


@names_arguments
def hard_sigmoid(a, slope=1 / 6):
    """Returns clip(slope · a + 0.5, 0, 1): straight lines and no exponential.

    The slope is 1/6 in Keras 3 and 0.2 in Theano.
    """
    return np.clip(slope * a + 0.5, 0, 1)


@names_arguments
def dhard_sigmoid(s, ds, slope=1 / 6):
    """Returns the gradient with respect to a, given s = hard_sigmoid(a)."""
    return ds * slope * ((s > 0) & (s < 1))


@names_arguments
def dtanh(h, dh):
    """Returns the gradient with respect to ``a``, given the value ``h = tanh(a)``."""
    return dh * (1 - h * h)


@names_arguments
def relu(a):
    """Returns max(a, 0), entry by entry."""
    return np.maximum(a, 0)


@names_arguments
def drelu(h, dh):
    """Returns the gradient with respect to ``a``, given the value ``h = relu(a)``; 0 at a = 0."""
    return dh * (h > 0)


@names_arguments
def softplus(a):
    """Returns log(1 + exp(a)), entry by entry, without overflow; the sigmoid is its slope."""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


@names_arguments
def dsoftplus(s, ds):
    """Returns the gradient with respect to ``a``, given the value ``s = softplus(a)``."""
    return ds * -np.expm1(-s)


@names_arguments
def log_sigmoid(a):
    """Returns log(sigmoid(a)), which is accurate where the sigmoid itself underflows."""
    return -softplus(-a)


@names_arguments
def positive(a):
    """Returns a + 0.5 if a >= 0, else sigmoid(a): positive, increasing and without a jump.

    Source: Feng et al. (2024), who call it g.
    """
    return np.where(a >= 0, a + 0.5, sigmoid(a))


@names_arguments
def dpositive(v, dv):
    """Returns the gradient with respect to ``a``, given the value ``v = positive(a)``."""
    return dv * np.where(v >= 0.5, 1, v * (1 - v))


@names_arguments
def log_positive(a):
    """Returns log(positive(a)), which is accurate where ``positive`` itself underflows."""
    return np.where(a >= 0, np.log(np.maximum(a, 0) + 0.5), log_sigmoid(a))


@names_arguments
def elu_plus_1(a):
    """Returns a + 1 if a >= 0, else exp(a): positive, increasing and smooth.

    Source: Katharopoulos et al. (2020).
    """
    return np.where(a >= 0, a + 1, np.exp(np.minimum(a, 0)))


@names_arguments
def delu_plus_1(v, dv):
    """Returns the gradient with respect to ``a``, given the value ``v = elu_plus_1(a)``."""
    return dv * np.minimum(v, 1)


@names_arguments
def unit(a):
    """Returns a / |a| along the last axis; a row of length 0 stays as it is."""
    length = np.sqrt((a * a).sum(axis=-1, keepdims=True))
    return a / np.where(length == 0, 1, length)


@names_arguments(a="... E", du="... E")
def dunit(a, du):
    """Returns the gradient with respect to ``a`` of ``unit(a)``; 0 for a row of length 0."""
    u = unit(a)
    length = np.sqrt((a * a).sum(axis=-1, keepdims=True))
    across = du - (du * u).sum(axis=-1, keepdims=True) * u  # the length changes nothing
    return np.where(length == 0, 0, across / np.where(length == 0, 1, length))


@names_arguments
def softmax(u):
    """Returns exp(u) / sum(exp(u)) along the last axis.

    Subtracting the row's maximum changes nothing in exact arithmetic and keeps exp from
    overflowing.

    Args:
        u: (..., V) unnormalised log-probabilities.

    Returns:
        (..., V) probabilities; each row sums to 1.
    """
    e = np.exp(u - u.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@names_arguments(p=shaped("... V"), dp=shaped("... V"))
def dsoftmax(p, dp):
    """Returns the gradient with respect to ``u``, given ``p = softmax(u)``.

    The Jacobian of one row is diag(p) - p^T p, which is never formed.
    """
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@names_arguments(logits=shaped("... V"), targets=ids("...", "V"))
def cross_entropy(logits, targets):
    """Returns -log softmax(logits)[target] for each row, in nats.

    Computed as logsumexp(u) - u[target], so a probability that underflows to 0 costs its true
    finite loss and not infinity.

    Args:
        logits: (..., V).
        targets: (...) integer ids.

    Returns:
        (...) losses, at least 0.
    """
    top = logits.max(axis=-1)
    log_sum = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))
    return log_sum - np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]


@names_arguments(
    logits=shaped("... V"), targets=ids("...", "V"), dlosses=number_or("...")
)
def dcross_entropy(logits, targets, dlosses):
    """Returns the gradient of the logits: (p - onehot(target)) times each row's dloss.

    Args:
        logits: (..., V).
        targets: (...) integer ids.
        dlosses: (...) gradient of the loss for each row's cross-entropy.

    Returns:
        (..., V) gradient.
    """
    dlogits = np.asanyarray(softmax(logits), order="C")  # so that rows are a view of it
    rows = dlogits.reshape(-1, dlogits.shape[-1])
    rows[np.arange(len(rows)), targets.reshape(-1)] -= 1
    dlogits *= np.asarray(dlosses)[..., None]
    return dlogits


@names_arguments(logits=shaped("..."), bits=shaped("..."))
def binary_cross_entropy(logits, bits):
    """Returns -log of the probability that each bit is what it is, in nats.

    With p = sigmoid(logit) that is -log p for a 1 and -log (1 - p) for a 0, computed as
    log(1 + exp(u)) - bit u, so that no probability underflows.

    Args:
        logits: (...).
        bits: (...), 0 or 1.

    Returns:
        (...) losses, at least 0.
    """
    return np.logaddexp(0, logits) - bits * logits


@names_arguments(logits=shaped("..."), bits=shaped("..."), dlosses=number_or("..."))
def dbinary_cross_entropy(logits, bits, dlosses):
    """Returns the gradient with respect to ``logits``: (sigmoid(logits) - bits) times dlosses."""
    return (sigmoid(logits) - bits) * dlosses


@names_arguments(W=shaped("D H"), x=vectors_or_ids("...", "D"))
def project(x, W):
    """Returns ``x @ W``; integer ``x`` stands for one-hot rows, whose product is a row lookup.

    A one-hot row times a matrix picks one row of it. The product would cost 2·D·H operations to
    copy H numbers, so we copy them.

    Args:
        x: (..., D) vectors, or (...) integer ids in 0..D-1.
        W: (D, H).

    Returns:
        (..., H).
    """
    return W[x] if x.dtype.kind in "iu" else x @ W


@names_arguments(W=shaped("D H"), x=vectors_or_ids("...", "D"), dy=shaped("... H"))
def dproject(x, W, dy):
    """Returns (dx, dW), given ``y = project(x, W)``; dx is None for integer ids.

    dW sums over every row of the batch, because every row used the same W. For ids, that sum
    collects in row i of dW the dy of each position where id i stood.
    """
    if x.dtype.kind not in "iu":
        x_rows, dy_rows = x.reshape(-1, W.shape[0]), dy.reshape(-1, W.shape[1])
        return dy @ W.T, x_rows.T @ dy_rows
    return None, sum_rows(x.reshape(-1), dy.reshape(-1, W.shape[1]), len(W))


@names_arguments
def as_rows(x):
    """Returns x (..., n) as a matrix of rows (N, n), N the product of the leading axes."""
    return x.reshape(-1, x.shape[-1])


@names_arguments(ids=shaped("N"), rows=shaped("N H"))
def sum_rows(ids, rows, D):
    """Returns the (D, H) array whose row i is the sum of ``rows[n]`` over all n with ids[n] = i.

    Sorting brings equal ids together, so that each group is one contiguous sum.
    """
    total = np.zeros((D, rows.shape[1]), rows.dtype)
    if len(ids):
        order = np.argsort(ids, kind="stable")
        present, starts = np.unique(ids[order], return_index=True)
        if not 0 <= present[0] <= present[-1] < D:
            raise ValueError(
                f"ids must lie in 0..{D - 1}, got {present[0]}..{present[-1]}"
            )
        total[present] = np.add.reduceat(rows[order], starts)
    return total


@names_arguments
def check_sequence(x, D):
    """Returns (T, B) of a batch of sequences, or raises ValueError with what does not fit.

    Args:
        x: (T, B, D) vectors, or (T, B) integer ids in 0..D-1.
        D: the length of an input vector.
    """
    ids = x.dtype.kind in "iu"
    if x.ndim != (2 if ids else 3) or not ids and x.shape[-1] != D:
        raise ValueError(
            f"x must be (T, B, {D}) vectors or (T, B) integer ids, got {x.shape}"
        )
    if ids:
        check_ids("x", x, D)
    return x.shape[:2]


@names_arguments
def check_state(name, state, B, H):
    """Returns the state, or raises ValueError if it is not (B, H)."""
    if state.shape != (B, H):
        raise ValueError(f"{name} must be {(B, H)}, got {state.shape}")
    return state
