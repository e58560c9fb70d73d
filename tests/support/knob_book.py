"""A small book with one page of knobs, as the tests open it in a browser."""

import shutil

from tests.support.paths import ROOT
from tests.support.seeded_book import HEADER, code, seed

NUMBERS = """---
knobs:
  - {name: gain, from: 1, to: 20, step: 0.5, label: gain of the input}
  - {name: count, from: 0, to: 10, step: 1}
  - {name: kind, choices: [tanh, relu]}
  - {name: clip, checkbox: true}
---
"""
CHART = """---
tags: [hide-input]
knobs:
  - {name: slope, from: -2, to: 2, step: 0.25}
mystnb:
  image: {alt: "A straight line."}
---
"""
SLOW = """---
knobs:
  - {name: pause, from: 0.5, to: 0.9, step: 0.1}
---
"""
TEXT = """---
knobs:
  - {name: beginning, text: 12, label: the first words}
  - {name: forget, series: true, from: 0, to: 1, step: 0.25, label: of each step}
  - {name: step, from: 0, to: 3, step: 1, play: true}
mystnb:
  image: {alt: "Two bars."}
---
"""
RECORDED = """---
knobs:
  - {name: height, from: 0, to: 3, step: 1, play: true, recorded: true}
  - {name: width, from: 1, to: 3, step: 1}
mystnb:
  image: {alt: "Two bars."}
---
"""
SENTENCE = """---
knobs:
  - {name: sentence, text: 20, recorded: [we, we see, we see it]}
mystnb:
  image: {alt: "A line of as many steps as the sentence has words."}
---
"""
INLINE = """---
tags: [hide-input]
inline: true
knobs:
  - {name: said, text: 20, recorded: [so, so it, so it is]}
mystnb:
  image: {alt: "Bars after: so."}
---
"""
SMALLER = """---
seconds: 30
in_the_page: {"epochs = 40": epochs = 4}
---
"""
CELLS = (
    code("import time\n\nimport numpy as np"),
    code(
        'gain = 5.0  # of the input\ncount = 3\nkind = "tanh"\nclip = False\n'
        "product = gain * count\nproduct, kind, clip",
        NUMBERS,
    ),
    code("print(f'twice: {2 * product}')"),
    code("print('alone')"),
    code(
        "from unrolled.drawing import charts\n\nslope = 1.0\nx = np.arange(5)\n"
        'print(f"slope {slope}")\n'
        'charts.lines(x, {"line": slope * x}, "x", "y")',
        CHART,
    ),
    code("pause = 0.5\ntime.sleep(pause)\nprint(f'slept {pause}')", SLOW),
    code(
        "from unrolled.drawing import charts\n\n"
        'beginning = "the"\nforget = (1.0, 0.5)\nstep = 3\n'
        "print(repr(beginning), forget, step)\n"
        'words = {"cat": 2, "dog": 1, "end": 1}\n'
        'to = (beginning + " cat", "dog", None)\n'
        'charts.bars(words, sets="beginning", to=to)',
        TEXT,
    ),
    code(
        "from unrolled.models import pretrained\n\n"
        "_, vocabulary, _ = pretrained.load('pocket')\nprint(len(vocabulary), 'words')"
    ),
    code(
        "from unrolled.drawing import charts\n\nheight = 2\nwidth = 1\n"
        "print(f'{height} by {width}')\n"
        'charts.bars({"low": 1, "high": height})',
        RECORDED,
    ),
    code("print(f'the last height is {height}')"),
    code(
        'from unrolled.drawing import charts\n\nsentence = "we see"\n'
        "steps = range(1, len(sentence.split()) + 1)\n"
        'charts.lines([0, *steps], {"words": [0, *steps]})',
        SENTENCE,
    ),
    code(
        'from unrolled.drawing import charts\n\nsaid = "so"\n'
        "share = 1 / len(said)\n"
        "charts.bars({word: share for word in said.split()}, x_limits=(0, 1))",
        INLINE,
    ),
    code("epochs = 40\nprint(epochs, 'epochs')", SMALLER),
)


def write(folder):
    """Writes the book; its page is book/knobs.html."""
    page = HEADER + "# Knobs\n\n" + "\n".join(CELLS)
    seed(folder, {"root": "# Root\n", "knobs": page}, whole=True)
    shutil.copy(ROOT / "results/pocket_language_model.npz", folder / "results")
    return folder
