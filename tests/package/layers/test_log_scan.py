"""Recurrences of positive numbers in logarithms: the states of the plain scan, and no overflow."""

import numpy as np
import pytest

from unrolled.layers import log_scan, scan


def case(T=13, rest=(3, 2), seed=0):
    """Positive factors, summands and first state."""
    rng = np.random.default_rng(seed)
    f, g = rng.uniform(0.01, 1.5, (2, T, *rest))
    return f, g, rng.uniform(0.1, 2, rest)


@pytest.mark.equation("eq-log-scan")
@pytest.mark.parametrize("T", [0, 1, 2, 3, 7, 8, 33])
def test_the_logarithms_are_those_of_the_states(T):
    f, g, h0 = case(T)
    found = log_scan.hillis_steele(np.log(f), np.log(g), np.log(h0))
    np.testing.assert_allclose(np.exp(found), scan.sequential(f, g, h0), rtol=1e-12)
    found = log_scan.hillis_steele(np.log(f), np.log(g))
    np.testing.assert_allclose(np.exp(found), scan.sequential(f, g), rtol=1e-12)


def test_the_arguments_stay_as_they_were():
    logs = [np.log(part) for part in case()]
    copies = [part.copy() for part in logs]
    log_scan.hillis_steele(*logs)
    for part, copy in zip(logs, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_factors_summands_and_states_of_0_have_a_logarithm():
    f, g, h0 = case()
    f[4], f[9, 0], g[2], g[4, 1], h0[0] = 0, 0, 0, 0, 0
    found = log_scan.hillis_steele(*(log_scan.logarithm(part) for part in (f, g, h0)))
    np.testing.assert_allclose(
        np.exp(found), scan.sequential(f, g, h0), rtol=1e-12, atol=1e-300
    )
    assert np.isneginf(found[4, 1]).all()


def test_states_that_no_float_can_hold_have_their_logarithm():
    log_f = np.full((2000, 1), -3.0)
    log_g = np.full((2000, 1), -np.inf)
    found = log_scan.hillis_steele(log_f, log_g, np.zeros(1))
    np.testing.assert_allclose(found[:, 0], -3.0 * np.arange(1, 2001), rtol=1e-12)


def test_shapes_that_do_not_fit_and_negative_numbers_are_refused():
    log_f, log_g, log_h0 = map(np.log, case())
    with pytest.raises(
        ValueError, match=r"log_g must be \(12, 3, 2\), got \(13, 3, 2\)"
    ):
        log_scan.hillis_steele(log_f[:-1], log_g)
    with pytest.raises(ValueError, match=r"log_h0 must be \(3, 2\), got \(2,\)"):
        log_scan.hillis_steele(log_f, log_g, log_h0[0])
    with pytest.raises(ValueError, match="from 0 have a logarithm here, got -0.5"):
        log_scan.logarithm(np.array([1.0, -0.5]))
