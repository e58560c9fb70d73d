"""Every finite automaton as a recurrent network with weights set by hand."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, call, function

TITLE = "Any finite automaton"
CHAPTER = "01-introduction/the-unrolled-graph"
SECTION = "how-much-can-a-state-hold"
KIND = "write"
LEVEL = 3
MINUTES = 45

TEXT = r"""
A *finite automaton* is a machine with a finite number of states. The next state depends only on the
present state and the symbol that is read. Parity is a finite automaton with two states. The network
of {doc}`/book/01-introduction/sequences-and-memory` works for parity only. Find a construction that
works for *every* finite automaton. Other examples of finite automata are a traffic light, a program
that checks whether brackets balance up to a fixed depth, and a program that computes the remainder
of a binary number modulo 7.

We describe an automaton with $Q$ states and $S$ symbols by an integer array `table` of shape
$(Q, S)$: in state $q$, the symbol $s$ leads to state `table[q, s]`. State 0 is the initial state.
Write `network(table)`, which returns

- `p`, an `rnn.Params` of a network that reads ids in $0 \dots S-1$, so that `W_x` has one row for
  each symbol,
- `h0`, the initial state $(H,)$,
- `W_y` $(H, Q)$ and `b_y` $(Q,)$.

After every step, the largest of the $Q$ logits $h_t W_y + b_y$ must be the logit of the automaton's
state. You may choose $H$ up to $2QS$. The network must be right for sequences of any length. The
check reads 2,000 symbols.
"""

STUB = '''
import numpy as np

from unrolled.cells import rnn


def network(table):
    """Returns p, h0, W_y, b_y of a network that does what the automaton does."""
    raise NotImplementedError


mod_3 = np.array([[0, 1], [2, 0], [1, 2]])  # binary digits, modulo 3
# p, h0, W_y, b_y = network(mod_3)
# digits = np.array([1, 1, 1, 0])  # 1, 3, 7, 14
# h, _ = rnn.forward(p, digits[:, None], h0[None])
# print((h[:, 0] @ W_y + b_y).argmax(axis=1))
'''

HINTS = (
    "In general, one unit for each of the $Q$ states is not enough: the next state depends on two "
    "facts together, *was in $q$* and *reads $s$*. Use one unit for each pair $(q, s)$. It should "
    "be $+1$ if the automaton was in $q$ and read $s$, and $-1$ otherwise.",
    "Which units at $+1$ mean that the automaton *is* in $q$ now? The units of the pairs "
    "$(q', s')$ with `table[q', s'] == q`. At each step, only one unit is at $+1$.",
    "Inside the pre-activation, $(h + 1)/2$ turns $\\pm1$ into 1 and 0. The threshold is 1.5, so "
    "the pre-activation is the gain times (is in $q$ + reads $s$ − 1.5).",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import rnn


def network(table, gain=10.0):
    """Returns p, h0, W_y, b_y of a network that does what the automaton does."""
    Q, S = table.shape
    was, reads = np.divmod(np.arange(Q * S), S)  # unit n stands for the pair (q, s)
    leads_to = table[was, reads]

    # now[n, m]: unit n at +1 says: now in the state that unit m asks for
    now = (leads_to[:, None] == was[None]).astype(float)
    symbol = (np.arange(S)[:, None] == reads[None]).astype(float)
    # gain * (sum over n of now (h_n + 1) / 2  +  symbol  -  3/2)
    b = gain * (now.sum(axis=0) / 2 - 1.5)
    p = rnn.Params(W_x=gain * symbol, W_h=gain * now / 2, b=b)

    is_in = (leads_to[:, None] == np.arange(Q)).astype(float)
    into_0 = leads_to == 0
    if into_0.any():
        h0 = np.where(np.arange(Q * S) == into_0.argmax(), 1.0, -1.0)
    else:  # nothing leads to state 0: a start from which its units see "in 0"
        h0, p, is_in = _with_a_start_unit(p, was, is_in, gain)
    return p, h0, is_in / 2, is_in.sum(axis=0) / 2


def _with_a_start_unit(p, was, is_in, gain):
    """Adds a unit that is +1 before the first step, and then -1 for ever."""
    column = gain * (was == 0) / 2
    W_h = np.block([[p.W_h, np.zeros((len(was), 1))], [column[None], np.zeros((1, 1))]])
    b = np.append(p.b + column, -gain)
    W_x = np.hstack([p.W_x, np.zeros((len(p.W_x), 1))])
    h0 = np.append(-np.ones(len(was)), 1.0)
    return h0, rnn.Params(W_x, W_h, b), np.vstack([is_in, np.zeros(is_in.shape[1])])


mod_3 = np.array([[0, 1], [2, 0], [1, 2]])  # binary digits, modulo 3
p, h0, W_y, b_y = network(mod_3)
digits = np.array([1, 1, 1, 0])  # 1, 3, 7, 14
h, _ = rnn.forward(p, digits[:, None], h0[None])
print((h[:, 0] @ W_y + b_y).argmax(axis=1))
'''

COMMENT = r"""
Unit $(q, s)$ is on if the automaton was *in $q$* and *read $s$*. This is an *and* of two facts,
which one threshold can compute. Being in $q$ is an *or* over all pairs that lead to $q$. Exactly
one unit is on at a time, so this *or* is a sum. We write $n \to q$ for the units $n$ whose pair
leads to $q$. The *and* and the *or* then fit into one pre-activation:

$$
\begin{aligned}
a_{qs} &= \gamma \Bigl( \sum_{n \to q} \frac{h_n + 1}{2} \\
&\qquad + [x = s] - \frac32 \Bigr) .
\end{aligned}
$$

The bracket is $\tfrac12$ if both facts hold, $-\tfrac12$ if one holds, and $-\tfrac32$ if neither
does. With a gain of 10, every unit of the automata of the check is therefore within $10^{-4}$ of
$\pm 1$ at each step, however long the sequence is. The construction is old: {cite:t}`minsky1967`
built automata from threshold units in this way. One case needs care. If no state leads back to the
initial state, you need an additional unit that is on only before the first step.

We now know what a recurrent network with a fixed number of bits *can* compute. Such a network is a
finite automaton, and every finite automaton can be built as such a network. This does not tell us
what a network can learn. Next, train a network of the same size on strings of length 12 and their
states, and compare it with the network above at length 2,000.
"""


def check(answers):
    """Random automata, and one with a start that nothing leads to."""
    reader = function(answers, "network")
    mod_3 = np.array([[0, 1], [2, 0], [1, 2]])
    _run(reader, mod_3, np.array([1, 1, 1, 0, 1]), "the remainder modulo 3")
    rng = np.random.default_rng(0)
    for Q, S in ((2, 2), (4, 3), (5, 2), (3, 5)):
        table = rng.integers(0, Q, (Q, S))
        table[-1, 0] = 0
        case = f"a random automaton of {Q} states and {S} symbols"
        _run(reader, table, rng.integers(0, S, 2000), case)
    never_back = np.array([[1, 2], [1, 2], [2, 1]])
    _run(
        reader,
        never_back,
        rng.integers(0, 2, 300),
        "an automaton that never returns to state 0",
    )
    return "The network follows every automaton of the check, for up to 2,000 symbols."


def _run(reader, table, symbols, case):
    Q, S = table.shape
    found = call(reader, table.copy())
    try:
        p, h0, W_y, b_y = found
        H = len(p.b)
        sizes = (p.W_x.shape, p.W_h.shape, np.shape(h0), np.shape(W_y), np.shape(b_y))
    except (TypeError, ValueError, AttributeError):
        raise Wrong("Return p, h0, W_y, b_y, with p an `rnn.Params`.") from None
    if sizes != ((S, H), (H, H), (H,), (H, Q), (Q,)):
        raise Wrong(
            f"For Q = {Q}, S = {S}, H = {H} the shapes of W_x, W_h, h0, W_y, b_y should be "
            f"{(S, H)}, {(H, H)}, {(H,)}, {(H, Q)}, {(Q,)}; they are {', '.join(map(str, sizes))}."
        )
    if H > 2 * Q * S:
        raise Wrong(f"{H} units for Q = {Q}, S = {S}: 2QS = {2 * Q * S} are allowed.")
    h, _ = rnn.forward(p, symbols[:, None], np.asarray(h0, dtype=float)[None])
    says = (h[:, 0] @ W_y + b_y).argmax(axis=1)
    state, truth = 0, []
    for symbol in symbols:
        state = table[state, symbol]
        truth.append(state)
    wrong = np.flatnonzero(says != np.array(truth))
    if len(wrong) == 0:
        return
    step = wrong[0] + 1
    before = np.array([0, *truth[:-1]])
    if np.array_equal(says, before):
        raise Wrong(
            f"For {case} the output is always the state one step earlier. Read it after the step."
        )
    if case.startswith("an automaton that never"):
        raise Wrong(
            f"Right for all others, wrong at step {step} for {case}: no pair leads to state 0, so "
            "no unit of a pair can represent this state before the first step."
        )
    if step == 1:
        raise Wrong(
            f"For {case} the very first step is wrong: does h0 represent state 0?"
        )
    if step > 20:
        raise Wrong(
            f"For {case} it is right up to step {step - 1} and then wrong: the units drift. With "
            "a larger gain, each step would correct them."
        )
    raise Wrong(
        f"For {case}: after symbols {symbols[:step].tolist()} the automaton is in state "
        f"{truth[step - 1]}, but the network says {says[step - 1]}."
    )
