"""The page "How this book is checked": what it concludes from a record."""

from unrolled import records


def test_the_checks_of_arguments_are_cheap():
    """The median ratio of the times with and without checks, below 1.015: about 1 %."""
    assert records.load("argument_checks")["results"]["ratio"]["median"] < 1.015


def test_theano_needs_an_older_numpy_and_no_older_python():
    """In the record, Theano and PyTensor ran with one Python, but not with one NumPy."""
    found = records.load("theano")["results"]
    theano, pytensor = found["theano"], found["pytensor"]
    assert theano["python"] == pytensor["python"]
    older, newer = (
        tuple(map(int, used["numpy"].split(".")[:2])) for used in (theano, pytensor)
    )
    assert older < (1, 24) <= newer
