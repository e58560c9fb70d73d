"""What permuting the words does to a bag, to a network, and to networks that are bags."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong

TITLE = "Who bit whom"
CHAPTER = "01-introduction/sequences-and-memory"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
*The dog bit the man* and *the man bit the dog*, each word a vector $x_t$ of $D$ numbers, are read
from $h_0 = 0$. Below are six summaries of a sentence. Which of them are the same for both
sentences, whatever the vectors are? Decide before you run anything, and put `True` (the same, up
to rounding) or `False` into `same`. Except where something is said, the weights are random.

- **a**: the sum of the word vectors, $x_1 + \dots + x_5$
- **b**: the last state $h_5$ of $h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$
- **c**: the last state of the same network with $W_h = 0$
- **d**: the mean of all five states of the network with $W_h = 0$
- **e**: the last state of a network without the $\tanh$, $h_t = x_t W_x + h_{t-1} W_h + b$, with
  random $W_h$
- **f**: the last state of that network, $h_t = x_t W_x + h_{t-1} W_h + b$, with $W_h = I$
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
    "Which of the six treat the words of a sentence one by one and then *add* something up?",
    "Without the tanh, write out $h_3$ in terms of $x_1, x_2, x_3$. With what is each of them "
    "multiplied? When are the factors equal?",
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
A sum does not know the order of its terms, so **a**, a bag of words, is the same. In **c** the
last state is $\tanh(x_5 W_x + b)$: the last word and nothing else, *man* or *dog*. In **d** each
state depends on its own word alone, and a mean of them is a bag again, one of transformed words.

**b** and **e** tell the sentences apart. For the linear network, with $v_t = x_t W_x + b$,

$$
h_5 = \sum_{t=1}^{5} v_t\, W_h^{5-t} .
$$

The power of $W_h$ is a mark of the place: a word is counted with another factor the longer ago it
was. In **f** all the powers are $I$, the marks are gone, and a recurrent network has turned into a
bag of words.

So memory is not enough for order. **f** keeps everything, **c** nothing, and both confuse who bit
whom. What is needed is that the state *changes* what is already in it. Next, take the tanh back
into **f**, $W_h = I$: are the sentences still the same? Then make $W_x$ a hundred times smaller
and look again.
"""

WHY = {
    ("a", False): "a sum does not depend on the order of its terms",
    (
        "b",
        True,
    ): "the second word has gone through W_h and tanh more often than the fifth; to "
    "exchange them changes the result",
    (
        "c",
        True,
    ): "with W_h = 0 the last state is made of the last word only, and that is another "
    "one",
    (
        "d",
        False,
    ): "with W_h = 0 each state is made of its own word; the mean adds up the same five "
    "states in another order",
    (
        "e",
        True,
    ): "write h_5 as a sum over the words: x_t is multiplied by a power of W_h that says "
    "how long ago it was",
    (
        "f",
        False,
    ): "every power of the unit matrix is the unit matrix, so no word carries a mark of "
    "its place",
}


def check(answers):
    """Compares the predictions with a run, and says what speaks against the first wrong one."""
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
    return "Order is seen where the way to the summary depends on the place, and only there."


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
