"""Does moving the attention of the dates network change what it writes?

Run: python -m experiments.attention.moved_attention
Reads results/attention_dates.npz, writes results/moved_attention.json. A minute.

The tests are in the manner of Jain & Wallace (2019): weights permuted, made uniform, or moved by
an adversary to where the answer stays the same.
"""

from experiments import command_line

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()  # before the imports, which take seconds

import functools
import sys

import numpy as np

from experiments.attention.attention_dates import HIDDEN, STEPS, as_batch, pairs
from experiments.intervals import interval
from unrolled import records
from unrolled.data import dates
from unrolled.functional import softmax
from unrolled.layers import attention
from unrolled.models import seq2seq
from unrolled.training import checkpoint

SEED, TESTED, PERMUTATIONS = 0, 1000, 8
SCORE = attention.general
UNREAD = 0.05  # an adversary moves all weight to a character that had less than this
NEAR = 0.05  # distributions are near if their total variation distance is below this
KINDS = {"digits": (0, 1, 2, 3, 5, 6, 8, 9), "hyphens": (4, 7)}


def network():
    """Returns the recorded network, in double precision."""
    D, V = len(dates.ALPHABET), len(dates.ANSWERS)
    like = seq2seq.init(
        np.random.default_rng(0), D, V, HIDDEN, SCORE, True, dtype=np.float64
    )
    return checkpoint.load(records.FOLDER / "attention_dates.npz", like)


def logits_with(p, weights_BKS, values_BSE, state_BH):
    """Returns the logits (B, K, V+1) of a step whose attention has these weights, K at a time."""
    context_BKE = weights_BKS @ values_BSE
    B, K, _ = context_BKE.shape
    state_BKH = np.broadcast_to(state_BH[:, None], (B, K, state_BH.shape[-1]))
    joined = np.concatenate([context_BKE, state_BKH], axis=-1)
    return np.tanh(joined @ p.W_c + p.b_c) @ p.W_y + p.b_y


def permuted(rng, weights_BS, mask_BS):
    """Returns weights in random order among the real characters of each text."""
    keys = np.where(mask_BS, rng.random(mask_BS.shape), 2)  # padding stays at the end
    return np.take_along_axis(weights_BS, keys.argsort(axis=1), axis=1)


def at_each_step(p, examples, rng):
    """Returns what becomes of each symbol if the attention of its step alone is moved.

    The network reads the right answer up to the step.

    Returns:
        A dictionary of arrays (B, T), 1 where the likeliest symbol stays the same: with "uniform"
        weights, "permuted" ones (a mean over permutations), all weight on the "largest"; and
        "adversary": whether some single character below ``UNREAD`` leaves the likeliest symbol,
        "adversary_near": and the distribution too.
    """
    batch = as_batch(examples)
    logits, cache = seq2seq.forward(p, batch, SCORE)
    mask_BS, values = batch.source_mask.T, cache.encoded.memory.values
    S, found = mask_BS.shape[1], {}
    for t, step in enumerate(cache.steps):
        state = step.joined[0, :, values.shape[-1] :]
        weights = step.attended.weights[:, 0]
        symbol, before = logits[t].argmax(axis=-1), softmax(logits[t])

        def stays(weights_BKS, state=state, symbol=symbol):
            found = logits_with(p, weights_BKS, values, state)
            return found.argmax(axis=-1) == symbol[:, None], softmax(found)

        uniform = mask_BS / mask_BS.sum(axis=1, keepdims=True)
        shuffled = [permuted(rng, weights, mask_BS) for _ in range(PERMUTATIONS)]
        largest = np.eye(S)[weights.argmax(axis=1)]
        alone = np.broadcast_to(np.eye(S), (len(symbol), S, S))
        same, after = stays(alone)
        allowed = mask_BS & (weights < UNREAD)
        near = abs(after - before[:, None]).sum(axis=-1) / 2 < NEAR
        now = {
            "uniform": stays(uniform[:, None])[0][:, 0],
            "permuted": stays(np.stack(shuffled, axis=1))[0].mean(axis=1),
            "largest": stays(largest[:, None])[0][:, 0],
            "adversary": (same & allowed).any(axis=1),
            "adversary_near": (same & near & allowed).any(axis=1),
        }
        for name, values_B in now.items():
            found.setdefault(name, []).append(values_B)
    return {name: np.array(of, float).T for name, of in found.items()}


def moving(move):
    """Returns a decoder's step like ``seq2seq.decode`` whose weights are move(weights (B, S))."""

    def decode(p, memory, inputs, h, combined, score, feeding):
        steps = seq2seq.decode(p, memory, inputs, h, combined, score, feeding)
        weights = move(steps.attended.weights[:, 0])
        E = memory.values.shape[-1]
        context = (weights[:, None] @ memory.values)[:, 0]
        joined = np.concatenate([context, steps.joined[0, :, E:]], axis=-1)[None]
        return steps._replace(joined=joined, combined=np.tanh(joined @ p.W_c + p.b_c))

    return decode


def whole_answers(p, examples, rng):
    """Returns for each way to move all steps whether each answer is exactly right (B,)."""
    sources, answers = pairs(examples)
    mask_BS = seq2seq.pad_sources(sources)[1].T
    ways = {
        "as trained": lambda weights: weights,
        "largest": lambda weights: np.eye(weights.shape[1])[weights.argmax(axis=1)],
        "uniform": lambda weights: mask_BS / mask_BS.sum(axis=1, keepdims=True),
        "permuted": lambda weights: permuted(rng, weights, mask_BS),
    }
    found = {}
    for name, move in ways.items():
        written, _ = seq2seq.answer(p, sources, STEPS, SCORE, True, moving(move))
        found[name] = np.array(
            [np.array_equal(w, a) for w, a in zip(written, answers, strict=True)]
        )
    return found


def measure(tested=TESTED):
    """Returns the record's results; intervals resample dates."""
    p, rng = network(), np.random.default_rng(SEED)
    examples = dates.draw(np.random.default_rng(2_000_000), tested, True)
    steps = at_each_step(p, examples, rng)
    return {
        "steps": {
            kind: {name: interval(of[:, at].mean(axis=1)) for name, of in steps.items()}
            for kind, at in KINDS.items()
        },
        "answers": {
            name: interval(right)
            for name, right in whole_answers(p, examples, rng).items()
        },
    }


def witness(name):
    """Returns the shares on few dates."""
    found = measure(tested=100)
    return [
        row["mean"]
        for of in (*found["steps"].values(), found["answers"])
        for row in of.values()
    ]


def main():
    run = records.begin("moved_attention")
    path = records.write(
        run,
        measure(),
        settings={
            "tested": TESTED,
            "permutations": PERMUTATIONS,
            "unread": UNREAD,
            "near": NEAR,
        },
        seed=SEED,
        witness=functools.partial(witness, run.name),
    )
    print(path)


RECORDS = {"moved_attention": main}
MINUTES = 1
BUILDS_ON = ("attention_dates",)

if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"experiments.attention.moved_attention: {error}")
