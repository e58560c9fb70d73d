r"""The cost of a step of ``sgd_step``, counted call by call.

A step is a list of calls, each of which does operations, moves numbers, or takes exponentials:

    time = sum over calls of  max(operations / rate, bytes / bandwidth, exponentials · e) + c
                                                                             (eq-call-time)

The rate of large matrix products, the bandwidth, the time e of an exponential and the time c of a
call are measured (``Machine``). Operations are the additions and multiplications of products; a
pass over an array does at most one for each number that it moves and always waits for memory.
Lookups of rows and changes of single entries are left out.
T time, B batch, N = TB words, V vocabulary, H hidden.
"""

from typing import NamedTuple

from unrolled.arguments import names_arguments


class Call(NamedTuple):
    """A call of NumPy or BLAS, and how often a step makes it."""

    name: str
    operations: int
    numbers: int  # read and written
    exponentials: int = 0
    often: int = 1


class Machine(NamedTuple):
    """The measured speed of a processor, in SI units."""

    rate: float  # operations a second, in large matrix products
    bandwidth: float  # bytes a second, for arrays of a few megabytes
    exponential: float  # seconds for each
    call: float  # seconds


class Total(NamedTuple):
    """The work of a step, summed over its calls."""

    operations: int
    bytes: int
    exponentials: int
    calls: int


def product(name, n, m, k, often=1, adds=False):
    """Returns a product of an (n, m) with an (m, k) matrix: 2nmk operations.

    With ``adds`` it is added to an array, which is read too.
    """
    return Call(
        name, 2 * n * m * k, n * m + m * k + (2 if adds else 1) * n * k, 0, often
    )


def outer(name, n, k, often=1):
    """Returns an outer product, to be added to an array: nk multiplications, nk additions."""
    return Call(name, 2 * n * k, n + k + n * k, 0, often)


def passed(name, numbers, often=1, exponentials=0):
    """Returns a pass over arrays that reads and writes so many numbers."""
    return Call(name, 0, numbers, exponentials, often)


# --- parts of a step -----------------------------------------------------------------------------


def recurrence(T, B, H):
    """Returns the calls for the states and their gradients in ``sgd_step``."""
    BH, N = B * H, T * B
    return [
        passed("x + b", 2 * N * H + H),
        product("h W_h", B, H, H, T),
        passed("a + x", 3 * BH, T),
        passed("tanh", 2 * BH, T, exponentials=BH),
        passed("h h", 3 * N * H),
        passed("1 - h h", 2 * N * H),
        passed("dh + dh'", 3 * BH, T),
        passed("da", 3 * BH, T),
        product("da W_h^T", B, H, H, T),
    ]


def update_of_the_cell(T, B, H):
    """Returns the calls that update the rows of W_x that were read, W_h and b."""
    N = T * B
    return [
        passed("η da", 2 * N * H),
        product("dW_h", H, N, H),
        passed("W_h - dW_h", 3 * H * H),
        passed("db", N * H + H),
        passed("b - db", 3 * H),
        passed("sums of rows", 2 * N * H),
        passed("rows of W_x", 3 * N * H),
    ]


def products_of_the_output(N, V, H):
    """Returns the three products with H × V matrices of every output layer."""
    return [
        product("u = h W_y", N, H, V),
        product("dh = du W_y^T", N, V, H),
        product("dW_y = h^T du", H, N, V),
    ]


def softmax_passes(N, V):
    """Returns the passes of a softmax over the logits: max, subtract, exp, sum, divide."""
    return [
        passed("max", N * V + N),
        passed("u - max", 2 * N * V + N),
        passed("exp", 2 * N * V, exponentials=N * V),
        passed("sum", N * V + N),
        passed("/ sum", 2 * N * V + N),
    ]


def one_softmax(N, V):
    """Returns the calls of ``sgd_step.logits_to_gradient``; its sum is a product with ones."""
    largest, subtract, exponential, _, divide = softmax_passes(N, V)
    logs = [passed("log sum", 2 * N, often=5)]
    return [largest, subtract, exponential, product("sum", N, V, 1), divide, *logs]


def update_passes(V, H):
    """Returns the passes for η dW_y, W_y - η dW_y, and the bias."""
    return [
        passed("η dW_y", 2 * H * V),
        passed("W_y - η dW_y", 3 * H * V),
        passed("η db_y", 2 * V),
        passed("b_y - η db_y", 3 * V),
    ]


# --- whole steps ---------------------------------------------------------------------------------


def loops(T, H, V):
    """Returns ``language_model.loss_and_gradient_loops`` of a sentence, then ``optimizers.sgd``."""
    visits = T * (T + 1) // 2
    return [
        product("h W_h", 1, H, H, T),
        passed("x + ", 3 * H, 2 * T),
        passed("tanh", 2 * H, T, exponentials=H),
        product("h W_y", 1, H, V, T),
        passed("u + b_y", 3 * V, T),
        *(call._replace(often=T) for call in softmax_passes(1, V)),
        outer("outer product", H, V, T),
        passed("dW_y += ", 3 * H * V, T),
        passed("db_y += ", 3 * V, T),
        product("W_y du", H, V, 1, T),
        passed("h h", 2 * H, visits),
        passed("1 - h h", 2 * H, visits),
        passed("da", 3 * H, visits),
        outer("outer product of a visit", H, H, visits),
        passed("dW_h += ", 3 * H * H, visits),
        passed("row of dW_x, db", 3 * H, 2 * visits),
        product("W_h da", H, H, 1, visits),
        *dense_updates(V, H),
    ]


def dense_updates(V, H):
    """Returns the passes for η dW and W - η dW of every parameter."""
    sizes = (V * H, H * H, H, H * V, V)
    return [
        passed(what, k * n) for n in sizes for what, k in (("η dW", 2), ("W - η dW", 3))
    ]


def plain(T, B, H, V):
    """Returns the calls of ``sgd_step.reference_step``."""
    N, BH = T * B, B * H
    return [
        passed("x + b", 2 * N * H + H),
        product("h W_h", B, H, H, T),
        passed("a + x", 3 * BH, T),
        passed("tanh", 2 * BH, T, exponentials=BH),
        *products_of_the_output(N, V, H),
        passed("u + b_y", 2 * N * V + V),
        *softmax_passes(N, V)[:4],  # the loss
        passed("log sum", 3 * N, 5),
        *softmax_passes(N, V),  # the gradient
        passed("· dloss", 2 * N * V + N),
        passed("db_y", N * V + V),
        passed("dh + dh'", 3 * BH, T),
        passed("da", 3 * BH, 3 * T),
        product("da W_h^T", B, H, H, T),
        product("dW_h", H, N, H),
        passed("db", N * H + H),
        passed("sums of rows", 2 * N * H),
        *dense_updates(V, H),
    ]


def in_place(T, B, H, V):
    """Returns the calls of ``sgd_step.step`` with ``output_in_place``."""
    N = T * B
    return [
        *recurrence(T, B, H),
        *products_of_the_output(N, V, H),
        passed("u + b_y", 2 * N * V + V),
        *softmax_passes(N, V)[:4],
        passed("log sum", 3 * N, 5),
        *softmax_passes(N, V),
        passed("db_y", N * V + V),
        *update_passes(V, H),
        *update_of_the_cell(T, B, H),
    ]


def fused(T, B, H, V):
    """Returns the calls of ``sgd_step.step`` with ``output_fused``."""
    N = T * B
    return [
        *recurrence(T, B, H),
        *products_of_the_output(N, V, H),
        passed("u + b_y", 2 * N * V + V),
        *one_softmax(N, V),
        passed("db_y", N * V + V),
        *update_passes(V, H),
        *update_of_the_cell(T, B, H),
    ]


@names_arguments
def updating(T, B, H, V, rows_at_once=None, in_numpy=False):
    """Returns the calls of ``sgd_step.step`` with ``output_and_update``.

    Without ``rows_at_once`` all rows make one block. The update is that of
    ``subtract_product``, or with ``in_numpy`` that of ``subtract_in_numpy``.
    """
    N = T * B
    blocks = 1 if rows_at_once is None else -(-N // rows_at_once)
    # rows are filled up with zeros to a multiple of 16
    rows, filled = N / blocks, -(-N // 16) * 16 / blocks
    update = [product("W_y - η h^T du", H, rows, V, adds=True)]
    if in_numpy:
        update = [
            passed("η h", 2 * rows * H),
            product("η h^T du", H, rows, V),
            passed("W_y - η h^T du", 3 * H * V),
        ]
    block = [
        product("u = h W_y", rows, H, V),
        product("dh = du W_y^T", filled, V, H),
        *update,
        passed("u + b_y", 2 * rows * V + V),
        *one_softmax(rows, V),
        product("db_y", 1, rows, V),
        passed("db_y += ", 3 * V),
    ]
    return [
        *recurrence(T, B, H),
        *(call._replace(often=blocks * call.often) for call in block),
        *([] if blocks == 1 else [passed("copy of W_y", 2 * H * V, 2)]),
        *update_passes(V, 0)[2:],
        *update_of_the_cell(T, B, H),
    ]


# --- what it comes to ----------------------------------------------------------------------------


@names_arguments
def total(calls, itemsize):
    """Returns the Total of a list of calls on numbers of ``itemsize`` bytes."""
    return Total(
        operations=round(sum(call.often * call.operations for call in calls)),
        bytes=round(sum(call.often * call.numbers for call in calls) * itemsize),
        exponentials=round(sum(call.often * call.exponentials for call in calls)),
        calls=round(sum(call.often for call in calls)),
    )


@names_arguments
def seconds(calls, itemsize, machine):
    """Returns the time that a list of calls should take on a Machine (eq-call-time)."""
    return sum(
        call.often
        * (
            max(
                call.operations / machine.rate,
                call.numbers * itemsize / machine.bandwidth,
                call.exponentials * machine.exponential,
            )
            + machine.call
        )
        for call in calls
    )


@names_arguments
def attainable(intensity, machine):
    """Returns the roofline: the operations a second at an intensity in operations a byte."""
    return min(machine.rate, intensity * machine.bandwidth)


@names_arguments
def floor(T, B, H, V, rate):
    """Returns the seconds of the output layer's three products at the rate of large ones."""
    return 3 * 2 * T * B * H * V / rate
