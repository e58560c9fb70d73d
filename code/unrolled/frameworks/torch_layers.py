r"""The book's cells as PyTorch layers, with the same weights.

PyTorch's documentation writes vectors as columns, so its matrices are the transposes of ours. The
blocks of the gates stand below each other, and every layer has two biases.

                       ours               PyTorch
    rnn                W_x, W_h, b        nn.RNN,  tanh
    lstm               blocks i, f, g, o  nn.LSTM, the same order
    gru_reset_after    blocks z, r, h     nn.GRU,  order r, z, n
    bidirectional      onward, reverse    bidirectional=True: names that end in _reverse
    stacked            a tuple of these   num_layers=K: names that end in _l0, _l1, ...

``weights``, ``params`` and ``gradients`` need only NumPy. The other functions need PyTorch, which
this book does not install. T time, B batch, D input, H hidden.
"""

import numpy as np

from unrolled import tree
from unrolled.cells import gru_reset_after, lstm, rnn
from unrolled.layers import bidirectional

LAYERS = {rnn.Params: "RNN", lstm.Params: "LSTM", gru_reset_after.Params: "GRU"}


def weights(p):
    """Returns the weights of a network as PyTorch's arrays, {name: array}.

    Args:
        p: rnn.Params, lstm.Params or gru_reset_after.Params, bidirectional.Params of
            two of these, or a tuple of layers.

    Raises:
        ValueError: Params of a network that PyTorch has no layer for.
    """
    found = {}
    for end, cell in named_cells(p):
        order = block_order(cell)
        b_x, b_h = cell.b if cell.b.ndim == 2 else (cell.b, np.zeros_like(cell.b))
        found[f"weight_ih{end}"] = reordered(cell.W_x, order).T.copy()
        found[f"weight_hh{end}"] = reordered(cell.W_h, order).T.copy()
        found[f"bias_ih{end}"] = reordered(b_x, order)
        found[f"bias_hh{end}"] = reordered(b_h, order)
    return found


def params(arrays, like):
    """Returns PyTorch's arrays as Params; the inverse of ``weights``.

    Args:
        arrays: {name: array}, as ``weights`` returns them.
        like: Params of the same network, for the structure.

    Raises:
        ValueError: an array is missing, is not expected, or has an unexpected shape.
    """
    expected = {name: array.shape for name, array in weights(like).items()}
    found = {name: array.shape for name, array in arrays.items()}
    if found != expected:
        raise ValueError(f"these Params need the arrays {expected}, got {found}")
    leaves = []
    for end, cell in named_cells(like):
        # exchanging r and z once more restores our order
        W_x, W_h, b_x, b_h = (
            reordered(arrays[f"{name}{end}"].T, block_order(cell))
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        two_biases = cell.b.ndim == 2
        leaves += [W_x, W_h, np.stack([b_x, b_h]) if two_biases else b_x + b_h]
    return tree.replace_leaves(like, leaves)


def gradients(arrays, like):
    """Returns the gradient as Params, given the gradients of PyTorch's arrays.

    If PyTorch has two biases instead of our one, each of the two has the gradient of
    ours. We take one of them. (``params`` adds the values of the two biases.)

    Raises:
        ValueError: as ``params``.
    """
    one_bias = {f"bias_hh{end}" for end, cell in named_cells(like) if cell.b.ndim == 1}
    zeroed = {
        name: np.zeros_like(array) if name in one_bias else array
        for name, array in arrays.items()
    }
    return params(zeroed, like)


def reordered(w, order):
    """Returns a weight with the blocks of its last axis in another order."""
    blocks = np.split(w, len(order), axis=-1)
    return np.concatenate([blocks[k] for k in order], axis=-1)


def block_order(cell):
    """Returns the order of our blocks in PyTorch's arrays; z, r, h become r, z, n."""
    count = cell.W_h.shape[1] // len(cell.W_h)
    return (1, 0, 2) if isinstance(cell, gru_reset_after.Params) else range(count)


def named_cells(p):
    """Yields (end of PyTorch's names, Params) for each cell of a network."""
    for k, level in enumerate(p if type(p) is tuple else (p,)):
        both = isinstance(level, bidirectional.Params)
        ends = ("", "_reverse") if both else ("",)
        for cell, direction in zip(level if both else (level,), ends, strict=True):
            if type(cell) not in LAYERS:
                module = type(cell).__module__.removeprefix("unrolled.")
                raise ValueError(f"PyTorch has no layer for {module}.Params")
            yield f"_l{k}{direction}", cell


# --- what needs PyTorch --------------------------------------------------------------------------


def layer(p, **options):
    """Returns the PyTorch layer with the weights of ``p``, in its precision.

    Args:
        p: as ``weights`` takes it; all cells of a stack are of one kind and size.
        options: what the layer takes, such as batch_first or dropout.

    Raises:
        ValueError: as ``weights``, or cells of different kinds or sizes.
    """
    import torch

    cells = [cell for _, cell in named_cells(p)]
    if len({(type(cell), len(cell.W_h)) for cell in cells}) > 1:
        raise ValueError("the cells of a PyTorch layer are of one kind and size")
    first, levels = cells[0], p if type(p) is tuple else (p,)
    made = getattr(torch.nn, LAYERS[type(first)])(
        len(first.W_x),
        len(first.W_h),
        num_layers=len(levels),
        bidirectional=len(cells) > len(levels),
        dtype=getattr(torch, first.W_h.dtype.name),
        **options,
    )
    made.load_state_dict({k: torch.from_numpy(w) for k, w in weights(p).items()})
    return made


def forward(p, x, *state, lengths=None):
    """Returns the states (T, B, H) of the top layer, computed by PyTorch.

    With two directions they are (T, B, 2H). Steps after the end of a sequence are 0.

    Args:
        p: as ``layer`` takes it.
        x: (T, B, D).
        state: initial states, (B, H) each, from the top layer down, all or none; only
            for networks that read in one direction.
        lengths: (B,) real steps of each sequence, in any order; all T if left out.
    """
    import torch

    x_, states = _tensors(x, state)
    with torch.no_grad():
        return run_layer(layer(p), x_, states, lengths).numpy()


def backward(p, x, dh, *state, lengths=None):
    """Returns dp, dx and a gradient for each initial state, found by PyTorch.

    Args:
        p: as ``layer`` takes it.
        x: (T, B, D).
        dh: the gradient of a loss with respect to what ``forward`` returns.
        state: as in ``forward``.
        lengths: as in ``forward``.
    """
    import torch

    network = layer(p)
    x_, states = _tensors(x, state)
    for tensor in (x_, *states):
        tensor.requires_grad_()
    h = run_layer(network, x_, states, lengths)
    inputs = [*network.parameters(), x_, *states]
    found = torch.autograd.grad(h, inputs, torch.tensor(dh))
    arrays = [gradient.numpy() for gradient in found]
    names = [name for name, _ in network.named_parameters()]
    dp = gradients(dict(zip(names, arrays[: len(names)], strict=True)), p)
    return dp, *arrays[len(names) :]


def _tensors(x, state):
    import torch

    return torch.tensor(x), [torch.tensor(s) for s in state]


def run_layer(network, x, states, lengths):
    """Returns the top layer's states (T, B, H) of a network of torch.nn."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    if states:
        # our order is from the top layer down; PyTorch's is from the input up, and it
        # keeps h and c apart
        kinds = 2 if isinstance(network, torch.nn.LSTM) else 1
        stacked = [torch.stack(states[k::kinds][::-1]) for k in range(kinds)]
        initial = tuple(stacked) if kinds == 2 else stacked[0]
    else:
        initial = None
    if lengths is None:
        return network(x, initial)[0]
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    h, _ = network(packed, initial)
    return pad_packed_sequence(h, total_length=len(x))[0]
