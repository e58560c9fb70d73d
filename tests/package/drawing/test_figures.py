"""The names under which a cell finds the look of the book's figures."""

from unrolled.drawing import figures, style


def test_each_name_is_that_of_the_module_which_defines_it():
    assert sorted(figures.__all__) == figures.__all__
    for name in figures.__all__:
        assert getattr(figures, name) is getattr(style, name)
