"""One step of each gated cell as plain data, from which it is both drawn and computed.

A cell lists its nodes (an operation and a place in the drawing) and its edges (which value goes
where, and by way of which corners). `evaluate` computes the value of every node; tests compare
these values with the cell's own `step`. If a drawing exchanged two gates, a test would fail.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import names_arguments
from unrolled.functional import positive, project, sigmoid

Array = Any
Place = tuple[float, float]


class Node(NamedTuple):
    """One value: its name, the operation that makes it, its place, its symbol in the drawing.

    A node that multiplies by weights names their block in `block`.
    """

    name: str
    operation: str
    place: Place
    label: str = ""
    block: str = ""


class Edge(NamedTuple):
    """`target` reads `source`; the line is drawn through the corners `via`.

    A peephole names the row of `w_c` that it multiplies by, 0 to 2.
    """

    source: str
    target: str
    via: tuple[Place, ...] = ()
    peephole: int | None = None


class Cell(NamedTuple):
    """A step. Each node stands after those that it reads; edges list operands in order."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    blocks: str  # the order of the blocks in W_x, W_h and b, one letter each
    given: tuple[str, ...]  # the input, then the states before the step, as in `step`
    results: tuple[str, ...]  # the states after it


# Operations with weights take the weighted sum of what they read, the others the values themselves.
WEIGHTED: dict[str, Callable[..., Array]] = {
    "sigmoid gate": sigmoid,
    "tanh gate": np.tanh,
    "positive gate": positive,
    "input map": lambda a: a,
    "state map": lambda a: a,
}
POINTWISE: dict[str, Callable[..., Array]] = {
    "multiply": lambda one, other: one * other,
    "add": lambda one, other: one + other,
    "subtract": lambda one, other: one - other,
    "tanh": np.tanh,
    "one minus": lambda value: 1 - value,
    "join": lambda *parts: parts,
    "result": lambda value: value,
}

LSTM = Cell(
    (
        Node("x", "given", (0.6, -0.85), "$x_t$"),
        Node("h_before", "given", (0, 0), "$h_{t-1}$"),
        Node("c_before", "given", (0, 3.2), "$c_{t-1}$"),
        Node("joined", "join", (0.6, 0)),
        Node("f", "sigmoid gate", (1.35, 1), "$f_t$", "f"),
        Node("i", "sigmoid gate", (2.4, 1), "$i_t$", "i"),
        Node("g", "tanh gate", (3.4, 1), "$g_t$", "g"),
        Node("kept", "multiply", (1.35, 3.2)),
        Node("written", "multiply", (2.9, 2.1)),
        Node("c", "add", (2.9, 3.2)),
        Node("o", "sigmoid gate", (4.5, 1), "$o_t$", "o"),
        Node("tanh_c", "tanh", (5.3, 2.55)),
        Node("h", "multiply", (5.3, 1.7)),
        Node("c_after", "result", (6.25, 3.2), "$c_t$"),
        Node("h_after", "result", (6.25, 0), "$h_t$"),
    ),
    (
        Edge("x", "joined"),
        Edge("h_before", "joined"),
        Edge("joined", "f", ((1.35, 0),)),
        Edge("joined", "i", ((2.4, 0),)),
        Edge("joined", "g", ((3.4, 0),)),
        Edge("joined", "o", ((4.5, 0),)),
        Edge("f", "kept"),
        Edge("c_before", "kept"),
        Edge("i", "written", ((2.4, 2.1),)),
        Edge("g", "written", ((3.4, 2.1),)),
        Edge("kept", "c"),
        Edge("written", "c"),
        Edge("c", "tanh_c", ((5.3, 3.2),)),
        Edge("o", "h", ((4.5, 1.7),)),
        Edge("tanh_c", "h"),
        Edge("c", "c_after"),
        Edge("h", "h_after", ((5.3, 0),)),
    ),
    "ifgo",
    ("x", "h_before", "c_before"),
    ("h_after", "c_after"),
)

PEEPHOLE_LSTM = LSTM._replace(
    edges=(
        *LSTM.edges,
        Edge("c_before", "f", ((0.72, 3.2), (0.72, 1)), 1),
        Edge("c_before", "i", ((0.72, 3.2), (0.72, 1.75), (1.86, 1.75), (1.86, 1)), 0),
        Edge("c", "o", ((3.92, 3.2), (3.92, 1)), 2),
    )
)

_COUPLED_PLACES = {"g": (2.9, 1), "o": (4.1, 1)}
COUPLED_LSTM = Cell(
    tuple(
        Node("i", "one minus", (2.15, 2.1), "$i_t$")
        if node.name == "i"
        else node._replace(place=_COUPLED_PLACES.get(node.name, node.place))
        for node in LSTM.nodes
    ),
    (
        Edge("x", "joined"),
        Edge("h_before", "joined"),
        Edge("joined", "f", ((1.35, 0),)),
        Edge("joined", "g", ((2.9, 0),)),
        Edge("joined", "o", ((4.1, 0),)),
        Edge("f", "kept"),
        Edge("f", "i", ((1.35, 2.1),)),
        Edge("c_before", "kept"),
        Edge("i", "written"),
        Edge("g", "written"),
        Edge("kept", "c"),
        Edge("written", "c"),
        Edge("c", "tanh_c", ((5.3, 3.2),)),
        Edge("o", "h", ((4.1, 1.7),)),
        Edge("tanh_c", "h"),
        Edge("c", "c_after"),
        Edge("h", "h_after", ((5.3, 0),)),
    ),
    "fgo",
    LSTM.given,
    LSTM.results,
)

GRU = Cell(
    (
        Node("x", "given", (0, -1.1), "$x_t$"),
        Node("h_before", "given", (0, 3.2), "$h_{t-1}$"),
        Node("joined", "join", (0.7, 0)),
        Node("r", "sigmoid gate", (1.5, 0.95), "$r_t$", "r"),
        Node("z", "sigmoid gate", (3.05, 0.95), "$z_t$", "z"),
        Node("reset", "multiply", (1.5, 2.1)),
        Node("joined_reset", "join", (4.75, -0.45)),
        Node("candidate", "tanh gate", (4.75, 0.95), r"$\tilde h_t$", "h"),
        Node("kept", "multiply", (3.05, 3.2)),
        Node("rest", "one minus", (3.85, 2.1)),
        Node("written", "multiply", (4.75, 2.1)),
        Node("h", "add", (4.75, 3.2)),
        Node("h_after", "result", (5.8, 3.2), "$h_t$"),
    ),
    (
        Edge("x", "joined", ((0.7, -1.1),)),
        Edge("h_before", "joined", ((0.7, 3.2),)),
        Edge("joined", "r", ((1.5, 0),)),
        Edge("joined", "z", ((3.05, 0),)),
        Edge("r", "reset"),
        Edge("h_before", "reset", ((0.7, 3.2), (0.7, 2.1))),
        Edge("x", "joined_reset", ((4.75, -1.1),)),
        Edge("reset", "joined_reset", ((2.2, 2.1), (2.2, -0.45))),
        Edge("joined_reset", "candidate"),
        Edge("z", "kept"),
        Edge("h_before", "kept"),
        Edge("z", "rest", ((3.05, 2.1),)),
        Edge("rest", "written"),
        Edge("candidate", "written"),
        Edge("kept", "h"),
        Edge("written", "h"),
        Edge("h", "h_after"),
    ),
    "zrh",
    ("x", "h_before"),
    ("h_after",),
)

GRU_RESET_AFTER = Cell(
    (
        Node("x", "given", (0, -1.1), "$x_t$"),
        Node("h_before", "given", (0, 3.2), "$h_{t-1}$"),
        Node("joined", "join", (0.7, 0)),
        Node("r", "sigmoid gate", (2.05, 0.95), "$r_t$", "r"),
        Node("z", "sigmoid gate", (3.3, 0.95), "$z_t$", "z"),
        Node("a_hh", "state map", (1.3, 2.1), "$W_{hh}$", "h"),
        Node("reset", "multiply", (2.05, 2.1)),
        Node("a_xh", "input map", (3.9, -1.1), "$W_{xh}$", "h"),
        Node("a_h", "add", (4.9, -0.45)),
        Node("candidate", "tanh", (4.9, 0.95), r"$\tilde h_t$"),
        Node("kept", "multiply", (3.3, 3.2)),
        Node("rest", "one minus", (4.05, 2.1)),
        Node("written", "multiply", (4.9, 2.1)),
        Node("h", "add", (4.9, 3.2)),
        Node("h_after", "result", (5.9, 3.2), "$h_t$"),
    ),
    (
        Edge("x", "joined", ((0.7, -1.1),)),
        Edge("h_before", "joined", ((0.7, 3.2),)),
        Edge("joined", "r", ((2.05, 0),)),
        Edge("joined", "z", ((3.3, 0),)),
        Edge("h_before", "a_hh", ((0.7, 3.2), (0.7, 2.1))),
        Edge("r", "reset"),
        Edge("a_hh", "reset"),
        Edge("x", "a_xh"),
        Edge("a_xh", "a_h", ((4.9, -1.1),)),
        Edge("reset", "a_h", ((2.65, 2.1), (2.65, -0.45))),
        Edge("a_h", "candidate"),
        Edge("z", "kept"),
        Edge("h_before", "kept"),
        Edge("z", "rest", ((3.3, 2.1),)),
        Edge("rest", "written"),
        Edge("candidate", "written"),
        Edge("kept", "h"),
        Edge("written", "h"),
        Edge("h", "h_after"),
    ),
    "zrh",
    GRU.given,
    GRU.results,
)


MIN_GRU = Cell(
    (
        Node("x", "given", (0, -0.1), "$x_t$"),
        Node("h_before", "given", (0, 3.2), "$h_{t-1}$"),
        Node("z", "sigmoid gate", (1.45, 0.95), "$z_t$", "z"),
        Node("candidate", "positive gate", (3.4, 0.95), r"$\tilde h_t$", "h"),
        Node("kept", "multiply", (1.45, 3.2)),
        Node("rest", "one minus", (2.4, 2.1)),
        Node("written", "multiply", (3.4, 2.1)),
        Node("h", "add", (3.4, 3.2)),
        Node("h_after", "result", (4.6, 3.2), "$h_t$"),
    ),
    (
        Edge("x", "z", ((1.45, -0.1),)),
        Edge("x", "candidate", ((3.4, -0.1),)),
        Edge("h_before", "kept"),
        Edge("z", "kept"),
        Edge("z", "rest", ((1.45, 2.1),)),
        Edge("rest", "written"),
        Edge("candidate", "written"),
        Edge("kept", "h"),
        Edge("written", "h"),
        Edge("h", "h_after"),
    ),
    "zh",
    GRU.given,
    GRU.results,
)


@names_arguments
def evaluate(cell: Cell, p: Any, x_t: Array, *state: Array) -> dict[str, Array]:
    """Returns the value of every node, by name, for one step.

    Args:
        cell: the cell's lists of nodes and edges.
        p: the cell's Params.
        x_t: (B, D) vectors, or (B,) ids.
        state: the states before the step.

    Raises:
        ValueError: too few or too many states.
    """
    if len(state) != len(cell.given) - 1:
        raise ValueError(
            f"this cell has {len(cell.given) - 1} state(s), got {len(state)}"
        )
    values = dict(zip(cell.given, (x_t, *state), strict=True))
    for node in cell.nodes:
        if node.operation == "given":
            continue
        edges = [edge for edge in cell.edges if edge.target == node.name]
        operands = [values[edge.source] for edge in edges if edge.peephole is None]
        if node.operation in WEIGHTED:
            a = _weighted_sum(cell, node, p, operands[0])
            for edge in edges:
                if edge.peephole is not None:
                    a = a + p.w_c[edge.peephole] * values[edge.source]
            values[node.name] = WEIGHTED[node.operation](a)
        else:
            values[node.name] = POINTWISE[node.operation](*operands)
    return values


def _weighted_sum(cell, node, p, operand):
    """Returns the node's block of x W_x + h W_h + b, or of only one of the two products."""
    H = p.b.shape[-1] // len(cell.blocks)
    first = cell.blocks.index(node.block) * H
    block = slice(first, first + H)
    b_x, b_h = p.b[..., block] if p.b.ndim == 2 else (p.b[block], 0)
    if node.operation == "input map":
        return project(operand, p.W_x[:, block]) + b_x
    if node.operation == "state map":
        return operand @ p.W_h[:, block] + b_h
    if not isinstance(operand, tuple):  # a gate that reads no state
        return project(operand, p.W_x[:, block]) + b_x
    x, h = operand
    return project(x, p.W_x[:, block]) + b_x + h @ p.W_h[:, block] + b_h
