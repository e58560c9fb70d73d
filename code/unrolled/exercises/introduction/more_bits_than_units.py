"""Repeating more bits than there are units."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, call, function

TITLE = "More bits than units"
CHAPTER = "01-introduction/shapes-of-sequence-problems"
SECTION = "the-bottleneck"
KIND = "open"
LEVEL = 3
MINUTES = 90

TEXT = r"""
The shift register of the chapter reads $S$ bits and writes them again in the same order, with
$S + 1$ units. But a unit holds a real number, and a number has many digits. How many bits can a
network with at most **8 units** repeat? A shift register of 8 units repeats 7 bits. Your target is
**16** bits.

Each input has two entries, a bit and a flag. For $S$ steps the network reads $(\pm1,\ 0)$, where
the flag 0 means *reading*. Then, for $S$ steps, it reads $(0,\ 1)$, where the flag 1 means
*writing*. At writing step $k$, its output $u = h W_y + b_y$ must have the sign of bit $k$. Write
`network(S)`, which returns `p` (an `rnn.Params` with $D = 2$ and $H \le 8$), `W_y` $(H, 1)$ and
`b_y`, a number. The state starts at $h_0 = 0$, and all arithmetic is in float64. A network passes
if at least 99 % of the bits of 200 random sequences are right.

You may set the weights by hand or train them. You may use any trick that works with the equation
$h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$.
"""

STUB = '''
import numpy as np

from unrolled.cells import rnn


def network(S, H=8):
    """The shift register: W_h moves each bit to the next unit."""
    W_x = np.zeros((2, H))
    W_x[0, 0] = 3.0
    p = rnn.Params(W_x, W_h=3 * np.eye(H, k=1), b=np.zeros(H))
    W_y = np.zeros((H, 1))
    W_y[min(S, H - 1)] = 1.0
    return p, W_y, 0.0
'''

HINTS = (
    "Near 0, $\\tanh(a) \\approx a$, so a unit with tiny values is linear. With "
    "$h_t = 2 h_{t-1} + \\varepsilon x_t$ and $\\varepsilon$ small enough, what does the unit hold "
    "after $S$ bits? What is its sign?",
    "Its sign is the *oldest* bit, which must be written first. To reach the next bit, subtract "
    "the oldest bit and double the rest. A second unit with a very large gain, "
    "$\\tanh(\\gamma h)$, gives the sign one step later.",
    "While the network reads, nothing must be subtracted. Push one unit to $+1$ and another to "
    "$-1$. Their sum is 0. When the flag releases both units, their sum is twice the sign.",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import rnn


def network(S):
    """v holds the bits as digits; (s1 + s2) / 2 is its sign when writing."""
    e = 2.0 ** -(S + 40)  # so small that tanh is linear for v, up to 2 ** (S + 1) * e
    gain, hold = 40 / e, 2.0 ** (S + 7)
    top = 2.0**S * e  # what the oldest bit counts in v, once reading is over
    v, s1, s2 = range(3)

    W_x, W_h, b = np.zeros((2, 3)), np.zeros((3, 3)), np.zeros(3)
    W_x[0, v] = e  # v <- 2 v + e x, less the bit that has been written
    W_h[v, v] = 2.0
    W_h[[s1, s2], v] = -top  # 2 top * (s1 + s2) / 2
    for unit, sign in ((s1, 1), (s2, -1)):
        W_h[v, unit] = gain  # the sign of v - top * (s1 + s2) / 2
        W_h[[s1, s2], unit] = -gain * top / 2
        b[unit], W_x[1, unit] = sign * hold, -sign * hold  # reading: +1 and -1
    W_y = np.array([[0.0], [1.0], [1.0]])
    return rnn.Params(W_x, W_h, b), W_y, 0.0
'''

COMMENT = r"""
| answer | what it contains |
|---|---|
| weak | 7 bits in a shift register of 8 units, or fewer bits and no explanation |
| sound | a trained network with more than 8 bits, or weights set by hand that reach 16 bits |
| good | 16 bits or more, and an explanation of the limit (float64? the cubic term of tanh?) |
| very good | the same, and a comparison with the shift register under noise of 0.001 |

The solution above has three units. One of them holds all the bits as the digits of a number,

$$
v = \varepsilon \sum_{k=1}^{S} 2^{S-k}\, b_k ,
$$

whose sign is the oldest bit. At each writing step the sign is read and subtracted, and the rest is
doubled. Two units with a very large gain read the sign; until the flag is 1, their biases hold
them at +1 and −1. The solution works up to $S = 52$, since a float64 has 53 binary digits. With a
larger $\varepsilon$, it would fail at a smaller $S$, because of the term $-v^3/3$ in $\tanh v$.

{cite:t}`siegelmann1995` used the same idea to store the tape of a Turing machine in a number. How
robust is such a memory? With noise of 0.001 on every state, the bits in $v$ are lost, as the check
has measured. The shift register is not affected, because its units are close to $\pm1$ and each
step makes a small error smaller. The statement of the chapter remains true: a state of fixed size
cannot hold a text of any length. The $H$ numbers of the state hold at most $64H$ bits, and with
noise they hold far fewer.
"""


def check(answers):
    """Tests S = 16, then the longest sequence that passes, and the effect of a little noise."""
    reader = function(answers, "network")
    rate = accuracy(reader, 16)
    if rate < 0.99:
        reached = max(
            (S for S in range(1, 16) if accuracy(reader, S) >= 0.99), default=0
        )
        more = (
            ""
            if reached
            else " (Write the first bit at the first step with the flag 1.)"
        )
        raise Wrong(
            f"Of 16 bits, {rate:.0%} are right; the longest sequence that reaches 99 % has "
            f"{reached} bits.{more}"
        )
    reached = max(
        S for S in (16, 20, 24, 32, 40, 48) if S == 16 or accuracy(reader, S) >= 0.99
    )
    noisy = accuracy(reader, 16, noise=1e-3)
    units = len(reader(16)[0].b)
    return (
        f"At least {reached} bits in {units} units. With noise of 0.001 on every state, "
        f"{noisy:.0%} of 16 bits are right; guessing would get half of them right."
    )


def accuracy(reader, S, noise=0.0):
    """Returns the share of bits that come out right, over 200 sequences of S bits.

    Raises:
        Wrong: the answer is no network of at most 8 units with the shapes asked for.
    """
    found = call(reader, S)
    try:
        p, W_y, b_y = found
        H = len(p.b)
        shapes = (np.shape(p.W_x), np.shape(p.W_h), np.shape(W_y))
    except (TypeError, ValueError, AttributeError):
        raise Wrong("Return p, W_y, b_y, with p an `rnn.Params`.") from None
    if shapes != ((2, H), (H, H), (H, 1)):
        raise Wrong(
            f"For H = {H}, W_x should be (2, {H}), W_h ({H}, {H}) and W_y ({H}, 1)."
        )
    if H > 8:
        raise Wrong(f"You use {H} units; only 8 are allowed.")
    rng = np.random.default_rng(S)
    bits = rng.choice([-1.0, 1.0], (S, 200))
    x = np.zeros((2 * S, 200, 2))
    x[:S, :, 0], x[S:, :, 1] = bits, 1
    h, outputs = np.zeros((200, H)), []
    for x_t in x:
        h = rnn.step(p, x_t, h)
        if noise:
            h = h + noise * rng.normal(size=h.shape)
        outputs.append((h @ W_y)[:, 0] + b_y)
    return float(np.mean((np.array(outputs[S:]) > 0) == (bits > 0)))
