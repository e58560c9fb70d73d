"""The beginnings of W_h have the spectra that their docstrings claim."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unrolled.cells import recurrent_weights as weights


def draw(kind, H=400, seed=0):
    return getattr(weights, kind)(np.random.default_rng(seed), H)


@pytest.mark.parametrize(
    ("kind", "radius", "norm"),
    [
        ("uniform", 0.577, 1.155),
        ("gaussian", 1, 2),
        ("orthogonal", 1, 1),
        ("identity", 1, 1),
    ],
)
def test_radius_and_norm_of_a_large_matrix(kind, radius, norm):
    W = draw(kind)
    assert weights.spectral_radius(W) == pytest.approx(radius, rel=0.06)
    assert weights.spectral_norm(W) == pytest.approx(norm, rel=0.04)


def test_variances_and_ranges():
    assert draw("gaussian").var() == pytest.approx(1 / 400, rel=0.02)
    assert abs(draw("uniform")).max() <= 1 / 20
    assert draw("uniform").var() == pytest.approx(1 / 1200, rel=0.02)


@pytest.mark.parametrize("H", [1, 2, 7])
def test_orthogonal_keeps_every_length(H):
    W = draw("orthogonal", H)
    np.testing.assert_allclose(W @ W.T, np.eye(H), atol=1e-14)


def test_orthogonal_prefers_no_sign():
    # Without the signs of R's diagonal, LAPACK's Q has a fixed preference on its diagonal.
    rng = np.random.default_rng(1)
    traces = [np.trace(weights.orthogonal(rng, 3)) for _ in range(2000)]
    # the mean of a uniform one is 0, its standard error 0.02
    assert abs(np.mean(traces)) < 0.1


def test_another_generator_draws_another_matrix():
    for kind in "uniform", "gaussian", "orthogonal":
        assert np.array_equal(draw(kind, 5), draw(kind, 5))
        assert not np.array_equal(draw(kind, 5), draw(kind, 5, seed=1))


def test_radius_and_norm_of_a_matrix_known_by_hand():
    W = np.array([[0.5, 3.0], [0.0, 0.25]])
    assert weights.spectral_radius(W) == pytest.approx(0.5)
    assert weights.spectral_norm(W) == pytest.approx(
        np.sqrt(np.linalg.eigvalsh(W @ W.T).max())
    )
    assert weights.spectral_norm(W) > 3


@given(st.integers(0, 99), st.floats(1e-3, 10))
def test_the_radius_asked_for_is_the_radius_given(seed, radius):
    W = weights.gaussian(np.random.default_rng(seed), 6)
    assume(weights.spectral_radius(W) > 1e-3)
    scaled = weights.with_spectral_radius(W, radius)
    assert weights.spectral_radius(scaled) == pytest.approx(radius)
    # a multiple
    np.testing.assert_allclose(scaled * W.flat[0], W * scaled.flat[0], atol=1e-9)


def test_radius_zero_is_the_zero_matrix():
    assert not weights.with_spectral_radius(np.eye(3), 0).any()
    assert not weights.with_spectral_radius(np.zeros((3, 3)), 0).any()


@pytest.mark.parametrize("radius", [-0.1, np.nan, np.inf])
def test_an_impossible_radius_is_refused(radius):
    with pytest.raises(ValueError, match="at least 0 and finite"):
        weights.with_spectral_radius(np.eye(3), radius)


def test_a_nilpotent_matrix_cannot_be_scaled():
    with pytest.raises(ValueError, match="no factor makes it 1"):
        weights.with_spectral_radius(np.array([[0.0, 1.0], [0.0, 0.0]]), 1)
