"""The drawn cells compute what the cells' own steps compute, value by value."""

import numpy as np
import pytest

from tests.support import registered_cells
from unrolled import tree
from unrolled.cells import lstm, registry
from unrolled.drawing import cell_graph, diagrams
from unrolled.drawing.sketch import Path, Text

B, D, H = 3, 4, 5
DRAWN = {
    name: (getattr(cell_graph, name.upper()), cell)
    for name, cell in registered_cells.cells().items()
    if registry.CELLS[name].diagram and hasattr(cell_graph, name.upper())
}
CELLS, NAMES = list(DRAWN.values()), list(DRAWN)


def case(cell, seed=0):
    """Weights, an input and states of order 1."""
    rng = np.random.default_rng(seed)
    p = tree.map(lambda w: rng.standard_normal(w.shape), cell.init(rng, D, H))
    states = [rng.standard_normal(s.shape) for s in cell.initial_state(p, B)]
    return p, rng.standard_normal((B, D)), states


def disagreement(listed, cell):
    """The largest difference between the walk over the list and the cell's step."""
    p, x_t, states = case(cell)
    values = cell_graph.evaluate(listed, p, x_t, *states)
    after = cell.step(p, x_t, *states)
    after = after if isinstance(after, tuple) else (after,)
    pairs = zip(listed.results, after, strict=True)
    return max(np.abs(values[name] - state).max() for name, state in pairs)


@pytest.mark.parametrize(
    "name", [n for n in registered_cells.cells() if registry.CELLS[n].diagram]
)
def test_a_cell_with_a_diagram_has_its_list(name):
    assert hasattr(cell_graph, name.upper()), (
        f"write {name.upper()} in code/unrolled/drawing/cell_graph.py"
    )


@pytest.mark.equation("eq-lstm-gates", "eq-lstm-cell", "eq-lstm-state")
@pytest.mark.equation(
    "eq-gru-gates", "eq-gru-candidate", "eq-gru-state", "eq-gru-reset-after"
)
@pytest.mark.equation("eq-peephole-gates", "eq-peephole-output", "eq-coupled-cell")
@pytest.mark.parametrize(("listed", "cell"), CELLS, ids=NAMES)
def test_walking_the_list_is_a_step(listed, cell):
    assert disagreement(listed, cell) <= 1e-14


@pytest.mark.parametrize(("listed", "cell"), CELLS, ids=NAMES)
def test_every_gate_has_the_value_that_its_label_says(listed, cell):
    p, x_t, states = case(cell)
    values = cell_graph.evaluate(listed, p, x_t, *states)
    _, cache = cell.forward(p, x_t[None], *states)
    seen = set()
    for node in listed.nodes:
        if node.name in cache._fields and node.name not in ("x", "h", "c"):
            np.testing.assert_allclose(
                values[node.name], getattr(cache, node.name)[0], atol=1e-14
            )
            letter = r"\tilde h" if node.name == "candidate" else node.name
            if node.operation != "tanh" or node.name == "candidate":
                if node.operation != "state map":
                    assert node.label == f"${letter}_t$"
                    seen.add(node.name)
    gates = {"candidate" if block == "h" else block for block in listed.blocks}
    if "c_after" in listed.results:
        gates |= {"i", "f", "g", "o"}  # a coupled gate has no block of its own
    assert seen == gates


@pytest.mark.parametrize("exchange", ["edges out", "blocks", "operations"])
@pytest.mark.parametrize(("listed", "cell"), CELLS, ids=NAMES)
def test_two_exchanged_gates_compute_something_else(listed, cell, exchange):
    """Planted errors: in each list, any two gates swapped must be seen."""
    gates = [
        node
        for node in listed.nodes
        if node.operation in ("sigmoid gate", "tanh gate", "positive gate")
    ]
    assert len(gates) >= 2
    for k, one in enumerate(gates):
        for other in gates[k + 1 :]:
            swap = {one.name: other.name, other.name: one.name}
            if exchange == "edges out":
                edges = tuple(
                    e._replace(source=swap.get(e.source, e.source))
                    for e in listed.edges
                )
                wrong = _in_order(listed._replace(edges=edges))
            else:
                field = {"blocks": "block", "operations": "operation"}[exchange]
                values = {
                    one.name: getattr(other, field),
                    other.name: getattr(one, field),
                }
                if values[one.name] == getattr(one, field):
                    continue
                wrong = listed._replace(
                    nodes=tuple(
                        n._replace(**{field: values[n.name]}) if n.name in values else n
                        for n in listed.nodes
                    )
                )
            if {one.name, other.name} == {"i", "g"} and exchange == "edges out":
                assert disagreement(wrong, cell) <= 1e-14  # i g = g i: no error
            elif wrong is not None:
                assert disagreement(wrong, cell) > 0.01, (one.name, other.name)


def _in_order(listed):
    """The list with its nodes sorted so that each stands behind those it reads; None if a loop."""
    waiting, done = list(listed.nodes), []
    while waiting:
        names = {node.name for node in done}
        ready = [
            node
            for node in waiting
            if all(e.source in names for e in listed.edges if e.target == node.name)
        ]
        if not ready:
            return None
        done += ready
        waiting = [node for node in waiting if node not in ready]
    return listed._replace(nodes=tuple(done))


@pytest.mark.parametrize(("listed", "cell"), CELLS, ids=NAMES)
def test_a_missing_or_an_extra_line_is_seen(listed, cell):
    for k, edge in enumerate(listed.edges):
        fewer = listed._replace(edges=listed.edges[:k] + listed.edges[k + 1 :])
        try:
            assert disagreement(fewer, cell) > 1e-3, edge
        except (TypeError, ValueError, IndexError):
            pass  # an operation that lacks an operand cannot be computed at all


@pytest.mark.parametrize(("listed", "cell"), CELLS, ids=NAMES)
def test_lists_are_in_order_and_names_are_unique(listed, cell):
    names = [node.name for node in listed.nodes]
    assert len(set(names)) == len(names) and len(
        set(n.place for n in listed.nodes)
    ) == len(names)
    for edge in listed.edges:
        assert names.index(edge.source) < names.index(edge.target)
    assert _in_order(listed) is not None
    read = {edge.source for edge in listed.edges}
    assert read | set(listed.results) == set(names)  # nothing is computed for nobody


def test_ids_stand_for_one_hot_vectors():
    p, _, states = case(lstm)
    ids = np.array([2, 0, 3])
    one_hot = cell_graph.evaluate(cell_graph.LSTM, p, np.eye(D)[ids], *states)
    by_id = cell_graph.evaluate(cell_graph.LSTM, p, ids, *states)
    np.testing.assert_allclose(by_id["h_after"], one_hot["h_after"], rtol=1e-14)


def test_states_left_out_are_named():
    p, x_t, states = case(lstm)
    with pytest.raises(ValueError, match=r"this cell has 2 state\(s\), got 1"):
        cell_graph.evaluate(cell_graph.LSTM, p, x_t, states[0])


@pytest.mark.parametrize(("listed", "cell"), CELLS, ids=NAMES)
def test_the_drawing_has_a_shape_for_every_node_and_a_line_for_every_edge(listed, cell):
    shapes = diagrams.cell_diagram(listed).shapes
    written = [shape.text for shape in shapes if isinstance(shape, Text)]
    drawn = [shape.name for shape in shapes if not isinstance(shape, Text)]
    wanted = [f"node-{node.name}" for node in listed.nodes]
    wanted += [f"edge-{edge.source}-{edge.target}" for edge in listed.edges]
    assert sorted(filter(None, drawn)) == sorted(wanted)
    for node in listed.nodes:
        assert not node.label or node.label in written


def test_what_is_not_highlighted_is_pale_and_no_line_is_drawn_twice():
    kept = {"x", "h_before", "joined", "i", "g", "written"}
    sketch = diagrams.cell_diagram(cell_graph.LSTM, highlight=kept)
    shapes = {s.name: s for s in sketch.shapes if not isinstance(s, Text)}
    for node in cell_graph.LSTM.nodes:
        if node.operation in ("given", "result", "join"):
            continue
        edge = shapes[f"node-{node.name}"].colour
        assert (edge == "pale") == (node.name not in kept), node.name
    order = list(shapes)
    pale, strong = set(), set()
    for e in cell_graph.LSTM.edges:
        name = f"edge-{e.source}-{e.target}"
        is_strong = {e.source, e.target} <= kept
        assert (shapes[name].colour == "pale") == (not is_strong), e
        (strong if is_strong else pale).add(order.index(name))
    assert max(pale) < min(strong)  # pale lines are drawn below strong ones
    # the line that f, i, g and o share belongs to a strong one: it begins at the join
    assert shapes["edge-joined-f"].points[0][0] > 0.7  # where it turns off
    assert shapes["edge-joined-i"].points[0][0] < 0.7


def test_a_peephole_is_dashed_and_another_line_is_not():
    shapes = diagrams.cell_diagram(cell_graph.PEEPHOLE_LSTM).shapes
    dashes = {shape.name: shape.dash for shape in shapes if isinstance(shape, Path)}
    for e in cell_graph.PEEPHOLE_LSTM.edges:
        expected = "solid" if e.peephole is None else "dashed"
        assert dashes[f"edge-{e.source}-{e.target}"] == expected


def test_a_highlight_that_the_cell_does_not_have_is_named():
    with pytest.raises(ValueError, match="the cell has no node 'forget'"):
        diagrams.cell_diagram(cell_graph.LSTM, highlight={"forget"})
