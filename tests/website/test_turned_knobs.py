"""Figures with knobs, moved through the worker's Python: what their charts then show."""

import math
import re

import numpy as np
import pytest

from tests.support.turned_knobs import Chapter, chapter, named

# --- The cliff ----------------------------------------------------------------------------------

CLIFF = "03-bptt/the-cliff.md"


def walk(w, b, rate, limit=math.inf, updates=40):
    """The weights of one unit after each update, clipped by norm; the gradient in forward mode."""
    path = [(w, b)]
    for _ in range(updates):
        h, by_w, by_b = 0.5, 0.0, 0.0
        for _ in range(20):
            slope = 1 - math.tanh(w * h + b) ** 2
            h, by_w, by_b = (
                math.tanh(w * h + b),
                slope * (h + w * by_w),
                slope * (1 + w * by_b),
            )
        by_w, by_b = 2 * (h - 0.2) * by_w, 2 * (h - 0.2) * by_b
        factor = min(1.0, limit / max(math.hypot(by_w, by_b), 1e-300))
        w, b = w - rate * factor * by_w, b - rate * factor * by_b
        path.append((w, b))
    return np.array(path)


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"step": 14}, walk(2.2, -0.1, 0.1)),
        ({"w_start": 1.5, "b_start": 0.4, "rate": 0.3}, walk(1.5, 0.4, 0.3)),
        ({"clipping": "by norm", "bound": 0.3}, walk(2.2, -0.1, 0.1, 0.3)),
    ],
)
def test_the_path_on_the_cliff_is_gradient_descent(knobs, expected):
    said, (surface, norms) = chapter(CLIFF).turn("fig-cliff-steps", **knobs)
    step = knobs.get("step", 35)
    path, now = named(surface, "path"), named(surface, "now")
    np.testing.assert_allclose(path["x"], expected[: step + 1, 0], rtol=1e-4)
    np.testing.assert_allclose(path["y"], expected[: step + 1, 1], rtol=1e-4, atol=1e-6)
    assert [now["x"], now["y"]] == [path["x"][-1:], path["y"][-1:]]
    assert named(norms, "now")["at"] == step
    length = np.linalg.norm(expected[step + 1] - expected[step])
    (told,) = re.findall(r"next update: (\S+) long", said)
    assert float(told) == pytest.approx(length, rel=0.06)


def test_the_next_update_on_the_cliff_is_long_unless_it_is_clipped():
    turn = chapter(CLIFF).turn
    assert "next update: 27 long" in turn("fig-cliff-steps")[0]
    said, (_, norms) = turn("fig-cliff-steps", step=36)
    assert "next update: 0 long" in said
    assert named(norms, "norm")["y"][36] is None  # no logarithm
    for step in range(0, 41, 5):
        said, _ = turn("fig-cliff-steps", step=step, clipping="by norm")
        assert float(re.findall(r"next update: (\S+) long", said)[0]) <= 0.1


def test_an_edit_above_the_cliff_counts():
    edited = Chapter(CLIFF)
    edited.edit("T, y = 20, 0.2", "T, y = 5, 0.2")
    _, (before, _) = chapter(CLIFF).turn("fig-cliff-steps")
    _, (after, _) = edited.turn("fig-cliff-steps")
    assert named(before, "path")["x"] != named(after, "path")["x"]


# --- Back through time --------------------------------------------------------------------------

TRUNCATION = "03-bptt/truncation.md"
RULES = {
    "full": lambda t, k, n: True,
    "window": lambda t, k, n: t - k <= n,
    "last": lambda t, k, n: k > 12 - n,
    "chunks": lambda t, k, n: -(-t // n) == -(-k // n),
}


def pairs_of(panel):
    kept = named(panel, "kept")
    return set(zip(kept["y"], kept["x"], strict=True))


def carrying(panel):
    """Returns the width of each line that a gradient has gone along, by its ends as (x, y)."""
    return {
        tuple(zip(mark["x"], mark["y"], strict=True)): mark["width"]
        for mark in panel["marks"]
        if mark["dash"] == "solid"
    }


def lit(panel):
    """Returns the size of each state that a gradient has reached, by its step."""
    return {m["x"][0]: m["size"] for m in panel["marks"] if m["colour"] == "blue"}


@pytest.mark.parametrize(("walked", "reach"), [(1, 4), (7, 3), (12, 5)])
@pytest.mark.parametrize("truncation", RULES)
def test_the_walk_back_adds_the_pairs_of_the_truncation(truncation, walked, reach):
    said, (network, triangle) = chapter(TRUNCATION).turn(
        "fig-walk-back", walked=walked, truncation=truncation, reach=reach
    )
    pairs = {
        (t, k)
        for t in range(1, 13)
        for k in range(13 - walked, t + 1)
        if RULES[truncation](t, k, reach)
    }
    assert pairs_of(triangle) == pairs
    assert f"\n{len(pairs)} of 78 pairs. " in said
    outputs = {((k, 1), (k, 0)) for t, k in pairs if t == k}
    steps = {((k + 1, 0), (k, 0)) for t, k in pairs if t > k}
    assert set(carrying(network)) == outputs | steps
    assert set(lit(network)) == {k for _, k in pairs}


def test_the_gradients_that_meet_in_the_walk_are_those_of_the_recursion():
    walk_back = chapter(TRUNCATION)
    said, (network, _) = walk_back.turn("fig-walk-back", walked=12, truncation="full")
    made = walk_back.namespace
    W_h, h, own = made["unit"].W_h, made["states"].h[:, 0], made["arriving"][:, 0]
    delta, norms = np.zeros(6), {}
    for k in range(11, -1, -1):
        slope = 1 - h[k] ** 2
        parts = own[k] * slope, W_h @ delta * slope
        delta = sum(parts)
        norms[k + 1] = [np.linalg.norm(part) for part in (*parts, delta)]
    largest = max(merged for _, _, merged in norms.values())
    widths = carrying(network)
    for k, (from_output, from_next, merged) in norms.items():
        assert widths[(k, 1), (k, 0)] == pytest.approx(
            1 + 4 * from_output / largest, rel=1e-4
        )
        if k < 12:
            at = (k + 1, 0), (k, 0)
            assert widths[at] == pytest.approx(1 + 4 * from_next / largest, rel=1e-4)
        assert lit(network)[k] == pytest.approx(5 + 8 * merged / largest, rel=1e-4)
    from_output, from_next, merged = norms[1]
    assert (
        f"{from_output:.2f} from its output and {from_next:.2f} from the next step"
        in said
    )
    assert f"norm {merged:.2f}." in said
    assert "is 0% away" in said


def test_an_edit_of_a_truncation_counts_in_the_walk():
    edited = Chapter(TRUNCATION)
    edited.edit("if (t + 1) % length == 0:", "if False:")
    said, _ = edited.turn("fig-walk-back", walked=12, truncation="chunks")
    assert "78 of 78 pairs" in said and "is 0% away" in said


# --- The scan -----------------------------------------------------------------------------------

SCAN = "08-today/the-scan.md"


def covered(panel):
    """Which terms count at each position of a heat map, as sets of steps."""
    rows = panel["marks"][0]["matrix"]
    return [{s for s, weight in enumerate(row, 1) if weight} for row in rows]


@pytest.mark.parametrize(
    ("method", "done", "reach"),
    [
        ("Hillis–Steele", 0, [1] * 8),
        ("Hillis–Steele", 2, [1, 2, 3, 4, 4, 4, 4, 4]),
        ("Hillis–Steele", 3, range(1, 9)),
        ("Blelloch", 2, [1, 2, 1, 4, 1, 2, 1, 4]),
        ("Blelloch", 4, [1, 2, 1, 4, 1, 6, 1, 8]),
        ("Blelloch", 7, range(1, 9)),
    ],
)
def test_each_round_of_a_scan_reaches_further_back(method, done, reach):
    said, (network, weights) = chapter(SCAN).turn(
        "fig-scan-rounds", method=method, done=done, keeps=0.9
    )
    expected = [set(range(t - r + 1, t + 1)) for t, r in enumerate(reach, 1)]
    assert covered(weights) == expected
    for t, row in enumerate(weights["marks"][0]["matrix"], 1):
        for s in expected[t - 1]:
            assert row[s - 1] == pytest.approx(0.9 ** (t - s), rel=1e-3)
    ready = sum(t == r for t, r in enumerate(reach, 1))
    assert f"{ready} of 8 states are ready" in said
    sloping = [m for m in network["marks"] if m["colour"] != "grey" and not m["marker"]]
    blue = [m for m in sloping if m["colour"] == "blue"]
    assert {m["y"][1] for m in blue} == set(range(1, min(done, 5) + 1))


def test_an_edit_of_the_combination_counts_in_the_rounds():
    edited = Chapter(SCAN)
    edited.edit("return f_2 * f_1, f_2 * g_1 + g_2", "return f_2 * f_1, g_1 + g_2")
    said, _ = edited.turn("fig-scan-rounds", method="Blelloch", done=5)
    assert "1 of 8 states are ready" in said
    said, _ = chapter(SCAN).turn("fig-scan-rounds", method="Blelloch", done=5)
    assert "round 5 of 5: 8 of 8 states are ready" in said


# --- Following a state --------------------------------------------------------------------------

FOLLOWING = "08-today/what-a-state-can-follow.md"
BITS = np.random.default_rng(4).integers(0, 2, 60)


@pytest.mark.parametrize("eigenvalue", [-1.0, -0.7, 0.0, 0.5, 1.0])
def test_parity_without_noise_is_a_power_of_the_eigenvalue(eigenvalue):
    said, (panel,) = chapter(FOLLOWING).turn(
        "fig-eigenvalue", task="parity", eigenvalue=eigenvalue, noise=0.0
    )
    count = np.cumsum(BITS)
    state = np.array(eigenvalue) ** count
    np.testing.assert_allclose(named(panel, "entry 1")["y"], state, rtol=1e-4)
    wrong = [t for t in range(60) if (state[t] > 0) != (count[t] % 2 == 0)]
    assert said.endswith(f"right at {60 - len(wrong)} of 60 steps\n")
    if wrong:
        assert named(panel, "wrong")["x"] == [t + 1 for t in wrong]


def test_the_cups_are_followed_with_the_eigenvalue_of_a_swap_alone():
    turn = chapter(FOLLOWING).turn
    told = {"task": "three cups", "noise": 0.0}
    said, (panel,) = turn("fig-eigenvalue", eigenvalue=-1.0, **told)
    assert said.endswith("right at 60 of 60 steps\n")
    cups = [0, 1, 2]
    for t, left in enumerate(BITS):
        i = 0 if left else 1
        cups[i], cups[i + 1] = cups[i + 1], cups[i]
        entries = [named(panel, f"entry {j}")["y"][t] for j in (1, 2, 3)]
        np.testing.assert_allclose(entries, cups, atol=1e-4)
    for eigenvalue in (0.0, 0.5, 1.0):
        said, _ = turn("fig-eigenvalue", eigenvalue=eigenvalue, **told)
        assert int(re.findall(r"right at (\d+)", said)[0]) < 20


def test_an_edit_of_the_reflection_counts():
    edited = Chapter(FOLLOWING)
    edited.edit("return h - beta * (h * u)", "return h - 0 * (h * u)")
    _, (panel,) = edited.turn("fig-eigenvalue", noise=0.0)
    assert named(panel, "entry 1")["y"] == [1] * 60


# --- The tape -----------------------------------------------------------------------------------

TAPE = "05-attention/the-neural-turing-machine.md"


def moved(w, matched, strength, gate, ahead, sharpness):
    """The weights of a head after each of the four operations, slot by slot."""
    content = np.exp(strength * (np.arange(10) == matched))
    content /= content.sum()
    gated = gate * content + (1 - gate) * w
    shifted = np.zeros(10)
    for slot in range(10):
        shifted[slot] += (1 - abs(ahead)) * gated[slot]
        shifted[(slot + int(np.sign(ahead))) % 10] += abs(ahead) * gated[slot]
    sharp = shifted**sharpness
    return [w, content, gated, shifted, sharp / sharp.sum()]


@pytest.mark.parametrize(
    "knobs",
    [
        {"moves": 1, "gate": 0.5, "ahead": 0.8, "sharpness": 3.0},
        {"moves": 7, "gate": 0.0, "ahead": -0.9, "sharpness": 1.0},
        {"moves": 3, "gate": 0.3, "ahead": 1.0, "sharpness": 2.0, "matched": 9},
    ],
)
def test_a_head_moves_by_the_four_operations(knobs):
    _, (panel,) = chapter(TAPE).turn("fig-ntm-stages", position=2, **knobs)
    told = {"matched": 6, "strength": 6.0, **knobs}
    w = np.eye(10)[2]
    for _ in range(told.pop("moves")):
        stages = moved(w, **told)
        w = stages[-1]
    np.testing.assert_allclose(panel["marks"][0]["matrix"], stages, atol=1e-3)


def test_without_the_gate_a_sharp_head_walks_along_the_ring():
    turn = chapter(TAPE).turn
    for ahead, step in ((0.8, 1), (-0.8, -1)):
        slots = []
        for moves in range(1, 21):
            _, (panel,) = turn("fig-ntm-stages", gate=0.0, ahead=ahead, moves=moves)
            slots.append(int(np.argmax(panel["marks"][0]["matrix"][-1])))
        assert slots == [(1 + step * n) % 10 for n in range(1, 21)]


def test_an_edit_of_the_shift_counts_on_the_tape():
    edited = Chapter(TAPE)
    edited.edit("np.roll(w, o, axis=-1)", "np.roll(w, 2 * o, axis=-1)")
    _, (panel,) = edited.turn("fig-ntm-stages", gate=0.0, moves=3, ahead=1.0)
    assert np.argmax(panel["marks"][0]["matrix"][-1]) == 7


# --- The latch ----------------------------------------------------------------------------------

LATCH = "04-gates/the-gradient-of-an-lstm.md"
CANDIDATES = [-0.9, 0.9, *[-0.9] * 6]
BUILT = {"forget": (1.0, 0.0, *[1.0] * 6), "write": (0.0, 1.0, *[0.0] * 6)}


@pytest.mark.parametrize(
    "knobs",
    [
        BUILT,
        {"forget": (1.0,) * 8, "write": (1.0,) * 8},
        {"forget": (0.5, 1.0, 0.75, 0.25, 1.0, 0.5, 1.0, 0.75), "write": (0.25,) * 8},
        {"forget": (0.0,) * 8, "write": (0.0,) * 7 + (0.5,)},
    ],
)
def test_the_cell_and_its_gradient_follow_the_gates(knobs):
    said, (left, right) = chapter(LATCH).turn("fig-set-gates", **knobs)
    states = [0.0]
    for f, i, g in zip(knobs["forget"], knobs["write"], CANDIDATES, strict=True):
        states.append(f * states[-1] + i * g)
    slope = 1 - math.tanh(states[-1]) ** 2
    products = [slope * math.prod(knobs["forget"][t:]) for t in range(8)]
    np.testing.assert_allclose(named(left, "state")["y"], states, atol=1e-5)
    np.testing.assert_allclose(named(right, "gradient")["y"], products, atol=1e-5)
    assert named(left, "candidates")["y"] == CANDIDATES
    assert said == ""  # no warning


def last_state(sentence, **gates):
    """Returns the words under the steps, and the last state of the cell."""
    _, (above, _) = chapter(LATCH).turn("fig-set-gates", sentence=sentence, **gates)
    return above["x"]["names"], named(above, "state")["y"][-1]


def test_the_cell_holds_the_noun_that_the_gates_choose():
    built = "the keys that open the old cabinet are"
    assert last_state(built) == (built.split(), pytest.approx(0.9))
    at_cabinet = {
        "forget": (1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0),
        "write": (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    }
    assert last_state(built, **at_cabinet)[1] == pytest.approx(-0.9)
    assert last_state("the keys, old")[1] == pytest.approx(0.9)
    assert last_state("the key fits") == (["the", "key", "fits"], pytest.approx(-0.9))


@pytest.mark.parametrize("sentence", ["", "  ", "dogs", "a b c d e f g h i j"])
def test_a_sentence_of_any_length_has_at_most_eight_steps(sentence):
    words, _ = last_state(sentence)
    assert words == (sentence.split() or ["the"])[:8]


def test_an_edit_of_the_backward_pass_counts_at_the_latch():
    edited = Chapter(LATCH)
    edited.edit("dc_next = dc_t * f[t]", "dc_next = dc_t")
    _, (_, right) = edited.turn("fig-set-gates", **BUILT)
    assert len(set(named(right, "gradient")["y"])) == 1


# --- The flow of gradients ----------------------------------------------------------------------

FLOW = "03-bptt/vanishing-and-exploding.md"
UNITS = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "σ": (lambda a: 1 / (1 + np.exp(-a)), lambda h: h * (1 - h)),
    "ReLU": (lambda a: np.maximum(a, 0), lambda h: 1.0 * (h > 0)),
    "linear": (lambda a: a, np.ones_like),
}


def flow(made, unit):
    """A curve of the figure, from the Jacobians of each sequence and no other code."""
    f, slope = UNITS[unit]
    p, x, sent = made["net"], made["inputs"], made["sent"]
    squares = np.zeros(len(x) + 1)
    for b in range(x.shape[1]):
        h, states = np.zeros(50), []
        for x_t in x[:, b]:
            h = f(x_t @ p.W_x + h @ p.W_h)
            states.append(h)
        gradient = sent[b]
        squares[-1] += gradient @ gradient
        for t in range(len(x) - 1, -1, -1):
            gradient = gradient @ (slope(states[t])[:, None] * p.W_h.T)
            squares[t] += gradient @ gradient
    return np.sqrt(squares / x.shape[1])


@pytest.mark.parametrize(("radius", "length"), [(0.5, 5), (1.0, 20), (2.0, 50)])
def test_the_flow_of_gradients_is_that_of_the_network(radius, length):
    shown = chapter(FLOW)
    _, (panel,) = shown.turn("fig-gradient-flow", radius=radius, length=length)
    eigenvalues = np.linalg.eigvals(shown.namespace["net"].W_h)
    assert abs(eigenvalues).max() == pytest.approx(radius)
    for unit in UNITS:
        curve = named(panel, unit)
        assert curve["x"] == list(range(length + 1)) and curve["y"][-1] == 1
        expected = flow(shown.namespace, unit)
        np.testing.assert_allclose(curve["y"], expected, rtol=1e-4)


def test_an_edit_of_the_walk_counts_in_the_flow():
    edited = Chapter(FLOW)
    edited.edit("dh_T = df(h[-k], dh_T) @ p.W_h.T", "dh_T = dh_T @ p.W_h.T")
    _, (panel,) = edited.turn("fig-gradient-flow")
    assert named(panel, "tanh")["y"] == named(panel, "linear")["y"]


# --- The tape of the trained machine --------------------------------------------------------------


@pytest.mark.parametrize(("slots", "length"), [(16, 20), (32, 7), (48, 30)])
def test_the_trained_machine_writes_around_the_ring(slots, length):
    said, panels = chapter(TAPE).turn("fig-ntm-tape", slots=slots, length=length)
    write, read = (np.array(panel["marks"][0]["values"]) for panel in panels)
    assert write.shape == read.shape == (slots, 2 * length + 1)
    path = write.argmax(axis=0)
    assert path[:length].tolist() == [(-1 - t) % slots for t in range(length)]
    assert panels[0]["marks"][1]["at"] == length + 1
    if length <= slots:
        assert said == "bits right: 100.0%\n"
        # one step early, as the page says
        assert read.argmax(axis=0)[length:-1].tolist() == path[:length].tolist()
    else:  # it begins with the oldest row that is left
        assert float(said.split()[-1].strip("%")) < 60
        assert read.argmax(axis=0)[length] == path[length - slots]


def test_an_edit_of_the_step_counts_on_the_trained_tape():
    edited = Chapter(TAPE)
    edited.edit("w_write * add[:, None]", "0 * add[:, None]")
    said, _ = edited.turn("fig-ntm-tape", slots=32, length=7)
    assert float(said.split()[-1].strip("%")) < 75
