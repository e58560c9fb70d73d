"""The colours of the book's figures, in both themes.

Figures are drawn in dark ink on a white ground. No single ink reaches a contrast of 4.5 on both a
white and a dark ground (the best possible is about 4.3), so the site makes a dark twin of each SVG:
it exchanges every colour of this palette for its counterpart in `DARK`. The line colours start from
Okabe and Ito's palette and are darkened, or lightened in the twin, until text set in them passes
that contrast too.
"""

GROUND = "#ffffff"
INK = "#14181f"
GREY = "#6a707c"
COLOURS = {
    "blue": "#00559c",
    "vermilion": "#c64a00",
    "green": "#008060",
    "purple": "#b8488f",
    "ink": INK,
}
PALE = "#c9ccd2"
# Marks and text on the cells of a heat map, which looks the same in both themes.
ON_CELLS = {"white": "#fefefe", "light-orange": "#ff9d5c", "light-green": "#7fe0c0"}
# The dark theme shows each colour on the left as the colour on the right.
DARK = {
    GROUND: "#14181f",
    INK: "#e4e8ee",
    GREY: "#a0a8b4",
    PALE: "#434a56",
    COLOURS["blue"]: "#5aa2f0",
    COLOURS["vermilion"]: "#f28a4b",
    COLOURS["green"]: "#3fc79a",
    COLOURS["purple"]: "#e58fc4",
}
