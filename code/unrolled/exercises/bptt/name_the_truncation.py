"""Four truncated gradients, to be told apart by experiment."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong

TITLE = "Which truncation is it?"
CHAPTER = "03-bptt/truncation"
SECTION = "which-pairs-are-kept"
KIND = "open"
LEVEL = 2
MINUTES = 25

TEXT = r"""
Four programs may truncate the gradient, but you are not told whether or how they do. Each program
is a function `program(p, cache, dh)` with the arguments and results of `rnn.backward`. Find out
what they compute by experiment, without reading their source. Set each of `found["A"]` to
`found["D"]` to a pair of a name and a size:

- `("full", None)`: through every step

- `("window", w)`: every output looks back $w$ steps

- `("last", n)`: only the last $n$ steps of the sequence are run backward

- `("chunks", c)`: chunks of $c$ steps, counted from the first step

- `("shifted", c)`: chunks of $c$ steps, but with the cuts one step too early or too late, which
  happens if a program detaches the state at the wrong step

All sizes are below 10. The stub calls program A once. Which `dh` tells you which pairs of
{eq}`eq-truncation-pairs` a program keeps?
"""

STUB = """
import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.bptt.name_the_truncation import PROGRAMS

rng = np.random.default_rng(0)
T, B, D, H = 24, 1, 3, 4
p = rnn.init(rng, D, H)
x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
h, cache = rnn.forward(p, x)
dp, dx, dh0 = PROGRAMS["A"](p, cache, dh)
full = rnn.backward(p, cache, dh)[0]
off = np.linalg.norm(dp.W_h - full.W_h) / np.linalg.norm(full.W_h)
print(f"A is {off:.0%} away from the full gradient")

found = {"A": None, "B": None, "C": None, "D": None}
"""

HINTS = (
    "The distance to the full gradient mixes all pairs. Give a gradient to a single output: "
    "`dh` is zero except for one step. Which part of the result shows how far back it went?",
    "`dx[k]` is zero exactly if nothing reached step $k$. If `dh` is nonzero at step $t$ alone, "
    "the nonzero `dx[k]` are the pairs $(t, k)$ that the program keeps.",
    "Do this for every $t$ and print the table of T rows. Window, last steps and "
    "chunks give the three pictures of the chapter. For shifted chunks, look at the first rows.",
)

SOLUTION = """
import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.bptt.name_the_truncation import PROGRAMS

rng = np.random.default_rng(0)
T, B, D, H = 14, 1, 3, 4
p = rnn.init(rng, D, H)
x = rng.standard_normal((T, B, D))
_, cache = rnn.forward(p, x)


def pairs(program):
    kept = np.zeros((T, T), bool)
    for t in range(T):
        dh = np.zeros((T, B, H))
        dh[t] = 1
        kept[t] = program(p, cache, dh)[1].any(axis=(1, 2))
    return kept


for name, program in PROGRAMS.items():
    print(name)
    for row in pairs(program):
        print("  ", "".join(".#"[int(k)] for k in row))

found = {"A": ("window", 3), "B": ("shifted", 4)}
found |= {"C": ("chunks", 6), "D": ("last", 5)}
"""

COMMENT = r"""
If you try every output, you get the chapter's triangle, and the triangle identifies the program.
You do not need the source, so this works for any library: give a gradient to one output, and see
which inputs receive some of it. In the program with shifted cuts, only the first chunk and the last
chunk can have a different length, so look at the first rows. The total number of kept pairs hardly
changes. A typical cause of this mistake is a test such as `t % c == 0` that is off by one step.

Possible answers:

- *Weak*: compares the norm or the angle with each truncation of each size until one fits. This is
  right here, but it fails if the program computes something that is not on the list.
- *Good*: gives a gradient to single outputs and reads the sizes off the nonzero rows of `dx`.
- *Very good*: needs one call for each program. It uses a batch of $T$ copies of the sequence, with
  `dh` nonzero at step $t$ of copy $t$, so the nonzero entries of `dx` are the whole table. It also
  says why no experiment with the forward pass could find the answer.

Next, do the experiment with the framework that you use.
"""


def _shifted(p, cache, dh):
    """Chunks of four whose cuts come one step late."""
    length = 4
    first = tuple(part[:1] for part in cache)
    rest = tuple(part[1:] for part in cache)
    dp_1, dx_1, dh0 = rnn.backward(p, rnn.Cache(*first), dh[:1])
    dp_2, dx_2, _ = rnn.backward_chunks(p, rnn.Cache(*rest), dh[1:], length)
    return rnn.Params(*map(np.add, dp_1, dp_2)), np.concatenate([dx_1, dx_2]), dh0


PROGRAMS = {
    "A": lambda p, cache, dh: rnn.backward_window(p, cache, dh, 3),
    "B": _shifted,
    "C": lambda p, cache, dh: rnn.backward_chunks(p, cache, dh, 6),
    "D": lambda p, cache, dh: rnn.backward_last(p, cache, dh, 5),
}
TRUTH = {"A": ("window", 3), "B": ("shifted", 4), "C": ("chunks", 6), "D": ("last", 5)}
PROBES = {
    "window": "the gradient of an output in the middle goes back a fixed number of steps.",
    "last": "the gradient of an output in the middle of a long sequence reaches no step at all.",
    "chunks": "how far a gradient goes back depends on the position of the output, "
    "and the pattern repeats.",
    "shifted": "the pattern of the distances repeats, but look at the first few outputs.",
}


def check(answers):
    """Compares the names, then the sizes. A message names the experiment that gives the answer."""
    found = answers.get("found")
    if not isinstance(found, dict) or any(found.get(name) is None for name in TRUTH):
        raise Wrong(
            'Set `found` to a dictionary with a pair for each of "A", "B", "C", "D".'
        )
    for name, (kind, size) in TRUTH.items():
        given = found[name]
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise Wrong(f'`found["{name}"]` should be a pair such as ("window", 2).')
        if given[0] not in ("full", *PROBES):
            raise Wrong(
                f"{name}: {given[0]!r} is none of full, window, last, chunks, shifted."
            )
        if given[0] == "full":
            raise Wrong(
                f"{name} is not the full gradient: on 24 steps, compare all of dx."
            )
        if given[0] == "chunks" and kind == "shifted":
            raise Wrong(
                f"{name} works in chunks, but look at the position of the first cut: how many "
                "steps has the first chunk?"
            )
        if given[0] != kind:
            raise Wrong(f"{name} is not {given[0]!r}: {PROBES[kind]}")
        if kind == "window" and given[1] == size + 1:
            raise Wrong(
                f"{name} is a window, and you count the output's own step: w is the number of "
                "steps before it."
            )
        if given[1] != size:
            raise Wrong(f"{name} is {kind!r}, but with a different size.")
    return "All four are right. One of the programs cuts at the wrong steps."
