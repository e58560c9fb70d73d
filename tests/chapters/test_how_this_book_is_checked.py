"""The page "How this book is checked": what it concludes from a record."""

import pytest

from unrolled import records


@pytest.mark.claim(
    "the-checks-of-arguments-cost-less-than-a-hundredth-of-a-step",
    "On a step of one sentence, the checks of arguments take less than 1 % of the time.",
    records="argument_checks",
)
def test_the_checks_of_arguments_are_cheap():
    """The median ratio of the times with and without checks, below 1.01."""
    assert records.load("argument_checks")["results"]["ratio"]["median"] < 1.01
