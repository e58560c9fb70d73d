r"""What a unit represents, found from its values and by removing it.

    AUC = P(v of a positive > v of a negative) + 1/2 P(equal)               (eq-auc)

A value that is independent of a label has an AUC of 1/2. A value that separates the two classes has
1, or 0 if it is lower for the positives.
N examples, H units.
"""

import numpy as np
from scipy.stats import rankdata

from unrolled.arguments import check_ids, mask, names_arguments
from unrolled.cells import lstm


@names_arguments
def auc(values, labels):
    """Returns the area under the ROC curve of each column of values.

    By ranks: the sum of the positives' ranks, less the smallest that it could be,
    over the number of pairs (Mann & Whitney, 1947).

    Args:
        values: (N, H) or (N,).
        labels: (N,) of bool.

    Returns:
        (H,), or a number, in 0..1.

    Raises:
        ValueError: lengths differ, or one of the two classes is empty.
    """
    labels = np.asarray(labels, bool)
    if labels.shape != np.shape(values)[:1]:
        raise ValueError(f"{len(labels)} labels for {np.shape(values)[0]} values")
    positive, negative = int(labels.sum()), int((~labels).sum())
    if not positive or not negative:
        raise ValueError(
            f"need examples of both classes, got {positive} and {negative}"
        )
    ranks = rankdata(values, axis=0)[labels].sum(axis=0)
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


@names_arguments
def separation(values, labels):
    """Returns how well each column separates the classes in either direction, in 1/2..1."""
    found = auc(values, labels)
    return np.maximum(found, 1 - found)


@names_arguments(values="N H", target="N")
def squared_correlation(values, target):
    """Returns r² of each column with a number: the share that a straight line explains.

    Args:
        values: (N, H).
        target: (N,).

    Returns:
        (H,); 0 for a column that is constant.
    """
    values = values - values.mean(axis=0)
    target = target - target.mean()
    size = (values**2).sum(axis=0) * (target**2).sum()
    found = (values * target[:, None]).sum(axis=0) ** 2
    return np.divide(found, size, out=np.zeros_like(found), where=size > 0)


@names_arguments(values="N H", held_out=mask("N"))
def best_unit(score, values, target, held_out):
    """Returns the best unit and its score on held-out examples.

    The other examples choose the unit. The best of many units is best partly by
    chance, so its score on the examples that chose it is too high.

    Args:
        score: ``separation`` or ``squared_correlation``.
        values: (N, H).
        target: (N,), labels or numbers.
        held_out: (N,) of bool.
    """
    unit = int(score(values[~held_out], target[~held_out]).argmax())
    return unit, float(score(values[held_out][:, [unit]], target[held_out])[0])


@names_arguments
def forward_without(p, x, units):
    """Returns the states h (T, B, H) of an ``lstm`` with some cells emptied.

    Args:
        p: lstm.Params.
        x: (T, B, D) vectors, or (T, B) ids.
        units: indices of the cells that are set to 0 before each step.
    """
    check_ids("units", np.asarray([*units] or [0]), len(p.W_h))
    h, c = lstm.initial_state(p, x.shape[1])
    found = []
    for x_t in x:
        c = c.copy()
        c[:, units] = 0
        h, c = lstm.step(p, x_t, h, c)
        found.append(h)
    return np.stack(found)
