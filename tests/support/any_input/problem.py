"""Small problems whose sizes all differ, so that an axis can be told by its length."""

from typing import Any, NamedTuple

import numpy as np

# T time, B batch, D input, H hidden, V vocabulary, S source, N rows, E, F, A of attention
SIZES = dict(T=5, B=3, D=11, H=2, V=13, S=7, N=17, E=19, F=23, A=29)


ANY = (
    1e300  # a tolerance at which only the number and the shapes of results are compared
)


class Seed(NamedTuple):
    """Stands for a generator of random numbers, which every call gets anew."""

    number: int


class Problem:
    """Sizes by their letter, and random arrays."""

    def __init__(self, seed=0, **sizes):
        """Takes a seed, and sizes where they are other than usual."""
        self.sizes = SIZES | sizes
        self.rng = np.random.default_rng(seed)

    def __getattr__(self, letter):
        """Returns a size."""
        try:
            return self.sizes[letter]
        except KeyError:
            raise AttributeError(letter) from None

    def floats(self, *shape):
        """Returns numbers of order 1."""
        return self.rng.standard_normal(shape)

    def shares(self, *shape):
        """Returns numbers in 0..1 whose rows sum to 1."""
        e = np.exp(self.rng.standard_normal(shape))
        return e / e.sum(axis=-1, keepdims=True)

    def ids(self, bound, *shape):
        """Returns ids in 0..bound-1."""
        return self.rng.integers(0, bound, shape)

    def mask(self, T, B):
        """Returns a mask (T, B) of sequences of different lengths, the first of which is full."""
        lengths = np.maximum(T - np.arange(B) % 3, 1)
        return np.arange(T)[:, None] < lengths

    def like(self, tree_of_arrays):
        """Returns a tree of the same shapes, of other numbers."""
        from unrolled import tree

        return tree.map(lambda leaf: self.floats(*leaf.shape), tree_of_arrays)


class Call(NamedTuple):
    """A valid call of a function, and what its arguments promise."""

    name: str  # room.module.function, and after a colon what is special about the call
    build: Any  # (Problem) -> {argument: value}
    # leaf -> (least, largest): numbers outside must be refused; a letter stands for 0..size-1
    ids: dict[str, Any] = {}
    # leaves or axes (p.W_x.0) that need not match others: broadcasting is documented, or not read
    free: tuple[str, ...] = ()
    or_ids: tuple[str, ...] = ()  # leaves of vectors in which integers mean ids
    # arguments that another function returned: they are exchanged whole
    whole: tuple[str, ...] = ()
    # argument -> letters of sizes of it that the function does not read
    loose: dict[str, str] = {}
    # argument -> (Problem) -> other values, which must be refused
    wrong: dict[str, Any] = {}
    # words beside the argument's name that name it in a message
    said: tuple[str, ...] = ()
    tolerance: float = 1e-12  # of equal results
    finite: bool = True  # whether results are finite
    raises: tuple[type, ...] = ()  # documented beside ValueError and TypeError

    def function(self):
        """Returns the function, as its module has it now."""
        import importlib

        module, name = self.name.partition(":")[0].rsplit(".", 1)
        return getattr(importlib.import_module(f"unrolled.{module}"), name)


class Table:
    """Calls by name."""

    def __init__(self):
        """Makes an empty table."""
        self.calls = {}

    def add(self, name, build, **promises):
        """Adds a call; names are unique."""
        assert name not in self.calls, f"two calls {name}"
        self.calls[name] = Call(name, build, **promises)
