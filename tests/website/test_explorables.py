"""Explorables: cells whose knobs are moved through the worker's Python, and what they then show."""

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
