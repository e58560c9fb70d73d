"""Reverse-mode differentiation of a graph, in ten lines."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, call, close, function, is_close

TITLE = "A Theano of ten lines"
CHAPTER = "04-gates/theano-from-zero"
KIND = "write"
LEVEL = 3
MINUTES = 45

TEXT = r"""
A library that differentiates needs a graph and {eq}`eq-symbolic-reverse`. The stub has the graph: a
`Node` holds a value, the nodes it was computed from (`parents`), and for each parent a function
that takes the gradient of the node to that parent's share (`pull`). Write `grad(loss, wanted)`: the
list of the gradients of `loss`, whose value is a single number, by the values of the nodes in
`wanted`. A node that `loss` does not depend on has a gradient of zeros of its shape.

Nodes may have any number of readers, and chains may be long. Every `pull` should be called
**once**.
"""

STUB = '''
import numpy as np


class Node:
    """A value, what it was computed from, and the way back."""

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
    """The gradients of loss.value by the values of the nodes in wanted."""
    raise NotImplementedError


x = Node(np.array([1.0, 2.0, 3.0]))
loss = total(multiply(x, x))
'''

HINTS = (
    "A node may pass its gradient on only when *all* of its readers have passed theirs to it. In "
    "which order must the nodes be visited?",
    "List the nodes so that parents stand before their readers, by a walk that appends a node "
    "after its parents. Then go through that list from the end.",
    "Keep the gradients in a dictionary by `id(node)`. What arrives at a parent is *added* to "
    "what is there. For long chains walk with a list of your own in place of recursion.",
)

SOLUTION = '''
import numpy as np


class Node:
    """A value, what it was computed from, and the way back."""

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
    """The gradients of loss.value by the values of the nodes in wanted."""
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
Two lines carry the theory. `gradients.get(...) + share` is the sum over readers: $W_h$ has one
reader for each step, and backpropagation through time is nothing but this sum for that node.
`reversed(order)` makes sure that the sum is complete before it is used. Passing on each share as
soon as it arrives gives the right result too, at a price: a node is then visited once for each
*path* from the loss, and in $h \leftarrow h + h$, forty steps long, there are $2^{40}$ of them. In
{ref}`the delta recursion <ch-the-delta-recursion>` the same step took $T(T+1)/2$ walks to $T$.

What a real library adds: operations for everything, pulls that are graphs themselves, so that a
gradient can be differentiated again; rewriting; memory that is given back as soon as the last
reader is done. Give your `Node` the operators `+`, `*` and `@`, and write the GRU's step with them;
the backward pass of {doc}`/book/04-gates/the-gru` then comes for nothing.
"""


class _Node:
    """As the stub's; counts how often its pulls are called."""

    calls = 0

    def __init__(self, value, parents=(), pull=()):
        def counted(function):
            def call_it(d):
                _Node.calls += 1
                if _Node.calls > 20_000:
                    raise Wrong(
                        "The walk never ends: a node is visited once for each path from the loss. "
                        "Let it pass on its gradient once, when all of its readers are done."
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
    """Returns the reader's gradients as arrays of the shapes of what is wanted."""
    _Node.calls = 0
    found = call(reader, loss, list(wanted))
    if not isinstance(found, tuple | list) or len(found) != len(wanted):
        raise Wrong("Return a list with one gradient for each node that is wanted.")
    for gradient, node in zip(found, wanted, strict=True):
        if gradient is None or np.shape(gradient) != np.shape(node.value):
            raise Wrong(
                "A gradient has the shape of its node's value; zeros where nothing leads."
            )
    return [np.asarray(gradient, dtype=float) for gradient in found]


def check(answers):
    """A chain, several readers, an order that matters, long chains, a recurrent network."""
    reader = function(answers, "grad")
    v = np.array([0.5, -1.0, 2.0])
    x = _Node(v.copy())
    (found,) = _ask(reader, _total(_tanh(x)), x)
    close(
        found,
        1 - np.tanh(v) ** 2,
        "A chain without branches is wrong already: total(tanh(x)).",
    )
    x = _Node(v.copy())
    (found,) = _ask(reader, _total(_multiply(x, x)), x)
    if is_close(found, v):
        raise Wrong(
            "Of total(x * x) you find x: the second reader's share replaces the first's. Shares "
            "add."
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
            "Where a node is read both directly and by way of others, the result is wrong: it "
            "passes its gradient on before all of its readers are done."
        )
    if zero.any():
        raise Wrong(
            "A node that the loss does not depend on should have a gradient of zeros."
        )
    x = _Node(v.copy())
    y = x
    for _ in range(40):
        y = _add(y, y)
    (found,) = _ask(reader, _total(y), x)
    close(
        found,
        np.full(3, 2.0**40),
        "Forty doublings of x should have the gradient 2 to the 40.",
    )
    if _Node.calls > 81:
        raise Wrong(
            f"81 pulls should do for forty doublings; you called {_Node.calls}."
        )
    x = y = _Node(v.copy())
    for _ in range(3000):
        y = _add(y, x)
    try:
        (found,) = _ask(reader, _total(y), x)
    except RecursionError:
        raise Wrong(
            "A chain of 3,000 nodes is too deep for recursion; walk with a list of your own."
        ) from None
    close(
        found,
        np.full(3, 3001.0),
        "A chain of 3,000 sums, each of which reads x, is wrong.",
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
            f"For a recurrent network of six steps, the gradient of {name} is off.",
        )
    return "The same gradient as the backward pass that was derived by hand, and every pull once."
