r"""The Neural Turing Machine of Graves, Wayne & Danihelka (2014): a network with a tape.

A controller reads the input and what the read head read one step before. Its state h_t determines
where the two heads move and what is written. The output is computed from h_t and what is read:

    h_t = controller([x_t, r_{t-1}])                                     (eq-ntm-controller)
    w_t = address(M_{t-1}, w_{t-1}; head(h_t))          each head         (eq-ntm-content ...
    M_t = M_{t-1} * (1 - w_t^T e_t) + w_t^T a_t         the write head    ... eq-ntm-write)
    r_t = w_t M_t                                       the read head     (eq-ntm-read)
    u_t = [h_t, r_t] W_y + b_y                          logits of the output bits

The controller is a cell of the book, passed in as a module: ``feed_forward``, ``rnn``, ``lstm``.
T time, B batch, D input, H controller units, N slots of memory, M numbers in a slot, V outputs.
Heads stand on an axis of length 2: READ, WRITE.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import fields, names_arguments, trees
from unrolled.data.tasks import Bits
from unrolled.functional import (
    binary_cross_entropy,
    check_sequence,
    dbinary_cross_entropy,
    dsigmoid,
    dsoftmax,
    sigmoid,
    softmax,
)
from unrolled.layers import feed_forward

Array = Any

READ, WRITE = 0, 1
SHIFTS = (-1, 0, 1)
FLOOR = 1e-3  # added to squared lengths: an empty slot is orthogonal to every key
TINY = 1e-12  # added to weights before a logarithm


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    controller: Any  # the controller's own Params, for inputs of D + M
    W_head: (
        Array  # (H, 2(M+6)): for each head key M, strength, gate, 3 shifts, sharpness
    )
    b_head: Array  # (2(M+6),)
    W_write: Array  # (H, 2M): erase, add
    b_write: Array  # (2M,)
    W_y: Array  # (H+M, V)
    b_y: Array  # (V,)


class State(NamedTuple):
    """What one step hands to the next; the gradient of a state is a State too."""

    memory: Array  # (B, N, M)
    w: Array  # (B, 2, N): where the heads are; rows sum to 1
    r: Array  # (B, M): what was read
    controller: Any  # the controller's own state, a tuple


class Address(NamedTuple):
    """The stages of an address, each (B, 2, N)."""

    similarity: Array
    content: Array  # softmax of strength times similarity
    gated: Array
    shifted: Array
    w: Array


class Cache(NamedTuple):
    """What backward needs from one step, and what figures draw."""

    before: State
    after: State
    controller: Any  # the controller's own cache
    h: Array  # (B, H)
    a: Array  # (B, 2(M+6)): the numbers for the heads, before they are brought into range
    head: Any  # Head
    address: Address
    erase: Array  # (B, M)
    add: Array  # (B, M)


class Head(NamedTuple):
    """The controller's outputs for the heads; gradients are a Head too."""

    key: Array  # (B, 2, M)
    strength: Array  # (B, 2, 1), above 0
    gate: Array  # (B, 2, 1), 0..1: 1 takes the position by content, 0 the last position
    shifts: Array  # (B, 2, 3), sums to 1: one slot back, none, one slot forward
    sharpness: Array  # (B, 2, 1), above 1


WEIGHTS = fields(  # the controller checks its own
    Params, W_head="H A", b_head="A", W_write="H 2M", b_write="2M", W_y="K V", b_y="V"
)
STATE = fields(
    State, memory="B N M", w="B 2 N", r="B M", controller=trees("controller")
)
HEAD = fields(
    Head, key="B 2 M", strength="B 2 1", gate="B 2 1", shifts="B 2 3", sharpness="B 2 1"
)
ADDRESS = fields(Address, **dict.fromkeys(Address._fields, "B 2 N"))
CACHE = fields(
    Cache,
    before=STATE,
    after=STATE,
    h="B H",
    a="B A",
    head=HEAD,
    erase="B M",
    add="B M",
)


@names_arguments
def init(rng, D, V, M, H, controller=feed_forward, dtype=np.float64):
    """Returns random Params: the controller's own, weights uniform within ±1/√(rows), biases 0.

    The number of slots is no parameter: ``initial_state`` chooses it.

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector.
        V: output bits.
        M: numbers in a slot of memory.
        H: controller units.
        controller: a cell's module.
        dtype: floating-point type of the weights.

    Raises:
        ValueError: a size is below 1.
    """
    if min(D, V, M, H) < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, V={V}, M={M}, H={H}")

    def uniform(rows, columns):
        return (rng.uniform(-1, 1, (rows, columns)) / np.sqrt(rows)).astype(dtype)

    heads = 2 * (M + 6)
    return Params(
        controller.init(rng, D + M, H, dtype),
        uniform(H, heads),
        np.zeros(heads, dtype),
        uniform(H, 2 * M),
        np.zeros(2 * M, dtype),
        uniform(H + M, V),
        np.zeros(V, dtype),
    )


@names_arguments(p=WEIGHTS)
def initial_state(p, B, N, controller=feed_forward):
    """Returns the State before the first step: an empty memory, both heads at slot 0.

    Args:
        p: Params.
        B: sequences.
        N: slots, at least 3, so that the three shifts lead to three slots.
        controller: a cell's module.

    Raises:
        ValueError: fewer than 3 slots.
    """
    if N < len(SHIFTS):
        raise ValueError(f"a memory needs at least {len(SHIFTS)} slots, got N={N}")
    M, dtype = len(p.b_write) // 2, p.W_y.dtype
    w = np.zeros((B, 2, N), dtype)
    w[..., 0] = 1
    return State(
        np.zeros((B, N, M), dtype),
        w,
        np.zeros((B, M), dtype),
        controller.initial_state(p.controller, B),
    )


# --- the five stages of an address -------------------------------------------------------------


@names_arguments(key="B 2 M", memory="B N M")
def similarity(key, memory):
    """Returns the cosine of each head's key and each slot, (B, 2, N), in -1..1.

    The squared lengths get a FLOOR, so that a slot of zeros is orthogonal to every key.
    """
    unit_key, unit_memory = unit_vector(key)[0], unit_vector(memory)[0]
    return unit_key @ unit_memory.swapaxes(-1, -2)


@names_arguments(key="B 2 M", memory="B N M", dcosine="B 2 N")
def dsimilarity(key, memory, dcosine):
    """Returns (dkey, dmemory), given what ``similarity`` took."""
    unit_key, key_length = unit_vector(key)
    unit_memory, memory_length = unit_vector(memory)
    dunit_key = dcosine @ unit_memory  # cosine = unit_key unit_memory^T
    dunit_memory = dcosine.swapaxes(-1, -2) @ unit_key
    return dunit_vector(unit_key, key_length, dunit_key), dunit_vector(
        unit_memory, memory_length, dunit_memory
    )


@names_arguments(v="... M")
def unit_vector(v):
    """Returns v / |v| along the last axis, and |v|, which FLOOR keeps above 0."""
    length = np.sqrt((v * v).sum(axis=-1, keepdims=True) + FLOOR)
    return v / length, length


@names_arguments(unit="... M", length="... 1", dunit="... M")
def dunit_vector(unit, length, dunit):
    """Returns the gradient with respect to v of ``unit_vector``, given what it returned."""
    along = (dunit * unit).sum(axis=-1, keepdims=True)
    # a change along v changes its length only (apart from FLOOR)
    return (dunit - along * unit) / length


@names_arguments(w="... N", shifts="... 3")
def shift(w, shifts):
    """Returns the weights moved along the ring: slot i gets Σ_o shifts[o] w[i - o].

    Args:
        w: (B, 2, N).
        shifts: (B, 2, 3), the weights of SHIFTS.
    """
    return sum(shifts[..., [k]] * np.roll(w, o, axis=-1) for k, o in enumerate(SHIFTS))


@names_arguments(w="... N", shifts="... 3", dshifted="... N")
def dshift(w, shifts, dshifted):
    """Returns (dw, dshifts), given what ``shift`` took."""
    back = [np.roll(dshifted, -o, axis=-1) for o in SHIFTS]
    dw = sum(shifts[..., [k]] * back[k] for k in range(len(SHIFTS)))
    return dw, np.stack([(w * row).sum(axis=-1) for row in back], axis=-1)


def broadcasts_to_the_weights(name):
    """Returns a check that an argument broadcasts to w (..., N), rather than repeats w."""

    def check(value, sizes):
        shape, batch = getattr(value, "shape", ()), sizes["..."]
        if np.broadcast_shapes(shape[:-1], batch) != batch:
            raise ValueError(f"{name} {shape} must broadcast to a batch {batch} of w")

    return check


@names_arguments(w="... N", sharpness=broadcasts_to_the_weights)
def sharpen(w, sharpness):
    """Returns w^sharpness divided by its sum, computed as softmax(sharpness log w)."""
    return softmax(sharpness * np.log(w + TINY))


@names_arguments(w="... N", sharpness="... 1", sharp="... N", dsharp="... N")
def dsharpen(w, sharpness, sharp, dsharp):
    """Returns (dw, dsharpness), given what ``sharpen`` took and returned."""
    dlogits = dsoftmax(sharp, dsharp)  # sharp = softmax(sharpness log w)
    dsharpness = (dlogits * np.log(w + TINY)).sum(axis=-1, keepdims=True)
    return dlogits * sharpness / (w + TINY), dsharpness


@names_arguments(memory="B N M", w="B 2 N", head=HEAD)
def address(memory, w, head):
    """Returns the Address of both heads, with all its stages.

    Args:
        memory: (B, N, M).
        w: (B, 2, N), the weights of the step before.
        head: a Head.
    """
    cosine = similarity(head.key, memory)
    content = softmax(head.strength * cosine)
    gated = head.gate * content + (1 - head.gate) * w
    shifted = shift(gated, head.shifts)
    return Address(cosine, content, gated, shifted, sharpen(shifted, head.sharpness))


@names_arguments(memory="B N M", w="B 2 N", head=HEAD, stages=ADDRESS, dw_new="B 2 N")
def daddress(memory, w, head, stages, dw_new):
    """Returns (dmemory, dw, dhead), given what ``address`` took and returned."""
    cosine, content, gated, shifted, sharp = stages
    dshifted, dsharpness = dsharpen(shifted, head.sharpness, sharp, dw_new)
    dgated, dshifts = dshift(gated, head.shifts, dshifted)
    dcontent = head.gate * dgated  # gated = gate content + (1 - gate) w
    dw = (1 - head.gate) * dgated
    dgate = (dgated * (content - w)).sum(axis=-1, keepdims=True)
    dlogits = dsoftmax(content, dcontent)  # content = softmax(strength cosine)
    dstrength = (dlogits * cosine).sum(axis=-1, keepdims=True)
    dkey, dmemory = dsimilarity(head.key, memory, head.strength * dlogits)
    return dmemory, dw, Head(dkey, dstrength, dgate, dshifts, dsharpness)


# --- what the controller outputs ------------------------------------------------------------------


@names_arguments(a="B A")
def head_of(a, M):
    """Returns the Head that each example's row of 2(M+6) numbers describes."""
    key, strength, gate, shifts, sharpness = _split(a, M)
    return Head(
        key,
        np.logaddexp(0, strength),
        sigmoid(gate),
        softmax(shifts),
        1 + np.logaddexp(0, sharpness),
    )


@names_arguments(a="B A", head=HEAD, dhead=HEAD)
def dhead_of(a, head, dhead, M):
    """Returns the gradient of ``head_of`` with respect to a, given the Head it returned."""
    _, strength, _, _, sharpness = _split(a, M)
    parts = (
        dhead.key,
        dhead.strength * sigmoid(strength),  # log(1 + e^a) has the slope sigmoid(a)
        dsigmoid(head.gate, dhead.gate),
        dsoftmax(head.shifts, dhead.shifts),
        dhead.sharpness * sigmoid(sharpness),
    )
    return np.concatenate(parts, axis=-1).reshape(a.shape)


def _split(a, M):
    return np.split(a.reshape(len(a), 2, M + 6), [M, M + 1, M + 2, M + 5], axis=-1)


# --- the machine -------------------------------------------------------------------------------


@names_arguments(p=WEIGHTS, x_t="B D", state=STATE)
def step(p, x_t, state, controller=feed_forward):
    """Returns (u_t, state, cache) of one time step.

    Args:
        p: Params.
        x_t: (B, D).
        state: the State before the step.
        controller: a cell's module.
    """
    memory, w, r, inner = state
    M = memory.shape[-1]
    h, controller_cache = controller.forward(
        p.controller, np.concatenate([x_t, r], axis=-1)[None], *inner
    )
    inner = tuple(getattr(controller_cache, name)[-1] for name in "hc"[: len(inner)])
    h = h[0]
    a = h @ p.W_head + p.b_head
    head = head_of(a, M)
    stages = address(memory, w, head)
    erase, add = np.split(h @ p.W_write + p.b_write, 2, axis=-1)
    erase = sigmoid(erase)
    w_write, w_read = stages.w[:, WRITE, :, None], stages.w[:, READ, None]
    memory = memory * (1 - w_write * erase[:, None]) + w_write * add[:, None]
    r = (w_read @ memory)[:, 0]
    u_t = np.concatenate([h, r], axis=-1) @ p.W_y + p.b_y
    after = State(memory, stages.w, r, inner)
    return (
        u_t,
        after,
        Cache(state, after, controller_cache, h, a, head, stages, erase, add),
    )


@names_arguments(p=WEIGHTS, cache=CACHE, du="B V", dafter=STATE)
def dstep(p, cache, du, dafter, controller=feed_forward):
    """Returns (dp, dx_t, dstate), given what ``step`` took and returned.

    Args:
        p: the Params that step had.
        cache: what step returned.
        du: (B, V), gradient of the loss with respect to the step's logits.
        dafter: a State, gradient with respect to the state after the step by all later
            steps.
        controller: the module that step had.
    """
    before, after, controller_cache, h, a, head, stages, erase, add = cache
    H, M = h.shape[1], add.shape[1]
    dhr = du @ p.W_y.T  # u_t = [h, r] W_y + b_y
    dW_y = np.concatenate([h, after.r], axis=-1).T @ du
    # Two paths leave r: the output and the next step.
    dh, dr = dhr[:, :H], dhr[:, H:] + dafter.r
    dw = dafter.w.copy()
    dw[:, READ] += (after.memory @ dr[..., None])[..., 0]  # r = w_read memory
    w_read, w_write = stages.w[:, READ, :, None], stages.w[:, WRITE, :, None]
    dmemory = dafter.memory + w_read * dr[:, None]
    # memory = before.memory (1 - w_write erase) + w_write add
    dw[:, WRITE] += (dmemory @ add[..., None])[..., 0]
    lost = dmemory * before.memory
    dw[:, WRITE] -= (lost @ erase[..., None])[..., 0]
    dadd = (stages.w[:, [WRITE]] @ dmemory)[:, 0]
    derase = dsigmoid(erase, -(stages.w[:, [WRITE]] @ lost)[:, 0])
    dmemory = dmemory * (1 - w_write * erase[:, None])
    dcontent, dw, dhead = daddress(before.memory, before.w, head, stages, dw)
    dmemory += dcontent  # the address also reads the memory
    dwrite = np.concatenate([derase, dadd], axis=-1)
    da = dhead_of(a, head, dhead, M)
    dh = dh + dwrite @ p.W_write.T + da @ p.W_head.T  # a, erase and add come from h
    dinner = dafter.controller
    if dinner:
        dh = dh + dinner[0]
    dcontroller, dx, *dinner = controller.backward(
        p.controller, controller_cache, dh[None], *(d[None] for d in dinner[1:])
    )
    dx_t, dr = dx[0, :, :-M], dx[0, :, -M:]  # the controller read [x_t, r]
    dp = Params(
        dcontroller,
        h.T @ da,
        da.sum(axis=0),
        h.T @ dwrite,
        dwrite.sum(axis=0),
        dW_y,
        du.sum(axis=0),
    )
    return dp, dx_t, State(dmemory, dw, dr, tuple(dinner))


@names_arguments(p=WEIGHTS, state=STATE)
def forward(p, x, state, controller=feed_forward):
    """Runs the machine over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, T at least 1.
        state: the State before the first step, of ``initial_state``.
        controller: a cell's module.

    Returns:
        u: (T, B, V) logits.
        caches: a list of a Cache for each step.

    Raises:
        ValueError: shapes do not fit together, or there is no step.
    """
    _check(p, x, state)
    outputs, caches = [], []
    for x_t in x:
        u_t, state, cache = step(p, x_t, state, controller)
        outputs.append(u_t)
        caches.append(cache)
    return np.stack(outputs), caches


@names_arguments(p=WEIGHTS, du="T B V")
def backward(p, caches, du, controller=feed_forward):
    """Full backpropagation through time.

    Args:
        p: the Params that forward had.
        caches: what forward returned.
        du: (T, B, V), gradient of the loss with respect to the logits.
        controller: the module that forward had.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: (T, B, D).
        dstate: State, gradient with respect to the state before the first step.
    """
    check_steps(caches, du)
    dp = tree.map(np.zeros_like, p)
    dstate = tree.map(np.zeros_like, caches[-1].after)
    dx = []
    for cache, du_t in zip(reversed(caches), du[::-1], strict=True):
        dp_t, dx_t, dstate = dstep(p, cache, du_t, dstate, controller)
        tree.map(lambda total, part: np.add(total, part, out=total), dp, dp_t)
        dx.append(dx_t)
    return dp, np.stack(dx[::-1]), dstate


@names_arguments(p=WEIGHTS, batch=fields(Bits, x="T B D", y="L B V"))
def loss_and_gradient(p, batch, N, controller=feed_forward):
    """Returns (mean loss of a bit in nats, its gradient as a Params) of a tasks.Bits.

    Args:
        p: Params.
        batch: x (T, B, D) and the bits y (L, B, V) of the last L steps.
        N: slots of memory.
        controller: a cell's module.
    """
    if not 0 < len(batch.y) <= len(batch.x):
        raise ValueError(
            f"batch.y must have 1 to {len(batch.x)} steps, got {batch.y.shape}"
        )
    u, caches = forward(
        p, batch.x, initial_state(p, batch.x.shape[1], N, controller), controller
    )
    asked = slice(-len(batch.y), None)
    losses = binary_cross_entropy(u[asked], batch.y)
    du = np.zeros_like(u)
    du[asked] = dbinary_cross_entropy(u[asked], batch.y, u.dtype.type(1 / losses.size))
    return float(losses.mean()), backward(p, caches, du, controller)[0]


def check_steps(caches, du):
    """Raises ValueError unless there is a cache for each step, and at least one."""
    if not 0 < len(caches) == len(du):
        raise ValueError(
            f"caches must be a list of one for each of du's steps, got {len(caches)} caches"
            f" and du {du.shape}"
        )


def _check(p, x, state):
    M = len(p.b_write) // 2
    D = len(p.controller.W_x) - M
    T, B = check_sequence(x, D) if x.dtype.kind not in "iu" else (0, 0)
    if not T:
        raise ValueError(
            f"x must be (T, B, {D}) vectors with at least one step, got {x.shape}"
        )
    memory, w, r = state[:3]
    N = w.shape[-1]
    found, wanted = (memory.shape, w.shape, r.shape), ((B, N, M), (B, 2, N), (B, M))
    if found != wanted:
        raise ValueError(f"memory, w and r must be {wanted}, got {found}")
