"""What is left of a memory when gates are held at 0 or 1."""

import numpy as np

from unrolled.cells import gru, lstm
from unrolled.cells.fixed_gates import fix_gate
from unrolled.exercises.judging import Wrong

TITLE = "Gates held open and shut"
CHAPTER = "04-gates/variants"
KIND = "predict"
LEVEL = 1
MINUTES = 15

TEXT = r"""
Some gates are held at 0 or 1 all the time. All other weights are random, and the initial states
are zero. Does the last state, $h_{10}$, depend on the first input, $x_1$? Set each name to `True`
or `False` before you run anything.

1. `lstm_forgets`: LSTM, $f = 0$.
2. `lstm_forgets_alone`: LSTM, $f = 0$, and $W_h = 0$.
3. `lstm_writes_nothing`: LSTM, $i = 0$.
4. `lstm_shows_nothing`: LSTM, $o = 0$ in steps 1 to 9, and $o = 1$ in step 10.
5. `lstm_deaf`: LSTM, $f = 1$, and $W_h = 0$.
6. `gru_keeps_all`: GRU, $z = 1$.
7. `gru_resets`: GRU, $r = 0$.
8. `gru_resets_and_replaces`: GRU, $r = 0$ and $z = 0$.
"""

STUB = """
lstm_forgets = None
lstm_forgets_alone = None
lstm_writes_nothing = None
lstm_shows_nothing = None
lstm_deaf = None
gru_keeps_all = None
gru_resets = None
gru_resets_and_replaces = None
"""

HINTS = (
    "In an LSTM, two paths lead from step to step: through the cell and $f$, and through $h$ and "
    "$W_h$. A path is closed only if one of its factors is 0.",
    "`fixed_gates.fix_gate` holds a gate. Run each network twice, with a different $x_1$ the "
    "second time.",
)

SOLUTION = """
lstm_forgets = True
lstm_forgets_alone = False
lstm_writes_nothing = False
lstm_shows_nothing = True
lstm_deaf = True
gru_keeps_all = False
gru_resets = True
gru_resets_and_replaces = False
"""

COMMENT = r"""
An LSTM with $f = 0$ is still a recurrent network, because $h_{t-1}$ enters the gates and the
candidate through $W_h$. Only if $W_h = 0$ as well does every step start from nothing. If the
output gate is closed, the cell still remembers, and one open step at the end shows what it
contains: the second state does not depend on being shown. With $f = 1$ and $W_h = 0$, the cell is
a sum of functions of single inputs, like the counter and the adder.

A GRU has no second state. With $z = 1$, nothing is ever written. With $r = 0$, the candidate does
not depend on the old state, but $z$ still mixes the old state into the new one. With both $r = 0$
and $z = 0$, the network has no memory: it is a layer of tanh units, applied to each input
separately.
"""

WHY = {
    "lstm_forgets": "with f = 0 the cell is cut, but h_{t-1} still enters the sums through W_h.",
    "lstm_forgets_alone": "with f = 0 and W_h = 0, which path leads from one step to the next?",
    "lstm_writes_nothing": "the cell begins at zero and nothing is ever written to it. What is h?",
    "lstm_shows_nothing": "the output gate does not change the cell, which keeps its content.",
    "lstm_deaf": "the gates do not read h, but the cell is still carried on through f = 1.",
    "gru_keeps_all": "with z = 1 the new state is the old state at every step.",
    "gru_resets": "the candidate does not read the old state, but z keeps part of it directly.",
    "gru_resets_and_replaces": "the candidate does not read the old state and replaces all of it.",
}


def depends(name):
    """Returns whether h_10 depends on x_1, by running the network with two of them."""
    rng = np.random.default_rng(4)
    D, H, T = 2, 3, 10
    cell = gru if name.startswith("gru") else lstm
    p = cell.init(rng, D, H)
    held = {
        "lstm_forgets": {"f": 0},
        "lstm_forgets_alone": {"f": 0},
        "lstm_writes_nothing": {"i": 0},
        "lstm_deaf": {"f": 1},
        "gru_keeps_all": {"z": 1},
        "gru_resets": {"r": 0},
        "gru_resets_and_replaces": {"r": 0, "z": 0},
    }
    if name in ("lstm_forgets_alone", "lstm_deaf"):
        p = p._replace(W_h=0 * p.W_h)
    for gate, value in held.get(name, {}).items():
        p = fix_gate(p, gate, value)
    x = rng.standard_normal((T, 1, D))
    other = x.copy()
    other[0] += 1
    last = []
    for sequence in (x, other):
        if name == "lstm_shows_nothing":
            _, cache = lstm.forward(fix_gate(p, "o", 0), sequence[:-1])
            state = cache.h[-1], cache.c[-1]
            last.append(lstm.step(fix_gate(p, "o", 1), sequence[-1], *state)[0])
        else:
            last.append(cell.forward(p, sequence)[0][-1])
    return bool(np.abs(last[0] - last[1]).max() > 1e-12)


def check(answers):
    """Eight predictions against eight runs."""
    for name, why in WHY.items():
        given = answers.get(name)
        if given not in (True, False) or isinstance(given, float):
            raise Wrong(f"Set `{name}` to True or False.")
        if bool(given) != depends(name):
            raise Wrong(f"`{name}`: {why}")
    return "All eight are right: in four of the networks the first input is lost."
