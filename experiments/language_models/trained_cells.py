"""What the cells of a trained language model hold, how fast they forget, and what comes back.

What the trainings of ``gated_language_models`` measure in each network of one layer, with each
seed: which unit follows a fact best, the time constants, the gradient by distance. All of it on
validation sentences, and on the same ones for every network.
"""

import functools

import numpy as np

from experiments.language_models import gradient_by_distance
from unrolled import tree
from unrolled.cells import gru, lstm
from unrolled.data import text
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.layers import embedding, stacked
from unrolled.models import probing

SIGNS = {"inside ( )": "()", "inside [ ]": "[]", 'inside " "': '""'}
FAST = 2  # words: time constants below it are called fast


def measure(cell, params, vocabulary, validation):
    """Returns what is measured in a trained network with one layer of this cell."""
    params = tree.map(lambda weight: weight.astype(np.float64), params)
    chosen, batch = sentences(validation)
    values, gate = read(cell, params, batch)
    found = {
        "facts": best_units(values, batch, facts(vocabulary, chosen, batch)),
        "gradient": gradient(cell, params, vocabulary),
    }
    if gate is not None:
        found["time_constants"] = time_constants(gate).tolist()
        found |= last_word(cell, params, validation)
    if cell is lstm:
        unit = found["facts"]["inside ( )"]["unit"]
        found["emptied"] = emptied(params, vocabulary, chosen, unit)
    return found


def sentences(validation, count=1500):
    """Returns sentences of 12 to 40 ids, and the batch of them."""
    fits = [ids for ids in validation if 12 <= len(ids) <= 40]
    rng = np.random.default_rng(0)
    chosen = [fits[i] for i in rng.permutation(len(fits))[:count]]
    return chosen, text.pad(chosen)


def read(cell, params, batch):
    """Returns the values of the units at the real words, and the gate that keeps them.

    A unit's value is its cell state in an LSTM and its state in the others; (N, H) each.
    """
    vectors, layer = params.cell
    h, cache = cell.forward(layer, vectors.E[batch.inputs])
    if cell is lstm:
        return cache.c[batch.mask], cache.f[batch.mask]
    return h[batch.mask], cache.z[batch.mask] if cell is gru else None


def facts(vocabulary, chosen, batch):
    """Returns {name: (N,)}: at each real word, inside which signs it is, and its position."""
    found = {
        name: on_real_words(
            batch, chosen, lambda ids, signs=signs: inside(vocabulary, ids, signs)
        )
        > 0
        for name, signs in SIGNS.items()
    }
    position = on_real_words(batch, chosen, lambda ids: np.arange(len(ids)))
    return found | {"position": position}


def inside(vocabulary, ids, signs):
    """Returns (len(ids),) bool: between an opening and a closing sign, without the signs."""
    opening, closing = (vocabulary.ids[sign] for sign in signs)
    is_open, found = False, []
    for word in ids:
        at_sign = word == opening and not (is_open and opening == closing)
        is_open = at_sign or (is_open and word != closing)
        found.append(is_open and not at_sign)
    return np.array(found)


def on_real_words(batch, chosen, function):
    """Returns the values of function(ids), (N,), in the order of array[batch.mask]."""
    values = np.zeros(batch.mask.shape)
    for b, ids in enumerate(chosen):
        values[: len(ids) - 1, b] = function(ids[:-1])
    return values[batch.mask]


def best_units(values, batch, targets):
    """Returns for each fact the unit that follows it best in one half, and its score in the other.

    The score is the area under the curve for what is true or false, and r² for a number.
    """
    number = np.broadcast_to(np.arange(batch.mask.shape[1]), batch.mask.shape)
    held_out = number[batch.mask] % 2 == 1
    found = {}
    for name, target in targets.items():
        yes_or_no = target.dtype == bool
        score = probing.separation if yes_or_no else probing.squared_correlation
        unit, value = probing.best_unit(score, values, target, held_out)
        found[name] = {"unit": unit, "score": value}
    return found


def emptied(params, vocabulary, chosen, unit, count=60):
    """Returns what emptying one cell changes, in nats, and how many cells do more harm.

    The changes are those of the mean loss at closing brackets and at all other words, in some
    sentences with a bracket.
    """
    few = text.pad([ids for ids in chosen if vocabulary.ids["("] in ids][:count])
    vectors, layer = params.cell
    targets = few.targets[few.mask]
    closing = targets == vocabulary.ids[")"]

    def losses(units):
        h = probing.forward_without(layer, vectors.E[few.inputs], units)[few.mask]
        found = cross_entropy(h @ params.W_y + params.b_y, targets)
        return np.array([found[closing].mean(), found[~closing].mean()])

    whole = losses([])
    changes = np.array([losses([other]) - whole for other in range(len(layer.W_h))])
    at_closing, elsewhere = changes[unit]
    return {
        "closing": float(at_closing),
        "other": float(elsewhere),
        "median": float(np.median(changes[:, 0])),
        "more": int((changes[:, 0] > at_closing).sum()),
    }


def time_constants(gate):
    """Returns (H,): the words after which each unit keeps 1/e, by its gate at N words (N, H)."""
    return -1 / np.log(gate).mean(axis=0)


def gradient(cell, params, vocabulary):
    """Returns quantiles over sentences of the gradient by distance, relative to one word back."""
    rng = np.random.default_rng(gradient_by_distance.SEED)
    inputs, targets = gradient_by_distance.long_sentences(
        vocabulary,
        gradient_by_distance.DISTANCE + 1,
        rng,
        gradient_by_distance.SENTENCES,
    )
    found = gradient_by_distance.norms(
        params, inputs, targets, stacked.of(embedding, cell)
    )
    ratio = np.log10(np.maximum(found[1:], 1e-300) / found[1])
    return {str(q): np.quantile(ratio, q, axis=1).tolist() for q in (0.25, 0.5, 0.75)}


def last_word(cell, params, validation, length=32):
    """Returns where the gradient of the last word's loss enters, and by which way it comes back.

    ``fast``: the share of the units whose time constant is below two words; ``into_fast``: the
    share of the squared gradient that enters them at the last step; ``direct``: the norm of what
    comes back by the gates alone over the norm of the whole gradient, 30 words back, of every
    sentence.
    """
    ids = np.stack([ids[:length] for ids in validation if len(ids) >= length], axis=1)
    *inputs, targets = ids
    vectors, layer = params.cell
    x = vectors.E[np.array(inputs)]
    h, cache = cell.forward(layer, x[:1])
    after_first_word = (h[0],) if cell is gru else (h[0], cache.c[0])
    h, cache = cell.forward(layer, x[1:], *after_first_word)
    dh = np.zeros_like(h)
    logits = h[-1] @ params.W_y + params.b_y
    dh[-1] = dcross_entropy(logits, targets, np.ones(len(targets))) @ params.W_y.T
    _, _, *dstate = cell.backward(layer, cache, dh)
    whole = np.linalg.norm(np.concatenate(dstate, axis=-1), axis=-1)
    entering, gate = dh[-1], getattr(cache, "z" if cell is gru else "f")
    if cell is lstm:
        entering = entering * cache.o[-1] * (1 - np.tanh(cache.c[-1]) ** 2)
    fast = time_constants(gate.reshape(-1, gate.shape[-1])) < FAST
    squared = entering**2
    direct = np.linalg.norm(entering * gate.prod(axis=0), axis=1) / whole
    return {
        "fast": float(fast.mean()),
        "into_fast": float(squared[:, fast].sum() / squared.sum()),
        "direct": np.quantile(direct, (0.25, 0.5, 0.75)).tolist(),
    }


def of(cell, vocabulary, validation):
    """Returns the function of trained parameters that measures them."""
    return functools.partial(
        measure, cell, vocabulary=vocabulary, validation=validation
    )
