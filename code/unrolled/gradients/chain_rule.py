r"""The gradient of a recurrent network as the chain rule gives it: a sum over paths.

    dL/dθ = Σ_t Σ_{k<=t}  ∂L_t/∂h_t  J_t J_{t-1} ... J_{k+1}  ∂⁺h_k/∂θ          (eq-bptt-sum)

One term for each pair of an output t and a step k at which θ was used. Every Jacobian and every
immediate partial derivative is formed as an array. This is the definition with which the fast
algorithms are compared. For tanh units, small T and small H.
"""

import numpy as np

from unrolled import tree
from unrolled.cells.rnn import Params
from unrolled.gradients import jacobians


def jacobian_product(p, h, t, k):
    """Returns ∂h_t/∂h_k = J_t J_{t-1} ... J_{k+1}: the effect of a change of h_k on h_t.

    Args:
        p: Params of a tanh cell.
        h: (T, H) or (T, B, H), the states; h[t] as in the code, counted from 0.
        t: the later step.
        k: the earlier one; for k = t the product is empty, the identity.

    Returns:
        (H, H) or (B, H, H).
    """
    product = np.broadcast_to(np.eye(h.shape[-1]), (*h.shape[1:], h.shape[-1]))
    for step in range(t, k, -1):
        product = product @ jacobians.of_step(p, h[step])
    return product


def immediate(p, x_t, h_previous, h_t):
    """Returns ∂⁺h_t/∂θ, by step t's own use of the weights, with h_{t-1} fixed.

    Args:
        p: Params of a tanh cell.
        x_t: (D,) or (B, D) vectors.
        h_previous: (H,) or (B, H), the state before the step.
        h_t: as h_previous, the state after it.

    Returns:
        Params with one more axis at the end: W_h[..., m, i, j] is
        ∂⁺h_t[j]/∂W_h[m, i]. The shapes are (D, H, H), (H, H, H) and (H, H),
        with B in front for a batch.
    """
    # ∂h_t[j]/∂a_t[i]
    slope = (1 - h_t**2)[..., None, :] * np.eye(h_t.shape[-1])
    return Params(
        W_x=x_t[..., :, None, None] * slope[..., None, :, :],
        W_h=h_previous[..., :, None, None] * slope[..., None, :, :],
        b=slope,
    )


def contribution(p, cache, dh_t, t, k):
    """Returns the contribution of the weights' use at step k to dL_t/dθ.

    Args:
        p: the Params that forward had.
        cache: what ``rnn.forward`` returned, for inputs that are vectors.
        dh_t: (B, H), ∂L_t/∂h_t.
        t: the step of the output, counted from 0.
        k: the step at which the weights are used, 0..t.

    Returns:
        Params.
    """
    dh_k = np.einsum("bi,bij->bj", dh_t, jacobian_product(p, cache.h, t, k))
    own_use = immediate(p, cache.x[k], cache.h_previous[k], cache.h[k])
    return tree.map(lambda d: np.einsum("bj,b...j->...", dh_k, d), own_use)


def gradient(p, cache, dh, keep=None):
    """Returns the sum over all pairs, or over those that ``keep`` names.

    Args:
        p: the Params that forward had.
        cache: what ``rnn.forward`` returned, for inputs that are vectors.
        dh: (T, B, H), gradient of the loss with respect to each h_t by its own output alone.
        keep: (T, T) of bool, [t, k] true if output t counts at step k; all if None. A truncated
            gradient is a choice of pairs.

    Returns:
        dp, dh0 as ``rnn.backward``.
    """
    T = len(dh)
    keep = np.ones((T, T), bool) if keep is None else keep
    dp = tree.map(np.zeros_like, p)
    dh0 = np.zeros(dh.shape[1:], dh.dtype)
    for t in range(T):
        for k in range(t + 1):
            if keep[t, k]:
                dp = tree.map(np.add, dp, contribution(p, cache, dh[t], t, k))
        if keep[t, 0]:
            to_h0 = jacobian_product(p, cache.h, t, 0) @ jacobians.of_step(
                p, cache.h[0]
            )
            dh0 += np.einsum("bi,bij->bj", dh[t], to_h0)
    return dp, dh0
