"""An initial W_h with which a network remembers a bit for thirty steps."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, array, call, function
from unrolled.training.optimizers import adam, clip_by_global_norm

TITLE = "Remember a bit"
CHAPTER = "03-bptt/remedies"
SECTION = "the-methods"
KIND = "open"
LEVEL = 3
MINUTES = 60

TEXT = r"""
At the first step, a network of eight $\tanh$ units sees $+1$ or $-1$ on one input line. At each of
the 29 following steps it receives normal noise with standard deviation 2 on the other line. After
step 30 it must give the sign. `share_right(recurrent, seed)` trains such a network with full
backpropagation, Adam and clipping, for **60 updates** of 32 new sequences. It returns the share of
2,000 new sequences for which the answer is right. $W_x$ is drawn within $\pm 0.5$, the output
weights are random, and $b$ is 0. You choose only the initial $W_h$: `recurrent(rng, H)` returns it.

With the uniform initialisation within $\pm 1/\sqrt H$, the network does no better than guessing.
Find an initialisation with which **all of the seeds 0 to 4 reach 0.95**. Then find out *why* it
works. What does it do to the gradient over 30 steps, and what does it do to the bit?
`share_right(..., T=100)` is a longer task, and `cue=0.0` starts with a network that does not see
the sign at all.
"""

STUB = '''
import numpy as np

from unrolled.exercises.bptt.remember_a_bit import share_right


def recurrent(rng, H):
    """W_h (H, H) before training: uniform within ±1/√H."""
    return rng.uniform(-1, 1, (H, H)) / np.sqrt(H)


for seed in range(5):
    print(f"seed {seed}: {share_right(recurrent, seed):.2f} right")
'''

HINTS = (
    "By what factor does your $W_h$ multiply a small state at each step? The uniform matrix has a "
    "spectral radius of about 0.6. How much of a bit, and of a gradient, is left after 30 steps?",
    "{doc}`/book/03-bptt/remedies` compares four initialisations. Noise of this size saturates the "
    "units, so look for a matrix that makes up for the small slopes.",
    "A unit with $h_t = \\tanh(w h_{t-1})$ and $w > 1$ keeps its sign by itself.",
)

SOLUTION = '''
import numpy as np

from unrolled.exercises.bptt.remember_a_bit import share_right


def recurrent(rng, H):
    """W_h (H, H) before training: each unit keeps what it has."""
    return np.eye(H)


def latches(rng, H):
    """Each unit drives itself to +1 or -1 and stays there."""
    return 4 * np.eye(H)


settings = {"T = 30": {}, "T = 100": {"T": 100}, "cue unseen": {"cue": 0.0}}
for begin in (recurrent, latches):
    for name, setting in settings.items():
        scores = [share_right(begin, seed, **setting) for seed in range(5)]
        print(f"{begin.__name__:10}{name:11}", np.round(scores, 2))
'''

COMMENT = r"""
The identity is enough for 30 steps, but after 100 steps the trained networks only guess. The units
are accumulators, and saturation makes them leak. Fit a linear readout to the states of five
networks *before* training. After 30 steps, it gets at least 64 per cent of the signs right, and
after 100 steps at most 77 per cent. The latches, four times the identity, hold the bit over 100
steps as well as over 30. This should make you suspicious. At their attractor, a step multiplies a
gradient by 0.005, so hardly any gradient reaches step 1. The latches remember because the *random*
$W_x$ happens to send the sign to some units strongly enough. Before training, a linear readout of
their states already gets more than 99 per cent of the signs right, so training only has to find the
output weights.

With `cue=0.0` the network must discover the sign first, and the result is reversed. The
accumulators learn it with every seed, by the gradient that they pass back. The latches do no better
than guessing. This is the conflict of {cite:t}`bengio1994`: a unit that holds a bit firmly passes
back hardly any gradient. What did you find for factors between 1 and 4?

How good is your answer?

- *Weak*: a matrix that passes, found by trial.
- *Good*: several initialisations, compared on more than five seeds, with the spectral radius, the
  slopes and the norm of the gradient at step 1 next to the score.
- *Very good*: distinguishes *remembering* from *learning to remember*. It uses `T=100` and
  `cue=0.0` to show which initialisation does which, and says what the 60 updates have changed:
  $W_x$, $W_h$ or only the output weights.
"""

H, UPDATES, BATCH, NOISE = 8, 60, 32, 2.0


def share_right(recurrent, seed, T=30, cue=1.0):
    """Trains a network on the task and returns the share of new sequences it gets right.

    Args:
        recurrent: a function (rng, H) -> W_h (H, H).
        seed: of weights and sequences.
        T: steps, at least 2.
        cue: what the first row of W_x, through which the sign is seen, is multiplied by before
            training.
    """
    rng = np.random.default_rng(seed)
    W_x = rng.uniform(-0.5, 0.5, (2, H)) * [[cue], [1.0]]
    W_h = np.array(recurrent(rng, H), dtype=float)
    params = rnn.Params(W_x, W_h, np.zeros(H)), rng.standard_normal(H) / np.sqrt(H)
    state = None
    for _ in range(UPDATES):
        x, sign = _sequences(rng, T, BATCH)
        h, cache = rnn.forward(params[0], x)
        margin = sign * (h[-1] @ params[1])
        du = -sign / (1 + np.exp(margin)) / BATCH
        dh = np.zeros_like(h)
        dh[-1] = np.outer(du, params[1])
        gradients = rnn.backward(params[0], cache, dh)[0], h[-1].T @ du
        gradients, _ = clip_by_global_norm(gradients, 1.0)
        params, state = adam(params, gradients, state, learning_rate=0.01)
    x, sign = _sequences(rng, T, 2000)
    last = rnn.forward(params[0], x)[0][-1]
    return float(np.mean(np.sign(last @ params[1]) == sign))


def _sequences(rng, T, B):
    """Returns (x (T, B, 2), sign (B,)): the sign at the first step, noise after it."""
    x, sign = np.zeros((T, B, 2)), rng.choice([-1.0, 1.0], B)
    x[0, :, 0] = sign
    x[1:, :, 1] = NOISE * rng.standard_normal((T - 1, B))
    return x, sign


def check(answers):
    """Tests five seeds. The message contains the radius and the worst score."""
    recurrent = function(answers, "recurrent")
    W = array(
        call(recurrent, np.random.default_rng(0), H), (H, H), "What `recurrent` returns"
    )
    scores = [share_right(recurrent, seed) for seed in range(5)]
    worst = min(scores)
    if worst >= 0.95:
        return (
            f"The worst of five seeds gets {worst:.1%} right after 30 steps of noise."
        )
    radius = float(np.abs(np.linalg.eigvals(W)).max())
    told = ", ".join(f"{score:.2f}" for score in scores)
    if max(scores) < 0.6:
        if radius < 0.9:
            raise Wrong(
                f"With every seed, the network guesses ({told}). With a spectral radius of "
                f"{radius:.2f}, 29 steps multiply a small state by {radius**29:.1g}, and the "
                "gradient, too."
            )
        raise Wrong(
            f"With every seed, the network guesses ({told}), although the radius is "
            f"{radius:.2f}. What do noise and saturation do to the bit?"
        )
    raise Wrong(
        f"With some seeds the network learns, and with others it guesses ({told}), so the "
        "result depends on luck. How can a unit keep its sign in spite of the noise?"
    )
