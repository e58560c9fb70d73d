"""Differentiate a graph from its last node to its first, in about ten lines."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, call, close, function, is_close

TITLE = "A small Theano"
CHAPTER = "04-gates/theano-from-zero"
SECTION = "how-grad-works"
KIND = "write"
LEVEL = 3
MINUTES = 45

TEXT = r"""
A library that computes gradients needs a graph and the rule of {eq}`eq-symbolic-reverse`. The stub
contains the graph. A `Node` holds a value and the nodes from which the value was computed, its
`parents`. For each parent, the node also holds a function, a `pull`. The pull turns the gradient of
the node into the term that this node adds to the gradient of the parent.

Write `grad(loss, wanted)`. The value of `loss` is a single number. Return a list with the gradient
of `loss` with respect to each node in `wanted`. If `loss` does not depend on a node, its gradient
is an array of zeros.

Several nodes may read the same node, and a chain of nodes may be long. Call every `pull` only
**once**.
"""

STUB = '''
import numpy as np


class Node:
    """A value, the nodes it was computed from, and a pull for each of them."""

    def __init__(self, value, parents=(), pull=()):
        self.value, self.parents, self.pull = value, parents, pull


def add(a, b):
    return Node(a.value + b.value, (a, b), (lambda d: d, lambda d: d))


def multiply(a, b):
    pull = (lambda d: d * b.value, lambda d: d * a.value)
    return Node(a.value * b.value, (a, b), pull)


def matmul(a, b):
    pull = (lambda d: d @ b.value.T, lambda d: a.value.T @ d)
    return Node(a.value @ b.value, (a, b), pull)


def tanh(a):
    h = np.tanh(a.value)
    return Node(h, (a,), (lambda d: d * (1 - h**2),))


def total(a):
    return Node(a.value.sum(), (a,), (lambda d: np.full_like(a.value, d),))


def grad(loss, wanted):
    """The gradients of loss with respect to the nodes in wanted."""
    raise NotImplementedError


x = Node(np.array([1.0, 2.0, 3.0]))
loss = total(multiply(x, x))
'''

HINTS = (
    "The gradient of a node is complete when *all* nodes that read it have added their terms. In "
    "which order do you have to visit the nodes?",
    "First make a list in which the parents of a node come before the node. To make it, append "
    "each node after its parents. Then go through the list from the end.",
    "Store the gradients in a dictionary with the keys `id(node)`. *Add* each new term to the "
    "gradient of the parent. For long chains, use a list of waiting nodes instead of recursion.",
)

SOLUTION = '''
import numpy as np


class Node:
    """A value, the nodes it was computed from, and a pull for each of them."""

    def __init__(self, value, parents=(), pull=()):
        self.value, self.parents, self.pull = value, parents, pull


def add(a, b):
    return Node(a.value + b.value, (a, b), (lambda d: d, lambda d: d))


def multiply(a, b):
    pull = (lambda d: d * b.value, lambda d: d * a.value)
    return Node(a.value * b.value, (a, b), pull)


def matmul(a, b):
    pull = (lambda d: d @ b.value.T, lambda d: a.value.T @ d)
    return Node(a.value @ b.value, (a, b), pull)


def tanh(a):
    h = np.tanh(a.value)
    return Node(h, (a,), (lambda d: d * (1 - h**2),))


def total(a):
    return Node(a.value.sum(), (a,), (lambda d: np.full_like(a.value, d),))


def grad(loss, wanted):
    """The gradients of loss with respect to the nodes in wanted."""
    order, seen, waiting = [], set(), [(loss, False)]
    while waiting:
        node, parents_done = waiting.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((parent, False) for parent in node.parents)
    gradients = {id(loss): 1.0}
    for node in reversed(order):
        for parent, pull in zip(node.parents, node.pull, strict=True):
            share = pull(gradients[id(node)])
            gradients[id(parent)] = gradients.get(id(parent), 0) + share
    return [gradients.get(id(n), np.zeros_like(n.value)) for n in wanted]


x = Node(np.array([1.0, 2.0, 3.0]))
loss = total(multiply(x, x))
print(grad(loss, [x]))
'''

COMMENT = r"""
Two lines contain the main ideas. The line with `gradients.get(...) + share` computes the sum of
{eq}`eq-symbolic-reverse`. In a recurrent network, $W_h$ is read once at each step, and
backpropagation through time is this sum for $W_h$. The line with `reversed(order)` makes sure that
the sum is complete before it is used.

You could also pass on each term as soon as it is computed. The result is correct, but a node is
then visited once for each *path* from the loss. In forty steps of $h \leftarrow h + h$ there are
$2^{40}$ paths. {ref}`The delta recursion <ch-the-delta-recursion>` saves work in the same way: it
needs $T$ steps instead of $T(T+1)/2$.

A real library has many more operations. Its pulls return graphs, so a gradient can be
differentiated again. It also rewrites the graph, and frees memory that is no longer needed. As a
next step, give your `Node` the operators `+`, `*` and `@`, and write the step of a GRU with them.
Compare the result of `grad` with the backward pass of {doc}`/book/04-gates/the-gru`.
"""


class _Node:
    """The node of the stub. It counts how often its pulls are called."""

    calls = 0

    def __init__(self, value, parents=(), pull=()):
        def counted(function):
            def call_it(d):
                _Node.calls += 1
                if _Node.calls > 20_000:
                    raise Wrong(
                        "Your function visits a node once for each path from the loss. Visit each "
                        "node once, after all nodes that read it."
                    )
                return function(d)

            return call_it

        self.value, self.parents = value, parents
        self.pull = tuple(counted(function) for function in pull)


def _add(a, b):
    return _Node(a.value + b.value, (a, b), (lambda d: d, lambda d: d))


def _multiply(a, b):
    return _Node(
        a.value * b.value, (a, b), (lambda d: d * b.value, lambda d: d * a.value)
    )


def _matmul(a, b):
    pull = (lambda d: d @ b.value.T, lambda d: a.value.T @ d)
    return _Node(a.value @ b.value, (a, b), pull)


def _tanh(a):
    h = np.tanh(a.value)
    return _Node(h, (a,), (lambda d: d * (1 - h**2),))


def _total(a):
    return _Node(a.value.sum(), (a,), (lambda d: np.full_like(a.value, d),))


def _ask(reader, loss, *wanted):
    """Returns the reader's gradients as arrays with the shapes of the wanted nodes."""
    _Node.calls = 0
    found = call(reader, loss, list(wanted))
    if not isinstance(found, tuple | list) or len(found) != len(wanted):
        raise Wrong("Return a list with one gradient for each node in `wanted`.")
    for gradient, node in zip(found, wanted, strict=True):
        if gradient is None or np.shape(gradient) != np.shape(node.value):
            raise Wrong(
                "Each gradient needs the shape of its node's value. If the loss does not depend on "
                "a node, return an array of zeros."
            )
    return [np.asarray(gradient, dtype=float) for gradient in found]


def check(answers):
    """Tests a chain, several uses of a node, long chains, and a recurrent network."""
    reader = function(answers, "grad")
    v = np.array([0.5, -1.0, 2.0])
    x = _Node(v.copy())
    (found,) = _ask(reader, _total(_tanh(x)), x)
    close(
        found,
        1 - np.tanh(v) ** 2,
        "The gradient of a chain without branches, total(tanh(x)), is wrong.",
    )
    x = _Node(v.copy())
    (found,) = _ask(reader, _total(_multiply(x, x)), x)
    if is_close(found, v):
        raise Wrong(
            "For total(x * x) you return x. x is used twice, and the second term replaces the "
            "first. Add the terms."
        )
    close(found, 2 * v, "The gradient of total(x * x) should be 2x.")
    x, apart = _Node(v.copy()), _Node(np.zeros((2, 2)))
    y = _tanh(x)
    z = _multiply(_tanh(_multiply(y, y)), y)
    found, zero = _ask(reader, _total(_add(z, y)), x, apart)
    t = np.tanh(v)
    s = np.tanh(t * t)
    right = ((1 - s * s) * 2 * t * t + s + 1) * (1 - t * t)
    if not is_close(found, right):
        raise Wrong(
            "If a node is read directly and also through a different node, your result is wrong. "
            "The gradient of the node is used before it is complete."
        )
    if zero.any():
        raise Wrong(
            "The loss does not depend on one of the nodes. Its gradient should be zeros."
        )
    x = _Node(v.copy())
    y = x
    for _ in range(40):
        y = _add(y, y)
    (found,) = _ask(reader, _total(y), x)
    close(
        found,
        np.full(3, 2.0**40),
        "After forty doublings of x, the gradient of x should be 2 to the power 40.",
    )
    if _Node.calls > 81:
        raise Wrong(f"Forty doublings need 81 calls of a pull. You made {_Node.calls}.")
    x = y = _Node(v.copy())
    for _ in range(3000):
        y = _add(y, x)
    try:
        (found,) = _ask(reader, _total(y), x)
    except RecursionError:
        raise Wrong(
            "A chain of 3,000 nodes is too deep for recursion. Use a list of waiting nodes."
        ) from None
    close(
        found,
        np.full(3, 3001.0),
        "The gradient of a chain of 3,000 sums, each of which reads x, is wrong.",
    )
    rng = np.random.default_rng(15)
    T, B, D, H = 6, 3, 2, 4
    p = rnn.Params(
        0.8 * rng.standard_normal((D, H)), rng.standard_normal((H, H)), np.zeros(H)
    )
    inputs, h0 = rng.standard_normal((T, B, D)), rng.standard_normal((B, H))
    W_x, W_h, start = _Node(p.W_x.copy()), _Node(p.W_h.copy()), _Node(h0.copy())
    h, loss = start, _Node(0.0)
    for x_t in inputs:
        h = _tanh(_add(_matmul(_Node(x_t), W_x), _matmul(h, W_h)))
        loss = _add(loss, _total(_multiply(h, h)))
    found = _ask(reader, loss, W_x, W_h, start)
    states, cache = rnn.forward(p, inputs, h0)
    dp, _, dh0 = rnn.backward(p, cache, 2 * states)
    for name, gradient, right in zip(
        ("W_x", "W_h", "h0"), found, (dp.W_x, dp.W_h, dh0), strict=True
    ):
        close(
            gradient,
            right,
            f"For a recurrent network of six steps, the gradient of {name} is wrong.",
        )
    return "Your gradient agrees with our backward pass, and every pull is called once."
