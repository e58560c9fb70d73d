"""The page "How this book is checked": what it concludes from a record."""

from unrolled import records


def test_the_checks_of_arguments_are_cheap():
    """The median ratio of the times with and without checks, below 1.01."""
    assert records.load("argument_checks")["results"]["ratio"]["median"] < 1.01
