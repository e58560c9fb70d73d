"""PyTorch's recurrent layers: how they agree with NumPy, and what they do where libraries differ.

    python -m experiments.frameworks.pytorch_agreement     writes results/pytorch.json

This book does not install PyTorch. Run this with a Python that has NumPy and PyTorch; without
PyTorch the record stays as it is. Everything is computed on one thread, in float64. T time,
B batch, D input, H hidden.
"""

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import gru, gru_reset_after, lstm, rnn
from unrolled.frameworks import torch_layers
from unrolled.functional import cross_entropy
from unrolled.layers import bidirectional, stacked

SEED = 0
T, B, D, H, V = 12, 4, 5, 6, 12
LENGTHS = (7, 12, 1, 9)
CELLS = {"rnn": rnn, "lstm": lstm, "gru_reset_after": gru_reset_after}


def shaken(p, rng):
    """Returns the weights with noise added, so that none of them is zero."""
    return tree.map(lambda w: w + 0.4 * rng.standard_normal(w.shape), p)


def largest_gap(found, wanted):
    """Returns the largest relative difference of all pairs of arrays."""
    pairs = zip(tree.leaves(tuple(found)), tree.leaves(tuple(wanted)), strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def agreements():
    """Returns {case: how far PyTorch's states and gradients are from NumPy's}."""
    found = {}
    for name, cell in CELLS.items():
        for layers in (1, 2):
            case = name if layers == 1 else f"two layers of {name}"
            found[case] = one_way(stacked.of(*[cell] * layers))
        found[f"{name} in two directions, packed"] = two_ways(cell)
    return found


def one_way(network):
    """Returns the gaps of a network that reads forwards, from given initial states."""
    rng = np.random.default_rng(SEED)
    p = shaken(network.init(rng, D, H), rng)
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    states = [rng.standard_normal((B, H)) for _ in network.initial_state(p, B)]
    h, cache = network.forward(p, x, *states)
    return {
        "states": largest_gap([torch_layers.forward(p, x, *states)], [h]),
        "gradient": largest_gap(
            torch_layers.backward(p, x, dh, *states), network.backward(p, cache, dh)
        ),
    }


def two_ways(cell):
    """Returns the gaps of a bidirectional network on a packed batch of unequal lengths."""
    rng = np.random.default_rng(SEED)
    p = shaken(bidirectional.init(rng, D, H, cell), rng)
    real = (np.arange(T)[:, None] < np.array(LENGTHS))[..., None]
    x = rng.standard_normal((T, B, D))
    dh = rng.standard_normal((T, B, 2 * H)) * real
    h, cache = bidirectional.forward(p, x, cell, np.array(LENGTHS))
    return {
        "states": largest_gap(
            [torch_layers.forward(p, x, lengths=LENGTHS)], [h * real]
        ),
        "gradient": largest_gap(
            torch_layers.backward(p, x, dh, lengths=LENGTHS),
            bidirectional.backward(p, cache, dh, cell),
        ),
    }


def reset_before():
    """Returns how far nn.GRU is from the GRU of the paper, given the paper's weights."""
    rng = np.random.default_rng(SEED)
    p = shaken(gru.init(rng, D, H), rng)
    x = rng.standard_normal((T, B, D))
    same = gru_reset_after.Params(p.W_x, p.W_h, np.stack([p.b, np.zeros_like(p.b)]))
    return float(np.abs(torch_layers.forward(same, x) - gru.forward(p, x)[0]).max())


def packing(torch):
    """Returns the sizes of a packed batch, and its difference from one packed in NumPy."""
    x = np.random.default_rng(SEED).standard_normal((T, B, D))
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        torch.tensor(x), torch.tensor(LENGTHS), enforce_sorted=False
    )
    lengths = np.array(LENGTHS)
    order = np.argsort(-lengths, kind="stable")
    mask = np.arange(T)[:, None] < lengths[order]
    try:
        torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), torch.tensor(LENGTHS))
        unsorted = "accepted"
    except RuntimeError:
        unsorted = "RuntimeError"
    return {
        "rows": len(packed.data),
        "of": T * B,
        "batch_sizes": packed.batch_sizes.tolist(),
        "gap": float(np.abs(packed.data.numpy() - x[:, order][mask]).max()),
        "unsorted lengths without enforce_sorted=False": unsorted,
    }


def dropout(torch):
    """Returns where two layers with dropout draw zeros.

    The first layer returns tanh(1) always. The second returns the tanh of its input, so that its
    outputs show the masks.
    """
    torch.manual_seed(SEED)
    units = 1000
    layer = torch.nn.RNN(units, units, num_layers=2, dropout=0.5)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.fill_(1.0)
        layer.weight_ih_l1.copy_(torch.eye(units))
        seen = layer(torch.zeros(2, 1, units))[0][:, 0] > 0
        only = torch.nn.RNN(units, units, num_layers=2, dropout=0.5)
        for parameter in only.parameters():
            parameter.zero_()
        only.bias_ih_l1.fill_(1.0)  # the top layer's outputs are all tanh(1)
        top = only(torch.zeros(2, 1, units))[0]
        layer.eval()
        kept = layer(torch.zeros(2, 1, units))[0] > 0
    return {
        "kept": float(seen.double().mean()),
        "steps with the same mask": float((seen[0] == seen[1]).double().mean()),
        "zeros in the top layer's outputs": float((top == 0).double().mean()),
        "kept in eval": float(kept.double().mean()),
    }


def start(torch):
    """Returns the largest initial weight times √H of each layer, and a forget gate's mean bias."""
    torch.manual_seed(SEED)
    found = {}
    for name in ("RNN", "LSTM", "GRU"):
        layer = getattr(torch.nn, name)(D, 100)
        found[name] = (
            max(float(w.detach().abs().max()) for w in layer.parameters()) * 10
        )
    layer = torch.nn.LSTM(D, 100)
    both = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy()
    found["mean forget bias"] = float(both[100:200].mean())
    return found


def losses(torch):
    """Returns how CrossEntropyLoss differs from the mean over tokens, and what it accepts."""
    rng = np.random.default_rng(SEED)
    logits, targets = rng.standard_normal((T, B, V)), rng.integers(0, V, (T, B))
    mask = np.arange(T)[:, None] < np.array(LENGTHS)
    wanted = cross_entropy(logits, targets)[mask].mean()
    loss, marked = torch.nn.CrossEntropyLoss(), np.where(mask, targets, -100)
    flat = loss(torch.tensor(logits).reshape(-1, V), torch.tensor(marked).reshape(-1))
    square = rng.standard_normal((B, V, V))  # as many steps as classes
    wrong = loss(torch.tensor(square), torch.tensor(rng.integers(0, V, (B, V))))
    empty = loss(torch.zeros(2, V), torch.tensor([-100, -100]))
    attend = torch.nn.MultiheadAttention(D, 1, batch_first=True, dtype=torch.float64)
    memory = torch.tensor(rng.standard_normal((1, 3, D)))
    ignored = torch.tensor([[False, False, True]])
    _, weights = attend(memory, memory, memory, key_padding_mask=ignored)
    return {
        "gap": abs(float(flat) - wanted),
        "default ignore_index": loss.ignore_index,
        "(B, T, V) with T = V is accepted": bool(torch.isfinite(wrong)),
        "nothing but padding is NaN": bool(torch.isnan(empty)),
        "attention to a key with True in key_padding_mask": float(
            weights[..., 2].detach().abs().max()
        ),
    }


def carried(torch):
    """Returns the difference of two pieces from the whole, and the gradient across the cut."""
    rng = np.random.default_rng(SEED)
    layer = torch_layers.layer(shaken(lstm.init(rng, D, H), rng))
    x = torch.tensor(rng.standard_normal((T, B, D)), requires_grad=True)
    whole = layer(x)[0].detach()
    found = {}
    for name in ("carried", "detached"):
        first, state = layer(x[:5])
        if name == "detached":
            state = tuple(s.detach() for s in state)
        second, _ = layer(x[5:], state)
        (dx,) = torch.autograd.grad(second.sum(), x)
        found[name] = {
            "gap": float((torch.cat([first, second]).detach() - whole).abs().max()),
            "gradient before the cut": float(dx[:5].abs().max()),
        }
    return found


def biases(torch):
    """Returns how far the sum of two biases moves in a step of SGD, relative to a single bias."""
    rng = np.random.default_rng(SEED)
    p = shaken(lstm.init(rng, D, H), rng)
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    dp, *_ = lstm.backward(p, lstm.forward(p, x)[1], dh)
    layer = torch_layers.layer(p)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.01)
    layer(torch.tensor(x))[0].backward(torch.tensor(dh))
    optimizer.step()
    arrays = {name: w.detach().numpy() for name, w in layer.named_parameters()}
    moved = torch_layers.params(arrays, p).b - p.b
    return float(np.median(moved / (-0.01 * dp.b)))


def measure(torch):
    """Returns all that the record holds."""
    return {
        "agreement": agreements(),
        "reset before the product": reset_before(),
        "packing": packing(torch),
        "dropout": dropout(torch),
        "start": start(torch),
        "losses": losses(torch),
        "pieces": carried(torch),
        "step of the two biases": biases(torch),
    }


def main():
    try:
        import torch
    except ModuleNotFoundError:
        print("PyTorch is not installed: results/pytorch.json stays as it is")
        return
    started = records.begin("pytorch")
    torch.set_num_threads(1)
    records.write(
        started,
        measure(torch),
        settings={"T": T, "B": B, "D": D, "H": H, "V": V, "LENGTHS": LENGTHS},
        seed=SEED,
        packages=("numpy", "torch"),
    )


RECORDS = {"pytorch": main}
MINUTES = 1

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
