"""Every test of a drawing begins with the book's style and leaves no figure open."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

from unrolled.drawing import figures


@pytest.fixture(autouse=True)
def clean():
    with matplotlib.rc_context():
        figures.use_style()
        yield
        plt.close("all")
