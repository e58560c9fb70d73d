"""Which share of the difference to write, if pairs are exact, noisy, or from a rule that drifts."""

import numpy as np

from unrolled.exercises.judging import Wrong, number

TITLE = "A rate for each setting"
CHAPTER = "08-today/learning-while-reading"
SECTION = "learning-a-rule-from-its-examples"
KIND = "open"
LEVEL = 2
MINUTES = 25

TEXT = r"""
A state reads 200 pairs $v_t = k_t A_t + \text{noise}$ by the delta rule, with keys of length 1 and
one rate $\beta$ for all steps. The error is the mean of $(M_t - A_t)^2$ over the last 100 steps.
Find a rate for each of three settings:

- `exact`: the rule $A$ stays the same, and there is no noise.
- `noisy`: the rule stays the same, and the noise has a standard deviation of 1.
- `drifting`: the noise has a standard deviation of 0.2, and at every step a random number with a
  standard deviation of 0.1 is added to each entry of $A$.

Your error must be within 20 % of the smallest error that any fixed rate reaches. Think first,
and then use the function `error`.
"""

STUB = '''
import numpy as np

E, F, T, B = 8, 3, 200, 30


def error(beta, noise=0.0, drift=0.0, seed=0):
    """The error of the delta rule over the last 100 steps, a mean over 30 sequences."""
    rng = np.random.default_rng(seed)
    A, M, errors = rng.normal(size=(B, E, F)), np.zeros((B, E, F)), []
    for _ in range(T):
        A = A + drift * rng.normal(size=A.shape)
        k = rng.normal(size=(B, 1, E))
        k = k / np.linalg.norm(k, axis=-1, keepdims=True)
        v = k @ A + noise * rng.normal(size=(B, 1, F))
        M = M + beta * k.swapaxes(1, 2) @ (v - k @ M)
        errors.append(np.mean((M - A) ** 2))
    return np.mean(errors[T // 2 :])


print(error(0.5), error(0.5, noise=1.0), error(0.5, noise=0.2, drift=0.1))
exact = None
noisy = None
drifting = None
'''

HINTS = (
    "Without noise, every pair is the whole truth about one direction.",
    "With noise, a small rate averages over many pairs. But with a very small rate, the state has "
    "not reached the rule after 100 steps: on average, the difference shrinks by the factor "
    "$1 - \\beta / E$ in each step.",
    "If the rule drifts, old pairs describe an old rule. Try rates such as 0.3, 0.5, 0.7, 0.9.",
)

SOLUTION = '''
import numpy as np

E, F, T, B = 8, 3, 200, 30


def error(beta, noise=0.0, drift=0.0, seed=0):
    """The error of the delta rule over the last 100 steps, a mean over 30 sequences."""
    rng = np.random.default_rng(seed)
    A, M, errors = rng.normal(size=(B, E, F)), np.zeros((B, E, F)), []
    for _ in range(T):
        A = A + drift * rng.normal(size=A.shape)
        k = rng.normal(size=(B, 1, E))
        k = k / np.linalg.norm(k, axis=-1, keepdims=True)
        v = k @ A + noise * rng.normal(size=(B, 1, F))
        M = M + beta * k.swapaxes(1, 2) @ (v - k @ M)
        errors.append(np.mean((M - A) ** 2))
    return np.mean(errors[T // 2 :])


def best(**world):
    """The rate with the smallest error, by trying."""
    return min(np.arange(0.05, 1.5, 0.05), key=lambda beta: error(beta, **world))


exact, noisy = best(), best(noise=1.0)
drifting = best(noise=0.2, drift=0.1)
print(exact, noisy, drifting)
'''

COMMENT = r"""
Without noise, a rate of about 1 is right. A rate of 1 makes the answer for the new pair exact, and
the difference from the rule never grows. With noise, the best rate is small. It is a compromise: a
smaller rate would average over more pairs, but 200 pairs are not enough for it. If the rule drifts,
the best rate is about 0.7, because old pairs are out of date.

So no rate is best in all worlds. DeltaNet computes its rate from the input at every step, so it can
learn which pairs to trust. Least squares does not have a rate. With a penalty for the noise, it is
the best way to read the noisy world. In the drifting world, its error is about five times the error
of the best rate, because it gives all pairs the same weight.
"""

WORLDS = {
    "exact": (0.0, 0.0),
    "noisy": (1.0, 0.0),
    "drifting": (0.2, 0.1),
}
TOO_LARGE = {
    "exact": "The state overshoots: with a rate above 1 it goes beyond the value of the pair.",
    "noisy": "The state follows the noise of the latest pairs.",
    "drifting": "The state overshoots, and follows the noise.",
}
TOO_SMALL = {
    "exact": "Each pair is exact, and the state uses only a part of it.",
    "noisy": "The state averages over so many pairs that 100 of them are not enough to reach the "
    "rule.",
    "drifting": "The state averages over old pairs, from which the rule has moved away.",
}


def check(answers):
    """The error of each rate, compared with the best on a grid of rates."""
    rates = {name: number(answers, name) for name in WORLDS}
    for name, world in WORLDS.items():
        grid = np.arange(0.05, 1.51, 0.05)
        found = _errors(np.append(grid, rates[name]), *world)
        best = grid[found[:-1].argmin()]
        if not 0 < rates[name] < 2:
            raise Wrong(
                f"`{name}`: with a rate outside 0 to 2 the state moves away from each pair."
            )
        if found[-1] > 1.2 * found[:-1].min():
            larger = rates[name] > best
            said = (TOO_LARGE if larger else TOO_SMALL)[name]
            raise Wrong(
                f"`{name}`: the rate is too {'large' if larger else 'small'}. {said}"
            )
    return "The best rate depends on how much a new pair can be trusted."


def _errors(rates, noise, drift, E=8, F=3, T=200, B=12):
    """Returns the error of each rate, all on the same sequences."""
    rng = np.random.default_rng(11)
    A = rng.normal(size=(B, E, F))
    M, errors = np.zeros((len(rates), B, E, F)), np.zeros(len(rates))
    beta = rates[:, None, None, None]
    for t in range(T):
        A = A + drift * rng.normal(size=A.shape)
        k = rng.normal(size=(B, 1, E))
        k = k / np.linalg.norm(k, axis=-1, keepdims=True)
        v = k @ A + noise * rng.normal(size=(B, 1, F))
        with np.errstate(all="ignore"):
            M = M + beta * k.swapaxes(1, 2) @ (v - k @ M)
            if t >= T // 2:
                errors += ((M - A) ** 2).mean(axis=(1, 2, 3))
    return errors
