"""The cells of this book in one table: what each has, and what is therefore tested of it.

A cell is a module of this folder with `Params`, `init`, `initial_state`, `step`, `forward` and
`backward`. Tests walk over this table and fail for what a cell lacks. A recorded training imports
its cells itself, so that a new cell makes no record stale. The first state of every cell is its
output, which layers above read, even if the cell's next step does not read it. `irnn` is `rnn`
with other first weights and another nonlinearity; it has tests of its own.
"""

from typing import NamedTuple


class Cell(NamedTuple):
    """What one cell has besides its module."""

    states: int  # that a step takes and returns, of which the first is the output
    frameworks: tuple[str, ...] = ()  # that compute it too
    diagram: bool = False  # in drawing.cell_graph, under the cell's name in capitals


CELLS = {
    "rnn": Cell(1, ("Keras", "Theano", "PyTorch", "JAX", "CuPy")),
    "lstm": Cell(
        2, ("Keras", "Theano", "PyTorch", "JAX", "CuPy", "Triton"), diagram=True
    ),
    "gru": Cell(1, ("Keras", "Theano", "JAX", "CuPy"), diagram=True),
    "gru_reset_after": Cell(1, ("Keras", "Theano", "PyTorch"), diagram=True),
    "peephole_lstm": Cell(2, ("Keras",), diagram=True),
    "coupled_lstm": Cell(2, diagram=True),
    "lru": Cell(1),
    "state_space": Cell(1),
    "min_gru": Cell(1, ("JAX",), diagram=True),
    "min_lstm": Cell(1, ("JAX",)),
    "selective": Cell(2, ("JAX",)),
    "linear_attention": Cell(2, ("JAX",)),
    "mlstm": Cell(3, ("JAX",)),
    "delta_net": Cell(2, ("JAX",)),
    "gated_delta_net": Cell(2, ("JAX",)),
    "diagonal": Cell(1),
    "reflections": Cell(1),
}


def having(*frameworks):
    """Returns the names of the cells that all of some frameworks compute, in the table's order."""
    return [name for name, cell in CELLS.items() if {*frameworks} <= {*cell.frameworks}]
