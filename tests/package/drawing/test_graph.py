"""The graphs against the functions: the same dependencies and the same values."""

import numpy as np
import pytest

from unrolled.cells import rnn
from unrolled.drawing import graph

D, H, V = 3, 4, 5


def depends(f, xs, t_in, t_out):
    """Whether output t_out of f moves when input t_in does (both counted from 1)."""
    moved = xs.copy()
    moved[t_in - 1] += 0.1
    return not np.allclose(f(moved)[t_out - 1], f(xs)[t_out - 1], rtol=0, atol=1e-13)


def reads(g, output, symbol="x"):
    """Steps t of the inputs (symbol, t) from which `output` can be reached."""
    return {t for s, t in graph.ancestors(g, output) if s == symbol}


def evaluate(g, weights, values):
    """Values of all nodes: tanh of a sum for a state, the sum itself for an output.

    `values` holds the inputs and the initial states; `weights[symbol]` is the bias of the nodes
    named (symbol, t).
    """
    values = dict(values)
    for node in g.nodes:
        if node.name in values:
            continue
        total = sum(
            values[e.source] @ weights[e.weight]
            for e in g.edges
            if e.target == node.name
        ) + weights.get(node.name[0], 0.0)
        values[node.name] = np.tanh(total) if node.kind == "state" else total
    return values


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def random_rnn(rng, inputs=D):
    p = rnn.init(rng, inputs, H)
    return p._replace(b=rng.normal(size=H))


def test_the_helper_sees_a_dependence_and_an_independence():
    xs = np.ones((2, 1))

    def f(x):
        return np.array([x[0], x[0] + x[1]])

    assert depends(f, xs, 1, 2) and depends(f, xs, 2, 2) and not depends(f, xs, 2, 1)


@pytest.mark.equation("eq-rnn-state", "eq-rnn-output")
def test_evaluating_the_unrolled_graph_is_running_the_network(rng):
    T = 6
    p, x, h0 = random_rnn(rng), rng.normal(size=(T, 1, D)), rng.normal(size=(1, H))
    W_y, b_y = rng.normal(size=(H, V)), rng.normal(size=V)
    h, _ = rnn.forward(p, x, h0)
    weights = {"W_x": p.W_x, "W_h": p.W_h, "h": p.b, "W_y": W_y, "u": b_y}
    given = {("x", t): x[t - 1] for t in range(1, T + 1)} | {("h", 0): h0}
    values = evaluate(graph.unrolled_rnn(T), weights, given)
    for t in range(1, T + 1):
        np.testing.assert_allclose(values["h", t], h[t - 1], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(
            values["u", t], h[t - 1] @ W_y + b_y, rtol=1e-13, atol=1e-14
        )


@pytest.mark.equation("eq-rnn-state")
def test_the_state_equation_entry_by_entry(rng):
    p, x, h0 = random_rnn(rng), rng.normal(size=(3, 1, D)), rng.normal(size=(1, H))
    h, _ = rnn.forward(p, x, h0)
    before = h0[0]
    for t in range(3):
        expected = [
            np.tanh(
                sum(x[t, 0, i] * p.W_x[i, j] for i in range(D))
                + sum(before[i] * p.W_h[i, j] for i in range(H))
                + p.b[j]
            )
            for j in range(H)
        ]
        np.testing.assert_allclose(h[t, 0], expected, rtol=1e-13)
        before = h[t, 0]


def test_every_state_depends_on_exactly_the_inputs_that_reach_it(rng):
    T = 5
    p, xs, g = random_rnn(rng), rng.normal(size=(T, D)), graph.unrolled_rnn(5)

    def f(x):
        return rnn.forward(p, x[:, None])[0][:, 0]

    for t in range(1, T + 1):
        found = {s for s in range(1, T + 1) if depends(f, xs, s, t)}
        assert found == reads(g, ("h", t)) == reads(g, ("u", t)) == set(range(1, t + 1))


@pytest.mark.equation("eq-layer-is-step")
def test_unrolled_is_a_feed_forward_network_with_one_layer_a_step(rng):
    """Tied or untied, one interpreter runs it; equal copies give equal numbers."""
    T = 4
    p, x = random_rnn(rng), rng.normal(size=(T, 1, D))
    W_y = rng.normal(size=(H, V))
    tied = {"W_x": p.W_x, "W_h": p.W_h, "W_y": W_y, "h": p.b}
    untied = {
        f"{w}_{t}": tied[w] for w in ("W_x", "W_h", "W_y") for t in range(1, T + 1)
    } | {"h": p.b}
    given = {("x", t): x[t - 1] for t in range(1, T + 1)} | {("h", 0): np.zeros((1, H))}
    a = evaluate(graph.unrolled_rnn(T), tied, given)
    b = evaluate(graph.unrolled_rnn(T, tied=False), untied, given)
    for t in range(1, T + 1):
        np.testing.assert_array_equal(a["u", t], b["u", t])
    untied["W_h_3"] = untied["W_h_3"] + 0.1
    c = evaluate(graph.unrolled_rnn(T, tied=False), untied, given)
    np.testing.assert_array_equal(c["u", 2], a["u", 2])
    assert not np.allclose(c["u", 3], a["u", 3])


def test_sharing_is_in_the_weights_names():
    T = 7
    assert graph.uses(graph.unrolled_rnn(T)) == {"W_x": T, "W_h": T, "W_y": T}
    untied = graph.uses(graph.unrolled_rnn(T, tied=False))
    assert len(untied) == 3 * T and set(untied.values()) == {1}
    assert graph.uses(graph.many_to_one(T)) == {"W_x": T, "W_h": T, "W_y": 1}


def test_one_to_one_has_no_memory():
    g = graph.one_to_one()
    assert graph.ancestors(g, ("u", 1)) == {("x", 1), ("h", 1), ("u", 1)}
    assert graph.uses(g) == {"W_x": 1, "W_y": 1}


def test_one_to_many_reaches_every_output_from_the_one_input():
    g = graph.one_to_many(4)
    assert [n.name for n in g.nodes if n.kind == "input"] == [("x", 1)]
    for t in range(1, 5):
        assert reads(g, ("u", t)) == {1}
        assert reads(g, ("u", t), "u") == set(range(1, t + 1))


def test_feedback_of_an_output_makes_it_an_input_of_the_next_step(rng):
    """one_to_many against a loop written out: the output, times W_f, joins the next state."""
    T = 4
    weights = {
        "W_x": rng.normal(size=(D, H)),
        "W_h": rng.normal(size=(H, H)),
        "h": rng.normal(size=H),
        "W_y": rng.normal(size=(H, V)),
        "W_f": rng.normal(size=(V, H)),
    }
    x, h = rng.normal(size=D), np.zeros(H)
    values = evaluate(graph.one_to_many(T), weights, {("x", 1): x, ("h", 0): h})
    came_in = x @ weights["W_x"]
    for t in range(1, T + 1):
        h = np.tanh(came_in + h @ weights["W_h"] + weights["h"])
        u = h @ weights["W_y"]
        np.testing.assert_allclose(values["u", t], u, rtol=1e-12)
        came_in = u @ weights["W_f"]


def test_many_to_one_reads_everything():
    g = graph.many_to_one(5)
    assert [n.name for n in g.nodes if n.kind == "output"] == [("u", 5)]
    assert reads(g, ("u", 5)) == {1, 2, 3, 4, 5}


def test_delayed_outputs_read_the_whole_source_and_all_earlier_outputs():
    S, T = 3, 4
    g = graph.delayed(S, T)
    outputs = [n.name for n in g.nodes if n.kind == "output"]
    assert outputs == [("u", t) for t in range(S + 1, S + T + 1)]
    for t in range(S + 1, S + T + 1):
        assert reads(g, ("u", t)) == {1, 2, 3}
        assert reads(g, ("u", t), "u") == set(range(S + 1, t + 1))
    # The bottleneck: take out the one state between reading and writing, and nothing passes.
    cut = g._replace(edges=tuple(e for e in g.edges if e.source != ("h", S)))
    assert reads(cut, ("u", S + 1)) == set()


def test_aligned_outputs_read_no_later_input():
    for t in range(1, 5):
        assert reads(graph.aligned(4), ("u", t)) == set(range(1, t + 1))


def test_bidirectional_outputs_read_everything_and_each_chain_its_half(rng):
    T = 5
    p, q, xs, g = (
        random_rnn(rng),
        random_rnn(rng),
        rng.normal(size=(T, D)),
        graph.bidirectional(T),
    )
    chains = {
        "forward": lambda x: rnn.forward(p, x[:, None])[0][:, 0],
        "backward": lambda x: rnn.forward(q, x[::-1, None])[0][::-1, 0],
    }
    for chain, f in chains.items():
        for t in range(1, T + 1):
            found = {s for s in range(1, T + 1) if depends(f, xs, s, t)}
            assert found == reads(g, (chain, t))
    assert reads(g, ("forward", 2)) == {1, 2} and reads(g, ("backward", 2)) == {
        2,
        3,
        4,
        5,
    }
    assert all(reads(g, ("u", t)) == set(range(1, T + 1)) for t in range(1, T + 1))


@pytest.mark.equation("eq-bidirectional")
@pytest.mark.parametrize("layers", [1, 2])
def test_evaluating_the_bidirectional_graph_is_running_two_networks(rng, layers):
    T = 4
    x = rng.normal(size=(T, 1, D))
    weights, below, sources, inputs = {}, x, ["x"], D
    for k in range(1, layers + 1):
        number = "" if layers == 1 else str(k)
        p, q = random_rnn(rng, inputs), random_rnn(rng, inputs)
        ahead, back = rnn.forward(p, below)[0], rnn.forward(q, below[::-1])[0][::-1]
        for chain, params in (("forward" + number, p), ("backward" + number, q)):
            weights |= {chain: params.b, f"{chain}.W_h": params.W_h}
            if k == 1:
                weights[f"{chain}.W_x"] = params.W_x
            else:
                weights |= {
                    f"{chain}.W_x[{s}]": w
                    for s, w in zip(sources, np.split(params.W_x, 2), strict=True)
                }
        below = np.concatenate([ahead, back], axis=-1)
        sources, inputs = ["forward" + number, "backward" + number], 2 * H
    W_y = rng.normal(size=(2 * H, V))
    weights |= {f"W_y[{s}]": w for s, w in zip(sources, np.split(W_y, 2), strict=True)}
    g = graph.bidirectional(T, layers)
    values = evaluate(g, weights, {("x", t): x[t - 1] for t in range(1, T + 1)})
    for t in range(1, T + 1):
        np.testing.assert_allclose(
            values["u", t], below[t - 1] @ W_y, rtol=1e-12, atol=1e-13
        )
        assert reads(g, ("u", t)) == set(range(1, T + 1))


@pytest.mark.equation("eq-deep")
def test_evaluating_the_deep_graph_is_stacking_networks(rng):
    T, layers = 4, 3
    x = below = rng.normal(size=(T, 1, D))
    weights, given = {}, {("x", t): x[t - 1] for t in range(1, T + 1)}
    for k in range(1, layers + 1):
        p = random_rnn(rng, D if k == 1 else H)
        weights |= {f"W_x{k}": p.W_x, f"W_h{k}": p.W_h, f"h{k}": p.b}
        given[f"h{k}", 0] = np.zeros((1, H))
        below, _ = rnn.forward(p, below)
    weights["W_y"] = rng.normal(size=(H, V))
    g = graph.deep(T, layers)
    values = evaluate(g, weights, given)
    for t in range(1, T + 1):
        np.testing.assert_allclose(values["h3", t], below[t - 1], rtol=1e-13)
        np.testing.assert_allclose(
            values["u", t], below[t - 1] @ weights["W_y"], rtol=1e-12
        )
        assert reads(g, ("u", t)) == set(range(1, t + 1))


GRAPHS = {
    "rolled": graph.rolled(),
    "one to one": graph.one_to_one(),
    "unrolled": graph.unrolled_rnn(4),
    "untied": graph.unrolled_rnn(3, tied=False),
    "one to many": graph.one_to_many(3),
    "many to one": graph.many_to_one(3),
    "delayed": graph.delayed(2, 3),
    "deep": graph.deep(3, 2),
    "bidirectional": graph.bidirectional(3),
    "deep bidirectional": graph.bidirectional(3, 2),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_are_well_formed(name):
    g = GRAPHS[name]
    order = [node.name for node in g.nodes]
    assert len(set(order)) == len(order)
    assert len({(node.time, node.level) for node in g.nodes}) == len(order)
    for edge in g.edges:
        if edge.source != edge.target:  # nothing is used before it is computed
            assert order.index(edge.source) < order.index(edge.target)
    targets = {edge.target for edge in g.edges}
    for node in g.nodes:
        given = node.kind == "input" or node.kind == "state" and node.name[1] == 0
        assert (node.name in targets) != given or name == "rolled"


def test_the_wiring_can_be_wrong_and_the_comparison_notices(rng):
    """A diagram with one arrow moved is not the network any more."""
    T = 4
    p, xs, g = random_rnn(rng), rng.normal(size=(T, D)), graph.unrolled_rnn(4)

    def f(x):
        return rnn.forward(p, x[:, None])[0][:, 0]

    wrong = g._replace(
        edges=tuple(
            e._replace(source=("h", 0)) if e[:2] == (("h", 2), ("h", 3)) else e
            for e in g.edges
        )
    )
    found = {s for s in range(1, T + 1) if depends(f, xs, s, 4)}
    assert found == reads(g, ("h", 4)) != reads(wrong, ("h", 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: graph.unrolled_rnn(0),
            "at least one step and one layer are needed, got 0",
        ),
        (lambda: graph.deep(3, 0), "at least one step and one layer"),
        (lambda: graph.delayed(0, 2), "at least one step"),
        (lambda: graph.bidirectional(0), "at least one step"),
        (
            lambda: graph.unrolled_rnn(3, inputs=[4]),
            r"inputs must lie within the steps 1 … 3, got",
        ),
        (lambda: graph.unrolled_rnn(3, outputs=[0]), "outputs must lie within"),
        (
            lambda: graph.unrolled_rnn(3, feedback=[2]),
            "step 2 needs an output at step 1 and no inp",
        ),
        (
            lambda: graph.unrolled_rnn(3, [1], [3], feedback=[2]),
            "feedback at step 2 needs",
        ),
        (lambda: graph.ancestors(graph.one_to_one(), ("h", 9)), r"no node \('h', 9\)"),
    ],
)
def test_bad_arguments_get_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()
