"""Colours and style: everybody can read a figure, in both themes."""

import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.support.contrast import contrast, linear
from unrolled.drawing import (
    charts,
    diagrams,
    figures,
    graph,
    matplotlib_charts,
    matplotlib_sketches,
)


def lab(rgb):
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira & Fernandes (2009), severity 1.0; they act on linear RGB.
SEEN_BY = {
    "everybody": np.eye(3),
    "deuteranopes": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopes": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopes": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def test_the_contrast_formula_knows_its_extremes():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def in_theme(colour, theme):
    return figures.DARK[colour] if theme == "dark" else colour


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "colour", [*figures.COLOURS.values(), figures.GREY, figures.INK]
)
def test_text_in_every_colour_passes_aa_in_both_themes(colour, theme):
    assert contrast(in_theme(colour, theme), in_theme(figures.GROUND, theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("who", SEEN_BY)
def test_line_colours_stay_apart_for_colour_blind_readers(who, theme):
    for pair in itertools.combinations(figures.COLOURS.values(), 2):
        a, b = (lab(SEEN_BY[who] @ linear(in_theme(colour, theme))) for colour in pair)
        assert np.linalg.norm(a - b) > 15, pair


def test_a_red_and_a_green_of_one_lightness_would_not_pass():
    view = SEEN_BY["deuteranopes"]
    apart = np.linalg.norm(
        lab(view @ linear("#b06030")) - lab(view @ linear("#808030"))
    )
    assert apart < 15


def test_an_svg_uses_no_colour_without_a_dark_counterpart():
    sketch = diagrams.diagram(graph.unrolled_rnn(2), highlight=[("h", 1)])
    curves = {str(i): [1, i] for i in range(6)}
    made = charts.beside(
        charts.loss_curves([0, 1], curves, {"log V": 3}),
        charts.bars({"a": 1}, "size", {"chance": 0.5}),
        charts.pairs(np.eye(2)),
    )
    svg = matplotlib_sketches.svg(sketch) + matplotlib_charts.svg(made)
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set(figures.DARK)
    assert re.findall(r"fill: *(?:black|rgb)", svg) == []


def test_the_style_sets_plate_and_ink():
    axes = figures.canvas()
    assert to_hex(axes.figure.get_facecolor()) == figures.GROUND
    axes.set(xlabel="time")
    assert to_hex(axes.xaxis.label.get_color()) == figures.INK


def test_use_style_is_silent_outside_a_notebook(monkeypatch):
    calls = []
    pytest.importorskip("IPython")
    import matplotlib_inline.backend_inline as inline
    from IPython.core import getipython

    monkeypatch.setattr(
        inline, "set_matplotlib_formats", lambda *a, **k: calls.append((a, k))
    )
    figures.use_style()
    assert calls == []
    monkeypatch.setattr(getipython, "get_ipython", SimpleNamespace)
    figures.use_style()
    assert calls == [(("svg",), {"metadata": {"Date": None}})]
