r"""How one state of an LSTM depends on an earlier one, and how much of it goes along the cell.

The state is the pair (h, c). One step has the Jacobian of four (H, H) blocks

    [ dh_t/dh_{t-1}  dh_t/dc_{t-1} ]   [ diag(q_t) M_t + N_t  diag(q_t f_t) ]
    [ dc_t/dh_{t-1}  dc_t/dc_{t-1} ] = [ M_t                  diag(f_t)     ]  (eq-lstm-jacobian)

    M_t = diag(i'g) W_hi^T + diag(f'c_{t-1}) W_hf^T + diag(g'i) W_hg^T   from h_{t-1} to c_t
    N_t = diag(o' tanh c_t) W_ho^T                                       to h_t through o_t alone
    q_t = o_t (1 - tanh² c_t)                                            the slope from c_t to h_t

with s' = s (1 - s) of a gate and g' = 1 - g² of the candidate. Rows are new entries, columns old.
T time, B batch, H hidden.
"""

import numpy as np

from unrolled.functional import dsigmoid, dtanh


def of_step(p, cache, t):
    """Returns d(h_t, c_t)/d(h_{t-1}, c_{t-1}), (B, 2H, 2H), for step t of a cache."""
    i, f, g, o = cache.i[t], cache.f[t], cache.g[t], cache.o[t]
    W_hi, W_hf, W_hg, W_ho = (block.T for block in np.split(p.W_h, 4, axis=1))
    q = dtanh(cache.tanh_c[t], o)
    M = dsigmoid(i, g)[..., None] * W_hi
    M += dsigmoid(f, cache.c_previous[t])[..., None] * W_hf
    M += dtanh(g, i)[..., None] * W_hg
    N = dsigmoid(o, cache.tanh_c[t])[..., None] * W_ho
    kept = f[..., None] * np.eye(f.shape[-1], dtype=f.dtype)
    return np.block([[q[..., None] * M + N, q[..., None] * kept], [M, kept]])


def along_the_cell(cache):
    """Returns the direct path's share of dc_T/dc_{T-k}: (T+1, B, H), entry k the product of f.

    It is a diagonal matrix, f_T f_{T-1} ... f_{T-k+1} on the diagonal; entry 0 is 1.
    """
    ones = np.ones_like(cache.f[:1])
    return np.concatenate([ones, np.cumprod(cache.f[::-1], axis=0)])


def products(p, cache):
    """Returns d(h_T, c_T)/d(h_{T-k}, c_{T-k}) for k = 0..T: (T+1, B, 2H, 2H), entry 0 identity."""
    T, B, H = cache.h.shape
    found = np.empty((T + 1, B, 2 * H, 2 * H), cache.h.dtype)
    found[0] = np.eye(2 * H)
    for k in range(1, T + 1):
        found[k] = found[k - 1] @ of_step(p, cache, T - k)
    return found


def split(p, cache):
    """Returns dc_T/dc_{T-k} for k = 0..T in two parts, (T+1, B, H, H) each.

    Returns:
        direct: the path that stays in the cell, a diagonal matrix.
        rest: the sum of all paths that leave the cell for h and come back.
    """
    T, B, H = cache.h.shape
    direct = along_the_cell(cache)[..., None] * np.eye(H, dtype=cache.h.dtype)
    return direct, products(p, cache)[:, :, H:, H:] - direct
