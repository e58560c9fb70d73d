"""Errors that name the arguments of a function, and the checks that all rooms share."""

import inspect
import pickle
import types
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from unrolled import arguments
from unrolled.arguments import check_ids, check_mask, names_arguments
from unrolled.cells import gru, rnn


class Pair(NamedTuple):
    """A tuple with names."""

    W: np.ndarray
    b: np.ndarray


class OfAReader(NamedTuple):
    """The weights of a GRU, under a name of its own."""

    W_x: np.ndarray
    W_h: np.ndarray
    b: np.ndarray


# The functions below stand in for functions of the package: their raise statements are its own.
HERE = {"__name__": "unrolled.stand_in", "np": np, "named": names_arguments}
SOURCE = '''
@named
def product(p, x, scale=1.0):
    """Returns x W + b."""
    return scale * (x @ p.W + p.b)


@named
def refused(x):
    raise ValueError("x is refused")


@named
def outer(p, x):
    return product(p, refused(x) if x is None else x)


@named
def entry(x, i):
    return x[i]


@named
def share(count, total):
    return count // total


@named
def called(f, x):
    return f(x)


@named
def misspelt(x):
    return np.zeros(3).no_such_name


@named
def shape_of(x, of=None):
    return x.shape


@named
def width_of(p):
    return p[1].b.shape
'''
exec(SOURCE, HERE)
ours = types.SimpleNamespace(**HERE)
P = Pair(np.ones((3, 2)), np.zeros(2))


def message(function, *args, **options):
    """The text of the ValueError that a call raises."""
    with pytest.raises(ValueError) as caught:
        function(*args, **options)
    assert type(caught.value) is ValueError
    return str(caught.value)


def test_values_pass():
    np.testing.assert_array_equal(ours.product(P, np.ones(3), scale=2), [6, 6])


def test_what_numpy_raises_names_every_argument_and_its_shape():
    said = message(ours.product, P, np.ones((5, 4)), scale=2.5)
    assert said.startswith(
        "stand_in.product with p.W (3, 2), p.b (2,), x (5, 4), scale 2.5: matmul"
    )
    assert "\n" not in said


def test_fields_of_tuples_in_tuples_are_named():
    said = message(ours.product, (P, (np.ones(4), None)), np.ones(3))
    assert "p[0].W (3, 2), p[0].b (2,), p[1][0] (4,), p[1][1] None, x (3,)" in said


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float32(2), "x float32 of shape ()"),
        ([1, 2, 3], "x list of 3"),
        ((0,) * 100, "x tuple of 100"),
        ((), "x tuple of 0"),
        ("a word", "x 'a word'"),
        ("a" * 100, "x str"),
        (np.tanh, "x tanh"),
        (np.float64, "x float64"),
        (Pair, "x Pair"),
        (rnn, "x unrolled.cells.rnn"),
        (object(), "x object"),
    ],
)
def test_what_is_no_array_is_shown_in_short(value, shown):
    assert list(arguments.shapes("x", value)) == [tuple(shown.split(" ", 1))]


def test_an_index_outside_and_a_division_by_0_are_errors_of_value():
    assert message(ours.entry, np.ones(3), 7).startswith(
        "stand_in.entry with x (3,), i 7: index 7 is out of bounds"
    )
    assert message(ours.share, 1, 0).startswith("stand_in.share with count 1, total 0:")


def test_what_the_package_raises_itself_passes_unchanged():
    assert message(ours.refused, np.ones(3)) == "x is refused"
    assert message(ours.outer, P, None) == "x is refused"
    with pytest.raises(ValueError, match="^h0 must be") as caught:
        rnn.forward(
            rnn.init(np.random.default_rng(0), 3, 2), np.ones((4, 5, 3)), np.ones(2)
        )
    assert caught.traceback[-1].name == "check_state"


def test_nested_functions_say_where_it_happened_once():
    said = message(ours.outer, P, np.ones(4))
    assert said.startswith("stand_in.product with ") and said.count("stand_in.") == 1


def test_an_error_of_a_function_that_was_passed_is_not_ours():
    def wrong(x):
        raise ValueError("mine")

    def deeper(x):
        return np.ones(2) @ x

    assert message(ours.called, wrong, 1) == "mine"
    assert message(ours.called, deeper, np.ones(3)).startswith("matmul")
    assert message(ours.called, np.linalg.inv, np.ones(3)).startswith(
        "stand_in.called with f inv, x (3,): 1-dimensional array given"
    )


def test_an_argument_without_what_an_array_has_is_named():
    assert message(ours.shape_of, [1, 2]).startswith(
        "stand_in.shape_of with x list of 2: 'list' object has no attribute"
    )
    assert message(ours.width_of, (1, Pair(P.W, []))).startswith(
        "stand_in.width_of with p[0] 1, p[1].W (3, 2), p[1].b list of 0: 'list'"
    )


def test_an_argument_of_a_wrong_kind_is_named_in_a_type_error():
    with pytest.raises(
        TypeError,
        match=r"^stand_in.product with p.W \(3, 2\), p.b None, x \(3,\): unsupported",
    ):
        ours.product(Pair(P.W, None), np.ones(3))


def test_a_mistake_of_the_function_itself_stays_what_it_is():
    with pytest.raises(AttributeError, match="no_such_name"):
        ours.misspelt(np.ones(3))


def test_a_missing_argument_stays_a_type_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        ours.entry(np.ones(3))


def test_signature_docstring_and_pickle_stay():
    assert str(inspect.signature(rnn.step)) == "(p, x_t, h, f=<ufunc 'tanh'>)"
    assert rnn.step.__doc__.startswith("Returns the state after input x_t")
    assert (rnn.step.__name__, rnn.step.__module__) == ("step", "unrolled.cells.rnn")
    assert pickle.loads(pickle.dumps(rnn.step)) is rnn.step


# --- checks before the call ----------------------------------------------------------------------


def test_a_check_gets_its_argument_however_it_is_given():
    seen = []

    @names_arguments(y=lambda name: lambda value, sizes: seen.append((name, value)))
    def function(x, y=2):
        return x + y

    assert (function(1, 5), function(1, y=6), function(1)) == (6, 7, 3)
    assert seen == [("y", 5), ("y", 6)]


def test_a_check_of_an_argument_that_there_is_not_is_refused():
    with pytest.raises(TypeError, match="function has no argument y"):

        @names_arguments(y="T")
        def function(x):
            return x


@names_arguments(x="T B D", y="... 2D", z="3 B", w="... D")
def with_axes(x, y=None, z=None, w=None):
    return x


X = np.ones((5, 2, 4))


def test_axes_that_fit_pass():
    assert with_axes(X) is X
    with_axes(X, np.ones(8), np.ones((3, 2)), np.ones(4))
    with_axes(X, np.ones((7, 6, 8), np.float32), w=np.ones((7, 6, 4), complex))
    with_axes(np.ones((0, 2, 4)), np.ones((0, 8)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"x": X[0]}, "x must be (T, B, D), got (2, 4)"),
        ({"x": X[None]}, "x must be (T, B, D), got (1, 5, 2, 4)"),
        ({"y": np.ones(9)}, "y must be (..., 8), got (9,)"),
        ({"y": np.ones(())}, "y must be (..., 8), got ()"),
        ({"z": np.ones((4, 2))}, "z must be (3, 2), got (4, 2)"),
        ({"z": np.ones((3, 1))}, "z must be (3, 2), got (3, 1)"),
        ({"z": np.ones(2)}, "z must be (3, 2), got (2,)"),
        (
            {"y": np.ones((1, 8)), "w": np.ones((5, 4))},
            "w must be (1, 4), got (5, 4)",
        ),
        ({"y": np.ones(8), "w": np.ones((5, 4))}, "w must be (4,), got (5, 4)"),
        ({"y": np.ones(8, int)}, "y must hold floating-point numbers, got int64"),
        ({"y": np.ones(8, bool)}, "y must hold floating-point numbers, got bool"),
    ],
)
def test_axes_that_do_not_fit_are_named(given, said):
    assert message(with_axes, **{"x": X} | given) == said


def test_sizes_of_one_call_are_not_those_of_the_next():
    with_axes(X)
    with_axes(np.ones((1, 1, 1)))


def test_a_list_for_an_array_is_named():
    assert message(with_axes, [1.0]).startswith(
        "test_arguments.with_axes with x list of 1: 'list' object has no attribute"
    )


@names_arguments(
    h="... H",
    logits="... V",
    targets=arguments.ids("...", "V"),
    x=arguments.vectors_or_ids("...", "H"),
    mask=arguments.mask("B H"),
)
def with_ids(h=None, logits=None, targets=None, x=None, mask=None):
    return "passed"


def test_ids_vectors_and_masks_that_fit_pass():
    h, logits = np.ones((3, 4)), np.ones((3, 2))
    assert with_ids(h, logits, np.array([0, 1, 1]), np.array([0, 3, 3])) == "passed"
    with_ids(h, logits, np.array([0, 1, 1], "u1"), h, np.ones((9, 4), bool))
    with_ids(h[0], logits[0], np.int64(1), np.int32(3))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"targets": np.array([0, 1])}, "targets must be (3,), got (2,)"),
        (
            {"targets": np.array([0, 1, 2])},
            "targets: ids must lie in 0..1, got 0..2",
        ),
        (
            {"targets": np.array([0.0, 1, 1])},
            "targets: ids must be integers, got float64",
        ),
        ({"x": np.array([0, 1, -1])}, "x: ids must lie in 0..3, got -1..1"),
        ({"x": np.array([0, 1])}, "x must be (3,), got (2,)"),
        ({"x": np.ones((3, 5))}, "x must be (3, 4), got (3, 5)"),
        ({"x": np.ones((2, 4))}, "x must be (3, 4), got (2, 4)"),
        ({"mask": np.ones((9, 4), int)}, "mask must be bool, got int64"),
        ({"mask": np.ones((9, 5), bool)}, "mask must be (B, 4), got (9, 5)"),
    ],
)
def test_ids_vectors_and_masks_that_do_not_fit_are_named(given, said):
    fits = {"h": np.ones((3, 4)), "logits": np.ones((3, 2))}
    assert message(with_ids, **fits | given) == said


def check(of, value, **known):
    """Applies a check to an argument called x, after sizes that are known."""
    sizes = {"": 1} | known
    of("x")(value, sizes)
    return sizes


def test_dots_between_axes_stand_for_any_number_of_them():
    of = arguments.axes("T ... H")
    assert check(of, np.ones((5, 2, 3, 4))) == {"": 1, "T": 5, "H": 4, "...": (2, 3)}
    assert check(of, np.ones((5, 4)))["..."] == ()
    assert message(check, of, np.ones(5)) == "x must be (T, ..., H), got (5,)"
    said = message(check, of, np.ones((5, 2, 4)), H=3)
    assert said == "x must be (T, ..., 3), got (5, 2, 4)"


def test_dots_with_a_name_stand_for_axes_of_their_own():
    of, others = arguments.axes("T ..."), arguments.axes("T ...f")
    sizes = check(of, np.ones((5, 2, 3)))
    others("f")(np.ones((5, 1)), sizes)
    assert sizes["..."] == (2, 3) and sizes["...f"] == (1,)
    assert (
        message(others("f"), np.ones((4, 1)), sizes) == "f must be (5, 1), got (4, 1)"
    )


def test_a_sum_of_letters_is_the_length_of_an_axis():
    of = arguments.axes("D 2H+2N")
    assert check(of, np.ones((7, 10)), H=2)["N"] == 3
    check(of, np.ones((7, 10)), H=2, N=3)
    check(of, np.ones((7, 10)))  # two letters are not known
    said = message(check, of, np.ones((7, 11)), H=2, N=3)
    assert said == "x must be (D, 10), got (7, 11)"
    for size in (9, 2):  # N would be a fraction, or below 0
        said = message(check, of, np.ones((7, size)), H=2)
        assert said == f"x must be (D, 2H+2N), got (7, {size})"
    assert check(arguments.axes("... H+1"), np.ones((5, 3)))["H"] == 2
    said = message(check, arguments.axes("... H+1"), np.ones((5, 1)), H=2)
    assert said == "x must be (..., 3), got (5, 1)"


def test_one_of_several_patterns_is_enough():
    of = arguments.either("T 1", "T E")
    for width in (1, 4):
        check(of, np.ones((3, width)), T=3, E=4)
    check(of, None)
    said = message(check, of, np.ones((3, 2)), T=3, E=4)
    assert said == "x must be (3, 4), got (3, 2)"
    assert "E" not in check(of, np.ones((3, 1)))


def test_no_number_is_0_where_it_is_said():
    for value in (2.0, -1, np.array([1j, 2])):
        check(arguments.nonzero, value)
    said = message(check, arguments.nonzero, np.array([1.0, 0.0]))
    assert said == "no entry of x may be 0, got x (2,)"


def test_axes_of_any_numbers_may_be_whole():
    check(arguments.shaped("T"), np.arange(3))
    check(arguments.shaped("T"), None)
    assert message(check, arguments.shaped("2"), np.arange(3)) == (
        "x must be (2,), got (3,)"
    )


def test_a_number_stands_for_an_array_where_it_is_said():
    of = arguments.number_or("T")
    for value in (2, 2.5, np.float32(2), np.ones(()), np.ones(3)):
        check(of, value, T=3)
    assert message(check, of, np.ones(1), T=3) == "x must be (3,), got (1,)"
    with pytest.raises(AttributeError):
        check(of, [1, 2, 3], T=3)


def test_ids_and_vectors_before_their_number_is_known():
    of = arguments.vectors_or_ids("T", "D")
    assert check(of, np.array([3, -1])) == {"": 1, "T": 2}
    assert check(of, np.ones((2, 4)))["D"] == 4
    assert message(check, arguments.ids("T", "V"), np.ones(2)) == (
        "x: ids must be integers, got float64"
    )


def test_entries_of_a_tuple_are_checked_one_by_one():
    of = arguments.entries("T D", arguments.ids("T", "D"))
    check(of, (np.ones((2, 3)), np.array([0, 2])))
    said = message(check, of, (np.ones((2, 3)), np.array([0, 3])))
    assert said == "x[1]: ids must lie in 0..2, got 0..3"
    assert message(check, of, (np.ones(2),)) == "x must be a tuple of 2, got x[0] (2,)"
    assert message(check, of, np.ones(2)) == "x must be a tuple of 2, got x (2,)"


def test_parts_are_checked_whatever_their_class_is():
    of = arguments.parts(W="D H")
    check(of, P)
    check(of, types.SimpleNamespace(W=np.ones((1, 2))))
    assert message(check, of, Pair(np.ones(2), None)) == "x.W must be (D, H), got (2,)"


def test_a_class_may_choose_the_check():
    of = arguments.by_class({Pair: arguments.parts(b="3"), list: arguments.above_0})
    assert message(check, of, P) == "x.b must be (3,), got (2,)"
    check(of, 0)


def test_several_classes_may_be_taken():
    of = arguments.fields((Pair, OfAReader), b="N")
    check(of, P)
    check(of, OfAReader(1, 2, np.ones(2)))
    said = message(check, of, rnn.Params(1, 2, np.ones(2)))
    assert said.endswith("got cells.rnn.Params") and " or " in said


def test_a_tuple_of_a_reader_may_have_more_fields_at_its_end():
    class Longer(NamedTuple):
        W: np.ndarray
        b: np.ndarray
        begins: np.ndarray

    class Turned(NamedTuple):
        b: np.ndarray
        W: np.ndarray
        begins: np.ndarray

    of = arguments.fields(Pair, b="N")
    check(of, Longer(1, np.ones(2), 3))
    assert message(check, of, Turned(np.ones(2), 1, 3)).endswith("Turned")


@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan")])
def test_a_number_above_0_is_finite(value):
    check(arguments.above_0, 1e-30)
    assert message(check, arguments.above_0, value) == (
        f"x must be above 0 and finite, got {value}"
    )


def test_trees_of_one_letter_have_the_same_shapes():
    @names_arguments(p=arguments.trees("p"), dp=arguments.trees("p"))
    def update(p, dp):
        return "updated"

    assert update(P, Pair(np.zeros((3, 2)), np.zeros(2, int))) == "updated"
    assert message(update, P, Pair(np.zeros((3, 1)), np.zeros(2))) == (
        "dp must have the shapes ((3, 2), (2,)), got ((3, 1), (2,))"
    )
    assert "got ()" in message(update, P, 1.0)


GRU = arguments.fields(gru.Params, W_x="D 3H", W_h="H 3H", b="3H")


@names_arguments(p=GRU, h="B H")
def with_fields(p, h=None):
    return p


def test_weights_that_fit_pass():
    p = gru.init(np.random.default_rng(0), 5, 2)
    assert with_fields(p, np.ones((4, 2))) is p
    with_fields(p._replace(W_x=np.ones((7, 6))))
    with_fields(OfAReader(*p))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"W_h": np.ones((2, 1))}, "p.W_h must be (2, 6), got (2, 1)"),
        ({"W_h": np.ones((3, 6))}, "p.W_h must be (2, 6), got (3, 6)"),
        ({"b": np.ones(1)}, "p.b must be (6,), got (1,)"),
        ({"b": np.ones((1, 6))}, "p.b must be (6,), got (1, 6)"),
        ({"W_x": np.ones((5, 7))}, "p.W_x must be (D, 3H), got (5, 7)"),
        ({"W_x": np.ones(6)}, "p.W_x must be (D, 3H), got (6,)"),
        (
            {"b": np.zeros(6, int)},
            "p.b must hold floating-point numbers, got int64",
        ),
    ],
)
def test_weights_that_would_be_repeated_are_refused(changes, said):
    p = gru.init(np.random.default_rng(0), 5, 2)._replace(**changes)
    assert message(with_fields, p) == said


def test_other_arguments_must_fit_the_weights():
    p = gru.init(np.random.default_rng(0), 5, 2)
    assert message(with_fields, p, np.ones((4, 3))) == "h must be (B, 2), got (4, 3)"


@pytest.mark.parametrize("p", [None, (1, 2, 3), P])
def test_what_is_no_such_tuple_is_refused(p):
    assert message(with_fields, p).startswith("p must be cells.gru.Params ('W_x'")


def test_weights_of_another_cell_are_refused_though_their_shapes_fit():
    p = rnn.Params(np.ones((5, 6)), np.ones((2, 6)), np.ones(6))
    said = message(with_fields, p)
    assert said.startswith("p must be cells.gru.Params")
    assert said.endswith("got cells.rnn.Params")


def test_a_copy_of_a_module_takes_the_modules_own_weights():
    p = gru.init(np.random.default_rng(0), 5, 2)
    again = type("Params", (tuple,), {"__module__": gru.__name__})
    again._fields = gru.Params._fields
    arguments.fields(again)("p")(p, {})


def test_a_copy_that_computes_with_another_library_does_not_look():
    source = Path(arguments.__file__).read_text("utf-8")
    other = types.ModuleType("jax.numpy")
    copy = {"__name__": arguments.__name__, "other": other}
    exec(source.replace("import numpy as np", "np = other"), copy)

    def step(x):
        return x

    assert copy["names_arguments"](step) is step
    assert copy["names_arguments"](x="T B")(step) is step


# --- checks that a function calls ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (np.array([0, -1]), r"targets: ids must lie in 0\.\.4, got -1\.\.0"),
        (np.array([[5]]), r"targets: ids must lie in 0\.\.4, got 5\.\.5"),
        (np.int64(-1), r"targets: ids must lie in 0\.\.4, got -1\.\.-1"),
        (np.array([1.0]), "targets: ids must be integers, got float64"),
        (np.array([True]), "targets: ids must be integers, got bool"),
    ],
)
def test_ids_outside_are_refused(ids, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        check_ids("targets", ids, 5)


@pytest.mark.parametrize(
    "ids",
    [
        np.array([0, 4]),
        np.uint8(4),
        np.array([], int),
        np.array([[3]], ">i4"),
        np.arange(5)[::-2],
    ],
)
def test_ids_inside_pass(ids):
    check_ids("targets", ids, 5)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.ones((3, 2), int), r"mask must be bool of shape \(3, 2\), got int64 of"),
        (np.ones((2, 3), bool), r"of shape \(3, 2\), got bool of \(2, 3\)"),
        (np.zeros((3, 2), bool), "mask of shape .* is all False"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask, said):
    check_mask("mask", np.eye(3, 2, dtype=bool), (3, 2))
    with pytest.raises(ValueError, match=said):
        check_mask("mask", mask, (3, 2))
