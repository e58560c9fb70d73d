"""The check itself must accept what is right and refuse what is almost right."""

from typing import NamedTuple

import numpy as np
import pytest

from unrolled import tree
from unrolled.gradients import gradcheck


class P(NamedTuple):
    A: np.ndarray
    b: np.ndarray


def loss(p):
    return float((np.sin(p.A) * p.b).sum() + (p.b**3).sum())


def case():
    rng = np.random.default_rng(0)
    p = P(rng.standard_normal((3, 4)), rng.standard_normal(4))
    return p, P(np.cos(p.A) * p.b, np.sin(p.A).sum(axis=0) + 3 * p.b**2)


def test_central_difference_is_the_gradient_and_leaves_the_parameters_alone():
    p, dp = case()
    kept = p.A.copy()
    numeric = gradcheck.central_difference(loss, p)
    np.testing.assert_allclose(numeric.A, dp.A, rtol=1e-8)
    np.testing.assert_allclose(numeric.b, dp.b, rtol=1e-8)
    np.testing.assert_array_equal(p.A, kept)


def test_the_error_falls_with_the_square_of_epsilon():
    p, dp = case()
    errors = [
        np.abs(gradcheck.central_difference(loss, p, epsilon).A - dp.A).max()
        for epsilon in (1e-2, 1e-3)
    ]
    assert 90 < errors[0] / errors[1] < 110


def test_directional_difference_is_the_slope_along_a_direction():
    p, dp = case()
    direction = P(np.ones_like(p.A), -np.ones_like(p.b))
    expected = dp.A.sum() - dp.b.sum()
    assert gradcheck.directional_difference(loss, p, direction) == pytest.approx(
        expected, rel=1e-8
    )


def test_a_right_gradient_passes_and_the_worst_entry_is_named():
    p, dp = case()
    worst = gradcheck.check(loss, p, dp)
    assert [m.name for m in worst] == ["A", "b"]
    assert all(
        m.error <= 1e-7 and m.analytic == getattr(dp, m.name)[m.entry] for m in worst
    )


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        (lambda dp: dp._replace(A=-dp.A), "A"),
        (lambda dp: dp._replace(A=1.0005 * dp.A), "A"),
        (lambda dp: dp._replace(b=3.0015 / 3 * dp.b), "b"),
        (lambda dp: dp._replace(b=np.sin(case()[0].A).sum(axis=0)), "b"),
        (lambda dp: P(dp.A + np.eye(3, 4) * 1e-5, dp.b), "A"),
        (lambda dp: P(np.zeros_like(dp.A), dp.b), "A"),
        (lambda dp: P(dp.A, dp.b[::-1]), "b"),
        (lambda dp: P(np.full_like(dp.A, np.nan), dp.b), "A"),
    ],
    ids=[
        "sign",
        "0.05 %",
        "0.05 % of b",
        "dropped",
        "tiny",
        "zeros",
        "permuted",
        "nan",
    ],
)
def test_a_planted_error_is_refused_and_named(planted, name):
    p, dp = case()
    with pytest.raises(AssertionError, match=f"^{name}[:\\[]"):
        gradcheck.check(loss, p, planted(dp))


def test_an_error_of_one_in_ten_million_is_the_largest_that_passes():
    p, dp = case()
    gradcheck.check(loss, p, P((1 - 0.8e-7) * dp.A, dp.b))
    with pytest.raises(AssertionError, match=r"^A\["):
        gradcheck.check(loss, p, P((1 - 1.2e-7) * dp.A, dp.b))


def test_an_error_as_large_as_the_tolerance_passes():
    p, dp = case()
    largest = max(mismatch.error for mismatch in gradcheck.check(loss, p, dp))
    gradcheck.check(loss, p, dp, tolerance=largest)


def test_the_step_that_is_asked_for_is_taken():
    p, dp = case()
    with pytest.raises(AssertionError, match=r"^A\["):
        gradcheck.check(loss, p, dp, epsilon=1e-2)
    gradcheck.check(loss, p, dp, tolerance=1e-3, epsilon=1e-2)


def test_nothing_against_nothing_is_no_error_and_never_nan():
    assert (
        gradcheck.relative_error(np.zeros(3), np.zeros(3), np.finfo(float).tiny).max()
        == 0
    )
    p = P(np.zeros((2, 2)), np.zeros(2))
    worst = gradcheck.check(lambda _: 1.0, p, P(np.zeros((2, 2)), np.zeros(2)))
    assert [m.error for m in worst] == [0, 0]


def test_one_wrong_entry_where_the_true_gradient_is_zero_is_refused():
    """The case that the post's check lets pass, when it is 0/0 on one side only."""
    p = P(np.zeros((2, 2)), np.zeros(2))
    wrong = P(np.array([[0, 0], [0, 1e-9]]), np.zeros(2))
    with pytest.raises(AssertionError, match=r"^A\[1, 1\]"):
        gradcheck.check(lambda _: 1.0, p, wrong)


def test_an_error_in_a_small_gradient_is_measured_by_its_own_size():
    p, dp = case()
    small = tree.map(lambda d: 1e-7 * d, dp)
    assert gradcheck.check(lambda p: 1e-7 * loss(p), p, small)
    with pytest.raises(AssertionError, match=r"^A"):
        gradcheck.check(lambda p: 1e-7 * loss(p), p, small._replace(A=1.0005 * small.A))


def test_float32_and_shapes_that_differ_are_refused():
    p, dp = case()
    with pytest.raises(ValueError):  # b's gradient is missing
        gradcheck.check(loss, p, (dp.A,))
    with pytest.raises(TypeError, match="float64, got float32"):
        gradcheck.check(loss, P(p.A.astype(np.float32), p.b), dp)
    with pytest.raises(ValueError, match=r"A: gradient \(4, 3\), parameter \(3, 4\)"):
        gradcheck.check(loss, p, P(dp.A.T, dp.b))
