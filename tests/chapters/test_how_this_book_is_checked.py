"""The page "How this book is checked": what it concludes from a record."""

from unrolled import records


def test_the_checks_of_arguments_are_cheap():
    """The median ratio of the times with and without checks: "between 1 % and 2 % of a step"."""
    ratio = records.load("argument_checks")["results"]["ratio"]
    assert 0.01 < 1 - 1 / ratio["median"] < 0.02
    low, high = ratio["quartiles"]
    assert low < 1 < high < 1.05  # "a few per cent in both directions"


def test_which_witnesses_a_learning_rate_does_not_change():
    """Four witnesses without an optimizer; a different seed changes every witness."""
    found = records.load("witness_spread")["results"]
    still = {n for n, of in found["witnesses"].items() if not of["learning rate"]}
    assert still == {
        "far_words",
        "gradient_by_distance",
        "moved_attention",
        "truncation_bias",
    }
    least = found["smallest_of_program"]
    for name, of in found["witnesses"].items():
        assert of["seed"] >= least
        assert name in still or of["learning rate"] >= least


def test_theano_needs_an_older_numpy_and_no_older_python():
    """In the record, Theano and PyTensor ran with one Python, but not with one NumPy."""
    found = records.load("theano")["results"]
    theano, pytensor = found["theano"], found["pytensor"]
    assert theano["python"] == pytensor["python"]
    older, newer = (
        tuple(map(int, used["numpy"].split(".")[:2])) for used in (theano, pytensor)
    )
    assert older < (1, 24) <= newer
