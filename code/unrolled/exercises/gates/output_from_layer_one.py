"""Two layers, and an output that reads the first, the second, or both."""

import numpy as np

from unrolled.cells import gru
from unrolled.exercises.judging import (
    Wrong,
    array,
    call,
    close,
    function,
    is_close,
    number,
)
from unrolled.functional import cross_entropy, dcross_entropy

TITLE = "Can the output use layer 1 alone?"
CHAPTER = "04-gates/deeper-and-both-ways"
SECTION = "which-layer-does-the-output-read"
KIND = "write"
LEVEL = 2
MINUTES = 35

TEXT = r"""
Can the output of a deep network read layer 1 alone? The stub runs two GRU layers. Its output
reads layer 2, $u_t = h^{(2)}_t W_y$, and its gradient is right. Extend `loss_and_gradient` to

- `read="first"`: $u_t = h^{(1)}_t W_y$;
- `read="both"`: $u_t = [\,h^{(1)}_t\;\; h^{(2)}_t\,]\, W_y$, with $W_y$ of shape $(2H, V)$.

The function returns the summed cross-entropy and the gradients of layer 1, of layer 2 and of
$W_y$. If nothing reads a layer, its gradient is an array of zeros, not `None`.
"""

STUB = '''
import numpy as np

from unrolled.cells import gru
from unrolled.functional import cross_entropy, dcross_entropy


def loss_and_gradient(p_1, p_2, W_y, x, targets, read):
    """(loss, dp_1, dp_2, dW_y); x (T, B, D), targets (T, B)."""
    if read != "second":
        raise NotImplementedError
    h_1, cache_1 = gru.forward(p_1, x)
    h_2, cache_2 = gru.forward(p_2, h_1)
    u = h_2 @ W_y
    du = dcross_entropy(u, targets, np.ones(targets.shape))
    dW_y = np.einsum("tbh,tbv->hv", h_2, du)
    dp_2, dx_2, _ = gru.backward(p_2, cache_2, du @ W_y.T)
    dp_1, _, _ = gru.backward(p_1, cache_1, dx_2)
    return cross_entropy(u, targets).sum(), dp_1, dp_2, dW_y
'''

HINTS = (
    "For each layer, `dh` is a sum of two terms: one from the output, if the output reads the "
    "layer, and one from the layer above.",
    'With `read="first"`, nothing reads layer 2. Its `dh` is zeros, and `gru.backward` of zeros '
    'gives zeros. With `read="both"`, `(du @ W_y.T)[..., :H]` belongs to layer 1 and the rest to '
    "layer 2.",
    "Layer 1's own term is *added* to `dx_2`, which comes from layer 2.",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import gru
from unrolled.functional import cross_entropy, dcross_entropy


def loss_and_gradient(p_1, p_2, W_y, x, targets, read):
    """(loss, dp_1, dp_2, dW_y); x (T, B, D), targets (T, B)."""
    h_1, cache_1 = gru.forward(p_1, x)
    h_2, cache_2 = gru.forward(p_2, h_1)
    shown = {"first": [h_1], "second": [h_2], "both": [h_1, h_2]}[read]
    y = np.concatenate(shown, axis=-1)
    u = y @ W_y
    du = dcross_entropy(u, targets, np.ones(targets.shape))
    dW_y = np.einsum("tbh,tbv->hv", y, du)
    dy, none, H = du @ W_y.T, np.zeros_like(h_1), h_1.shape[-1]
    own_1 = dy[..., :H] if read != "second" else none
    own_2 = dy[..., -H:] if read != "first" else none
    dp_2, dx_2, _ = gru.backward(p_2, cache_2, own_2)
    dp_1, _, _ = gru.backward(p_1, cache_1, own_1 + dx_2)
    return cross_entropy(u, targets).sum(), dp_1, dp_2, dW_y
'''

COMMENT = r"""
It can. Layer 2 is then useless: no path leads from it to the loss, its gradient is exactly zero,
and training without weight decay never changes it. If the output reads both layers, layer 1 gets
two gradients, one directly and one through layer 2. The direct gradient has passed through fewer
gates, which is one reason to use such connections in deep stacks {cite:p}`graves2013generating`.
The price is an output matrix of twice the size. In a language model, the output matrix is one of
the largest arrays. `stacked.backward` does the same for any number of layers. It takes a tuple with
one `dh` for each layer.

As a next step, let the output read the sum $h^{(1)}_t + h^{(2)}_t$ instead of both states side by
side. What changes in the code?
"""


def _right(p_1, p_2, W_y, x, targets, read, down=True, own=True):
    h_1, cache_1 = gru.forward(p_1, x)
    h_2, cache_2 = gru.forward(p_2, h_1)
    H = h_1.shape[-1]
    y = np.concatenate(
        {"first": [h_1], "second": [h_2], "both": [h_1, h_2]}[read], axis=-1
    )
    u = y @ W_y
    dy = dcross_entropy(u, targets, np.ones(targets.shape)) @ W_y.T
    none = np.zeros_like(h_1)
    own_1 = dy[..., :H] if read != "second" and own else none
    own_2 = dy[..., -H:] if read != "first" else none
    dp_2, dx_2, _ = gru.backward(p_2, cache_2, own_2)
    dp_1, _, _ = gru.backward(p_1, cache_1, own_1 + (dx_2 if down else none))
    dW_y = np.einsum(
        "tbh,tbv->hv", y, dcross_entropy(u, targets, np.ones(targets.shape))
    )
    return float(cross_entropy(u, targets).sum()), dp_1, dp_2, dW_y


def _flat(found, p, name):
    """Returns a layer's gradient as one vector, or says what is missing."""
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong(
            f"The gradient of {name} should be gru.Params, with zeros if nothing reads it."
        )
    names = (f"{w} of {name}" for w in ("W_x", "W_h", "b"))
    return np.concatenate(
        [array(a, w.shape, n).ravel() for a, w, n in zip(found, p, names, strict=True)]
    )


def check(answers):
    """Tests the three ways to read the layers, and recognises the likely mistakes."""
    reader = function(answers, "loss_and_gradient")
    rng = np.random.default_rng(13)
    T, B, D, H, V = 5, 3, 2, 4, 6
    p_1, p_2 = gru.init(rng, D, H), gru.init(rng, H, H)
    x, targets = rng.standard_normal((T, B, D)), rng.integers(0, V, (T, B))
    for read in ("second", "first", "both"):
        W_y = rng.standard_normal((2 * H if read == "both" else H, V))
        found = call(reader, p_1, p_2, W_y.copy(), x.copy(), targets.copy(), read)
        if not isinstance(found, tuple | list) or len(found) != 4:
            raise Wrong("Return four things: loss, dp_1, dp_2, dW_y.")
        loss, dp_1, dp_2, dW_y = _right(p_1, p_2, W_y, x, targets, read)
        says = f'read="{read}": '
        given = number({"loss": found[0]}, "loss")
        if read == "both":
            swapped = np.concatenate([W_y[H:], W_y[:H]])
            if is_close(given, _right(p_1, p_2, swapped, x, targets, read)[0]):
                raise Wrong(
                    says
                    + "the states are joined in the other order: layer 1 stands first."
                )
        close(
            given,
            loss,
            says + "the loss is not the summed cross-entropy of these logits.",
        )
        layer_1, layer_2 = (
            _flat(found[1], p_1, "layer 1"),
            _flat(found[2], p_2, "layer 2"),
        )
        if read == "first" and np.abs(layer_2).max() > 1e-12:
            raise Wrong(
                says + "layer 2 gets a gradient, but no path leads from it to the loss."
            )
        for down, own, message in (
            (
                False,
                True,
                "layer 1 lacks what layer 2 passes down to it: its states are its inputs.",
            ),
            (
                True,
                False,
                "layer 1 lacks the gradient of the output, which reads it directly.",
            ),
        ):
            wrong = _right(p_1, p_2, W_y, x, targets, read, down, own)[1]
            differs = not is_close(_flat(dp_1, p_1, ""), _flat(wrong, p_1, ""))
            if differs and is_close(layer_1, _flat(wrong, p_1, "")):
                raise Wrong(says + message)
        close(layer_2, _flat(dp_2, p_2, ""), says + "the gradient of layer 2 is wrong.")
        close(layer_1, _flat(dp_1, p_1, ""), says + "the gradient of layer 1 is wrong.")
        close(array(found[3], W_y.shape, "`dW_y`"), dW_y, says + "`dW_y` is wrong.")
    return "The output can read layer 1 alone. The gradient of layer 2 is then exactly zero."
