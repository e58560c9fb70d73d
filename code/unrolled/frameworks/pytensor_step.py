"""An SGD step of the language model in PyTensor, the same as ``speed.sgd_step``.

PyTensor compiles it to C, Numba or JAX. The weights are shared variables, which the compiled
function updates. The gradient is taken with respect to the rows of W_x that were read, and only
these are updated.
"""

import os
import warnings

import numpy as np

from unrolled import tree
from unrolled.arguments import check_words, names_arguments
from unrolled.installed import named_extras
from unrolled.models import language_model

os.environ.setdefault("PYTENSOR_FLAGS", "blas__ldflags=")  # NumPy's own BLAS
with named_extras(), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pytensor
    import pytensor.tensor as pt
    from pytensor.tensor.special import log_softmax

MODES = {"C": "CVM", "Numba": "NUMBA", "JAX": "JAX"}


@names_arguments(p=language_model.OVER_RNN)
def compile_step(p, learning_rate, shape, mode="NUMBA"):
    """Returns (step, params): as ``keras_step.compile_step``.

    Args:
        p: ``language_model.Params`` over ``rnn``: the weights to begin with; they are copied.
        learning_rate: η.
        shape: (T, B) of the batches; (None, None), which JAX does not take, for any.
        mode: a value of MODES, or another mode of PyTensor.
    """
    H, dtype = len(p.cell.b), p.W_y.dtype.type
    shared = tree.replace_leaves(
        p,
        [
            pytensor.shared(leaf.copy(), name, shape=leaf.shape)
            for name, leaf in tree.named_leaves(p)
        ],
    )
    W_x, W_h, b = shared.cell
    inputs, targets = (
        pt.tensor(name, dtype="int32", shape=shape) for name in ("x", "y")
    )

    T, B = (known or found for known, found in zip(shape, inputs.shape, strict=True))

    def state(x_t, h, W_h, b):
        return pt.tanh(x_t + pt.dot(h, W_h) + b)

    x = W_x[inputs]
    h = pytensor.scan(
        state,
        sequences=[x],
        outputs_info=[pt.zeros((B, H), dtype=dtype.__name__)],
        non_sequences=[W_h, b],
        strict=True,
        return_updates=False,
    )
    rows = (pt.specify_shape(h, (T, B, H)) if all(shape) else h).reshape((T * B, H))
    log_p = log_softmax(pt.dot(rows, shared.W_y) + shared.b_y, axis=1)
    loss = -log_p[
        np.arange(T * B) if all(shape) else pt.arange(T * B), targets.reshape((T * B,))
    ].sum()
    weights = [W_h, b, shared.W_y, shared.b_y]
    dx, *gradients = pt.grad(loss, [x, *weights])
    rate = dtype(learning_rate)
    updates = [(w, w - rate * dw) for w, dw in zip(weights, gradients, strict=True)]
    updates.append((W_x, pt.inc_subtensor(W_x[inputs], -rate * dx)))
    compiled = pytensor.function([inputs, targets], loss, updates=updates, mode=mode)

    def step(inputs, targets):
        check_words(inputs, targets, len(p.b_y), shape)
        found = float(compiled(inputs.astype(np.int32), targets.astype(np.int32)))
        for w in tree.leaves(shared):  # JAX returns before its arrays are there
            getattr(
                w.get_value(borrow=True, return_internal_type=True),
                "block_until_ready",
                int,
            )
        return found

    return step, lambda: tree.map(lambda w: np.asarray(w.get_value()), shared)
