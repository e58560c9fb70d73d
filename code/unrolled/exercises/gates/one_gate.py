"""The backward pass of a cell with a single gate, which the book does not have."""

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
The *minimal gated unit* of {cite:t}`zhou2016` is a GRU in which
one gate, $f_t$, stands for both $r_t$ and $1 - z_t$:

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

No chapter has its gradient. Derive it, and write `backward(W_x, W_h, x, h, f, candidate, dh)`. The
blocks f, h of $W_x$, $(D, 2H)$, $W_h$, $(H, 2H)$, and $b$ lie side by side; `h`, $(T+1, B, H)$,
begins with $h_0$; `f` and `candidate` are $(T, B, H)$; `dh[t]` is the gradient of that step's own
loss with respect to `h[t + 1]`. Return `dW_x`, `dW_h`, `db`, `dx`, `dh0`.
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
    "Who reads what? $f_t$ stands in two equations, and in one of them twice. $h_{t-1}$ stands "
    "in all three.",
    "Begin with the candidate's sum: $\\delta^h_t = \\mathrm d h_t \\odot f_t \\odot "
    "(1 - \\tilde h_t^2)$. What the candidate was shown, $v_t = f_t \\odot h_{t-1}$, gets "
    "$\\mathrm d v_t = \\delta^h_t W_{hh}^\\top$, and passes it on to both of its factors.",
    "$\\mathrm d f_t = \\mathrm d h_t \\odot (\\tilde h_t - h_{t-1}) + \\mathrm d v_t \\odot "
    "h_{t-1}$; $h_{t-1}$ collects $\\mathrm d h_t \\odot (1 - f_t)$, $\\mathrm d v_t \\odot f_t$ "
    "and $\\delta^f_t W_{hf}^\\top$. $W_{hh}$ met $v_t$ and not $h_{t-1}$.",
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
Nothing is new but the number of readers. With $v_t = f_t \odot h_{t-1}$,

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

Where the gate is near 0 the unit keeps its state, and the candidate sees nothing of it: what is
kept is not looked at. A GRU can keep a unit and use it at the same time ($z = 1$, $r = 1$), this
cell cannot, which is what the third of the weights that it saves were for. You can now derive the
backward pass of any cell that someone proposes, and check it; next, put it into a module with
`init`, `initial_state`, `step`, `forward` and `backward`, and it runs in `stacked.of` and in every
training of Part 4.
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
    "time": "Each step has the gradient of its own output only: nothing is carried back.",
    "shown": "The gate's gradient has its part in h_t; f_t decides what the candidate sees, too.",
    "kept": "The gate's gradient forgets that 1 - f_t multiplies the old state.",
    "candidate": "The gate's gradient forgets that f_t multiplies the candidate.",
    "carried": "What goes back to h_{t-1} leaves out the direct way, through 1 - f_t.",
    "reset": "What goes back to h_{t-1} leaves out the way through the candidate.",
    "gate": "What goes back to h_{t-1} leaves out that the gate read it too.",
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
        raise Wrong("A last step alone is right; what goes back to h_{t-1} is not.")
    if is_close(found[1][:, :H], dW_h[:, :H]) and not is_close(found[1], dW_h):
        raise Wrong(
            "`dW_h`, second block: W_hh multiplied the reset state, and not h_{t-1}."
        )
    for k, name in enumerate(NAMES):
        close(
            found[k],
            right[k],
            f"The sums' gradients are right; `{name}` is not made of them.",
        )
    return "The gradient of a cell that no chapter has, exact to rounding."
