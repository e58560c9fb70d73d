r"""The LSTM of ``lstm`` as two kernels in Triton: one launch for all T steps, W_h read once.

A kernel is written for one *program* of a grid. Program (m, n) owns 16 or more rows of the batch
and a few hidden units, with all four gates of those units, so it keeps its part of c to itself.
It loads its slice of W_h before the first step and keeps it on the chip. At each step it also needs
h_{t-1} of all other units (backward: da_{t+1}). The other programs of the same rows compute these.
They write them to device memory, add 1 to a common counter, and wait until all have done so.

The library's matrix products do what needs no loop over time: x W_x + b before the kernel, and
dW_x, dW_h, db, dx, dh0 after it.

Arrays are PyTorch's on a GPU. With TRITON_INTERPRET=1 in the environment before the import, they
are NumPy's, and the programs run side by side in Triton's interpreter (``triton_interpreter``).
T time, B batch, D input, H hidden.
"""

import os
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from unrolled.cells.lstm import Params
from unrolled.frameworks import triton_interpreter
from unrolled.functional import check_state
from unrolled.installed import missing

try:
    import triton
    import triton.language as tl
except (
    ImportError
):  # no build for this system: everything below can be read, nothing run
    triton, tl = None, SimpleNamespace(constexpr=None)

if triton is None:

    def jit(function):
        """Returns the function as it is: without Triton it can only be read."""
        return function

else:
    jit = triton.jit

Array = Any


class Cache(NamedTuple):
    """What backward needs from forward."""

    x: Array  # (T, B, D)
    h: Array  # (T+1, B, H): before the first step, and after every step
    c: Array  # (T+1, B, H), in the precision of the sums
    gates: Array  # (T, B, 4H): i, f, g, o


class Plan(NamedTuple):
    """How the work is divided among the programs of a grid."""

    # of the batch in a program; a matrix unit multiplies at least 16 at a time
    rows: int = 16
    units: int = 16  # hidden units in a program; at least 16 too
    slabs: int = 8  # pieces of the sum over k, one for each warp
    precision: str = "ieee"  # of float32 products: "ieee", "tf32x3" or "tf32"

    def grid(self, B, H):
        """Returns the numbers of programs (over the batch, over the units)."""
        return -(-B // self.rows), -(-H // self.units)

    def padded(self, H):
        """Returns H rounded up to a power of two, of at least 16 in each slab."""
        return max(1 << (H - 1).bit_length(), 16 * self.slabs)


# --- in a program --------------------------------------------------------------------------------


@jit
def sigmoid(a):
    """Returns 1 / (1 + exp(-a))."""
    return 1 / (1 + tl.exp(-a))


@jit
def tanh(a):
    """Returns the hyperbolic tangent; where exp overflows, the quotient is 0."""
    return 2 / (1 + tl.exp(-2 * a)) - 1


@jit
def arrive(counter):
    """Adds 1 to the counter, after everything that this program has stored."""
    tl.debug_barrier()  # all threads of this program have stored
    tl.atomic_add(counter, 1, sem="release", scope="gpu")


@jit
def wait_for(counter, count):
    """Waits until the counter is ``count`` or more: others have stored their part."""
    while tl.atomic_add(counter, 0, sem="acquire", scope="gpu") < count:
        pass
    tl.debug_barrier()


@jit
def forward_kernel(
    a_ptr,  # (T, B, 4H): x W_x + b
    W_ptr,  # (H, 4H)
    h_ptr,  # (T+1, B, H); [0] is given, the rest is written
    c_ptr,  # (T+1, B, H); likewise
    gates_ptr,  # (T, B, 4H), written
    arrived_ptr,  # one counter for each block of rows, at 0
    T,
    B,
    H,
    ROWS: tl.constexpr,
    UNITS: tl.constexpr,
    SLABS: tl.constexpr,
    SLAB: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Runs all T steps for some rows and some units."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    others = tl.num_programs(1)
    counter = arrived_ptr + tl.program_id(0)

    # The gates of a unit side by side: column 4n + q of a sum is gate q of unit n.
    column = tl.arange(0, 4 * UNITS)
    owner = tl.program_id(1) * UNITS + column // 4
    column = (column % 4) * H + owner
    # k, the index of the sum over h, in slabs: (SLABS, SLAB).
    k = tl.reshape(tl.arange(0, SLABS * SLAB), [SLABS, SLAB])
    W_mask = (k < H)[:, :, None] & (owner < H)[None, None, :]
    W = tl.load(W_ptr + k[:, :, None] * 4 * H + column[None, None, :], W_mask, 0.0)

    state = row[:, None] * H + unit[None, :]
    mask = (row < B)[:, None] & (unit < H)[None, :]
    c = tl.load(c_ptr + state, mask, 0.0)
    for t in range(T):
        # Loads that do not depend on the step before are issued before the wait.
        a_mask = (row < B)[:, None] & (owner < H)[None, :]
        a_at = t * B * 4 * H + row[:, None] * 4 * H + column[None, :]
        a = tl.load(a_ptr + a_at, a_mask, 0.0)
        wait_for(counter, t * others)  # all units of the state before are there
        h_at = t * B * H + row[None, :, None] * H + k[:, None, :]
        h_mask = (row < B)[None, :, None] & (k < H)[:, None, :]
        h = tl.load(h_ptr + h_at, h_mask, 0.0, cache_modifier=".cg")
        product = tl.dot(h, W, input_precision=PRECISION, out_dtype=c.dtype)
        sums = a + tl.sum(product, 0)  # over the slabs
        i_g, f_o = tl.split(tl.reshape(sums, [ROWS, UNITS, 2, 2]))
        i, g = tl.split(i_g)
        f, o = tl.split(f_o)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        h_new = o * tanh(c)
        tl.store(h_ptr + (t + 1) * B * H + state, h_new, mask)
        arrive(counter)
        # Only backward reads this, so it is stored after the counter is updated.
        tl.store(c_ptr + (t + 1) * B * H + state, c, mask)
        gate = gates_ptr + t * B * 4 * H + row[:, None] * 4 * H + unit[None, :]
        tl.store(gate, i, mask)
        tl.store(gate + H, f, mask)
        tl.store(gate + 2 * H, g, mask)
        tl.store(gate + 3 * H, o, mask)


@jit
def backward_kernel(
    dh_ptr,  # (T, B, H): gradient of each h_t by its own output alone
    dc_ptr,  # (T, B, H), the same for c_t; read where HAS_DC
    W_ptr,  # (H, 4H)
    c_ptr,  # (T+1, B, H)
    gates_ptr,  # (T, B, 4H)
    da_ptr,  # (T+1, B, 4H), written; [T] is given: 0
    dc0_ptr,  # (B, H), written
    arrived_ptr,  # one counter for each block of rows, at 0
    T,
    B,
    H,
    HAS_DC: tl.constexpr,
    ROWS: tl.constexpr,
    UNITS: tl.constexpr,
    SLABS: tl.constexpr,
    SLAB: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Runs all T steps backwards for some rows and some units."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    others = tl.num_programs(1)
    counter = arrived_ptr + tl.program_id(0)

    # dh_{t-1} = da_t W_h^T: this program's rows of W_h, a block of columns a gate.
    k = tl.reshape(tl.arange(0, SLABS * SLAB), [SLABS, SLAB])
    W_mask = (k < H)[:, :, None] & (unit < H)[None, None, :]
    W_at = unit[None, None, :] * 4 * H + k[:, :, None]
    W_i = tl.load(W_ptr + W_at, W_mask, 0.0)
    W_f = tl.load(W_ptr + W_at + H, W_mask, 0.0)
    W_g = tl.load(W_ptr + W_at + 2 * H, W_mask, 0.0)
    W_o = tl.load(W_ptr + W_at + 3 * H, W_mask, 0.0)

    state = row[:, None] * H + unit[None, :]
    mask = (row < B)[:, None] & (unit < H)[None, :]
    c = tl.load(c_ptr + T * B * H + state, mask, 0.0)
    dc = tl.zeros_like(c)
    da_mask = (row < B)[None, :, None] & (k < H)[:, None, :]
    for back in range(T):
        t = T - 1 - back
        gate = t * B * 4 * H + row[:, None] * 4 * H + unit[None, :]
        i = tl.load(gates_ptr + gate, mask, 0.0).to(c.dtype)
        f = tl.load(gates_ptr + gate + H, mask, 0.0).to(c.dtype)
        g = tl.load(gates_ptr + gate + 2 * H, mask, 0.0).to(c.dtype)
        o = tl.load(gates_ptr + gate + 3 * H, mask, 0.0).to(c.dtype)
        c_previous = tl.load(c_ptr + t * B * H + state, mask, 0.0)
        dh = tl.load(dh_ptr + t * B * H + state, mask, 0.0).to(c.dtype)
        if HAS_DC:
            dc += tl.load(dc_ptr + t * B * H + state, mask, 0.0)
        wait_for(counter, back * others)  # all columns of da_{t+1} are there
        da_at = (t + 1) * B * 4 * H + row[None, :, None] * 4 * H + k[:, None, :]
        da = tl.load(da_ptr + da_at, da_mask, 0.0, cache_modifier=".cg")
        dh_slabs = tl.dot(da, W_i, input_precision=PRECISION, out_dtype=c.dtype)
        da = tl.load(da_ptr + da_at + H, da_mask, 0.0, cache_modifier=".cg")
        dh_slabs += tl.dot(da, W_f, input_precision=PRECISION, out_dtype=c.dtype)
        da = tl.load(da_ptr + da_at + 2 * H, da_mask, 0.0, cache_modifier=".cg")
        dh_slabs += tl.dot(da, W_g, input_precision=PRECISION, out_dtype=c.dtype)
        da = tl.load(da_ptr + da_at + 3 * H, da_mask, 0.0, cache_modifier=".cg")
        dh_slabs += tl.dot(da, W_o, input_precision=PRECISION, out_dtype=c.dtype)
        dh += tl.sum(dh_slabs, 0)  # two paths leave h_t
        tanh_c = tanh(c)
        dc += dh * o * (1 - tanh_c * tanh_c)  # h_t = o_t tanh(c_t)
        tl.store(da_ptr + gate, dc * g * i * (1 - i), mask)  # c_t = ... + i_t g_t
        tl.store(da_ptr + gate + H, dc * c_previous * f * (1 - f), mask)  # + f_t c
        tl.store(da_ptr + gate + 2 * H, dc * i * (1 - g * g), mask)
        tl.store(da_ptr + gate + 3 * H, dh * tanh_c * o * (1 - o), mask)
        arrive(counter)
        dc *= f  # c_t = f_t c_{t-1} + ...
        c = c_previous
    tl.store(dc0_ptr + state, dc, mask)


@jit
def exchange_kernel(arrived_ptr, T):
    """Runs T steps in which the programs only update the counter and wait."""
    others = tl.num_programs(1)
    counter = arrived_ptr + tl.program_id(0)
    for t in range(T):
        wait_for(counter, t * others)
        arrive(counter)


# --- around them ---------------------------------------------------------------------------------


def forward(p, x, h0=None, c0=None, plan=None):
    """Runs the network over a batch of sequences.

    Args:
        p: lstm.Params of arrays of x's kind and precision.
        x: (T, B, D) vectors; float32 and float16 everywhere, bfloat16 on a GPU,
            float64 in the interpreter.
        h0: (B, H) initial hidden state; zeros if left out.
        c0: (B, H) initial cell state; zeros if left out.
        plan: a Plan; ``choose`` makes one if left out.

    Returns:
        h: (T, B, H), the hidden state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together, only one of two states is given, or
            the programs would not all be on the chip at once.
        RuntimeError: no Triton.
    """
    need_triton()
    if (h0 is None) != (c0 is None):
        raise ValueError("an LSTM has two states: give h0 and c0, or neither")
    D, H = p.W_x.shape[0], p.W_h.shape[0]
    if x.ndim != 3 or x.shape[-1] != D:
        raise ValueError(f"x must be (T, B, {D}) vectors, got {tuple(x.shape)}")
    T, B = x.shape[:2]
    plan = fitting_plan(x, B, H, plan)
    a = x.reshape(-1, D) @ p.W_x + p.b
    h, c = new_array(x, (T + 1, B, H)), new_array(x, (T + 1, B, H), sums=True)
    h[0] = 0 if h0 is None else check_state("h0", h0, B, H)
    c[0] = 0 if c0 is None else check_state("c0", c0, B, H)
    gates = new_array(x, (T, B, 4 * H))
    arguments = a, p.W_h, h, c, gates, zero_counters(x, B, plan), T, B, H
    launch(forward_kernel, plan, B, H, arguments)
    return h[1:], Cache(x, h, c, gates)


def backward(p, cache, dh, dc=None, plan=None):
    """Full backpropagation through time: what ``lstm.backward`` returns.

    Args:
        p: the Params that forward had.
        cache: what forward returned.
        dh: (T, B, H), gradient of the loss with respect to each h_t, by its own output
            alone.
        dc: (T, B, H), the same for each c_t, in the precision of cache.c; zeros if
            left out.
        plan: as in ``forward``.

    Returns:
        dp: Params.
        dx: (T, B, D).
        dh0: (B, H).
        dc0: (B, H).
    """
    x, h, c, gates = cache
    T, B, H = dh.shape
    plan = fitting_plan(x, B, H, plan)
    da, dc0 = new_array(x, (T + 1, B, 4 * H)), new_array(x, (B, H), sums=True)
    da[T] = 0
    counters = zero_counters(x, B, plan)
    given = c if dc is None else dc  # not read where HAS_DC is False
    arguments = dh, given, p.W_h, c, gates, da, dc0, counters, T, B, H
    launch(backward_kernel, plan, B, H, arguments, HAS_DC=dc is not None)
    da = da[:T]
    rows = da.reshape(-1, 4 * H)
    dp = Params(
        W_x=x.reshape(T * B, -1).T @ rows,
        W_h=h[:T].reshape(-1, H).T @ rows,
        b=rows.sum(0),
    )
    return dp, da @ p.W_x.T, da[0] @ p.W_h.T, dc0


def choose(B, H, itemsize, processors, precision="ieee"):
    """Returns the Plan with the smallest pieces whose programs all run at once.

    Args:
        B: rows of the batch.
        H: hidden units.
        itemsize: bytes of a number.
        processors: multiprocessors of the device; each holds one program.
        precision: of float32 products.

    Raises:
        ValueError: no plan fits; the message says what would.
    """
    slabs = 4 if H < 256 else 8
    for units in (16, 32):
        for rows in (16, 32, 64):
            plan = Plan(rows, units, slabs, precision)
            small_enough = 4 * plan.padded(H) * units * itemsize <= WEIGHTS_ON_CHIP
            if small_enough and np.prod(plan.grid(B, H)) <= processors:
                return plan
    raise ValueError(
        f"an LSTM of H={H} at B={B} does not fit on {processors} multiprocessors"
        f" at once, each with at most {WEIGHTS_ON_CHIP // 1024} KB of W_h: take fewer"
        " hidden units, a smaller batch or numbers of fewer bytes"
    )


WEIGHTS_ON_CHIP = 128 * 1024
"""Bytes of W_h in a program: half of a multiprocessor's 256 KB of registers."""


def launch(kernel, plan, B, H, arguments, **constants):
    """Runs a kernel over the grid of a plan: on the GPU, or side by side in the interpreter."""
    constants |= constants_of(plan, H)
    if interpreting():
        triton_interpreter.run(kernel, plan.grid(B, H), arguments, constants)
        return
    for array in arguments:
        if hasattr(array, "is_contiguous") and not array.is_contiguous():
            raise ValueError(
                "arrays must be contiguous: a kernel counts addresses from the first"
            )
    kernel[plan.grid(B, H)](
        *arguments,
        **constants,
        num_warps=plan.slabs,
        num_stages=1,  # loads must not be moved before the wait
        # refused by the driver unless all programs run at once
        launch_cooperative_grid=True,
    )


def constants_of(plan, H):
    """Returns the values that a kernel is compiled for."""
    return {
        "ROWS": plan.rows,
        "UNITS": plan.units,
        "SLABS": plan.slabs,
        "SLAB": plan.padded(H) // plan.slabs,
        "PRECISION": plan.precision,
    }


def interpreting():
    """Tells whether kernels run in Triton's interpreter."""
    return triton is not None and not isinstance(forward_kernel, triton.JITFunction)


def need_triton():
    """Raises RuntimeError if Triton is missing, or TRITON_INTERPRET changed after its import."""
    if triton is None:
        raise RuntimeError(
            missing("triton", "the kernel") + " (it has builds for Linux alone)"
        )
    on = os.environ.get("TRITON_INTERPRET")
    if interpreting() != (on == "1"):
        raise RuntimeError(
            "set TRITON_INTERPRET before unrolled.frameworks.triton_lstm is imported"
        )


def fitting_plan(x, B, H, plan):
    """Returns a plan whose programs all run at once: the one given, or one that ``choose`` makes.

    Raises:
        ValueError: the plan given has more programs than the GPU has multiprocessors, or the
            arrays are of the wrong library.
    """
    if isinstance(x, np.ndarray) != interpreting():
        raise ValueError(
            "NumPy arrays need Triton's interpreter (TRITON_INTERPRET=1), PyTorch's need a GPU"
        )
    if isinstance(x, np.ndarray):
        processors, itemsize = 132, x.itemsize
    else:
        import torch

        processors = torch.cuda.get_device_properties(x.device).multi_processor_count
        itemsize = x.element_size()
    if plan is None:
        return choose(B, H, itemsize, processors)
    if np.prod(plan.grid(B, H)) > processors:
        raise ValueError(
            f"{plan} makes {np.prod(plan.grid(B, H))} programs of B={B}, H={H}; they wait for one"
            f" another, so that all must run at once, and there are {processors} multiprocessors"
        )
    return plan


def new_array(like, shape, sums=False):
    """Returns an array to be written; ``sums``: at least in single precision."""
    if isinstance(like, np.ndarray):
        dtype = np.promote_types(like.dtype, np.float32) if sums else like.dtype
        return np.full(shape, np.nan, dtype)  # what is not written shows up as NaN
    import torch

    return like.new_empty(shape, dtype=torch.float32 if sums else like.dtype)


def zero_counters(like, B, plan):
    """Returns a counter for each block of rows, at 0."""
    shape = (plan.grid(B, 1)[0],)
    if isinstance(like, np.ndarray):
        return np.zeros(shape, np.int32)
    import torch

    return torch.zeros(shape, dtype=torch.int32, device=like.device)
