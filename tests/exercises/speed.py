"""Wrong answers to the exercises on speed."""

from tests.exercises.attempt import Attempt

ROWS = "math.floor(k * H * V / (2 * H * V - k * (H + V))) + 1"
MOST = "2 * H * V / (itemsize * (H + V))"
SLOWER = "max(operations / R, size / beta)"
UPDATE = "itemsize * (2 + 3) * H * V / beta"

WRONG = {
    "under_which_roof": [
        Attempt("two operations", "2 * N * H * V\nsize", "N * H * V\nsize"),
        Attempt("the slower one decides", SLOWER, "(operations / R + size / beta)"),
        Attempt("is the time of the bytes", SLOWER, "size / beta"),
        Attempt(
            "`update_ms` counts each pass once", UPDATE, "itemsize * 2 * H * V / beta"
        ),
        Attempt("these passes hardly compute", UPDATE, "2 * H * V / R"),
        Attempt("if W_y alone were read", ROWS, "k / 2"),
        Attempt(
            "with 11 rows memory still takes longer", ROWS, ROWS.removesuffix(" + 1")
        ),
        Attempt("the states h are read too", MOST, "2 * H / itemsize"),
        Attempt("let HV be small compared with NH + NV", MOST, "2 * H * V / (H + V)"),
        Attempt(
            "with H = 10 the limit is 4.99",
            "math.floor(k * V / (2 * V - k)) + 1",
            "k / 2",
        ),
        Attempt("The bytes take only a third", 'helps = "b"', 'helps = "a"'),
        Attempt("bytes are not the limit of the product", 'helps = "b"', 'helps = "c"'),
    ],
    "one_array_for_loss_and_gradient": [
        Attempt(
            "gives the name to a new array",
            "    u[weights == 0] = 0  # 0 · NaN is NaN\n",
            "    u = np.where(weights[:, None] == 0, 0, u)\n",
        ),
        Attempt(
            "after its exponential had overwritten it",
            code="""
import numpy as np


def loss_to_gradient(u, targets, weights):
    u[weights == 0] = 0
    here = np.arange(len(u)), targets
    u -= u.max(axis=1, keepdims=True)
    np.exp(u, out=u)
    u_target = u[here]
    total = u.sum(axis=1)
    u *= (weights / total)[:, None]
    u[here] -= weights
    return float(weights @ (np.log(total) - u_target))
""",
        ),
        Attempt("`u` holds probabilities", "    u[here] -= weights\n", ""),
        Attempt(
            "but the 1 of the target has not", "u[here] -= weights", "u[here] -= 1"
        ),
        Attempt(
            "gradient of the unweighted sum",
            "(weights / total)[:, None]\n    u[here] -= weights",
            "(1 / total)[:, None]\n    u[here] -= 1",
        ),
        Attempt(
            "but the loss has not",
            "weights @ (np.log(total) - u_target)",
            "np.sum(np.log(total) - u_target)",
        ),
        Attempt(
            "a mean over the rows",
            "weights @ (np.log(total) - u_target)",
            "weights @ (np.log(total) - u_target) / len(u)",
        ),
        Attempt(
            "the exponential overflows", "    u -= u.max(axis=1, keepdims=True)\n", ""
        ),
        Attempt(
            "the probability is 0 in float64",
            code="""
import numpy as np


def loss_to_gradient(u, targets, weights):
    u[weights == 0] = 0
    here = np.arange(len(u)), targets
    u -= u.max(axis=1, keepdims=True)
    np.exp(u, out=u)
    u /= u.sum(axis=1, keepdims=True)
    loss = -weights @ np.log(u[here])
    u[here] -= 1
    u *= weights[:, None]
    return loss
""",
        ),
        Attempt("because 0 times", "    u[weights == 0] = 0  # 0 · NaN is NaN\n", ""),
        Attempt("Which line makes an array", "np.exp(u, out=u)", "u[:] = np.exp(u)"),
        Attempt(
            "takes 2 exponentials",
            code="""
import numpy as np


def loss_to_gradient(u, targets, weights):
    u[weights == 0] = 0
    loss = 0.0
    for row, target, weight in zip(u, targets, weights, strict=True):
        row -= row.max()
        loss += weight * (np.log(np.exp(row).sum()) - row[target])
        np.exp(row, out=row)
        row *= weight / row.sum()
        row[target] -= weight
    return loss
""",
        ),
    ],
    "what_makes_a_chain_faster": [
        Attempt("16 sentences are still fewer", "seconds(B=16) / seconds(),", "2,"),
        Attempt(
            "the first 80 sentences or so are free",
            "seconds(B=160) / seconds()",
            "160 / 8",
        ),
        Attempt("and 8 is still less", "seconds(H=512) / seconds()", "4"),
        Attempt(
            "the time was not the time of the work", "seconds(H=1024) / seconds()", "16"
        ),
        Attempt(
            "with sixteen times the work B* is 5", "seconds(H=1024) / seconds()", "1"
        ),
        Attempt(
            "the arithmetic does not determine",
            "seconds(rate=2 * rate) / seconds()",
            "0.5",
        ),
        Attempt(
            "the two directions are independent", "seconds(B=2 * 8) / seconds()", "2"
        ),
        Attempt("the chain is 4T long", "seconds(steps=4 * T) / seconds()", "1"),
        Attempt("Its step t needs step t only", "steps=T + 4 - 1", "steps=4 * T"),
        Attempt("there are three more, not four", "steps=T + 4 - 1", "steps=T + 4"),
        Attempt("layer 4 starts after three moments", "steps=T + 4 - 1", "steps=T"),
        Attempt(
            '`factor["latency"]` is not 2',
            "seconds(latency=latency / 2) / seconds()",
            "2",
        ),
    ],
    "a_fused_gru": [
        Attempt("`again_mb` is the LSTM's", "T * B / R * 3 * H", "T * B / R * 4 * H"),
        Attempt("each of them reads all of W_h", "T * B / R * 3 * H", "T * 3 * H"),
        Attempt("W_h is read B/R times", "once_mb = B / R * 3", "once_mb = 3"),
        Attempt("each of the H/U programs", "T * H / U * B * H", "T * B * H"),
        Attempt(
            "H numbers per row, not 3H", "T * H / U * B * H", "T * H / U * B * 3 * H"
        ),
        Attempt("`exchanged_mb` counts numbers", "U * B * H * itemsize", "U * B * H"),
        Attempt(
            "the weights allow only 672", "for R in (16, 32, 64)", "for R in (16,)"
        ),
        Attempt("KiB of W_h, but only 128", "on_chip and ", ""),
        Attempt("1024 is the LSTM's", "on_chip = 3", "on_chip = 4"),
        Attempt(
            "your `rows` and `units` there are 340 programs",
            "max(plans)",
            "1360, 16, 16",
        ),
        Attempt("H should be a multiple of U", "max(plans)", "1365, 64, 16"),
        Attempt("a wider GRU fits too", "max(plans)", "1344, 64, 16"),
        Attempt("The r of which units", 'waits = "c"', 'waits = "a"'),
        Attempt("What does a program need from", 'waits = "c"', 'waits = "d"'),
    ],
    "the_step_of_one_device": [
        Attempt(
            "a mean of means",
            "[share.sum(axis=0) for share in shares])  # 0 without words\n"
            "    words = all_reduce([len(share) for share in shares])",
            "[share.mean(axis=0) for share in shares])\n    words = [len(shares)] * len(shares)",
        ),
        Attempt(
            "divide by the number of devices",
            "all_reduce([len(share) for share in shares])",
            "[len(shares)] * len(shares)",
        ),
        Attempt("the step of the summed loss", "clipped(total / N, limit)", "total"),
        Attempt(
            "each device shortens its own mean by its own factor",
            code="""
import numpy as np


def step(w, shares, rate, limit, all_reduce):
    N = all_reduce([len(share) for share in shares])[0]
    means = [share.mean(axis=0) for share in shares]
    parts = [
        g * min(1, limit / np.linalg.norm(g)) * len(share) / N
        for g, share in zip(means, shares, strict=True)
    ]
    return [w - rate * g for g in all_reduce(parts)]
""",
        ),
        Attempt(
            "but the step has the length",
            "clipped(total / N, limit)",
            "clipped(total, limit * 40) / N",
        ),
        Attempt(
            "the direction of the gradient has changed",
            "rate * clipped(total / N, limit)",
            "rate * np.clip(total / N, -limit, limit)",
        ),
        Attempt(
            "The mean of no rows was added up",
            "share.sum(axis=0) for share in shares])  # 0 without words",
            "share.mean(axis=0) * len(share) for share in shares])",
        ),
        Attempt(
            "the devices' weights differ",
            "return [w - rate * clipped(total / N, limit) for total, N in pairs]",
            "return [w - rate * clipped(t / N, limit) * k for k, (t, N) in enumerate(pairs)]",
        ),
        Attempt(
            "if the counts are added up too",
            "all_reduce([len(share) for share in shares])",
            "[sum(map(len, shares))] * len(shares)",
        ),
        Attempt(
            "`all_reduce` is never called",
            "all_reduce([share.sum(axis=0) for share in shares])  # 0",
            "[np.concatenate(shares).sum(axis=0)] * len(shares)\n"
            "    all_reduce = lambda values: [sum(values)] * len(values)  # 0",
        ),
    ],
}
