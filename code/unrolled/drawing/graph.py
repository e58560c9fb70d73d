"""Computation graphs of recurrent networks, as plain data.

A graph lists its nodes (what is computed, at which time step and level) and its edges (what each
value is computed from, and through which weight). The book's diagrams are drawn from these lists.
Tests compare the same lists with the networks' functions: an output depends on exactly the inputs
that the graph shows, and evaluating the graph node by node gives the network's values.

Steps are numbered 1 … T as in the equations. A node is named (symbol, step), say ("h", 3); with
more than one layer or direction the symbol says which, as in ("h2", 3) or ("backward", 3). An
edge's `weight` names the parameter it multiplies by: two edges with one name share one matrix.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from unrolled.arguments import names_arguments

Name = tuple[str, int]


class Node(NamedTuple):
    """One value: its name, its kind ("input", "state", "output"), its place and its symbol."""

    name: Name
    kind: str
    time: float
    level: float
    label: str


class Edge(NamedTuple):
    """`target` is computed from `source`, multiplied by `weight`, which is written `label`."""

    source: Name
    target: Name
    weight: str
    label: str


class Graph(NamedTuple):
    """Nodes and edges; each node appears after those it is computed from."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def rolled() -> Graph:
    """Returns the recurrence as a loop: one input, one state that feeds itself, one output."""
    return Graph(
        (
            Node(("x", 0), "input", 0, 0, "$x_t$"),
            Node(("h", 0), "state", 0, 1, "$h_t$"),
            Node(("u", 0), "output", 0, 2, "$u_t$"),
        ),
        (
            Edge(("x", 0), ("h", 0), "W_x", "$W_x$"),
            Edge(("h", 0), ("h", 0), "W_h", "$W_h$"),
            Edge(("h", 0), ("u", 0), "W_y", "$W_y$"),
        ),
    )


@names_arguments
def unrolled_rnn(
    T: int,
    inputs: Collection[int] | None = None,
    outputs: Collection[int] | None = None,
    feedback: Collection[int] = (),
    tied: bool = True,
) -> Graph:
    """Returns one hidden layer over T steps, beginning with the initial state ("h", 0).

    Args:
        T: number of steps, at least 1.
        inputs: the steps that have an input; all if left out.
        outputs: the steps that have an output; all if left out.
        feedback: the steps whose input is the previous step's output, as in generation.
        tied: one W_x, W_h, W_y for all steps; if false, every step has its own, as in a
            feed-forward network of T layers.

    Raises:
        ValueError: T < 1, a step outside 1 … T, or feedback at a step that has an input or whose
            previous step has no output.
    """
    steps = _steps(T)
    inputs = steps if inputs is None else _within(T, inputs, "inputs")
    outputs = steps if outputs is None else _within(T, outputs, "outputs")
    for t in _within(T, feedback, "feedback"):
        if t in inputs or t - 1 not in outputs:
            raise ValueError(
                f"feedback at step {t} needs an output at step {t - 1} and no input"
            )
    nodes = [Node(("h", 0), "state", 0, 1, "$h_0$")]
    edges = []
    for t in steps:
        own, above = ("", "") if tied else (f"_{t}", f"^{{({t})}}")
        if t in inputs:
            nodes.append(Node(("x", t), "input", t, 0, f"$x_{{{t}}}$"))
            edges.append(Edge(("x", t), ("h", t), "W_x" + own, f"$W_x{above}$"))
        if t in feedback:
            edges.append(Edge(("u", t - 1), ("h", t), "W_f" + own, f"$W_f{above}$"))
        nodes.append(Node(("h", t), "state", t, 1, f"$h_{{{t}}}$"))
        edges.append(Edge(("h", t - 1), ("h", t), "W_h" + own, f"$W_h{above}$"))
        if t in outputs:
            nodes.append(Node(("u", t), "output", t, 2, f"$u_{{{t}}}$"))
            edges.append(Edge(("h", t), ("u", t), "W_y" + own, f"$W_y{above}$"))
    return Graph(tuple(nodes), tuple(edges))


def one_to_one() -> Graph:
    """Returns a feed-forward network with one hidden layer: no time, no memory."""
    return Graph(
        (
            Node(("x", 1), "input", 1, 0, "$x$"),
            Node(("h", 1), "state", 1, 1, "$h$"),
            Node(("u", 1), "output", 1, 2, "$u$"),
        ),
        (
            Edge(("x", 1), ("h", 1), "W_x", "$W_x$"),
            Edge(("h", 1), ("u", 1), "W_y", "$W_y$"),
        ),
    )


@names_arguments
def one_to_many(T: int) -> Graph:
    """Returns one input and T outputs, each fed back as the next input: captioning an image."""
    return unrolled_rnn(T, inputs=[1], feedback=range(2, T + 1))


@names_arguments
def many_to_one(T: int) -> Graph:
    """Returns T inputs and one output at the end: the class of a sentence."""
    return unrolled_rnn(T, outputs=[T])


@names_arguments
def aligned(T: int) -> Graph:
    """Returns T inputs, each with an output: tagging words, predicting the next word."""
    return unrolled_rnn(T)


@names_arguments
def delayed(S: int, T: int) -> Graph:
    """Returns S inputs and, after the last, T outputs: translation without attention.

    Each output is fed back as the next input.

    Raises:
        ValueError: S < 1 or T < 1.
    """
    _steps(S), _steps(T)
    writing = range(S + 1, S + T + 1)
    return unrolled_rnn(
        S + T, inputs=range(1, S + 1), outputs=writing, feedback=writing[1:]
    )


@names_arguments
def deep(T: int, layers: int) -> Graph:
    """Returns stacked layers, each with its own weights, that read the states of the layer below.

    States are named ("h1", t), ("h2", t), …; the output reads the top layer.

    Raises:
        ValueError: T < 1 or layers < 1.
    """
    steps, depth = _steps(T), _steps(layers)
    nodes = [Node((f"h{k}", 0), "state", 0, k, f"$h_0^{{({k})}}$") for k in depth]
    edges = []
    for t in steps:
        nodes.append(Node(("x", t), "input", t, 0, f"$x_{{{t}}}$"))
        for k in depth:
            below = ("x", t) if k == 1 else (f"h{k - 1}", t)
            nodes.append(Node((f"h{k}", t), "state", t, k, f"$h_{{{t}}}^{{({k})}}$"))
            edges.append(Edge(below, (f"h{k}", t), f"W_x{k}", f"$W_x^{{({k})}}$"))
            edges.append(
                Edge((f"h{k}", t - 1), (f"h{k}", t), f"W_h{k}", f"$W_h^{{({k})}}$")
            )
        nodes.append(Node(("u", t), "output", t, layers + 1, f"$u_{{{t}}}$"))
        edges.append(Edge((f"h{layers}", t), ("u", t), "W_y", "$W_y$"))
    return Graph(tuple(nodes), tuple(edges))


@names_arguments
def bidirectional(T: int, layers: int = 1) -> Graph:
    """Returns a forward and a backward chain over the same inputs; the output reads both.

    With more layers, each direction of a layer reads both directions of the layer below, as in
    Graves, Mohamed and Hinton (2013). States are ("forward", t) and ("backward", t), numbered
    by layer ("forward2", …) if there is more than one. Initial states are zero and left out.

    Raises:
        ValueError: T < 1 or layers < 1.
    """
    steps, depth = _steps(T), _steps(layers)
    nodes = [Node(("x", t), "input", t, 0, f"$x_{{{t}}}$") for t in steps]
    edges = []
    below = ["x"]
    for k in depth:
        number, above = ("", "") if layers == 1 else (str(k), rf"^{{\,({k})}}")
        # The two chains stand apart so that no arrow crosses a node.
        for chain, arrow, level, shift, order in (
            ("forward", r"\rightarrow", 2 * k - 1, -0.3, steps),
            ("backward", r"\leftarrow", 2 * k, 0.3, steps[::-1]),
        ):
            state = chain + number
            symbol = rf"\over{arrow[1:]}{{h}}"
            before = None
            for t in order:
                label = f"${symbol}_{{{t}}}{above}$"
                nodes.append(Node((state, t), "state", t + shift, level, label))
                for source in below:
                    weight = (
                        f"{state}.W_x" if len(below) == 1 else f"{state}.W_x[{source}]"
                    )
                    edges.append(
                        Edge((source, t), (state, t), weight, rf"$W_x^{arrow}$")
                    )
                if before is not None:
                    label = rf"$W_h^{arrow}$"
                    edges.append(
                        Edge((state, before), (state, t), f"{state}.W_h", label)
                    )
                before = t
        below = ["forward" + number, "backward" + number]
    for t in steps:
        nodes.append(Node(("u", t), "output", t, 2 * layers + 1, f"$u_{{{t}}}$"))
        for source in below:
            edges.append(Edge((source, t), ("u", t), f"W_y[{source}]", "$W_y$"))
    return Graph(tuple(nodes), tuple(edges))


@names_arguments
def ancestors(graph: Graph, name: Name) -> set[Name]:
    """Returns the names of all nodes that `name` depends on, itself included.

    Raises:
        ValueError: the graph has no such node.
    """
    if name not in {node.name for node in graph.nodes}:
        raise ValueError(f"the graph has no node {name!r}")
    found, waiting = {name}, [name]
    while waiting:
        target = waiting.pop()
        for edge in graph.edges:
            if edge.target == target and edge.source not in found:
                found.add(edge.source)
                waiting.append(edge.source)
    return found


@names_arguments
def uses(graph: Graph) -> dict[str, int]:
    """Returns how many edges use each weight: 1 everywhere means that no weight is shared."""
    counts: dict[str, int] = {}
    for edge in graph.edges:
        counts[edge.weight] = counts.get(edge.weight, 0) + 1
    return counts


def _steps(n: int) -> range:
    if n < 1:
        raise ValueError(f"at least one step and one layer are needed, got {n}")
    return range(1, n + 1)


def _within(T: int, steps: Iterable[int], what: str) -> list[int]:
    steps = sorted(steps)
    if steps and not (1 <= steps[0] and steps[-1] <= T):
        raise ValueError(f"{what} must lie within the steps 1 … {T}, got {steps}")
    return steps
