"""The names under which chapters find the look of the book and its drawings."""

from unrolled.drawing import diagrams, figures, style


def test_each_name_is_that_of_the_module_which_defines_it():
    assert sorted(figures.__all__) == figures.__all__
    for name in figures.__all__:
        homes = [home for home in (style, diagrams) if hasattr(home, name)]
        assert homes, name
        assert all(getattr(home, name) is getattr(figures, name) for home in homes)
