"""The colours of figures in both themes; their contrast is tested in test_style.py."""

from unrolled.drawing import palette


def test_each_colour_has_a_different_shade_in_the_dark_theme():
    named = [*palette.COLOURS.values(), palette.GREY, palette.PALE, palette.GROUND]
    assert set(named) == set(palette.DARK)
    assert len(set(palette.DARK.values())) == len(palette.DARK)
    assert all(light != dark for light, dark in palette.DARK.items())
