"""The interactive figure of gradients on their way back: the directive {gradient-flow}.

Its content is the alt text of the picture that Matplotlib draws for a page without scripts. The
numbers are computed here, from the package, when the page is read; a script that no other page
loads has them, and another draws them with uPlot.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book._ext.page import figures_on_page

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ["book/_ext/page/gradient_flow.py"] + [
    f"code/unrolled/{name}.py"
    for name in (
        "cells/recurrent_weights",
        "cells/rnn",
        "drawing/chart",
        "drawing/charts",
        "drawing/matplotlib_charts",
        "drawing/palette",
        "drawing/style",
        "functional",
        "gradients/jacobians",
    )
]
SEED, HIDDEN, INPUTS, SEQUENCES = 0, 50, 10, 20
STEPS = [0, 1, 2, 5, 10, 20, 30, 40, 50]
RADII = [round(0.1 * i, 1) for i in range(21)]
ACTIVATIONS = {"tanh": "tanh", "sigmoid": "σ", "relu": "ReLU", "linear": "linear"}
START: dict[str, Any] = {"activation": "tanh", "radius": 1.2, "steps": 20}
STATIC_STEPS, STATIC_RADII = 20, [0.5, 1.0, 1.5]
PLACE = "@@static@@"
# a script and no JSON, so that a page opened as a file can load it
DATA = "gradient-flow-data.js"


def network() -> tuple[Any, Any, Any]:
    """Return weights whose W_h has spectral radius 1, inputs, and the gradients sent back."""
    from unrolled.cells import recurrent_weights as weights
    from unrolled.cells import rnn

    rng = np.random.default_rng(SEED)
    W_h = weights.with_spectral_radius(weights.gaussian(rng, HIDDEN), 1)
    p = rnn.Params(
        rng.standard_normal((INPUTS, HIDDEN)) / np.sqrt(INPUTS), W_h, np.zeros(HIDDEN)
    )
    x = rng.standard_normal((max(STEPS), SEQUENCES, INPUTS))
    dh = rng.standard_normal((SEQUENCES, HIDDEN))
    return p, x, dh / np.linalg.norm(dh, axis=1, keepdims=True)


def flow(activation: str, radius: float, steps: int) -> Any:
    """Return the root mean square over sequences of the gradient's norm at h_T, …, h_0 (T + 1,)."""
    from unrolled import functional
    from unrolled.cells import rnn
    from unrolled.gradients import jacobians

    f, df = {
        "tanh": (np.tanh, functional.dtanh),
        "sigmoid": (functional.sigmoid, functional.dsigmoid),
        "relu": (functional.relu, functional.drelu),
        "linear": (lambda a: a, lambda h, dh: dh),
    }[activation]
    p, x, dh = network()
    p = p._replace(W_h=radius * p.W_h)
    h, _ = rnn.forward(p, x[:steps], f=f)
    return np.sqrt((jacobians.backward_norms(p, h, dh, df) ** 2).mean(axis=1))


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """Return all that the figure can show; norms as hundredths of log10, None for exactly 0."""
    with np.errstate(divide="ignore"):
        norms = {
            activation: [
                [
                    [
                        None if v == -np.inf else round(100 * v)
                        for v in np.log10(norms_at)
                    ]
                    for norms_at in (flow(activation, r, T) for T in STEPS)
                ]
                for r in RADII
            ]
            for activation in ACTIVATIONS
        }
    return {
        "hidden": HIDDEN,
        "sequences": SEQUENCES,
        "steps": STEPS,
        "radii": RADII,
        "activations": ACTIVATIONS,
        "start": START,
        "norms": norms,
    }


def static_picture(path: Path) -> None:
    """Draw four small figures, one for each nonlinearity, of the gradient's norm by step."""
    from unrolled.drawing import charts, matplotlib_charts

    T = STATIC_STEPS
    curves = {
        name: {f"radius {r}": flow(activation, r, T)[::-1] for r in STATIC_RADII}
        for activation, name in ACTIVATIONS.items()
    }
    every = np.concatenate(
        [norms for drawn in curves.values() for norms in drawn.values()]
    )
    shown = every[every > 0]
    panels = [
        charts.lines(
            np.arange(T + 1),
            drawn,
            "step t",
            "norm of the gradient",
            y_scale="log",
            y_limits=(shown.min() / 2, 2 * shown.max()),
            title=name,
        )
        for name, drawn in curves.items()
    ]
    made = charts.beside(*panels, columns=2, width=7.2, height=5.2)
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = figures_on_page.without_description(matplotlib_charts.svg(made))
    path.write_text(svg, "utf-8")


def control(tag: str, label: str, name: str, inner: str) -> str:
    """Return one labelled native input."""
    return f'<label><span>{label}</span> <{tag} name="{name}" {inner}</label>'


def widget() -> str:
    """Return the HTML of the figure; its script fills it and makes it visible."""

    def options(values: dict[Any, str], chosen: Any) -> str:
        return "".join(
            f'<option value="{value}"{" selected" * (value == chosen)}>{text}</option>'
            for value, text in values.items()
        )

    steps = {T: str(T) for T in STEPS}
    return "".join(
        [
            f'<link rel="stylesheet" href="{PLACE}/uplot.css">',
            f'<link rel="stylesheet" href="{PLACE}/gradient-flow.css">',
            '<form class="gradient-flow-controls">',
            control(
                "select",
                "Nonlinearity",
                "activation",
                f">{options(ACTIVATIONS, START['activation'])}</select>",
            ),
            control(
                "select",
                "Steps <i>T</i>",
                "steps",
                f">{options(steps, START['steps'])}</select>",
            ),
            control(
                "input",
                "Spectral radius of <i>W</i><sub>h</sub>",
                "radius",
                f'type="range" min="{RADII[0]}" max="{RADII[-1]}" step="0.1"'
                f' value="{START["radius"]}">'
                f'<b aria-hidden="true">{START["radius"]}</b>',
            ),
            "</form>",
            '<p class="gradient-flow-legend" aria-hidden="true">gradient:'
            ' <span><i class="faint"></i> smaller</span> <span><i></i> as at the loss</span>'
            ' <span><i class="grown"></i> larger</span></p>',
            '<svg class="gradient-flow-network" role="img"'
            ' aria-label="The unrolled network, each state shaded by the gradient there.">'
            "</svg>",
            '<div class="gradient-flow-chart" role="img"'
            ' aria-label="The norm of the gradient at each state, on a logarithmic scale."></div>',
            '<p class="gradient-flow-reading" role="status"></p>',
            f'<script defer src="{PLACE}/{DATA}"></script>',
            f'<script defer src="{PLACE}/uplot.js"></script>',
            f'<script defer src="{PLACE}/gradient-flow.js"></script>',
        ]
    )


class GradientFlow(SphinxDirective):
    """The figure, and the static picture for a page without scripts."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the static picture and the interactive figure, of which the page shows one."""
        for source in SOURCES:
            self.env.note_dependency(str(ROOT / source))
        # Where the pictures of cells lie, so that it gets its dark twin like them.
        uri = Path("_build/jupyter_execute") / f"{self.env.docname}-gradient-flow.svg"
        static_picture(Path(self.env.srcdir) / uri)
        image = nodes.image(uri=f"/{uri.as_posix()}", alt=" ".join(self.content))
        picture = nodes.container("", image, classes=["gradient-flow-static"])
        figure = f'<div class="gradient-flow" hidden>{widget()}</div>'
        return [picture, nodes.raw("", figure, format="html")]


def place(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Write the page's own way to the static files, and the figure's numbers among them."""
    if PLACE in (context.get("body") or ""):
        static = Path(app.outdir) / "_static"
        static.mkdir(parents=True, exist_ok=True)
        numbers = json.dumps(table(), separators=(",", ":"), ensure_ascii=False)
        (static / DATA).write_text(f"const gradientFlowData = {numbers};\n", "utf-8")
        context["body"] = context["body"].replace(
            PLACE, context["pathto"]("_static", 1)
        )


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("gradient-flow", GradientFlow)
    app.connect("html-page-context", place)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
