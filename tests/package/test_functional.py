"""Values against their definitions, gradients against differences and against known results."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unrolled import functional as F
from unrolled.gradients import gradcheck

rows = arrays(
    float, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.floats(-30, 30)
)


def slope(f, a, dy):
    """The gradient of sum(dy * f(a)) by central differences."""
    return gradcheck.central_difference(lambda x: float((dy * f(x)).sum()), a.copy())


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (F.sigmoid, F.dsigmoid),
        (np.tanh, F.dtanh),
        (F.relu, F.drelu),
        (F.softplus, F.dsoftplus),
        (F.positive, F.dpositive),
        (F.elu_plus_1, F.delu_plus_1),
    ],
)
def test_backward_of_a_nonlinearity_is_its_slope(f, df):
    rng = np.random.default_rng(1)
    a, dy = (
        rng.uniform(0.1, 3, (3, 5)) * rng.choice([-1, 1], (3, 5)),
        rng.standard_normal((3, 5)),
    )
    np.testing.assert_allclose(df(f(a), dy), slope(f, a, dy), rtol=1e-7, atol=1e-10)


def test_unit_vectors_and_their_gradient():
    rng = np.random.default_rng(2)
    a, du = rng.standard_normal((2, 4, 3, 5))
    a[1, 2] = 0  # has no direction, and gets no gradient
    u = F.unit(a)
    lengths = np.sqrt((u**2).sum(axis=-1))
    np.testing.assert_allclose(np.delete(lengths.reshape(-1), 5), 1, rtol=1e-14)
    np.testing.assert_allclose(u * np.linalg.norm(a, axis=-1)[..., None], a, atol=1e-14)
    assert not u[1, 2].any() and not F.dunit(a, du)[1, 2].any()
    numeric = slope(F.unit, a, du)
    numeric[1, 2] = 0
    np.testing.assert_allclose(F.dunit(a, du), numeric, rtol=1e-6, atol=1e-9)


def test_sigmoid_is_its_definition_and_does_not_overflow():
    a = np.linspace(-20, 20, 9)
    np.testing.assert_allclose(
        F.sigmoid(a), 1 / (1 + np.exp(-a)), rtol=1e-7, atol=1e-16
    )
    np.testing.assert_array_equal(F.sigmoid(np.array([-1e4, 1e4])), [0, 1])


def test_logarithms_of_positive_functions_hold_where_the_functions_underflow():
    a = np.array([-30.0, -2, -1e-9, 0, 0.5, 3, 30])
    for log_f, f in ((F.log_sigmoid, F.sigmoid), (F.log_positive, F.positive)):
        near = a[np.abs(a) < 10]
        np.testing.assert_allclose(log_f(near), np.log(f(near)), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(log_f(np.array([-1e4])), [-1e4])
    np.testing.assert_allclose(F.log_sigmoid(np.array([40.0])), [-np.exp(-40)])
    np.testing.assert_allclose(F.softplus(a), np.log1p(np.exp(a)), rtol=1e-12)
    assert F.softplus(np.array([-1e4, 1e4])).tolist() == [0, 1e4]


@pytest.mark.equation("eq-positive")
def test_positive_is_two_pieces_that_meet_and_rise():
    a = np.array([-3.0, -0.2, 0, 0.2, 4])
    wanted = [1 / (1 + np.exp(3)), 1 / (1 + np.exp(0.2)), 0.5, 0.7, 4.5]
    np.testing.assert_allclose(F.positive(a), wanted, rtol=1e-12)
    assert F.positive(np.array([-1e-12]))[0] == pytest.approx(0.5, abs=1e-12)


def test_elu_plus_1_is_two_pieces_and_does_not_overflow():
    a = np.array([-3.0, 0, 2, 1e4])
    np.testing.assert_allclose(F.elu_plus_1(a), [np.exp(-3), 1, 3, 1e4 + 1])


def test_hard_sigmoid_is_a_line_between_0_and_1():
    a = np.array([-4.0, -1.5, 0, 1.5, 4])
    np.testing.assert_allclose(F.hard_sigmoid(a), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(F.hard_sigmoid(a, slope=0.2), [0, 0.2, 0.5, 0.8, 1])


@given(rows)
def test_softmax_is_a_distribution_with_ratios_exp(u):
    p = F.softmax(u)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(
        np.log(p[:, 0] / p[:, -1] + 1e-300), u[:, 0] - u[:, -1], rtol=1e-9, atol=1e-9
    )


@given(rows, st.floats(-1e3, 1e3))
def test_softmax_does_not_see_a_shift(u, shift):
    np.testing.assert_allclose(
        F.softmax(u + shift), F.softmax(u), rtol=1e-9, atol=1e-12
    )


def test_softmax_of_huge_logits_is_finite_in_every_row():
    u = np.array([[1e4, 1e4, -1e4], [0, 0, -1e4]])
    np.testing.assert_allclose(F.softmax(u), [[0.5, 0.5, 0]] * 2)


def test_dsoftmax_is_the_slope():
    rng = np.random.default_rng(2)
    u, dp = rng.standard_normal((4, 6)), rng.standard_normal((4, 6))
    np.testing.assert_allclose(
        F.dsoftmax(F.softmax(u), dp), slope(F.softmax, u, dp), rtol=1e-7
    )


def test_cross_entropy_is_minus_the_log_of_the_targets_probability():
    rng = np.random.default_rng(3)
    u, y = rng.standard_normal((2, 3, 7)), rng.integers(0, 7, (2, 3))
    e = np.exp(u)
    for t, b in np.ndindex(2, 3):
        expected = -np.log(e[t, b, y[t, b]] / e[t, b].sum())
        assert F.cross_entropy(u, y)[t, b] == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_of_an_impossible_word_is_finite_and_exact():
    assert F.cross_entropy(np.array([[2000.0, 0.0]]), np.array([1]))[0] == 2000.0


def test_cross_entropy_of_equal_logits_is_log_V():
    losses = F.cross_entropy(np.zeros((5, 8000)), np.arange(5))
    np.testing.assert_allclose(losses, np.log(8000))


def test_dcross_entropy_is_the_slope():
    rng = np.random.default_rng(4)
    u, y, dlosses = (
        rng.standard_normal((3, 2, 5)),
        rng.integers(0, 5, (3, 2)),
        rng.random((3, 2)),
    )
    expected = slope(lambda v: F.cross_entropy(v, y), u, dlosses)
    np.testing.assert_allclose(
        F.dcross_entropy(u, y, dlosses), expected, rtol=1e-7, atol=1e-10
    )


def one_hot(ids, D):
    return np.eye(D)[ids]


def test_projecting_ids_is_projecting_their_one_hot_vectors():
    rng = np.random.default_rng(5)
    ids, W, dy = (
        rng.integers(0, 6, (4, 3)),
        rng.standard_normal((6, 2)),
        rng.random((4, 3, 2)),
    )
    np.testing.assert_array_equal(F.project(ids, W), one_hot(ids, 6) @ W)
    dx, dW = F.dproject(ids, W, dy)
    assert dx is None
    np.testing.assert_allclose(dW, F.dproject(one_hot(ids, 6), W, dy)[1], rtol=1e-14)


def test_dproject_of_vectors_is_the_slope():
    rng = np.random.default_rng(6)
    x, W, dy = (
        rng.standard_normal((4, 3, 5)),
        rng.standard_normal((5, 2)),
        rng.random((4, 3, 2)),
    )
    dx, dW = F.dproject(x, W, dy)
    np.testing.assert_allclose(dx, slope(lambda v: F.project(v, W), x, dy), rtol=1e-7)
    np.testing.assert_allclose(dW, slope(lambda v: F.project(x, v), W, dy), rtol=1e-7)


@given(st.lists(st.integers(0, 4), max_size=12))
def test_sum_rows_adds_every_row_to_its_id(ids):
    rows = np.arange(2.0 * len(ids)).reshape(len(ids), 2)
    expected = np.zeros((5, 2))
    for i, row in zip(ids, rows, strict=True):
        expected[i] += row
    np.testing.assert_array_equal(F.sum_rows(np.array(ids, int), rows, 5), expected)


def test_binary_cross_entropy_is_minus_the_log_of_what_each_bit_was_given():
    u = np.array([[-3.0, 0.5], [2.0, -800.0]])
    bits = np.array([[1.0, 0.0], [1.0, 1.0]])
    p = F.sigmoid(u)
    expected = [[-np.log(p[0, 0]), -np.log(1 - p[0, 1])], [-np.log(p[1, 0]), 800]]
    np.testing.assert_allclose(F.binary_cross_entropy(u, bits), expected, rtol=1e-12)
    dlosses = np.array([[0.3, -1.0], [2.0, 0.7]])
    np.testing.assert_allclose(
        F.dbinary_cross_entropy(u, bits, dlosses),
        slope(lambda u: F.binary_cross_entropy(u, bits), u, dlosses),
        rtol=1e-7,
    )


def test_sum_rows_keeps_float32():
    rows = np.ones((3, 2), np.float32)
    assert F.sum_rows(np.array([0, 1, 0]), rows, 4).dtype == np.float32


def orders(array):
    """The same numbers in other orders of memory, and as other kinds of array."""
    read_only = array.copy()
    read_only.flags.writeable = False
    return {
        "C": array,
        "Fortran": np.asfortranarray(array),
        "batch first": np.ascontiguousarray(array.swapaxes(0, 1)).swapaxes(0, 1),
        "strided": np.repeat(array, 3, axis=-1)[..., ::3],
        "read-only": read_only,
        "big-endian": array.astype(">f8"),
    }


U = np.random.default_rng(7).standard_normal((4, 3, 5))
Y = np.random.default_rng(8).integers(0, 5, (4, 3))


@pytest.mark.parametrize("order", orders(U))
def test_the_gradient_of_cross_entropy_is_the_same_in_every_order_of_memory(order):
    u = orders(U)[order]
    one_hot_targets = np.eye(5)[Y]
    expected = (F.softmax(U) - one_hot_targets) * 0.5
    np.testing.assert_allclose(F.dcross_entropy(u, Y, 0.5), expected, atol=1e-15)
    before = u.copy()
    F.dcross_entropy(u, Y, 0.5)
    np.testing.assert_array_equal(u, before)


@pytest.mark.parametrize("order", orders(U))
def test_functions_are_the_same_in_every_order_of_memory(order):
    u, W = orders(U)[order], np.random.default_rng(9).standard_normal((5, 2))
    dy = np.random.default_rng(10).standard_normal((4, 3, 2))
    for found, expected in [
        (F.softmax(u), F.softmax(U)),
        (F.dsoftmax(F.softmax(u), u), F.dsoftmax(F.softmax(U), U)),
        (F.cross_entropy(u, np.asfortranarray(Y)), F.cross_entropy(U, Y)),
        (F.project(u, W), F.project(U, W)),
        (F.dproject(u, W, dy)[1], F.dproject(U, W, dy)[1]),
        (
            F.sum_rows(Y.reshape(-1), F.as_rows(u), 5),
            F.sum_rows(Y.reshape(-1), F.as_rows(U), 5),
        ),
    ]:
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def refused(said, function, *args):
    with pytest.raises(ValueError, match=said):
        function(*args)


@pytest.mark.parametrize("wrong", [-1, 5])
def test_ids_outside_are_refused_wherever_they_would_be_an_index(wrong):
    ids = Y.copy()
    ids[1, 2] = wrong
    W, dy = np.ones((5, 2)), np.ones((4, 3, 2))
    refused(r"targets: ids must lie in 0\.\.4", F.cross_entropy, U, ids)
    refused(r"targets: ids must lie in 0\.\.4", F.dcross_entropy, U, ids, 1.0)
    refused(r"x: ids must lie in 0\.\.4", F.project, ids, W)
    refused(r"x: ids must lie in 0\.\.4", F.dproject, ids, W, dy)
    refused(r"^ids must lie in 0\.\.4", F.sum_rows, ids[1], np.ones((3, 2)), 5)
    refused(r"x: ids must lie in 0\.\.4", F.check_sequence, ids, 5)


def test_shapes_that_would_be_repeated_are_refused():
    W, dy = np.ones((5, 2)), np.ones((4, 3, 2))
    refused(r"targets must be \(4, 3\), got \(4, 1\)", F.cross_entropy, U, Y[:, :1])
    refused(r"dlosses must be \(4, 3\)", F.dcross_entropy, U, Y, np.ones((4, 1)))
    refused(r"dp must be \(4, 3, 5\)", F.dsoftmax, F.softmax(U), U[:, :1])
    refused(r"bits must be \(4, 3\)", F.binary_cross_entropy, U[..., 0], Y[:1] > 0)
    refused(r"dy must be \(4, 3, 2\)", F.dproject, U, W, dy.swapaxes(0, 1))
    refused(r"rows must be \(3, H\)", F.sum_rows, Y[1], np.ones((2, 2)), 5)


def test_a_distribution_over_nothing_is_refused_by_name():
    refused(r"^functional\.softmax with u \(3, 0\): ", F.softmax, np.ones((3, 0)))
