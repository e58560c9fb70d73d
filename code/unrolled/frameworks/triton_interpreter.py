"""Runs the programs of a Triton grid concurrently in Triton's interpreter, on NumPy arrays.

Triton's own interpreter runs the programs of a grid one after the other, so programs that wait for
one another would wait for ever. Here each program has a thread. One thread runs at a time, and at
every atomic operation another may continue.
"""

import threading

import numpy as np

try:
    import triton.language as tl
    from triton.runtime import interpreter
except ImportError:
    tl = interpreter = None

PATIENCE = 1000
"""Turns for each program, without any program ending or counting, after which all are stuck."""


class Stuck(RuntimeError):
    """Every program waits for another."""


class Traffic:
    """Bytes that programs loaded from device memory, and stored there."""

    def __init__(self):
        """Begins at 0."""
        self.loaded = 0
        self.stored = 0


def run(kernel, grid, arguments, constants, rng=None):
    """Runs a kernel over a grid.

    Args:
        kernel: a function under ``triton.jit``, with TRITON_INTERPRET=1.
        grid: numbers of programs, at most three.
        arguments: NumPy arrays, of any shape, contiguous, and integers.
        constants: values of the ``constexpr`` arguments, by name.
        rng: a ``numpy.random.Generator`` that picks who goes on; the next in line if left out.

    Returns:
        Traffic.

    Raises:
        Stuck: the programs wait for one another.
        ValueError: an array that is not contiguous.
    """
    function, builder = kernel.rewrite(), interpreter.interpreter_builder
    names = [name for name in kernel.arg_names if name not in constants]
    values = dict(zip(names, map(_as_argument, names, arguments), strict=True)) | {
        name: tl.constexpr(value) for name, value in constants.items()
    }
    traffic = Traffic()
    turns = _Turns(list(np.ndindex(*(*grid, 1, 1)[:3])), rng)
    scope = interpreter._patch_lang(kernel.fn)
    builder.set_grid_dim(*(*grid, 1, 1)[:3])
    watched = {
        "create_atomic_rmw": turns.watch(builder.create_atomic_rmw),
        "create_masked_load": _count(builder.create_masked_load, traffic, "loaded"),
        "create_masked_store": _count(builder.create_masked_store, traffic, "stored"),
    }
    vars(builder).update(watched)
    try:
        turns.run(lambda: function(**values), builder)
    finally:
        for name in watched:
            del vars(builder)[name]
        scope.restore()
    return traffic


def _as_argument(name, value):
    """Returns an array as a pointer to its first number; an integer as it is."""
    if not isinstance(value, np.ndarray):
        return int(value)
    if not value.flags.c_contiguous:
        raise ValueError(
            f"{name} must be contiguous: a kernel counts its addresses from the first"
        )
    kind = tl.pointer_type(getattr(tl, value.dtype.name))
    address = np.array([value.ctypes.data], np.uint64)
    return tl.tensor(interpreter.TensorHandle(address, kind), kind)


def _count(operation, traffic, direction):
    """Returns the operation, which adds the bytes of its unmasked entries to the traffic."""

    def counted(pointers, *rest):
        mask = rest[0] if direction == "loaded" else rest[1]
        size = pointers.get_element_ty().primitive_bitwidth // 8
        moved = size * int(
            np.count_nonzero(np.broadcast_to(mask.data, pointers.data.shape))
        )
        setattr(traffic, direction, getattr(traffic, direction) + moved)
        return operation(pointers, *rest)

    return counted


class _Turns:
    """Threads of which one runs at a time, and which hand over at their atomic operations."""

    def __init__(self, programs, rng):
        self.alive, self.rng = programs, rng
        self.may_run = {program: threading.Event() for program in programs}
        self.now = None
        self.idle = 0
        self.error = None

    def watch(self, atomic):
        """Returns the atomic operation, after which another program may go on."""

        def watched(operation, pointer, value, *rest):
            found = atomic(operation, pointer, value, *rest)
            self.idle = 0 if np.any(value.data) else self.idle + 1
            if self.idle > PATIENCE * len(self.may_run):
                self.error = Stuck("every program waits for another")
            if self.error is not None:
                raise self.error
            self.hand_over()
            return found

        return watched

    def hand_over(self):
        me = self.now
        self.wake(self.after(me))
        self.may_run[me].wait()
        self.may_run[me].clear()
        if self.error is not None:
            raise self.error

    def after(self, program):
        if self.rng is not None:
            return self.alive[self.rng.integers(len(self.alive))]
        place = self.alive.index(program) if program in self.alive else -1
        return self.alive[(place + 1) % len(self.alive)]

    def wake(self, program):
        self.now = program
        self.builder.set_grid_idx(*program)
        self.may_run[program].set()

    def run(self, function, builder):
        self.builder = builder

        def program_runs(program):
            self.may_run[program].wait()
            self.may_run[program].clear()
            try:
                if self.error is None:
                    with np.errstate(all="ignore"):  # a GPU warns of nothing
                        function()
            except BaseException as error:
                self.error = self.error or error
            self.idle = 0
            following = self.after(program)
            self.alive.remove(program)
            if self.alive:
                self.wake(following if following in self.alive else self.alive[0])

        threads = [
            threading.Thread(target=program_runs, args=(p,)) for p in self.may_run
        ]
        for thread in threads:
            thread.start()
        self.wake(self.after(self.alive[-1]))
        for thread in threads:
            thread.join()
        if self.error is not None:
            raise _cause(self.error)


def _cause(error):
    """Returns Stuck from under the interpreter's own errors, or the error itself."""
    found = error
    while found is not None and not isinstance(found, Stuck):
        found = found.__cause__
    return found or error
