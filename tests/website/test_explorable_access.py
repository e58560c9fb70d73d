"""Explorables of real pages after a knob was moved: axe in both themes, at two widths."""

import pytest

from tests.support.live_reader import Reader
from tests.support.marks import IN_BROWSER
from tests.support.paths import AXE
from tests.support.waiting import settle

pytestmark = IN_BROWSER

# One figure of each kind: a field with a path, bars that a text and clicks set, a heat map, and
# curves with marks. The table of a field has thousands of cells, and stays closed.
FIELD = "fig-cliff-steps"
FIGURES = [
    ("book/03-bptt/the-cliff", FIELD, "step"),
    ("book/02-language-model/generating", "fig-next-word", "temperature"),
    ("book/05-attention/the-neural-turing-machine", "fig-ntm-stages", "moves"),
    ("book/08-today/what-a-state-can-follow", "fig-eigenvalue", "eigenvalue"),
]
MOVE = """(input) => {
  input.stepUp();
  for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
}"""
FAULTS = """async (where) => {
  const options = { resultTypes: ["violations"], preload: false };
  const { violations } = await axe.run(where, options);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html]));
}"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "figure", "knob"),
    [
        pytest.param(*each, marks=pytest.mark.xdist_group(each[0]), id=each[1])
        for each in FIGURES
    ],
)
def test_axe_finds_nothing_in_a_figure_that_was_redrawn(
    browser, origin, name, figure, knob
):
    with Reader(browser, origin, f"{name}.html", color_scheme="light") as page:
        tab = page.page
        page.context.set_default_timeout(120_000)
        cell = f"#{tab.locator(f'.cell:has(#{figure})').get_attribute('id')}"
        page.ask().wait_until_ready()
        tab.locator(f"{cell}-{knob}").evaluate(MOVE)
        page.wait_for("The figure is drawn again.", f"{cell} .live-knob-status")
        assert tab.locator(f"{cell} img.plot:visible").count() == 0
        if figure != FIELD:
            tab.locator(f"{cell} .live-chart summary").click()
        tab.evaluate(AXE.read_text("utf-8"))
        for theme in ("light", "dark"):
            tab.evaluate(
                "theme => (document.documentElement.dataset.theme = theme)", theme
            )
            for width in (1280, 390):
                tab.set_viewport_size({"width": width, "height": 800})
                settle(tab)
                assert tab.evaluate(FAULTS, cell) == [], (theme, width)
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert page.troubles == []
