"""How well text in one colour can be read on another."""

import numpy as np
from matplotlib.colors import to_rgb


def linear(colour):
    """Returns the linear RGB of a colour, (3,)."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """Returns the contrast ratio of two colours, 1 to 21, as WCAG 2 defines it."""
    a, b = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (b + 0.05) / (a + 0.05)
