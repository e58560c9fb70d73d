"""The backward pass of a cell with a single gate, which no chapter contains."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.functional import sigmoid
from unrolled.gradients import gradcheck

TITLE = "A cell with one gate"
CHAPTER = "04-gates/the-gru"
KIND = "write"
LEVEL = 3
MINUTES = 50

TEXT = r"""
The *minimal gated unit* of {cite:t}`zhou2016` is a GRU with a single gate, $f_t$, which replaces
both $r_t$ and $1 - z_t$:

$$
\begin{aligned}
f_t &= \sigma(x_t W_{xf} + b_f \\
&\qquad + h_{t-1} W_{hf}), \\
\tilde h_t &= \tanh(x_t W_{xh} + b_h \\
&\quad + (f_t \odot h_{t-1}) W_{hh}), \\
h_t &= (1 - f_t) \odot h_{t-1} \\
&\quad + f_t \odot \tilde h_t .
\end{aligned}
$$

No chapter contains its gradient. Derive it, and write
`backward(W_x, W_h, x, h, f, candidate, dh)`. The blocks f, h lie side by side in $W_x$,
$(D, 2H)$, in $W_h$, $(H, 2H)$, and in $b$. The array `h`, $(T+1, B, H)$, starts with $h_0$; `f`
and `candidate` are $(T, B, H)$. `dh[t]` is the gradient of the loss of one step with respect to
`h[t + 1]`. Return `dW_x`, `dW_h`, `db`, `dx` and `dh0`.
"""

STUB = '''
import numpy as np


def forward(W_x, W_h, b, x, h0):
    """h (T+1, B, H), f and candidate (T, B, H)."""
    H = h0.shape[1]
    h, f, candidate = [h0], [], []
    for x_t in x:
        a = x_t @ W_x + b
        f.append(0.5 * (1 + np.tanh(0.5 * (a[:, :H] + h[-1] @ W_h[:, :H]))))
        candidate.append(np.tanh(a[:, H:] + (f[-1] * h[-1]) @ W_h[:, H:]))
        h.append((1 - f[-1]) * h[-1] + f[-1] * candidate[-1])
    return np.array(h), np.array(f), np.array(candidate)


def backward(W_x, W_h, x, h, f, candidate, dh):
    """(dW_x, dW_h, db, dx, dh0) of the summed loss."""
    raise NotImplementedError
'''

HINTS = (
    "Which formulas read each quantity? $f_t$ occurs in two equations, and twice in one of them. "
    "$h_{t-1}$ occurs in all three.",
    "Begin with the sum of the candidate: $\\delta^h_t = \\mathrm d h_t \\odot f_t \\odot "
    "(1 - \\tilde h_t^2)$. The candidate reads $v_t = f_t \\odot h_{t-1}$. Its gradient is "
    "$\\mathrm d v_t = \\delta^h_t W_{hh}^\\top$, and both factors of $v_t$ get a part of it.",
    "$\\mathrm d f_t = \\mathrm d h_t \\odot (\\tilde h_t - h_{t-1}) + \\mathrm d v_t \\odot "
    "h_{t-1}$. The gradient of $h_{t-1}$ contains $\\mathrm d h_t \\odot (1 - f_t)$, "
    "$\\mathrm d v_t \\odot f_t$ and $\\delta^f_t W_{hf}^\\top$. $W_{hh}$ multiplied $v_t$, not "
    "$h_{t-1}$.",
)

SOLUTION = '''
import numpy as np


def forward(W_x, W_h, b, x, h0):
    """h (T+1, B, H), f and candidate (T, B, H)."""
    H = h0.shape[1]
    h, f, candidate = [h0], [], []
    for x_t in x:
        a = x_t @ W_x + b
        f.append(0.5 * (1 + np.tanh(0.5 * (a[:, :H] + h[-1] @ W_h[:, :H]))))
        candidate.append(np.tanh(a[:, H:] + (f[-1] * h[-1]) @ W_h[:, H:]))
        h.append((1 - f[-1]) * h[-1] + f[-1] * candidate[-1])
    return np.array(h), np.array(f), np.array(candidate)


def backward(W_x, W_h, x, h, f, candidate, dh):
    """(dW_x, dW_h, db, dx, dh0) of the summed loss."""
    T, B, H = dh.shape
    W_hf, W_hh = W_h[:, :H], W_h[:, H:]
    da = np.empty((T, B, 2 * H))
    arriving = np.zeros((B, H))
    for t in reversed(range(T)):
        dh_t = dh[t] + arriving
        da_h = dh_t * f[t] * (1 - candidate[t] ** 2)
        dv = da_h @ W_hh.T  # v = f_t * h_{t-1}
        df = dh_t * (candidate[t] - h[t]) + dv * h[t]
        da_f = df * f[t] * (1 - f[t])
        arriving = dh_t * (1 - f[t]) + dv * f[t] + da_f @ W_hf.T
        da[t] = np.concatenate([da_f, da_h], axis=1)
    before = h[:-1]
    dW_hf = np.einsum("tbk,tbh->kh", before, da[..., :H])
    dW_hh = np.einsum("tbk,tbh->kh", f * before, da[..., H:])
    dW_x = np.einsum("tbd,tbh->dh", x, da)
    dW_h = np.concatenate([dW_hf, dW_hh], axis=1)
    return dW_x, dW_h, da.sum(axis=(0, 1)), da @ W_x.T, arriving
'''

COMMENT = r"""
With $v_t = f_t \odot h_{t-1}$,

$$
\begin{aligned}
\delta^h_t &= \mathrm d h_t \odot f_t \\
&\quad \odot (1 - \tilde h_t^2), \\
\mathrm d v_t &= \delta^h_t W_{hh}^\top, \\
\mathrm d f_t &= \mathrm d h_t \\
&\quad \odot (\tilde h_t - h_{t-1}) \\
&\quad + \mathrm d v_t \odot h_{t-1}, \\
\delta^f_t &= \mathrm d f_t \odot f_t \\
&\quad \odot (1 - f_t), \\
\mathrm d h_{t-1} &= \frac{\partial L_{t-1}}{\partial h_{t-1}} \\
&\quad + \mathrm d h_t \odot (1 - f_t) \\
&\quad + \mathrm d v_t \odot f_t \\
&\quad + \delta^f_t W_{hf}^\top .
\end{aligned}
$$

If the gate of a unit is near 0, the unit keeps its state, and the candidate cannot read it. A GRU
can keep a unit and read it at the same time, with $z = 1$ and $r = 1$. This cell cannot; it has a
third fewer weights. You can now derive and check the backward pass of any cell. Next, you can put
this cell into a module with `init`, `initial_state`, `step`, `forward` and `backward`. It then
works in `stacked.of` and in the trainings of Part 4.
"""

NAMES = ("dW_x", "dW_h", "db", "dx", "dh0")


def _forward(point, gates=False):
    (W_x, W_h, b), x, h = point
    H, states, f, candidates = h.shape[1], [h], [], []
    for x_t in x:
        a = x_t @ W_x + b
        f_t = sigmoid(a[:, :H] + h @ W_h[:, :H])
        candidate = np.tanh(a[:, H:] + (f_t * h) @ W_h[:, H:])
        h = (1 - f_t) * h + f_t * candidate
        states.append(h)
        f.append(f_t)
        candidates.append(candidate)
    return np.array(states), np.array(f), np.array(candidates)


def _bias(W_h, h, f, candidate, dh, left_out):
    """Returns db with one of the readers left out."""
    H, arriving, db = h.shape[-1], np.zeros_like(h[0]), 0
    for t in reversed(range(len(dh))):
        dh_t = dh[t] + arriving
        da_h = dh_t * f[t] * (1 - candidate[t] ** 2)
        dv = da_h @ W_h[:, H:].T
        df = dh_t * (
            candidate[t] * (left_out != "candidate") - h[t] * (left_out != "kept")
        )
        df = df + dv * h[t] * (left_out != "shown")
        da_f = df * f[t] * (1 - f[t])
        arriving = dh_t * (1 - f[t]) * (left_out != "carried")
        arriving = arriving + dv * f[t] * (left_out != "reset")
        arriving = arriving + da_f @ W_h[:, :H].T * (left_out != "gate")
        if left_out == "time":
            arriving = 0 * arriving
        db = db + np.concatenate([da_f, da_h], axis=1).sum(axis=0)
    return db


READERS = {
    "time": "Each step has the gradient of its own output only: nothing is carried back in time.",
    "shown": "The gate's gradient contains the term from h_t. But the candidate reads f_t, too.",
    "kept": "The gate's gradient leaves out that 1 - f_t multiplies the old state.",
    "candidate": "The gate's gradient leaves out that f_t multiplies the candidate.",
    "carried": "The gradient of h_{t-1} leaves out the direct path, through 1 - f_t.",
    "reset": "The gradient of h_{t-1} leaves out the path through the candidate.",
    "gate": "The gradient of h_{t-1} leaves out that the gate read it, too.",
}


def check(answers):
    """Against complex steps; a reader left out is known by its bias gradient."""
    reader = function(answers, "backward")
    rng = np.random.default_rng(9)
    T, B, D, H = 4, 3, 2, 3
    p = tuple(0.9 * rng.standard_normal(s) for s in [(D, 2 * H), (H, 2 * H), (2 * H,)])
    x, h0 = rng.standard_normal((T, B, D)), rng.standard_normal((B, H))
    dh = rng.standard_normal((T, B, H))
    h, f, candidate = _forward((p, x, h0))
    (dW_x, dW_h, db), dx, dh0 = gradcheck.complex_step(
        lambda point: (_forward(point)[0][1:] * dh).sum(), (p, x, h0)
    )
    given = (p[0], p[1], x, h, f, candidate, dh)
    found = call(reader, *(a.copy() for a in given))
    if not isinstance(found, tuple | list) or len(found) != 5:
        raise Wrong("Return five arrays: dW_x, dW_h, db, dx, dh0.")
    right = (dW_x, dW_h, db, dx, dh0)
    found = [
        array(a, r.shape, f"`{name}`")
        for a, r, name in zip(found, right, NAMES, strict=True)
    ]
    for left_out, message in READERS.items():
        if is_close(found[2], _bias(p[1], h, f, candidate, dh, left_out)):
            raise Wrong(message)
    if not is_close(found[2], db):
        # nothing arrives from later
        step = x[-1:], h[-2:], f[-1:], candidate[-1:], dh[-1:]
        one = call(reader, *(a.copy() for a in (*p[:2], *step)))
        one, right_one = array(one[2], (2 * H,), "`db`"), _bias(p[1], *step[1:], None)
        close(
            one[H:],
            right_one[H:],
            "In a last step, the gradient of the candidate's sum is wrong.",
        )
        close(
            one[:H],
            right_one[:H],
            "In a last step, the gradient of the gate's sum is wrong.",
        )
        raise Wrong("The last step alone is right, but the gradient of h_{t-1} is not.")
    if is_close(found[1][:, :H], dW_h[:, :H]) and not is_close(found[1], dW_h):
        raise Wrong(
            "`dW_h`, second block: W_hh multiplied the reset state, not h_{t-1}."
        )
    for k, name in enumerate(NAMES):
        close(
            found[k],
            right[k],
            f"The gradients of the sums are right, but `{name}` does not follow from them.",
        )
    return "The gradient of this cell is exact up to rounding."
