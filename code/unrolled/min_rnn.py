"""A recurrent network that reads a book and learns to write, in one program.

    h_t = tanh(x_t W_x + h_{t-1} W_h + b),    p_t = softmax(h_t W_y + b_y)

T steps in a piece, B pieces in a batch, V different characters, H units.
"""

from importlib import resources
from itertools import count, islice
from textwrap import fill

import numpy as np


def init(rng, V, H):
    """Returns the weights W_x, W_h, b, W_y, b_y: small random numbers."""
    shapes = (V, H), (H, H), (H,), (H, V), (V,)
    return [rng.normal(0, 0.5 / np.sqrt(H), shape) for shape in shapes]


def forward(weights, x, h):
    """Returns states (T+1, B, H) and predictions (T, B, V) for x (T, B, V)."""
    W_x, W_h, b, W_y, b_y = weights
    states = [h]
    for x_t in x:
        states.append(np.tanh(x_t @ W_x + states[-1] @ W_h + b))
    h = np.stack(states)
    e = np.exp(h[1:] @ W_y + b_y)
    return h, e / e.sum(axis=-1, keepdims=True)


def loss(p, y):
    """Returns the mean of -log p of the next characters y (T, B, V)."""
    return -np.log((p * y).sum(axis=-1)).mean()


def backward(weights, x, y, h, p):
    """Returns the gradients of the loss with respect to the weights."""
    W_x, W_h, b, W_y, b_y = weights
    T, B, V = x.shape
    du = (p - y) / (T * B)  # back through the loss and the softmax
    da = du @ W_y.T  # back through the output, h_t W_y + b_y
    from_later = 0
    for t in reversed(range(T)):
        da[t] = (da[t] + from_later) * (1 - h[t + 1] ** 2)  # through the tanh
        from_later = da[t] @ W_h.T  # and through h_{t-1} W_h, to step t - 1
    add_steps = ((0, 1), (0, 1))  # a weight is used T * B times: add them up
    dW_x = np.tensordot(x, da, add_steps)
    dW_h = np.tensordot(h[:-1], da, add_steps)
    dW_y = np.tensordot(h[1:], du, add_steps)
    return [dW_x, dW_h, da.sum(axis=(0, 1)), dW_y, du.sum(axis=(0, 1))]


def adam(weights, gradients, means, squares, update, rate=0.004):
    """Moves every weight, mostly by less than `rate` (Kingma & Ba's Adam)."""
    for w, dw, m, s in zip(weights, gradients, means, squares, strict=True):
        m += 0.1 * (dw - m)
        s += 0.001 * (dw**2 - s)
        m_hat, s_hat = m / (1 - 0.9**update), s / (1 - 0.999**update)
        w -= rate * m_hat / (np.sqrt(s_hat) + 1e-8)


def sample(rng, weights, first, length, temperature=0.5):
    """Returns ids of characters: each is drawn from a prediction, then read."""
    V, H = weights[3].shape[::-1]
    ids, h = [first], np.zeros((1, 1, H))
    while len(ids) < length:
        h, p = forward(weights, np.eye(V)[[ids[-1:]]], h[-1])
        p = p[0, 0] ** (1 / temperature)  # below 1: likely characters gain
        ids.append(rng.choice(V, p=p / p.sum()))
    return ids


def train(ids, V, H=128, B=16, T=32, seed=0):
    """Yields the loss and the weights before each update, for ever."""
    rng, one_hot = np.random.default_rng(seed), np.eye(V)
    weights = init(rng, V, H)
    means, squares = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for update in count(1):
        starts = rng.integers(0, len(ids) - T, B)
        batch = one_hot[ids[starts + np.arange(T + 1)[:, None]]]
        x, y = batch[:-1], batch[1:]
        h, p = forward(weights, x, np.zeros((B, H)))
        yield loss(p, y), weights
        adam(weights, backward(weights, x, y, h, p), means, squares, update)


if __name__ == "__main__":
    book = (resources.files("unrolled.data") / "alice.txt").read_text("utf-8")
    book = " ".join(book.split())  # line breaks and indents become one space
    characters = sorted(set(book))
    ids = np.array([characters.index(c) for c in book])
    losses, reading = [], islice(train(ids, len(characters)), 4001)
    for update, (now, weights) in enumerate(reading):
        losses.append(now)
        if update in (0, 100, 300, 1000, 4000):
            print(f"After {update} updates, loss {now:.2f}:")
            written = sample(np.random.default_rng(1), weights, ids[0], 300)
            print(fill("".join(characters[i] for i in written), 78), "\n")
