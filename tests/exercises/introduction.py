"""Wrong answers to the exercises of the introduction."""

from tests.exercises.attempt import Attempt


def _letters(**truth):
    return f"same = {truth!r}\n"


WRONG = {
    "a_writer_without_memory": [
        Attempt(
            "every round starts from the zero state", "h = states[-1]", "h = states[0]"
        ),
        Attempt("Every round reads the first", "[ids[-1:]]", "[ids[:1]]"),
        Attempt(
            "instead of taking the likeliest", "rng.choice(V, p=p[0, 0])", "p.argmax()"
        ),
        Attempt("Which state does the next round", "h = states[-1]", "h = -states[-1]"),
    ],
    "who_bit_whom": [
        Attempt(
            "c differs", code=_letters(a=True, b=False, c=True, d=True, e=False, f=True)
        ),
        Attempt(
            "d is the same",
            code=_letters(a=True, b=False, c=False, d=False, e=False, f=True),
        ),
        Attempt(
            "e differs", code=_letters(a=True, b=False, c=False, d=True, e=True, f=True)
        ),
        Attempt(
            "f is the same",
            code=_letters(a=True, b=False, c=False, d=True, e=False, f=False),
        ),
    ],
    "how_hard_to_flip_a_bit": [
        Attempt("the sign is not", "math.atanh(h) - 2", "-math.atanh(h) + 2"),
        Attempt(
            "cancel the feedback of the resting", "math.atanh(h) - 2 * h", "2 * 0.9575"
        ),
        Attempt(
            "the derivative over one step", "(2 * (1 - h**2)) ** 10", "2 * (1 - h**2)"
        ),
        Attempt("3 leaves out w", "(2 * (1 - h**2)) ** 10", "(1 - h**2) ** 10"),
        Attempt("1: w = 2 does store two values", "smallest_w = 1", "smallest_w = 2"),
    ],
    "sentences_that_leak": [
        Attempt(
            "from sequence to sequence",
            code="""
import numpy as np


def forward(W_x, W_h, b, x):
    h, states = np.zeros((x.shape[1], len(b))), np.empty((*x.shape[:2], len(b)))
    for i in range(len(x)):
        states[i] = h = np.tanh(x[i] @ W_x + h @ W_h + b)
    return states
""",
        ),
        Attempt(
            "with time first, (T, B, H)", "np.stack(states, axis=1)", "np.stack(states)"
        ),
        Attempt(
            "nothing is carried through time",
            "x_t @ W_x + h @ W_h + b",
            "x_t @ W_x + b",
        ),
        Attempt(
            "time runs back",
            code="""
import numpy as np


def forward(W_x, W_h, b, x):
    h, states = np.zeros((len(x), len(b))), np.empty((*x.shape[:2], len(b)))
    for t in range(x.shape[1]):
        states[:, -1 - t] = h = np.tanh(x[:, -1 - t] @ W_x + h @ W_h + b)
    return states
""",
        ),
        Attempt("W_h is transposed", "h @ W_h", "h @ W_h.T"),
    ],
    "any_automaton": [
        Attempt("the units drift", "gain=10.0", "gain=3.0"),
        Attempt(
            "does h0 represent state 0", "into_0.argmax(), 1.0, -1.0)", "-1, 1.0, -1.0)"
        ),
        Attempt(
            "the state one step earlier",
            "leads_to[:, None] == np.arange(Q)",
            "was[:, None] == np.arange(Q)",
        ),
        Attempt(
            "no pair leads to state 0",
            "return p, h0, is_in / 2, is_in.sum(axis=0) / 2\n\n\ndef _",
            "H = Q * S\n    p = rnn.Params(p.W_x[:, :H], p.W_h[:H, :H], p.b[:H])\n"
            "    return p, h0[:H], is_in[:H] / 2, is_in.sum(axis=0) / 2\n\n\ndef _",
        ),
    ],
    "more_bits_than_units": [
        Attempt(
            "99 % has 0 bits",
            "np.array([[0.0], [1.0], [1.0]])",
            "np.zeros((3, 1))",
        ),
        Attempt(
            "has 7 bits",
            code="""
import numpy as np

from unrolled.cells import rnn


def network(S, H=8):
    W_x, W_y = np.zeros((2, H)), np.zeros((H, 1))
    W_x[0, 0] = 3.0
    W_y[min(S, H - 1)] = 1.0
    return rnn.Params(W_x, 3 * np.eye(H, k=1), np.zeros(H)), W_y, 0.0
""",
        ),
        Attempt(
            "8 are allowed",
            code="""
import numpy as np

from unrolled.cells import rnn


def network(S, H=17):
    W_x, W_y = np.zeros((2, H)), np.zeros((H, 1))
    W_x[0, 0] = 3.0
    W_y[min(S, H - 1)] = 1.0
    return rnn.Params(W_x, 3 * np.eye(H, k=1), np.zeros(H)), W_y, 0.0
""",
        ),
    ],
    "four_copies_of_one_weight": [
        Attempt("you took h_k", "h[k - 1] for k", "h[k] for k"),
        Attempt(
            "Each share is half of the right number", "d * w ** (4 - k)", "w ** (4 - k)"
        ),
        Attempt(
            "the share of the last copy only",
            "gradient = sum(shares)",
            "gradient = shares[3]",
        ),
        Attempt("in the wrong order", "for k in (1, 2, 3, 4)", "for k in (4, 3, 2, 1)"),
        Attempt(
            "the shares of steps 4 and 3 are left", "shares[3] + shares[2]", "shares[3]"
        ),
    ],
}
