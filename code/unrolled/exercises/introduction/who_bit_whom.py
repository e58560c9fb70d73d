"""Which summaries of a sentence change if its words change places."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong

TITLE = "Who bit whom"
CHAPTER = "01-introduction/sequences-and-memory"
SECTION = "two-ways-to-do-without-a-memory"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
A network reads two sentences, *the dog bit the man* and *the man bit the dog*. Each word is a
vector $x_t$ of $D$ numbers, and $h_0 = 0$. Below are six summaries of a sentence. Which summaries
are the same for both sentences, for all possible word vectors? Decide before you run anything. Put
`True` into `same` if a summary is the same for both sentences (up to rounding), and `False` if it
differs. The weights are random unless the list says otherwise.

- **a**: the sum of the word vectors, $x_1 + \dots + x_5$

- **b**: the last state $h_5$ of $h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$

- **c**: the last state of the same network with $W_h = 0$

- **d**: the mean of all five states of the network with $W_h = 0$

- **e**: the last state of a network without the $\tanh$, $h_t = x_t W_x + h_{t-1} W_h + b$, with
  random $W_h$

- **f**: the last state of the network without the $\tanh$, with $W_h = I$, the identity matrix
"""

STUB = """
same = {
    "a": ...,
    "b": ...,
    "c": ...,
    "d": ...,
    "e": ...,
    "f": ...,
}
"""

HINTS = (
    "Which of the six summaries treat each word separately and then add up the results?",
    "For the network without the tanh, write $h_3$ in terms of $x_1, x_2, x_3$. By which matrix is "
    "each of them multiplied? When are these matrices equal?",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import rnn

rng = np.random.default_rng(0)
D, H = 3, 4
vectors = {word: rng.normal(size=D) for word in ("the", "dog", "bit", "man")}
one, other = (
    np.stack([vectors[word] for word in sentence.split()])[:, None]
    for sentence in ("the dog bit the man", "the man bit the dog")
)
p = rnn.Params(rng.normal(size=(D, H)), rng.normal(size=(H, H)), rng.normal(size=H))
no_memory = p._replace(W_h=np.zeros((H, H)))
keeps_all = p._replace(W_h=np.eye(H))


def linear(a):
    """No nonlinearity."""
    return a


summaries = {
    "a": lambda x: x.sum(axis=0),
    "b": lambda x: rnn.forward(p, x)[0][-1],
    "c": lambda x: rnn.forward(no_memory, x)[0][-1],
    "d": lambda x: rnn.forward(no_memory, x)[0].mean(axis=0),
    "e": lambda x: rnn.forward(p, x, f=linear)[0][-1],
    "f": lambda x: rnn.forward(keeps_all, x, f=linear)[0][-1],
}
same = {name: bool(np.allclose(s(one), s(other))) for name, s in summaries.items()}
print(same)
'''

COMMENT = r"""
A sum does not depend on the order of its terms, so **a**, a bag of words, is the same. In **c**,
the last state is $\tanh(x_5 W_x + b)$. It depends only on the last word, *man* or *dog*. In **d**,
each state depends only on its own word, so the mean of the states is also a bag of words, in which
each word was transformed first.

**b** and **e** differ. For the linear network, with $v_t = x_t W_x + b$,

$$
h_5 = \sum_{t=1}^{5} v_t\, W_h^{5-t} .
$$

The power of $W_h$ depends on the position: a word that was read earlier is multiplied by a higher
power. In **f**, all these powers are $I$. The recurrent network has become a bag of words.

So it is not enough that a state keeps its inputs. In **f**, the state keeps the sum of all words,
but not their order. To represent order, a step must also *transform* what the state already holds.
Next, put the tanh back into **f**, with $W_h = I$. Are the two states still the same? Then make
$W_x$ a hundred times smaller and try again.
"""

WHY = {
    ("a", False): "a sum does not depend on the order of its terms",
    (
        "b",
        True,
    ): "the second word passes through W_h and tanh more often than the fifth, so "
    "exchanging them changes the result",
    (
        "c",
        True,
    ): "with W_h = 0 the last state depends on the last word only, and the last words "
    "are different",
    (
        "d",
        False,
    ): "with W_h = 0 each state depends on its own word only, so the mean adds up the "
    "same five states in a different order",
    (
        "e",
        True,
    ): "write h_5 as a sum over the words: x_t is multiplied by a power of W_h that says "
    "how long ago it was",
    (
        "f",
        False,
    ): "every power of the identity matrix is the identity matrix, so the position of a word "
    "makes no difference",
}


def check(answers):
    """Compares the predictions with a run, and explains why the first wrong one is wrong."""
    same = answers.get("same")
    letters = "abcdef"
    if not isinstance(same, dict) or set(same) != set(letters):
        raise Wrong('Set `same` to a dictionary with the keys "a" to "f".')
    for letter, truth in _truth().items():
        if not isinstance(same[letter], bool | np.bool_):
            raise Wrong(f'Set same["{letter}"] to True or False.')
        if bool(same[letter]) != truth:
            told = "differs" if same[letter] else "is the same"
            raise Wrong(f"{letter} {told}: {WHY[letter, bool(same[letter])]}.")
    return "A summary depends on the order if words at different positions are treated differently."


def _truth():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, 1, 3))
    x[3] = x[0]
    y = x[[0, 4, 2, 3, 1]]
    p = rnn.Params(rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), rng.normal(size=4))
    none, unit = p._replace(W_h=np.zeros((4, 4))), p._replace(W_h=np.eye(4))

    def linear(a):
        return a

    def run(p, f, x):
        return rnn.forward(p, x, f=f)[0]

    pairs = {
        "a": (x.sum(axis=0), y.sum(axis=0)),
        "b": (run(p, np.tanh, x)[-1], run(p, np.tanh, y)[-1]),
        "c": (run(none, np.tanh, x)[-1], run(none, np.tanh, y)[-1]),
        "d": (run(none, np.tanh, x).mean(axis=0), run(none, np.tanh, y).mean(axis=0)),
        "e": (run(p, linear, x)[-1], run(p, linear, y)[-1]),
        "f": (run(unit, linear, x)[-1], run(unit, linear, y)[-1]),
    }
    return {letter: bool(np.allclose(*pair)) for letter, pair in pairs.items()}
